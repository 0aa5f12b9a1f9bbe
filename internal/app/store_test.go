// SPDX-License-Identifier: Apache-2.0

package app_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/counterfoil/counterfoil/internal/app"
	"github.com/counterfoil/counterfoil/internal/db"
	"github.com/counterfoil/counterfoil/internal/db/dbtest"
	"github.com/counterfoil/counterfoil/internal/ledger"
)

func TestMain(m *testing.M) { os.Exit(dbtest.Main(m)) }

// each runs a test on a store of each kind, which holds nothing.
func each(t *testing.T, test func(t *testing.T, s app.Store)) {
	t.Helper()
	for name, store := range map[string]func(*testing.T) app.Store{
		"sqlite":   func(t *testing.T) app.Store { return app.Store{Data: t.TempDir()} },
		"postgres": func(t *testing.T) app.Store { return app.Store{Database: dbtest.Database(t), Keys: t.TempDir()} },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, store(t))
		})
	}
}

func create(t *testing.T, s app.Store, names ...string) {
	t.Helper()
	for _, name := range names {
		if err := s.Create(t.Context(), name, "", ""); err != nil {
			t.Fatal(err)
		}
	}
}

// refused wants an error of a code, with a hint, that says all of says.
func refused(t *testing.T, err error, code ledger.Code, says ...string) {
	t.Helper()
	e, ok := errors.AsType[*ledger.Error](err)
	if !ok || e.Code != code || e.Hint == "" {
		t.Errorf("%v (%+v), want code %s and a hint", err, e, code)
		return
	}
	for _, s := range says {
		if text := err.Error() + " hint: " + e.Hint; !strings.Contains(text, s) {
			t.Errorf("%q does not say %q", text, s)
		}
	}
}

func names(t *testing.T, s app.Store) []string {
	t.Helper()
	n, err := s.Names(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func TestCreateAndOpen(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s app.Store) {
		if n := names(t, s); len(n) != 0 {
			t.Fatalf("an empty store has %v", n)
		}
		create(t, s, "zeta", "alpha")
		if err := s.Create(t.Context(), "beta", "example.com/b", ""); err != nil {
			t.Fatal(err)
		}
		if n := names(t, s); !slices.Equal(n, []string{"alpha", "beta", "zeta"}) {
			t.Fatalf("names %v", n)
		}
		for name, origin := range map[string]string{"alpha": "counterfoil.local/alpha", "beta": "example.com/b"} {
			if info, err := os.Stat(s.KeyFile(name)); err != nil || info.Mode().Perm() != 0o600 {
				t.Errorf("key of %s: %v, %v", name, info, err)
			}
			o, err := s.Open(t.Context(), name, true, nil)
			if err != nil {
				t.Fatal(err)
			}
			if o.Ledger.Origin() != origin {
				t.Errorf("%s has origin %s", name, o.Ledger.Origin())
			}
			if err := o.Close(); err != nil {
				t.Error(err)
			}
		}
		refused(t, s.Create(t.Context(), "alpha", "", ""), ledger.Conflict, `"alpha"`)
		if err := os.Rename(s.KeyFile("alpha"), s.KeyFile("lonely")); err != nil {
			t.Fatal(err)
		}
		refused(t, s.Create(t.Context(), "lonely", "", ""), ledger.Conflict, s.KeyFile("lonely"))
		if n := names(t, s); len(n) != 3 {
			t.Errorf("names %v", n)
		}
		if _, err := os.Stat(s.KeyFile("lonely")); err != nil {
			t.Errorf("a key that was there is gone: %v", err)
		}
	})
}

func TestBadNames(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s app.Store) {
		for _, bad := range []string{"", "Main", "1st", "_x", "a-b", "a b", "a.b", "../up", "a/b", "é", `x"; DROP`, strings.Repeat("n", 41)} {
			refused(t, s.Create(t.Context(), bad, "", ""), ledger.Invalid, "ledger name")
			if _, err := s.Open(t.Context(), bad, false, nil); err == nil {
				t.Errorf("%q was opened", bad)
			}
		}
		if n := names(t, s); len(n) != 0 {
			t.Errorf("names %v", n)
		}
		create(t, s, strings.Repeat("n", 40))
	})
}

func TestPlaces(t *testing.T) {
	t.Parallel()
	for _, s := range []app.Store{{}, {Data: "x", Database: "postgres://h/d", Keys: "k"}, {Database: "postgres://h/d"}} {
		refused(t, s.Create(t.Context(), "main", "", ""), ledger.Invalid)
		_, err := s.Open(t.Context(), "main", true, nil)
		refused(t, err, ledger.Invalid)
	}
}

// TestOpenNeverCreates opens what is not there, with and without a folder.
func TestOpenNeverCreates(t *testing.T) {
	t.Parallel()
	missing := app.Store{Data: filepath.Join(t.TempDir(), "typo")}
	_, err := missing.Open(t.Context(), "main", true, nil)
	refused(t, err, ledger.NotFound, missing.Data, "counterfoil init")
	if _, err := missing.Names(t.Context()); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("names: %v", err)
	}
	if _, err := os.Stat(missing.Data); !errors.Is(err, fs.ErrNotExist) {
		t.Error("the folder was made")
	}
	each(t, func(t *testing.T, s app.Store) {
		_, err := s.Open(t.Context(), "main", true, nil)
		refused(t, err, ledger.NotFound, "init")
		create(t, s, "alpha", "beta")
		_, err = s.Open(t.Context(), "main", true, nil)
		refused(t, err, ledger.NotFound, `"main"`, "alpha, beta")
		if n := names(t, s); len(n) != 2 {
			t.Errorf("names %v", n)
		}
	})
}

