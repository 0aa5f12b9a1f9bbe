// SPDX-License-Identifier: Apache-2.0

package db

import (
	"strconv"
	"strings"
	"sync"
)

// Dialect is the kind of a database.
type Dialect string

// The dialects.
const (
	SQLite   Dialect = "sqlite"
	Postgres Dialect = "postgres"
)

// Types are what {int} and {bytes} in a migration become. What is said in the
// words of one dialect alone stands on lines that begin with its name in braces:
// for the other they are comments.
func (d Dialect) types() *strings.Replacer {
	if d == SQLite {
		return strings.NewReplacer("{int}", "INTEGER", "{bytes}", "BLOB", "{sqlite}", "", "{postgres}", "-- ")
	}
	return strings.NewReplacer("{int}", "BIGINT", "{bytes}", "BYTEA", "{sqlite}", "-- ", "{postgres}", "")
}

// Marks is n placeholders: "?,?,?". n must be positive.
func Marks(n int) string {
	return strings.Repeat("?,", n-1) + "?"
}

// In is the condition that col is one of the values, and its arguments. The
// list is padded with its last value to a power of two, so that only few
// different statements have to be prepared. No value: a condition that is never
// true. Keep below 16,384 values.
func In(col string, values []any) (string, []any) {
	if len(values) == 0 {
		return "1 = 0", nil
	}
	n := 1
	for n < len(values) {
		n *= 2
	}
	padded := make([]any, n)
	for i := copy(padded, values); i < n; i++ {
		padded[i] = values[len(values)-1]
	}
	return col + " IN (" + Marks(n) + ")", padded
}

// rebinder turns ? placeholders into $n, and remembers what it has turned. The
// number of different statements in a program is small; texts beyond the bound
// are turned each time.
type rebinder struct {
	mu   sync.RWMutex
	seen map[string]string // guarded by mu
}

const maxRebound = 2048

func (r *rebinder) rebind(sql string) string {
	r.mu.RLock()
	out, ok := r.seen[sql]
	r.mu.RUnlock()
	if ok {
		return out
	}
	out = rebind(sql)
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.seen == nil {
		r.seen = map[string]string{}
	}
	if len(r.seen) < maxRebound {
		r.seen[sql] = out
	}
	return out
}

// rebind numbers the placeholders, leaving quoted text and comments alone.
func rebind(sql string) string {
	var b strings.Builder
	b.Grow(len(sql) + 16)
	for i, n := 0, 0; i < len(sql); {
		end := skip(sql, i)
		if sql[i] == '?' && end == i+1 {
			n++
			b.WriteByte('$')
			b.WriteString(strconv.Itoa(n))
		} else {
			b.WriteString(sql[i:end])
		}
		i = end
	}
	return b.String()
}

// skip returns where the token at i ends: a quoted text or a comment as a
// whole, anything else as one byte. A doubled quote is two quoted texts.
func skip(sql string, i int) int {
	open, closing := "", ""
	switch {
	case sql[i] == '\'' || sql[i] == '"':
		open, closing = sql[i:i+1], sql[i:i+1]
	case strings.HasPrefix(sql[i:], "--"):
		open, closing = "--", "\n"
	case strings.HasPrefix(sql[i:], "/*"):
		open, closing = "/*", "*/"
	default:
		return i + 1
	}
	from := i + len(open)
	n := strings.Index(sql[from:], closing)
	if n < 0 {
		return len(sql)
	}
	return from + n + len(closing)
}

// quote makes an identifier safe in SQL text, in both dialects.
func quote(name string) string {
	return `"` + strings.ReplaceAll(name, `"`, `""`) + `"`
}
