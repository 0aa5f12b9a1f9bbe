// SPDX-License-Identifier: Apache-2.0

package keyring_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"testing"

	"github.com/counterfoil/counterfoil/internal/keyring"
)

const keyURL = "model://key"

func TestWrappedFile(t *testing.T) {
	t.Parallel()
	path, s := keyFile(t), &service{t: t}
	o := s.options("acme")
	k := must(keyring.CreateWrapped(t.Context(), path, keyURL, o))(t)
	if _, err := keyring.CreateWrapped(t.Context(), path, keyURL, o); !errors.Is(err, fs.ErrExist) {
		t.Errorf("second create: %v", err)
	}
	old := k.Wrap("test", secret)
	other := must(keyring.OpenWith(t.Context(), path, o))(t)
	opens(t, other, old)
	ok(t, k.AddCurrent(t.Context(), ""))
	text := read(t, path)
	if strings.Contains(text, "master-key-v1") || strings.Count(text, "counterfoil-wrapped-key-v1 "+keyURL+" ") != 2 {
		t.Errorf("the file has\n%s", text)
	}
	_, before := s.counts()
	opens(t, other, k.Wrap("test", secret)) // reads the file again
	other.Unwrap("test", old[1:])           // and again, without asking
	if open, after := s.counts(); open != 0 || after != before+1 {
		t.Errorf("%d open, %d decrypts: want those of the new line only", open, after-before)
	}
	opens(t, other, old)
	opens(t, must(keyring.ParseWith(t.Context(), text, o))(t), old)
	ok(t, k.DropOld(t.Context()))
	if _, err := must(keyring.OpenWith(t.Context(), path, o))(t).Unwrap("test", old); err == nil {
		t.Error("opened after the drop")
	}
	for _, open := range []func() error{
		func() error { _, err := keyring.Open(path); return err },
		func() error { _, err := keyring.Parse(text); return err },
	} {
		if err := open(); !errors.Is(err, keyring.ErrNoKMS) || !strings.Contains(err.Error(), keyURL) {
			t.Errorf("open without an opener: %v", err)
		}
	}
}

// TestMigrate takes a plain master to a KMS.
func TestMigrate(t *testing.T) {
	t.Parallel()
	path, s := keyFile(t), &service{t: t}
	old := must(keyring.Create(path))(t).Wrap("test", secret)
	k := must(keyring.OpenWith(t.Context(), path, s.options("acme")))(t)
	ok(t, k.AddCurrent(t.Context(), keyURL))
	opens(t, must(keyring.OpenWith(t.Context(), path, s.options("acme")))(t), old)
	ok(t, k.DropOld(t.Context()))
	if strings.Contains(read(t, path), "master-key-v1") {
		t.Error("the plain line is still there")
	}
}

func TestBoundToLedger(t *testing.T) {
	t.Parallel()
	for _, ignore := range []bool{false, true} {
		path, s := keyFile(t), &service{t: t, ignoreAAD: ignore}
		must(keyring.CreateWrapped(t.Context(), path, keyURL, s.options("acme")))(t)
		_, err := keyring.OpenWith(t.Context(), path, s.options("other"))
		if err == nil || ignore && !errors.Is(err, keyring.ErrOtherLedger) {
			t.Errorf("ignoring the aad: %v: open for another ledger: %v", ignore, err)
		}
		if _, err := keyring.OpenWith(t.Context(), path, s.options("")); err == nil {
			t.Error("opened for no ledger")
		}
	}
}

