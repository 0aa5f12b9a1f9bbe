// SPDX-License-Identifier: Apache-2.0

// Package ledger is the one write path: it takes records, seals them, and
// commits statements, evidence, lookup rows, tree and signed checkpoint in one
// database transaction.
//
//	Append ─ prepare (seal, encrypt, hash; in the caller's goroutine)
//	       ─ queue ─ committer (Run; one per ledger)
//	           lock head → ids taken? → entry, lookup, evidence rows → tiles → sign → checkpoint, head → COMMIT
//	       ◀ answer: index, inclusion proof, checkpoint
//
// The committer takes whatever is waiting (group commit), so the cost of one
// durable commit is shared by all who wait for it.
//
// # Invariants
//
//   - An answer is given only after the commit is durable, and carries the
//     inclusion proof under the checkpoint of that commit.
//   - All or nothing: a leaf without its evidence, its lookup row, its tile or
//     its checkpoint can not exist. A refused batch leaves no trace.
//   - An id is unique. The same id with the same content is the same record and
//     gets the same place; with other content it is a [Conflict].
//   - The tree in memory is only a copy of the right edge in the database. After
//     a commit that failed, or may have failed, it is thrown away and read again.
//
// # Trust
//
// The database is not trusted: whoever edits it is found by a verifier, who
// needs only the leaves and the checkpoints. Whoever holds the master key and
// the database can sign another history; witnesses and older receipts find that.
//
// What it does not do: it parses nothing, serves nothing, decides no access.
package ledger

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/mod/sumdb/note"

	"github.com/counterfoil/counterfoil/internal/db"
	"github.com/counterfoil/counterfoil/internal/keyring"
	"github.com/counterfoil/counterfoil/internal/tlog"
	"github.com/counterfoil/counterfoil/proof"
	"github.com/counterfoil/counterfoil/record"
)

//go:embed migrations/*.sql
var migrations embed.FS

// Migrations are the numbered schema files of a ledger.
func Migrations() fs.FS {
	sub, err := fs.Sub(migrations, "migrations")
	if err != nil {
		panic(err) // the folder is embedded: programmer error
	}
	return sub
}

// Config says what a ledger works with.
type Config struct {
	// DB holds this ledger's tables. Required. The ledger does not close it.
	DB *db.DB
	// Keys is the master key of this ledger. Required to append, and to read
	// private values; nil opens the ledger for public reading only.
	Keys *keyring.Keyring
	// Rules is the public/private table in force. Default: record.Default().
	Rules *record.Rules
	// Now is the clock. Default: time.Now.
	Now func() time.Time
	// Logger receives what only an operator needs to know. Default: none.
	Logger *slog.Logger
	// MaxQueue is how many records may wait for a commit before Append answers
	// [Busy]. Default: 20,000.
	MaxQueue int
	// MaxGroup is how many records one commit takes at most, unless a single
	// batch is larger. Default: 4,000.
	MaxGroup int
	// Classify gives a record its retention class, by its public values. It is
	// pure. Default: all are [DefaultClass].
	Classify func(*record.Fields) string
	// Previous are the closed shards of this ledger, newest first, opened with
	// their keys. A record that stands in one is answered from there. Default:
	// none.
	Previous []*Ledger
	// OnCommit is told about each commit, in the committer's goroutine; it must
	// return at once. Default: none.
	OnCommit func(Commit)
}

// Commit describes one commit, for metrics.
type Commit struct {
	Records int           // new leaves
	Size    int64         // tree size afterwards
	Took    time.Duration // from taking the batch to durable
	Queued  int           // records that waited when it ended
	Err     error         // nil: durable
}

