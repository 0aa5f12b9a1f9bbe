// SPDX-License-Identifier: Apache-2.0

package db_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"

	"github.com/counterfoil/counterfoil/internal/db"
	"github.com/counterfoil/counterfoil/internal/db/dbtest"
)

func path(cfg db.Config) string { return strings.TrimPrefix(cfg.URL, "sqlite:") }

func size(t *testing.T, file string) int64 {
	t.Helper()
	info, err := os.Stat(file)
	if err != nil {
		t.Fatal(err)
	}
	return info.Size()
}

func TestFileModeAndSettings(t *testing.T) {
	t.Parallel()
	cfg := dbtest.SQLite(t)
	d := create(t, cfg)
	if err := insert(t.Context(), d, 1, "a"); err != nil {
		t.Fatal(err)
	}
	for _, suffix := range []string{"", "-wal", "-shm"} {
		info, err := os.Stat(path(cfg) + suffix)
		if err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%q: mode %v, %v", suffix, info.Mode(), err)
		}
	}
	want := map[string]string{"journal_mode": "wal", "synchronous": "2", "foreign_keys": "1", "secure_delete": "1",
		"page_size": "8192", "wal_autocheckpoint": "0", "temp_store": "2", "mmap_size": "0"}
	check := func(ctx context.Context, tx *db.Tx) error {
		for name, value := range want {
			var got string
			if err := tx.QueryRow(ctx, `PRAGMA `+name).Scan(&got); err != nil {
				return err
			}
			if got != value {
				t.Errorf("%s is %s, want %s", name, got, value)
			}
		}
		return nil
	}
	if err := errors.Join(d.Write(t.Context(), check), d.Read(t.Context(), check)); err != nil {
		t.Error(err)
	}
}

func TestNotOurs(t *testing.T) {
	t.Parallel()
	cfg := dbtest.SQLite(t)
	for _, content := range []string{"", strings.Repeat("no database ", 1000)} {
		want := db.ErrCorrupt
		if content == "" {
			want = db.ErrNotExist
		}
		if err := os.WriteFile(path(cfg), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := db.Open(t.Context(), cfg); !errors.Is(err, want) {
			t.Errorf("%.20q: %v", content, err)
		}
		if got, err := os.ReadFile(path(cfg)); err != nil || string(got) != content {
			t.Errorf("%.20q: file was changed, %v", content, err)
		}
	}
	if _, err := db.Create(t.Context(), cfg); !errors.Is(err, db.ErrExist) {
		t.Errorf("create over a file: %v", err)
	}
	if _, err := db.Open(t.Context(), db.Config{URL: "sqlite:" + t.TempDir()}); err == nil {
		t.Error("opened a folder")
	}
}

// TestOddPaths opens files whose names mean something in a URI.
func TestOddPaths(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for _, name := range []string{"a?mode=memory.db", "b%20c.db", "d#e.db", "ä ö.db", "f&g=h.db"} {
		cfg := db.Config{URL: "sqlite:" + dir + "/sub/" + name}
		d := create(t, cfg)
		if err := insert(t.Context(), d, 1, "a"); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if size(t, dir+"/sub/"+name) == 0 {
			t.Errorf("%s: is elsewhere", name)
		}
	}
}

// TestLogStaysSmall: commits without a pause, folded back beside them, do not
// let the log grow without bound; closing removes it.
func TestLogStaysSmall(t *testing.T) {
	t.Parallel()
	cfg := dbtest.SQLite(t)
	d := create(t, cfg)
	const rounds, rows = 60, 1000 // 4 KB each: 240 MB through a log of 64 MB
	for i := range rounds {
		if err := big(t.Context(), d, i*rows, rows); err != nil {
			t.Fatal(err)
		}
		if err := d.Checkpoint(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if n := size(t, path(cfg)+"-wal"); n > 100<<20 {
		t.Errorf("log has %d bytes", n)
	}
	total, err := d.Size(t.Context())
	if err != nil || total < size(t, path(cfg)) {
		t.Errorf("size %d, %v", total, err)
	}
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(path(cfg) + "-wal"); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("log after close: %v", err)
	}
	if n := count(t, open(t, cfg)); n != rounds*rows {
		t.Errorf("%d rows", n)
	}
}

// TestReadOnlyFolder opens a database where nothing can be written, as an
// auditor may get it.
func TestReadOnlyFolder(t *testing.T) {
	t.Parallel()
	cfg := dbtest.SQLite(t)
	d := create(t, cfg)
	if err := insert(t.Context(), d, 1, "a"); err != nil {
		t.Fatal(err)
	}
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	dir := filepath.Dir(path(cfg))
	for name, mode := range map[string]os.FileMode{path(cfg): 0o444, filepath.Dir(dir): 0o755, dir: 0o555} {
		if err := os.Chmod(name, mode); err != nil {
			t.Fatal(err)
		}
	}
	t.Cleanup(func() {
		if err := os.Chmod(dir, 0o755); err != nil {
			t.Error(err)
		}
	})
	done := make(chan struct{})
	go func() {
		defer close(done)
		if os.Getuid() == 0 {
			runtime.LockOSThread() // for good: the thread ends with the goroutine
			if err := syscall.Setfsuid(65534); err != nil {
				t.Error(err)
			}
		}
		readOnlyFolder(t, cfg)
	}()
	<-done
}

func readOnlyFolder(t *testing.T, cfg db.Config) {
	cfg.ReadOnly = true
	r, err := db.Open(t.Context(), cfg)
	if err != nil {
		t.Error(err)
		return
	}
	defer r.Close()
	if err := rowsAre(t.Context(), r, 1); err != nil {
		t.Error(err)
	}
	if err := r.Migrate(t.Context(), migrations()); err != nil {
		t.Error(err)
	}
	cfg.ReadOnly = false
	w, err := db.Open(t.Context(), cfg)
	if err != nil {
		if !errors.Is(err, db.ErrReadOnly) && !errors.Is(err, db.ErrUnavailable) {
			t.Errorf("open for writing: %v", err)
		}
		return
	}
	defer w.Close()
	if err := insert(t.Context(), w, 2, "b"); !errors.Is(err, db.ErrReadOnly) {
		t.Errorf("write where nothing can be written: %v", err)
	}
}

// TestStatementsAreBounded runs more different statements than are kept.
func TestStatementsAreBounded(t *testing.T) {
	t.Parallel()
	d := create(t, dbtest.SQLite(t))
	for i := range 1000 {
		err := d.Write(t.Context(), func(ctx context.Context, tx *db.Tx) error {
			var n int
			return tx.QueryRow(ctx, fmt.Sprintf(`SELECT %d`, i)).Scan(&n)
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}
