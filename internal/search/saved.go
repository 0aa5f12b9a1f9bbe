// SPDX-License-Identifier: Apache-2.0

package search

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode"

	"github.com/counterfoil/counterfoil/internal/control"
	"github.com/counterfoil/counterfoil/internal/db"
	"github.com/counterfoil/counterfoil/internal/ledger"
	"github.com/counterfoil/counterfoil/record"
)

// maxSaved is how many queries are kept, maxQuery how long one may be.
const (
	maxSaved = 1000
	maxQuery = 4000
)

// Saved is a query under a name. Whoever may search sees it; only its owner
// changes it.
type Saved struct {
	Name    string    `json:"name"`
	Owner   string    `json:"owner"`
	Query   string    `json:"query"`
	Changed time.Time `json:"changed"`
}

// Tag names this version of a saved query.
func (s *Saved) Tag() string {
	sum := sha256.Sum256(fmt.Appendf(nil, "%s\n%s\n%s\n%d", s.Name, s.Owner, s.Query, s.Changed.UnixNano()))
	return hex.EncodeToString(sum[:8])
}

// ErrChanged is that a saved query is not the version that was meant.
var ErrChanged = errors.New("the saved query is another one now")

// Save keeps a query under a name. It is read first: one with a fault is refused
// with a [*Fault]. match, if not nil, says whether the one that is there (nil:
// none) is what the caller thinks it is; else [ErrChanged].
func (x *Index) Save(ctx context.Context, owner, name, query string, match func(*Saved) bool) (*Saved, error) {
	switch _, err := Parse(query, x.cfg.Now()); {
	case !record.ValidID(name):
		return nil, fault(ledger.Invalid, "use up to 128 letters, digits and . _ : ~ -", "%q is not a name", name)
	case err != nil:
		return nil, err
	case len(query) > maxQuery:
		return nil, fault(ledger.Invalid, "save parts of it", "the query has more than %d bytes", maxQuery)
	case strings.ContainsFunc(query, func(r rune) bool { return unicode.In(r, unicode.Cc, unicode.Cf) }):
		return nil, fault(ledger.Invalid, "write it on one line, of characters that are seen", "the query holds characters that are not seen")
	case len(control.Personal(query)) > 0:
		return nil, fault(ledger.Invalid, "search without saving it: a saved query is not erased with the person", "the query holds personal data: %s", strings.Join(control.Personal(query), ", "))
	}
	s := &Saved{Name: name, Owner: owner, Query: query, Changed: x.cfg.Now().UTC().Truncate(time.Microsecond)}
	return s, x.change(ctx, owner, name, match, func(ctx context.Context, tx *db.Tx, old *Saved) error {
		if old == nil {
			var n int
			if err := tx.QueryRow(ctx, `SELECT COUNT(*) FROM saved_query`).Scan(&n); err != nil {
				return err
			}
			if n >= maxSaved {
				return fault(ledger.Conflict, "forget one that nobody uses", "there are %d saved queries already", n)
			}
			_, err := tx.Exec(ctx, `INSERT INTO saved_query (name, owner, query, changed) VALUES (?, ?, ?, ?)`, name, owner, query, s.Changed.UnixMicro())
			return err
		}
		_, err := tx.Exec(ctx, `UPDATE saved_query SET query = ?, changed = ? WHERE name = ?`, query, s.Changed.UnixMicro(), name)
		return err
	})
}

// Forget takes a saved query away.
func (x *Index) Forget(ctx context.Context, owner, name string, match func(*Saved) bool) error {
	return x.change(ctx, owner, name, match, func(ctx context.Context, tx *db.Tx, old *Saved) error {
		if old == nil {
			return errNoQuery(name)
		}
		_, err := tx.Exec(ctx, `DELETE FROM saved_query WHERE name = ?`, name)
		return err
	})
}

// change runs a change of a saved query if it is the owner's, and the one meant.
func (x *Index) change(ctx context.Context, owner, name string, match func(*Saved) bool, run func(context.Context, *db.Tx, *Saved) error) error {
	err := x.l.DB().Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		old, err := savedOf(ctx, tx, name)
		switch {
		case err != nil:
			return err
		case match != nil && !match(old):
			return ErrChanged
		case old != nil && old.Owner != owner:
			return fault(ledger.Conflict, "save it under another name", "the query %q is %s's", name, old.Owner)
		}
		return run(ctx, tx, old)
	})
	if errors.Is(err, ErrChanged) {
		return ErrChanged
	}
	return ledger.Storage("write saved query", err)
}

func errNoQuery(name string) error {
	return fault(ledger.NotFound, "counterfoil search saved lists them", "there is no saved query %q", name)
}

func savedOf(ctx context.Context, tx *db.Tx, name string) (*Saved, error) {
	s, changed := &Saved{}, int64(0)
	err := tx.QueryRow(ctx, `SELECT name, owner, query, changed FROM saved_query WHERE name = ?`, name).Scan(&s.Name, &s.Owner, &s.Query, &changed)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil
	}
	s.Changed = time.UnixMicro(changed).UTC()
	return s, err
}

// SavedQuery reads one.
func (x *Index) SavedQuery(ctx context.Context, name string) (s *Saved, err error) {
	err = x.l.DB().Read(ctx, func(ctx context.Context, tx *db.Tx) error {
		s, err = savedOf(ctx, tx, name)
		return err
	})
	if err == nil && s == nil {
		err = errNoQuery(name)
	}
	return s, ledger.Storage("read saved query", err)
}

// SavedQueries lists them, sorted by name.
func (x *Index) SavedQueries(ctx context.Context) (out []Saved, err error) {
	err = x.l.DB().Read(ctx, func(ctx context.Context, tx *db.Tx) error {
		rows, err := tx.Query(ctx, `SELECT name, owner, query, changed FROM saved_query ORDER BY name`)
		if err != nil {
			return err
		}
		defer rows.Close()
		out = []Saved{}
		for rows.Next() {
			var s Saved
			var changed int64
			if err := rows.Scan(&s.Name, &s.Owner, &s.Query, &changed); err != nil {
				return err
			}
			s.Changed = time.UnixMicro(changed).UTC()
			out = append(out, s)
		}
		return rows.Err()
	})
	return out, ledger.Storage("list saved queries", err)
}