func (c *Config) validate() error {
	var errs []error
	if c.DB == nil {
		errs = append(errs, errors.New("DB is required"))
	}
	if c.MaxQueue < 0 || c.MaxGroup < 0 {
		errs = append(errs, errors.New("MaxQueue and MaxGroup must not be negative"))
	}
	if c.Rules == nil {
		c.Rules = record.Default()
	}
	if c.Classify == nil {
		c.Classify = func(*record.Fields) string { return DefaultClass }
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	if c.MaxQueue == 0 {
		c.MaxQueue = 20000
	}
	if c.MaxGroup == 0 {
		c.MaxGroup = 4000
	}
	return errors.Join(errs...)
}

// Ledger is one log with its evidence and lookup rows. Its methods are safe for
// concurrent use. Append works while Run runs.
type Ledger struct {
	cfg        Config
	origin     string
	contentKey []byte           // nil without keys
	texts      *keyring.Keyring // nil without keys
	identity   atomic.Pointer[identity]

	queue   queue
	running chan struct{} // closed when Run takes records

	// tree is the right edge as of the last commit that is known to be durable,
	// or nil when it must be read again. Only the committer touches it.
	tree   *tlog.Tree
	looked int64        // epoch+1 at which the committer looked whether the log is closed; 0: never
	closed atomic.Int32 // how far it is; see closedNot

	governor atomic.Pointer[Governor] // who judges decisions; nil: nobody

	keyMu    sync.Mutex // held while an evidence key is made
	months   atomic.Pointer[map[string]*monthKey]
	subjects subjects
}

// Create makes a new, empty ledger in cfg.DB, which must hold none: tables,
// signing key, and the signed checkpoint of the empty tree. origin names the
// log for ever (C2SP tlog-checkpoint), for example "example.com/ai-trail".
func Create(ctx context.Context, cfg Config, origin string) error {
	if err := cfg.validate(); err != nil {
		return fmt.Errorf("create ledger: %w", err)
	}
	if cfg.Keys == nil {
		return errors.New("create ledger: Keys is required")
	}
	if origin == "" || len(origin) > 200 || strings.ContainsAny(origin, " +\n\t") {
		return fault(Invalid, "use a schema-less URL without spaces or plus signs, for example example.com/ai-trail", "%q is not a log origin", origin)
	}
	if err := cfg.DB.Migrate(ctx, Migrations()); err != nil {
		return storage("create tables", err)
	}
	skey, vkey, err := note.GenerateKey(rand.Reader, origin)
	if err != nil {
		return fmt.Errorf("make signing key: %w", err)
	}
	signer, err := note.NewSigner(skey)
	if err != nil {
		return fmt.Errorf("make signing key: %w", err)
	}
	empty := tlog.New()
	cp, err := proof.Sign(proof.Checkpoint{Origin: origin, Size: 0, Root: empty.Root()}, signer)
	if err != nil {
		return fmt.Errorf("sign first checkpoint: %w", err)
	}
	contentKey := make([]byte, 32)
	rand.Read(contentKey)
	now := cfg.Now()
	err = cfg.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		for name, value := range map[string][]byte{
			"origin":      []byte(origin),
			"vkey":        []byte(vkey),
			"created":     []byte(now.UTC().Format(time.RFC3339)),
			"signing_key": cfg.Keys.Wrap("signing_key "+origin, []byte(skey)),
			"content_key": cfg.Keys.Wrap("content_key "+origin, contentKey),
		} {
			if _, err := tx.Exec(ctx, `INSERT INTO meta (name, value) VALUES (?, ?)`, name, value); err != nil {
				return err
			}
		}
		if _, err := tx.Exec(ctx, `INSERT INTO checkpoint (size, note, time) VALUES (0, ?, ?)`, cp, now.UnixNano()); err != nil {
			return err
		}
		_, err := tx.Exec(ctx, `INSERT INTO head (one, size, checkpoint) VALUES (1, 0, ?)`, cp)
		return err
	})
	return storage("create ledger", err)
}

