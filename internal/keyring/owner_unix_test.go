// SPDX-License-Identifier: Apache-2.0

//go:build unix

package keyring_test

import (
	"os"
	"syscall"
	"testing"

	"github.com/counterfoil/counterfoil/internal/keyring"
)

// TestOwner asserts that a rotation by root leaves the file to the server.
func TestOwner(t *testing.T) {
	t.Parallel()
	if os.Geteuid() != 0 {
		t.Skip("only root can give files away")
	}
	path := keyFile(t)
	k := must(keyring.Create(path))(t)
	ok(t, os.Chown(path, 1234, 1234))
	ok(t, k.AddCurrent(t.Context(), ""))
	for _, p := range []string{path, path + ".lock"} {
		if uid := must(os.Stat(p))(t).Sys().(*syscall.Stat_t).Uid; uid != 1234 {
			t.Errorf("%s belongs to %d", p, uid)
		}
	}
}
