// SPDX-License-Identifier: Apache-2.0

package access

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"database/sql"
	"embed"
	"encoding/base32"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/counterfoil/counterfoil/internal/access/token"
	"github.com/counterfoil/counterfoil/internal/db"
)

// staleness is for how long a grant or key that another node took away may
// still be honoured here. What this node takes away is gone at once.
const staleness = 5 * time.Second

//go:embed migrations/*.sql
var migrations embed.FS

// Migrations are the numbered schema files of a Book.
func Migrations() fs.FS {
	sub, err := fs.Sub(migrations, "migrations")
	if err != nil {
		panic(err) // the folder is embedded: programmer error
	}
	return sub
}

// Book is the store of who may enter. Its methods are safe for concurrent use,
// and so are several Books, of several processes, over one database.
type Book struct {
	cfg        Config
	pseudonyms []byte
	flows      []byte
	issuers    map[string]*token.Provider // by name
	workloads  map[string]*token.Provider // by URL
	throttle   throttle

	view atomic.Pointer[view]
	mu   sync.Mutex // who renews view
}

// view is what is remembered of the tables that every request needs. It is
// immutable but for the times of use.
type view struct {
	revision int64
	read     time.Time // zero: must be read anew
	keys     map[[sha256.Size]byte]*keyEntry
	given    map[string][]Grant
}

// Create makes the tables of a new Book. The database must be a new one: a Book
// that is there already is refused with [Conflict].
func Create(ctx context.Context, cfg Config) error {
	if err := cfg.validate(); err != nil {
		return &Error{Code: Invalid, Message: "create book of access", Cause: err}
	}
	if err := cfg.DB.Migrate(ctx, Migrations()); err != nil {
		return storage("create book of access", err)
	}
	pseudonyms, flows := make([]byte, 32), make([]byte, 32)
	rand.Read(pseudonyms)
	rand.Read(flows)
	err := cfg.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		_, err := tx.Exec(ctx, `INSERT INTO head (one, revision, pseudonyms, flows) VALUES (1, 1, ?, ?)`, pseudonyms, flows)
		return err
	})
	if db.IsUnique(err) {
		return fault(Conflict, "open it", "the book of access is there already")
	}
	return storage("create book of access", err)
}

// Open opens a Book, bringing its tables to the newest form. It asks no identity
// provider anything yet. A database without a Book: [NotFound]. All faults of
// the configuration: [Invalid], joined.
func Open(ctx context.Context, cfg Config) (*Book, error) {
	if err := cfg.validate(); err != nil {
		return nil, &Error{Code: Invalid, Message: "open book of access", Cause: err}
	}
	if err := cfg.DB.Migrate(ctx, Migrations()); err != nil {
		return nil, storage("open book of access", err)
	}
	b := &Book{cfg: cfg, issuers: map[string]*token.Provider{}, workloads: map[string]*token.Provider{}}
	err := cfg.DB.Read(ctx, func(ctx context.Context, tx *db.Tx) error {
		return tx.QueryRow(ctx, `SELECT pseudonyms, flows FROM head`).Scan(&b.pseudonyms, &b.flows)
	})
	if errors.Is(err, sql.ErrNoRows) {
		return nil, fault(NotFound, "create it", "there is no book of access in this database")
	}
	if err != nil {
		return nil, storage("open book of access", err)
	}
	for _, is := range cfg.Issuers {
		b.issuers[is.Name] = token.New(token.Config{URL: is.URL, Audience: is.ClientID, Client: is.Client, Now: cfg.Now, Logger: cfg.Logger})
	}
	for _, w := range cfg.Workloads {
		b.workloads[w.URL] = token.New(token.Config{URL: w.URL, Audience: w.Audience, Client: w.Client, Now: cfg.Now, Logger: cfg.Logger})
	}
	b.view.Store(&view{})
	_, err = b.current(ctx)
	return b, err
}

