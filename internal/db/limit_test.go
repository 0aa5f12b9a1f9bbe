// SPDX-License-Identifier: Apache-2.0

package db_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/counterfoil/counterfoil/internal/db"
)

// diskChild is the environment variable that turns the test binary into the
// process of fullDiskChild; its value is the database file.
const diskChild = "COUNTERFOIL_DB_CHILD"

// TestFileSizeLimit runs a process into the kernel's limit on the size of a
// file, which is a disk that is full, and checks what it leaves behind.
func TestFileSizeLimit(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "test.db")
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), exe)
	cmd.Env = append(os.Environ(), diskChild+"="+path)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	d := open(t, db.Config{URL: "sqlite:" + path})
	if n := count(t, d); n != 30+20 {
		t.Errorf("%d rows", n)
	}
	wantWhole(t, d)
}

// fullDiskChild writes until the limit, fails, writes on without the limit.
func fullDiskChild(path string) {
	if err := hitLimit(context.Background(), db.Config{URL: "sqlite:" + path}); err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
}

func hitLimit(ctx context.Context, cfg db.Config) error {
	signal.Ignore(syscall.SIGXFSZ)
	d, err := db.Create(ctx, cfg)
	if err != nil {
		return err
	}
	if err := d.Migrate(ctx, migrations()); err != nil {
		return err
	}
	if err := big(ctx, d, 0, 30); err != nil {
		return err
	}
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_FSIZE, &limit); err != nil {
		return err
	}
	size, err := d.Size(ctx)
	if err != nil {
		return err
	}
	tight := limit
	tight.Cur = uint64(size + 20_000)
	if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &tight); err != nil {
		return err
	}
	for i := range 3 {
		if err := big(ctx, d, 100, 200); !errors.Is(err, db.ErrFull) && !errors.Is(err, db.ErrIO) {
			return fmt.Errorf("write %d on a full disk: %w", i, err)
		}
		if err := rowsAre(ctx, d, 30); err != nil {
			return err
		}
	}
	if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &limit); err != nil {
		return err
	}
	if err := big(ctx, d, 100, 20); err != nil {
		return fmt.Errorf("write when there is space again: %w", err)
	}
	if err := rowsAre(ctx, d, 50); err != nil {
		return err
	}
	return d.Close()
}

func rowsAre(ctx context.Context, d *db.DB, want int) error {
	return d.Read(ctx, func(ctx context.Context, tx *db.Tx) error {
		var n int
		if err := tx.QueryRow(ctx, `SELECT COUNT(*) FROM item`).Scan(&n); err != nil {
			return err
		}
		if n != want {
			return fmt.Errorf("%d rows, want %d", n, want)
		}
		return nil
	})
}