func TestKMSFails(t *testing.T) {
	t.Parallel()
	path, s := keyFile(t), &service{t: t}
	k := must(keyring.CreateWrapped(t.Context(), path, keyURL, s.options("acme")))(t)
	node := must(keyring.OpenWith(t.Context(), path, s.options("acme")))(t)
	ok(t, k.AddCurrent(t.Context(), ""))
	before, blob := read(t, path), k.Wrap("test", secret)
	s.set(true)
	if err := k.AddCurrent(t.Context(), ""); err == nil || !strings.Contains(err.Error(), "the service is down") {
		t.Errorf("add: %v", err)
	}
	if read(t, path) != before || !k.IsCurrent("test", blob) {
		t.Error("a failed rotation changed something")
	}
	if _, err := node.Unwrap("test", blob); err == nil || !strings.Contains(err.Error(), "the service is down") {
		t.Errorf("unwrap: %v", err)
	}
	s.set(false)
	opens(t, node, blob)
	if open, _ := s.counts(); open != 0 {
		t.Errorf("%d KMS left open", open)
	}

	lost := keyFile(t)
	for what, o := range map[string]keyring.Options{
		"lies":    (&service{t: t, lies: true}).options("acme"),
		"no kms":  {Ledger: "acme"},
		"refuses": {Ledger: "acme", KMS: func(context.Context, string) (keyring.KMS, error) { return nil, errors.New("no") }},
	} {
		if _, err := keyring.CreateWrapped(t.Context(), lost, keyURL, o); err == nil {
			t.Errorf("%s: created", what)
		}
	}
	for _, url := range []string{"", "nothing", "model://a b", "model://user:pass@key", "model://a\nb"} {
		_, err := keyring.CreateWrapped(t.Context(), lost, url, s.options("acme"))
		if err == nil || strings.Contains(err.Error(), "pass@") {
			t.Errorf("%q: %v", url, err)
		}
	}
	if _, err := os.Lstat(lost); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a file is left: %v", err)
	}
}

// TestRefusedLines asserts that each refusal is one line, says what to do, and
// holds nothing of a key.
func TestRefusedLines(t *testing.T) {
	t.Parallel()
	const b64 = "c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0c2U="
	const good = "counterfoil-master-key-v1 " + b64
	s := &service{t: t}
	for text, want := range map[string]string{
		"":                 "restore",
		"\n \n":            "restore",
		good + "\n" + good: "remove one",
		good + "\ncounterfoil-master-key-v1  " + b64: "remove one",
		good + "\nhello":                   "line 2: not a master key: want a line that starts with",
		"counterfoil-master-key-v2 " + b64: "want a line that starts with",
		"counterfoil-master-key-v1":        "restore",
		good + " " + b64:                   "restore",
		good[:len(good)-1]:                 "bad base64; restore",
		"counterfoil-master-key-v1 " + strings.Repeat("A", 43) + "=": "not all zero",
		"counterfoil-master-key-v1 AAAA":                             "want 32 bytes",
		"counterfoil-wrapped-key-v1 " + b64:                          "restore",
		"counterfoil-wrapped-key-v1 model://key !":                   "bad base64; restore",
		"counterfoil-wrapped-key-v1 key " + b64:                      "want one like hashivault://KEY",
		"counterfoil-wrapped-key-v1 model://me:hunter2@key " + b64:   "configure credentials outside",
		"counterfoil-wrapped-key-v1 model://key " + b64:              "unwrap master key with the KMS",
		"counterfoil-wrapped-key-v1 elsewhere://key " + b64:          "no such service",
	} {
		_, err := keyring.ParseWith(t.Context(), text, s.options("acme"))
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v", text, err)
			continue
		}
		if m := err.Error(); strings.Contains(m, "\n") || strings.Contains(m, b64[:8]) || strings.Contains(m, "hunter2") {
			t.Errorf("%q: %s", text, m)
		}
	}
}

func TestRedactedEverywhere(t *testing.T) {
	t.Parallel()
	s := &service{t: t}
	k := must(keyring.CreateWrapped(t.Context(), keyFile(t), keyURL, s.options("acme")))(t)
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
		if got := fmt.Sprintf(verb, k); got != "[redacted]" {
			t.Errorf("%s prints %s", verb, got)
		}
	}
}