// TestCreateFails fails each step of making a database, before and after it is
// done: nothing stays behind, and making it again works.
func TestCreateFails(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s app.Store) {
		if err := s.Create(t.Context(), "main", "not an origin", ""); err == nil {
			t.Fatal("a bad origin was taken")
		}
		nothing(t, s)
		var mu sync.Mutex
		var left int
		var late, hit bool
		s.Hook = func(op db.Op) error {
			mu.Lock()
			defer mu.Unlock()
			if !op.Write || hit || op.After != late {
				return nil
			}
			if left--; left >= 0 {
				return nil
			}
			hit = true
			return fmt.Errorf("injected: %w", db.ErrIO)
		}
		steps := 0
		for i, after := range []bool{false, true} {
			for n := 0; ; n++ {
				left, late, hit = n, after, false
				name := fmt.Sprintf("main%d_%d", i, n)
				err := s.Create(t.Context(), name, "", "")
				if !hit {
					if err != nil {
						t.Fatal(err)
					}
					break
				}
				steps++
				if err == nil || slices.Contains(names(t, s), name) {
					t.Fatalf("step %d, after %v: %v, names %v", n, after, err, names(t, s))
				}
				if _, err := os.Stat(s.KeyFile(name)); !errors.Is(err, fs.ErrNotExist) {
					t.Fatalf("step %d, after %v: the key stays", n, after)
				}
				create(t, s, name)
				o, err := s.Open(t.Context(), name, true, nil)
				if err != nil {
					t.Fatal(err)
				}
				if err := o.Close(); err != nil {
					t.Error(err)
				}
			}
		}
		if steps < 8 {
			t.Errorf("only %d steps were failed", steps)
		}
	})
}

// nothing wants an empty store.
func nothing(t *testing.T, s app.Store) {
	t.Helper()
	if n := names(t, s); len(n) != 0 {
		t.Errorf("names %v", n)
	}
	if s.Data == "" {
		return
	}
	for _, pattern := range []string{"keys/*", "ledgers/*"} {
		if left, err := filepath.Glob(filepath.Join(s.Data, pattern)); err != nil || len(left) != 0 {
			t.Errorf("left behind: %v, %v", left, err)
		}
	}
}

func TestSecondWriter(t *testing.T) {
	t.Parallel()
	s := app.Store{Data: t.TempDir()}
	create(t, s, "main", "other")
	if pid, held, err := s.Writer("main"); pid != "" || held || err != nil {
		t.Errorf("%q, %v, %v", pid, held, err)
	}
	first, err := s.Open(t.Context(), "main", true, nil)
	if err != nil {
		t.Fatal(err)
	}
	pid := strconv.Itoa(os.Getpid())
	_, err = s.Open(t.Context(), "main", true, nil)
	refused(t, err, ledger.Locked, "process "+pid, "--server")
	if got, held, err := s.Writer("main"); got != pid || !held || err != nil {
		t.Errorf("%q, %v, %v", got, held, err)
	}
	for _, o := range []struct {
		name  string
		write bool
	}{{"main", false}, {"other", true}} { // readers, and other ledgers, do not mind
		second, err := s.Open(t.Context(), o.name, o.write, nil)
		if err != nil {
			t.Fatal(err)
		}
		if err := second.Close(); err != nil {
			t.Error(err)
		}
	}
	if err := first.Close(); err != nil {
		t.Error(err)
	}
	if _, held, err := s.Writer("main"); held || err != nil {
		t.Errorf("held %v, %v", held, err)
	}
	if first, err = s.Open(t.Context(), "main", true, nil); err != nil {
		t.Fatal(err)
	}
	if err := first.Close(); err != nil {
		t.Error(err)
	}
}

// TestNewer refuses what a later version wrote, and lets go of the lock.
func TestNewer(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s app.Store) {
		create(t, s, "main")
		o, err := s.Open(t.Context(), "main", true, nil)
		if err != nil {
			t.Fatal(err)
		}
		err = o.DB.Write(t.Context(), func(ctx context.Context, tx *db.Tx) error {
			_, err := tx.Exec(ctx, `INSERT INTO schema_migrations (version, name, sha256) VALUES (9999, 'later', ?)`, []byte{1})
			return err
		})
		if err := errors.Join(err, o.Close()); err != nil {
			t.Fatal(err)
		}
		for range 2 {
			_, err = s.Open(t.Context(), "main", true, nil)
			refused(t, err, ledger.NewerSchema, "upgrade")
		}
		if _, held, _ := s.Writer("main"); held {
			t.Error("the lock is kept")
		}
	})
}

func TestKeys(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s app.Store) {
		create(t, s, "main")
		if err := os.Chmod(s.KeyFile("main"), 0o644); err != nil {
			t.Fatal(err)
		}
		for _, write := range []bool{true, false} {
			_, err := s.Open(t.Context(), "main", write, nil)
			refused(t, err, ledger.Invalid, "exposed", "chmod 600 "+s.KeyFile("main"))
		}
		if err := os.Remove(s.KeyFile("main")); err != nil {
			t.Fatal(err)
		}
		_, err := s.Open(t.Context(), "main", true, nil)
		refused(t, err, ledger.Invalid, "--keys")
		o, err := s.Open(t.Context(), "main", false, nil) // what is public needs no key
		if err != nil {
			t.Fatal(err)
		}
		if _, err := o.Ledger.Stats(t.Context()); err != nil || o.Keys != nil {
			t.Error(err)
		}
		if err := o.Close(); err != nil {
			t.Error(err)
		}
	})
}
