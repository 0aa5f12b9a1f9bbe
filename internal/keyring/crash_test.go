// SPDX-License-Identifier: Apache-2.0

package keyring_test

import (
	"bufio"
	"context"
	"encoding/base64"
	"fmt"
	"os"
	"os/exec"
	"testing"

	"github.com/counterfoil/counterfoil/internal/keyring"
)

// rotateUntilKilled adds masters as fast as it can, and prints a blob of each.
func rotateUntilKilled(path string) {
	k, err := keyring.Open(path)
	for err == nil {
		fmt.Println(base64.StdEncoding.EncodeToString(k.Wrap("test", secret)))
		err = k.AddCurrent(context.Background(), "")
	}
	fmt.Println(err)
	os.Exit(1)
}

// TestCrash kills a process while it rotates, at some moment of the step after
// the one it told of. Everything it told of still opens, and the next rotation
// works.
func TestCrash(t *testing.T) {
	t.Parallel()
	for round := range 12 {
		path := keyFile(t)
		must(keyring.Create(path))(t)
		cmd := exec.Command(os.Args[0])
		cmd.Env = append(os.Environ(), "KEYRING_TEST_ROTATE="+path)
		out := must(cmd.StdoutPipe())(t)
		ok(t, cmd.Start())
		var told [][]byte
		for s := bufio.NewScanner(out); s.Scan(); {
			blob, err := base64.StdEncoding.DecodeString(s.Text())
			if err != nil {
				t.Fatalf("the child says %s", s.Text())
			}
			if told = append(told, blob); len(told) == round+1 {
				ok(t, cmd.Process.Kill())
			}
		}
		cmd.Wait()
		k := must(keyring.Open(path))(t)
		for _, blob := range told {
			opens(t, k, blob)
		}
		n := k.Masters()
		ok(t, k.AddCurrent(t.Context(), ""))
		if len(told) <= round || k.Masters() != n+1 {
			t.Errorf("round %d: %d told, %d masters after %d", round, len(told), k.Masters(), n)
		}
	}
}