// Open opens an existing ledger; it never creates one. It applies migrations
// that are missing, and refuses a database that a newer version wrote.
func Open(ctx context.Context, cfg Config) (*Ledger, error) {
	if err := cfg.validate(); err != nil {
		return nil, fmt.Errorf("open ledger: %w", err)
	}
	if err := migrate(ctx, cfg); err != nil {
		return nil, err
	}
	l := &Ledger{cfg: cfg, running: make(chan struct{})}
	l.months.Store(&map[string]*monthKey{})
	l.queue.init(cfg.MaxQueue)
	meta, err := l.meta(ctx)
	if err != nil {
		return nil, err
	}
	l.origin = string(meta["origin"])
	if l.origin == "" || len(meta["vkey"]) == 0 {
		return nil, fault(NotFound, "run counterfoil init first", "there is no ledger in this database")
	}
	epoch, err := l.readEpoch(ctx)
	if err != nil {
		return nil, err
	}
	id, err := l.identify(meta, epoch)
	if err != nil {
		return nil, err
	}
	l.identity.Store(id)
	l.learnClosed(meta)
	if cfg.Keys != nil {
		return l, l.unlock(meta)
	}
	return l, nil
}

// migrate brings the schema up to date, or only checks it when the database is
// open for reading.
func migrate(ctx context.Context, cfg Config) error {
	err := cfg.DB.Migrate(ctx, Migrations())
	if tooNew, ok := errors.AsType[*db.TooNewError](err); ok {
		return &Error{Code: NewerSchema, Message: "this ledger was written by a newer version of counterfoil", Hint: "upgrade this binary", Cause: tooNew}
	}
	return storage("migrate", err)
}

func (l *Ledger) meta(ctx context.Context) (map[string][]byte, error) {
	var meta map[string][]byte
	err := l.cfg.DB.Read(ctx, func(ctx context.Context, tx *db.Tx) (err error) {
		meta, err = readMeta(ctx, tx)
		return err
	})
	return meta, storage("read meta", err)
}

func readMeta(ctx context.Context, tx *db.Tx) (map[string][]byte, error) {
	rows, err := tx.Query(ctx, `SELECT name, value FROM meta`)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	meta := map[string][]byte{}
	for rows.Next() {
		var name string
		var value []byte
		if err := rows.Scan(&name, &value); err != nil {
			return nil, err
		}
		meta[name] = value
	}
	return meta, rows.Err()
}

func (l *Ledger) readEpoch(ctx context.Context) (epoch int64, err error) {
	err = l.cfg.DB.Read(ctx, func(ctx context.Context, tx *db.Tx) error {
		return tx.QueryRow(ctx, `SELECT epoch FROM head WHERE one = 1`).Scan(&epoch)
	})
	l.subjects.forget(epoch)
	return epoch, storage("read head", err)
}

func (l *Ledger) unlock(meta map[string][]byte) (err error) {
	hint := "the key file belongs to another ledger, or the wrong one was restored"
	if l.contentKey, err = l.cfg.Keys.Unwrap("content_key "+l.origin, meta["content_key"]); err != nil {
		return &Error{Code: Invalid, Message: "open content key", Hint: hint, Cause: err}
	}
	m := hmac.New(sha256.New, l.contentKey)
	m.Write([]byte("counterfoil/texts/v1"))
	l.texts, err = keyring.New(m.Sum(nil))
	return err
}

// Origin is the log's origin line.
func (l *Ledger) Origin() string { return l.origin }

// VerifierKey is the log's public key as a note verifier key.
func (l *Ledger) VerifierKey() string { return l.identity.Load().vkey }

// Rules is the public/private table in force.
func (l *Ledger) Rules() *record.Rules { return l.cfg.Rules }

// Running is closed when Run has begun to take records.
func (l *Ledger) Running() <-chan struct{} { return l.running }

// Queued is how many records wait for a commit.
func (l *Ledger) Queued() int { return l.queue.len() }

// contentMAC identifies the content of a record without revealing it: the
// first half of HMAC-SHA256 under a key of this ledger.
func (l *Ledger) contentMAC(canonical []byte) []byte {
	m := hmac.New(sha256.New, l.contentKey)
	m.Write(canonical)
	return m.Sum(nil)[:16]
}
