// SPDX-License-Identifier: Apache-2.0

package access_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/counterfoil/counterfoil/internal/access"
	"github.com/counterfoil/counterfoil/internal/db"
	"github.com/counterfoil/counterfoil/internal/db/dbtest"
)

func TestMain(m *testing.M) { os.Exit(dbtest.Main(m)) }

// rig is a Book over one database with a clock that is set by hand, and the
// events that it recorded.
type rig struct {
	*access.Book
	t   testing.TB
	db  *db.DB
	cfg access.Config

	mu     sync.Mutex
	now    time.Time
	events []access.Event
	fail   error // of Record
}

var start = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

func newRig(t testing.TB, c db.Config, change func(*access.Config)) *rig {
	t.Helper()
	d, err := db.Create(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { d.Close() })
	r := &rig{t: t, db: d, now: start}
	r.cfg = access.Config{DB: d, Now: r.clock, Record: r.record}
	if change != nil {
		change(&r.cfg)
	}
	if err := access.Create(t.Context(), r.cfg); err != nil {
		t.Fatal(err)
	}
	r.Book = r.open()
	return r
}

// open opens the Book once more: another node.
func (r *rig) open() *access.Book {
	r.t.Helper()
	b, err := access.Open(r.t.Context(), r.cfg)
	if err != nil {
		r.t.Fatal(err)
	}
	return b
}

func (r *rig) clock() time.Time {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.now
}

func (r *rig) pass(d time.Duration) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.now = r.now.Add(d)
}

func (r *rig) record(_ context.Context, e access.Event) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.fail != nil {
		return r.fail
	}
	r.events = append(r.events, e)
	return nil
}

func (r *rig) refuseRecords(err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.fail = err
}

func (r *rig) recorded(act, result string) (out []access.Event) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, e := range r.events {
		if e.Act == act && e.Result == result {
			out = append(out, e)
		}
	}
	return out
}

var (
	all   = func(r access.Role) access.Grant { return access.Grant{Role: r, Ledger: "*", System: "*", Purpose: "*"} }
	local = access.Actor{ID: "local", Kind: access.Local, Grants: access.Everything()}
	admin = access.Actor{ID: "person:admin", Kind: access.Person, Grants: []access.Grant{all(access.Admin)}}
)

func code(err error) access.Code {
	if e, ok := errors.AsType[*access.Error](err); ok {
		return e.Code
	}
	return ""
}

func want(t testing.TB, err error, c access.Code) {
	t.Helper()
	if c == "" && err != nil || c != "" && code(err) != c {
		t.Fatalf("got %v (%s), want %q", err, code(err), c)
	}
}

func bearer(secret string) *http.Request {
	r := httptest.NewRequest("GET", "/", nil)
	r.Header.Set("Authorization", "Bearer "+secret)
	return r
}

func with(cookies ...*http.Cookie) *http.Request {
	r := httptest.NewRequest("GET", "/", nil)
	for _, c := range cookies {
		r.AddCookie(&http.Cookie{Name: c.Name, Value: c.Value})
	}
	return r
}

func (r *rig) key(name string, gs ...access.Grant) (string, access.APIKey) {
	r.t.Helper()
	secret, k, err := r.CreateKey(r.t.Context(), local, access.KeySpec{Name: name, Grants: gs, Expires: r.clock().Add(24 * time.Hour)})
	if err != nil {
		r.t.Fatal(err)
	}
	return secret, k
}

func holds(a *access.Actor, role access.Role) bool {
	return a != nil && slices.ContainsFunc(a.Grants, func(g access.Grant) bool { return g.Role == role })
}
