// SPDX-License-Identifier: Apache-2.0

// Package dbtest gives tests real databases: SQLite files in a temporary
// folder, and schemas in a PostgreSQL server of their own.
//
// The server is started once per test process, on first use, from the newest
// Debian binaries (/usr/lib/postgresql), as an unprivileged user even if the
// test is root, on a free loopback port, with a random password. It is gone,
// with its data, when the process ends, however it ends: a small watcher
// process sees its pipe close and cleans up. Several test processes can each
// have theirs at once.
//
// Where the binaries are missing such tests are skipped, unless the environment
// variable COUNTERFOIL_TEST_REQUIRE is set: then they fail, so that a CI can
// not lose them silently.
package dbtest

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/counterfoil/counterfoil/internal/db"
)

// Require is the environment variable that turns skipping into failing.
const Require = "COUNTERFOIL_TEST_REQUIRE"

// shared is the server of this test process.
var shared struct {
	once    sync.Once
	cluster *Cluster
	err     error
}

// Main runs the tests and then stops the shared server. It is for TestMain:
// os.Exit(dbtest.Main(m)). A package without it leaves the server to the watcher.
func Main(m *testing.M) int {
	code := m.Run()
	if shared.cluster != nil {
		if err := shared.cluster.Remove(); err != nil {
			fmt.Fprintln(os.Stderr, "dbtest:", err)
			code = max(code, 1)
		}
	}
	return code
}

// Each runs a test on a new database of each dialect, as parallel subtests. The
// database is not created yet: see [db.Create].
func Each(t *testing.T, test func(t *testing.T, cfg db.Config)) {
	t.Helper()
	for name, config := range map[string]func(testing.TB) db.Config{"sqlite": SQLite, "postgres": Postgres} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, config(t))
		})
	}
}

// SQLite is the configuration of a database file that does not exist yet, in a
// folder that is removed after the test.
func SQLite(t testing.TB) db.Config {
	return db.Config{URL: "sqlite:" + filepath.Join(t.TempDir(), "test.db")}
}

// Postgres is the configuration of a schema that does not exist yet, in the
// shared server.
func Postgres(t testing.TB) db.Config {
	t.Helper()
	return Shared(t).Config()
}

// Database makes an empty database in the shared server and returns its URL,
// for tests of programs that name their schemas themselves.
func Database(t testing.TB) string {
	t.Helper()
	c := Shared(t)
	name := "d_" + random()
	conn, err := pgx.Connect(context.Background(), c.URL())
	if err == nil {
		_, err = conn.Exec(context.Background(), "CREATE DATABASE "+name)
		conn.Close(context.Background())
	}
	if err != nil {
		t.Fatalf("dbtest: create database: %v", err)
	}
	return c.url(name)
}

// Shared is the server of this test process.
func Shared(t testing.TB) *Cluster {
	t.Helper()
	shared.once.Do(func() { shared.cluster, shared.err = newCluster() })
	need(t, shared.err)
	return shared.cluster
}

// New starts a server for one test, to be stopped and killed at will. It is
// removed after the test.
func New(t testing.TB) *Cluster {
	t.Helper()
	c, err := newCluster()
	need(t, err)
	t.Cleanup(func() {
		if err := c.Remove(); err != nil {
			t.Errorf("dbtest: %v", err)
		}
	})
	return c
}

// need skips or fails the test when there is no server for it.
func need(t testing.TB, err error) {
	t.Helper()
	switch {
	case err == nil:
	case errors.Is(err, errNoBinaries) && os.Getenv(Require) == "":
		t.Skipf("dbtest: %v; install the Debian package postgresql", err)
	default:
		t.Fatalf("dbtest: %v", err)
	}
}

func random() string { return strings.ToLower(rand.Text()) }
