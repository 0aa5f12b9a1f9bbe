// SPDX-License-Identifier: Apache-2.0

package dbtest_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/counterfoil/counterfoil/internal/db"
	"github.com/counterfoil/counterfoil/internal/db/dbtest"
)

// child is the environment variable that turns the test binary into a process
// that starts a server and waits to be killed.
const child = "COUNTERFOIL_DBTEST_CHILD"

func TestMain(m *testing.M) {
	if os.Getenv(child) != "" {
		m.Run() // TestChild
		return
	}
	os.Exit(dbtest.Main(m))
}

// TestChild is the other half of TestGoneWithItsProcess, and nothing by itself.
func TestChild(t *testing.T) {
	if os.Getenv(child) == "" {
		return
	}
	fmt.Println("child:", dbtest.Shared(t).URL())
	select {}
}

// TestGoneWithItsProcess kills a test process that has a server: the server
// ends, too.
func TestGoneWithItsProcess(t *testing.T) {
	t.Parallel()
	dbtest.Shared(t) // or skip
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	tmp := t.TempDir()
	for dir := tmp; len(dir) > len(os.TempDir()); dir = filepath.Dir(dir) {
		if err := os.Chmod(dir, 0o755); err != nil { // the server's user must get in
			t.Fatal(err)
		}
	}
	if err := os.Chmod(tmp, 0o777); err != nil { // that user removes its folder from here
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), exe, "-test.run=^TestChild$")
	cmd.Env = append(os.Environ(), child+"=1", "TMPDIR="+tmp)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	url := ""
	for lines := bufio.NewScanner(out); url == "" && lines.Scan(); {
		_, url, _ = strings.Cut(lines.Text(), "child: ")
	}
	if url == "" {
		t.Fatal("child has no server")
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait() // killed
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		left, err := filepath.Glob(tmp + "/*")
		if err != nil {
			t.Fatal(err)
		}
		if len(left) == 0 {
			break
		}
		select {
		case <-ctx.Done():
			t.Fatalf("left behind: %v", left)
		case <-tick.C:
		}
	}
	_, err = db.Create(t.Context(), db.Config{URL: url, Schema: "s"})
	if !errors.Is(err, db.ErrUnavailable) {
		t.Errorf("the server still answers: %v", err)
	}
}

func put(ctx context.Context, d *db.DB, n int) error {
	return d.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		_, err := tx.Exec(ctx, `INSERT INTO schema_migrations (version, name, sha256) VALUES (?, 'x', ?)`, n, []byte{})
		return err
	})
}

func TestKillAndRestart(t *testing.T) {
	t.Parallel()
	c := dbtest.New(t)
	d, err := db.Create(t.Context(), c.Config())
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	for i, end := range []func() error{c.Kill, c.Stop} {
		if err := put(t.Context(), d, i+1); err != nil {
			t.Fatal(err)
		}
		if err := end(); err != nil {
			t.Fatal(err)
		}
		if err := put(t.Context(), d, i+100); err == nil {
			t.Fatal("wrote to a dead server")
		}
		if err := c.Start(); err != nil {
			t.Fatal(err)
		}
		if v, err := d.Version(t.Context()); err != nil || v != i+1 {
			t.Fatalf("after restart: version %d, %v", v, err)
		}
	}
}

func TestDatabase(t *testing.T) {
	t.Parallel()
	d, err := db.Create(t.Context(), db.Config{URL: dbtest.Database(t), Schema: "counterfoil_main"})
	if err != nil {
		t.Fatal(err)
	}
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
}
