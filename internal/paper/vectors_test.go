// SPDX-License-Identifier: Apache-2.0

package paper_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"unicode/utf8"

	"github.com/chromedp/chromedp"
)

// TestVectors has the page judge the published receipts. It must refuse what
// they say is to be refused, but for time stamps, of which it does not check the
// signature and says so.
func TestVectors(t *testing.T) {
	t.Parallel()
	b := newTab(t, startBrowser(t))
	w := newWorld(t)
	b.open(render(t, marshal(t, w.receipt(t, refund, options{size: 3, index: 2, disclose: some})), w.trust(t, 2)))
	dir := filepath.Join("..", "..", "testdata", "vectors")
	text, err := os.ReadFile(filepath.Join(dir, "receipts.json"))
	if err != nil {
		t.Fatal(err)
	}
	var all []struct {
		Name, File, Trust string
		Expect            struct {
			Valid  bool
			Faults []string
		}
	}
	if err := json.Unmarshal(text, &all); err != nil {
		t.Fatal(err)
	}
	quote := func(file string) string {
		b, err := os.ReadFile(filepath.Join(dir, "receipts", file))
		if err != nil {
			t.Fatal(err)
		}
		if !utf8.Valid(b) {
			return ""
		}
		q, err := json.Marshal(string(b))
		if err != nil {
			t.Fatal(err)
		}
		return string(q)
	}
	judged := 0
	for _, v := range all {
		receipt, trust := quote(v.File), quote(v.Trust)
		if receipt == "" {
			continue // the page refuses to read it: TestFiles
		}
		judged++
		valid, err := chromedp.Run(b.ctx, chromedp.Evaluate[string](fmt.Sprintf(`counterfoil.verify(%s, %s).then((r) => String(r.valid))`, receipt, trust), chromedp.EvalAwaitPromise))
		if err != nil {
			t.Fatalf("%s: %v", v.Name, err)
		}
		lenient := valid == "true" && slices.Equal(v.Expect.Faults, []string{"bad_stamp"})
		if valid != fmt.Sprint(v.Expect.Valid) && !lenient {
			t.Errorf("%s: the page says valid is %s", v.Name, valid)
		}
	}
	if judged < 50 {
		t.Errorf("judged %d receipts", judged)
	}
}