// current returns a view that is not too old. It asks the database at most every
// few seconds, and then for one number, unless that number has changed.
func (b *Book) current(ctx context.Context) (*view, error) {
	if v := b.view.Load(); v.fresh(b.cfg.Now()) {
		return v, nil
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	now := b.cfg.Now()
	old := b.view.Load()
	if old.fresh(now) {
		return old, nil
	}
	next := &view{read: now}
	err := b.cfg.DB.Read(ctx, func(ctx context.Context, tx *db.Tx) error {
		if err := tx.QueryRow(ctx, `SELECT revision FROM head`).Scan(&next.revision); err != nil {
			return err
		}
		if next.revision == old.revision {
			next.keys, next.given = old.keys, old.given
			return nil
		}
		return next.load(ctx, tx, old)
	})
	if err != nil {
		return nil, storage("read book of access", err)
	}
	b.view.Store(next)
	return next, nil
}

// fresh is false also when the clock was set back.
func (v *view) fresh(now time.Time) bool {
	age := now.Sub(v.read)
	return !v.read.IsZero() && age >= 0 && age < staleness
}

func (v *view) load(ctx context.Context, tx *db.Tx, old *view) error {
	given, err := readGiven(ctx, tx, allGiven)
	if err != nil {
		return err
	}
	v.given = map[string][]Grant{}
	for _, g := range given {
		v.given[g.Actor] = append(v.given[g.Actor], g.Grant)
	}
	keys, err := readKeys(ctx, tx, "")
	if err != nil {
		return err
	}
	v.keys = make(map[[sha256.Size]byte]*keyEntry, len(keys))
	for _, k := range keys {
		e := newEntry(k, v.given[k.Actor])
		if was := old.keys[k.hash]; was != nil {
			e.use = was.use
		}
		v.keys[k.hash] = e
	}
	return nil
}

// change runs a transaction that changes grants or keys: one after another, on
// both databases, and visible to this Book at once.
func (b *Book) change(ctx context.Context, verb string, fn func(ctx context.Context, tx *db.Tx) error) error {
	err := b.cfg.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		if _, err := tx.Exec(ctx, `UPDATE head SET revision = revision + 1`); err != nil { // takes the lock
			return err
		}
		return fn(ctx, tx)
	})
	b.mu.Lock() // who renews now may have read what was before
	old := *b.view.Load()
	old.read = time.Time{}
	b.view.Store(&old)
	b.mu.Unlock()
	return storage(verb, err)
}

// record hands an event on, to be durable before the act.
func (b *Book) record(ctx context.Context, e Event) error {
	e.Count = max(e.Count, 1)
	if err := b.cfg.Record(ctx, e); err != nil {
		return &Error{Code: Unavailable, Message: "what can not be recorded is not done", Hint: "try again", Cause: err}
	}
	return nil
}

// Run keeps house once a minute, until ctx ends, and then a last time. It
// returns when it is done; faults are logged, and made up for by the next round.
func (b *Book) Run(ctx context.Context) error {
	tick := time.NewTicker(time.Minute)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			last, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
			defer cancel()
			return b.Keep(last)
		case <-tick.C:
			if err := b.Keep(ctx); err != nil && ctx.Err() == nil {
				b.cfg.Logger.Warn("could not keep house", "err", err)
			}
		}
	}
}

// Keep is one round of housekeeping: it writes when keys were last used, records
// the refusals that were only counted, and removes what has expired.
func (b *Book) Keep(ctx context.Context) error {
	now := b.cfg.Now()
	if n := b.throttle.pending(); n > 0 {
		if err := b.record(ctx, Event{Act: "credential", Result: "denied", Reason: "too many to record each", Count: n}); err != nil {
			b.throttle.restore(n)
			return err
		}
	}
	used := b.view.Load().used()
	err := b.cfg.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		for id, u := range used {
			if _, err := tx.Exec(ctx, `UPDATE api_key SET used = ? WHERE id = ? AND used < ?`, u.at, id, u.at); err != nil {
				return err
			}
		}
		for _, q := range []string{`DELETE FROM session WHERE expires <= ?`, `DELETE FROM spent WHERE expires <= ?`, `DELETE FROM bootstrap WHERE expires <= ?`} {
			if _, err := tx.Exec(ctx, q, now.UnixMilli()); err != nil {
				return err
			}
		}
		_, err := tx.Exec(ctx, `DELETE FROM session WHERE seen <= ?`, now.Add(-b.cfg.IdleTimeout).UnixMilli())
		return err
	})
	if err == nil {
		for _, u := range used {
			u.use.written.Store(u.at)
		}
	}
	return storage("keep house", err)
}

// encoding is that of every secret: base32 in lower case, no padding.
var encoding = base32.NewEncoding("abcdefghijklmnopqrstuvwxyz234567").WithPadding(base32.NoPadding)

// random is n random bytes as text.
func random(n int) string {
	b := make([]byte, n)
	rand.Read(b)
	return encoding.EncodeToString(b)
}

// digest stands for a secret in the database. See [Book.CreateKey].
func digest(secret string) []byte {
	h := sha256.Sum256([]byte(secret))
	return h[:]
}

func encodeGrants(gs []Grant) (string, error) {
	if gs == nil {
		gs = []Grant{}
	}
	out, err := json.Marshal(gs)
	return string(out), err
}

func decodeGrants(text string) (gs []Grant, err error) {
	if err = json.NewDecoder(strings.NewReader(text)).Decode(&gs); err != nil {
		err = fmt.Errorf("decode grants: %w", err)
	}
	return gs, err
}

func fromMilli(ms int64) time.Time {
	if ms == 0 {
		return time.Time{}
	}
	return time.UnixMilli(ms).UTC()
}
