// SPDX-License-Identifier: Apache-2.0

package verify_test

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/counterfoil/counterfoil/verify"
)

// declared says by hand what is wrong with each bad receipt, so that writing
// the vectors anew can not bless a verifier that has become wrong.
func declared() map[string]string {
	files := map[string]string{
		verify.Malformed: "format file-member file-twice statement-twice index-zero proof-kind proof-extra proof-line carriage-return number salt-short salt-lines salt-padded null " +
			"stamp-base64 value-member no-proof trailing byte-order-mark cut empty utf8",
		verify.BadStatement:  "seal clear member no-recorded statement-version sealed-id list",
		verify.BadCheckpoint: "root stranger origin one-witness no-witness moved-cosignature size-edited extension only-witnesses cosignature",
		verify.NotIncluded:   "outcome time other-statement index beyond path-swapped path-short path-long path-none size",
		verify.BadDisclosure: "value salt place no-seal twice both exchanged other-record inside erased-nothing erased-twice tombstone",
		verify.BadStamp:      "stamp-moved stamp-garbage stamp-stranger stamp-expired stamp-longer stamp-time",
	}
	out := map[string]string{}
	for code, names := range files {
		for name := range strings.FieldsSeq(names) {
			out[name+".receipt.json"] = code
		}
	}
	return out
}

func TestReceiptVectorsDeclared(t *testing.T) {
	if *update {
		t.Skip("the vectors are being written")
	}
	var all []receiptVector
	readVectors(t, filepath.Join(vectors, "receipts.json"), &all)
	want, seen := declared(), map[string]bool{}
	for _, v := range all {
		if v.Expect.Valid || v.Trust == "stranger.trust.txt" {
			continue
		}
		seen[v.File] = true
		code := want[v.File]
		if code == "" || !slices.Equal(slices.Compact(slices.Clone(v.Expect.Faults)), []string{code}) {
			t.Errorf("%s has the faults %v, declared %q", v.File, v.Expect.Faults, code)
		}
		if (code == verify.BadDisclosure) != (v.Expect.Pointer != "") {
			t.Errorf("%s: pointer %q", v.File, v.Expect.Pointer)
		}
	}
	for file := range want {
		if !seen[file] {
			t.Errorf("there is no bad receipt %s", file)
		}
	}
}
