// SPDX-License-Identifier: Apache-2.0

package db_test

import (
	"strings"
	"testing"

	"github.com/counterfoil/counterfoil/internal/db"
)

func TestRebind(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		``:                                 ``,
		`?`:                                `$1`,
		`SELECT ?, ?`:                      `SELECT $1, $2`,
		`SELECT '?', ?`:                    `SELECT '?', $1`,
		`SELECT 'it''s ?', "a""?", ?`:      `SELECT 'it''s ?', "a""?", $1`,
		"SELECT ? -- why?\n, ?":            "SELECT $1 -- why?\n, $2",
		`SELECT ? /* ? */, ?`:              `SELECT $1 /* ? */, $2`,
		`SELECT ? - - ?, 4/ ?`:             `SELECT $1 - - $2, 4/ $3`,
		`SELECT ? -- to the end?`:          `SELECT $1 -- to the end?`,
		`open ' quote ?`:                   `open ' quote ?`,
		`/*`:                               `/*`,
		`ü ?`:                              `ü $1`,
		strings.Repeat("?,", 11) + "?":     `$1,$2,$3,$4,$5,$6,$7,$8,$9,$10,$11,$12`,
		`WHERE a IN (` + db.Marks(3) + `)`: `WHERE a IN ($1,$2,$3)`,
	} {
		if got := db.Rebind(in); got != want {
			t.Errorf("%q became %q, want %q", in, got, want)
		}
	}
}

// FuzzRebind: what is not a placeholder stays, byte for byte.
func FuzzRebind(f *testing.F) {
	for _, seed := range []string{`SELECT '?', ? -- ?`, `/* ? */ ?`, `"?"'?'?`, `--`, `'`} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, in string) {
		out := db.Rebind(in)
		if !strings.Contains(in, "?") && out != in {
			t.Errorf("%q became %q", in, out)
		}
		if again := db.Rebind(out); strings.Count(again, "?") != strings.Count(out, "?") {
			t.Errorf("%q: placeholders were left: %q, %q", in, out, again)
		}
	})
}

func TestIn(t *testing.T) {
	t.Parallel()
	for n, marks := range map[int]int{1: 1, 2: 2, 3: 4, 5: 8, 500: 512} {
		values := make([]any, n)
		for i := range values {
			values[i] = i
		}
		cond, args := db.In("a", values)
		if len(args) != marks || strings.Count(cond, "?") != marks || args[marks-1] != n-1 {
			t.Errorf("%d values: %s with %d arguments", n, cond, len(args))
		}
	}
	if cond, args := db.In("a", nil); strings.Contains(cond, "?") || len(args) != 0 {
		t.Errorf("no values: %s, %v", cond, args)
	}
}
