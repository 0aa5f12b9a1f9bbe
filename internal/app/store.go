// SPDX-License-Identifier: Apache-2.0

// Package app puts the rooms together: it finds and opens ledgers in a data
// folder or a PostgreSQL database, reads the configuration, and starts and
// stops the server.
//
//	Store  ─ names, creates, opens ledgers; holds the writer lock
//	Config ─ DIR/counterfoil.yaml and flags
//	App    ─ New (wires, listens) → Run (serves until ctx ends) → drained
//
// # Invariants
//
//   - Opening never creates. A typo in a folder or a name is an error.
//   - One process writes an embedded ledger; the lock file names it. Readers
//     need no lock.
//   - What was started is stopped in the reverse order, each step by name and
//     within its time, and a clean stop is no error.
//   - Without access control the server listens on loopback, unless it was told
//     otherwise in so many words.
package app

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/gofrs/flock"

	"github.com/counterfoil/counterfoil/internal/custody"
	"github.com/counterfoil/counterfoil/internal/db"
	"github.com/counterfoil/counterfoil/internal/keyring"
	"github.com/counterfoil/counterfoil/internal/ledger"
)

// Store is where ledgers are kept: a data folder, or a PostgreSQL database with
// a folder for the keys.
type Store struct {
	// Data is the data folder of embedded ledgers.
	Data string
	// Database is a PostgreSQL URL; it excludes ledgers in Data.
	Database string
	// Keys is the folder of master keys. Default: Data/keys.
	Keys string
	// KMS opens master keys that a key management service wraps. Default: none
	// is configured, and such key files are refused.
	KMS keyring.Opener
	// MasterKey is the text of the master key, instead of a file: for one that
	// comes from the environment. It can not be rotated here. Default: the file.
	MasterKey Secret
	// Hook is the databases' fault seam, for tests. Default: none.
	Hook func(db.Op) error
}

// Secret is a text that prints as [redacted].
type Secret string

// String hides the secret.
func (Secret) String() string { return "[redacted]" }

// GoString hides the secret.
func (Secret) GoString() string { return "[redacted]" }

const schemaPrefix = "counterfoil_"

var ledgerName = regexp.MustCompile(`^[a-z][a-z0-9_]{0,39}$`)

// fault is an error of this package for a person.
func fault(code ledger.Code, hint, format string, args ...any) error {
	return &ledger.Error{Code: code, Message: fmt.Sprintf(format, args...), Hint: hint}
}

func (s Store) check() error {
	switch {
	case s.Data == "" && s.Database == "":
		return fault(ledger.Invalid, "name a data folder with --data DIR, or a database with --database postgres://…", "no place for ledgers is named")
	case s.Data != "" && s.Database != "":
		return fault(ledger.Invalid, "use --keys DIR for the keys of a database", "--data and --database exclude each other")
	case s.Database != "" && s.Keys == "":
		return fault(ledger.Invalid, "name a folder with --keys DIR or COUNTERFOIL_KEYS; it must not be in the database", "the master keys need a place")
	}
	return nil
}

// KeyFile is where the master key of a ledger is kept.
func (s Store) KeyFile(name string) string {
	dir := s.Keys
	if dir == "" {
		dir = filepath.Join(s.Data, "keys")
	}
	return filepath.Join(dir, name+".key")
}

func (s Store) dbConfig(name string, readOnly bool) db.Config {
	if s.Database != "" {
		return db.Config{URL: s.Database, Schema: schemaPrefix + name, ReadOnly: readOnly, Hook: s.Hook}
	}
	return db.Config{URL: "sqlite:" + s.file(name), ReadOnly: readOnly, Hook: s.Hook}
}

func (s Store) file(name string) string { return filepath.Join(s.Data, "ledgers", name+".db") }

// VerifierDir is where a verifier on this machine remembers what it saw.
func (s Store) VerifierDir() string {
	if s.Data != "" {
		return filepath.Join(s.Data, "verifier")
	}
	return filepath.Join(s.Keys, "verifier")
}

// Create makes a new ledger: master key, database, tables, signing key. origin
// names its log for ever, and no two logs may share one; empty means
// counterfoil.local/NAME, which is good enough for one machine only.
//
// kmsURL names the KMS key that wraps the master key; empty: none does.
func (s Store) Create(ctx context.Context, name, origin, kmsURL string) error {
	if err := s.check(); err != nil {
		return err
	}
	if !ledgerName.MatchString(name) {
		return fault(ledger.Invalid, "use lower-case letters, digits and _, beginning with a letter", "%q is not a ledger name", name)
	}
	if origin == "" {
		origin = "counterfoil.local/" + name
	}
	names, err := s.Names(ctx)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if slices.Contains(names, name) {
		return fault(ledger.Conflict, "choose another name with --ledger, or use the one that is there", "there is a ledger %q already", name)
	}
	keys, err := s.createKeys(ctx, name, kmsURL)
	if errors.Is(err, fs.ErrExist) {
		return fault(ledger.Conflict, "a key without its ledger: restore the ledger, or move the key away", "%s is there already", s.KeyFile(name))
	}
	if err != nil {
		return err
	}
	if err := s.make(ctx, name, origin, keys); err != nil {
		if s.MasterKey != "" {
			return err
		}
		return errors.Join(err, os.Remove(s.KeyFile(name))) // nothing was sealed under it
	}
	return s.writePolicy()
}

// keyOptions bind a wrapped master key to the ledger's name; shards of a ledger
// share its key.
func (s Store) keyOptions(name string) keyring.Options {
	base, _, _ := strings.Cut(name, ".")
	return keyring.Options{Ledger: base, KMS: s.KMS}
}

func (s Store) createKeys(ctx context.Context, name, kmsURL string) (*keyring.Keyring, error) {
	switch {
	case s.MasterKey != "":
		return keyring.ParseWith(ctx, string(s.MasterKey), s.keyOptions(name))
	case kmsURL != "":
		return keyring.CreateWrapped(ctx, s.KeyFile(name), kmsURL, s.keyOptions(name))
	}
	return keyring.Create(s.KeyFile(name))
}

func (s Store) openKeys(ctx context.Context, name string) (*keyring.Keyring, error) {
	if s.MasterKey != "" {
		return keyring.ParseWith(ctx, string(s.MasterKey), s.keyOptions(name))
	}
	return keyring.OpenWith(ctx, s.KeyFile(name), s.keyOptions(name))
}

// make makes the database of a new ledger. What it can not finish it takes away
// again: half a ledger could neither be opened nor made once more.
func (s Store) make(ctx context.Context, name, origin string, keys *keyring.Keyring) error {
	d, err := db.Create(ctx, s.dbConfig(name, false))
	if err == nil {
		if err = ledger.Create(ctx, ledger.Config{DB: d, Keys: keys}, origin); err != nil && s.Database != "" {
			err = errors.Join(err, d.Write(context.WithoutCancel(ctx), func(ctx context.Context, tx *db.Tx) error {
				_, err := tx.Exec(ctx, `DROP SCHEMA `+schemaPrefix+name+` CASCADE`)
				return err
			}))
		}
		err = errors.Join(err, d.Close())
	}
	if err == nil {
		return nil
	}
	if s.Database == "" && !errors.Is(err, db.ErrExist) {
		for _, suffix := range []string{"", "-wal", "-shm"} {
			if rerr := os.Remove(s.file(name) + suffix); !errors.Is(rerr, fs.ErrNotExist) {
				err = errors.Join(err, rerr)
			}
		}
	}
	return fmt.Errorf("create ledger %s: %w", name, err)
}

// Names lists the ledgers, and their closed shards, sorted. A data folder that is
// not there wraps fs.ErrNotExist.
func (s Store) Names(ctx context.Context) ([]string, error) {
	names, err := s.allNames(ctx)
	return slices.DeleteFunc(names, func(n string) bool { return strings.HasSuffix(n, nextSuffix) }), err
}

// allNames is [Store.Names] with the shards that are being made.
func (s Store) allNames(ctx context.Context) ([]string, error) {
	if s.Database != "" {
		schemas, err := db.Schemas(ctx, s.Database, schemaPrefix)
		if err != nil {
			return nil, fmt.Errorf("list ledgers: %w", err)
		}
		for i := range schemas {
			schemas[i] = strings.TrimPrefix(schemas[i], schemaPrefix)
		}
		return schemas, nil
	}
	if _, err := os.Stat(s.Data); err != nil {
		return nil, fmt.Errorf("list ledgers: %w", err)
	}
	files, err := filepath.Glob(filepath.Join(s.Data, "ledgers", "*.db"))
	if err != nil {
		return nil, fmt.Errorf("list ledgers: %w", err)
	}
	names := make([]string, 0, len(files))
	for _, f := range files {
		names = append(names, strings.TrimSuffix(filepath.Base(f), ".db"))
	}
	slices.Sort(names)
	return names, nil
}

// Socket is where a server of this data folder answers its operator's commands;
// empty for a database, whose ledgers several processes may write.
func (s Store) Socket() string {
	if s.Data == "" {
		return ""
	}
	return filepath.Join(s.Data, "counterfoil.sock")
}

// PolicyFile is where the retention classes of the ledgers are. It may be missing.
func (s Store) PolicyFile() string {
	if s.Data != "" {
		return filepath.Join(s.Data, PolicyName)
	}
	return filepath.Join(s.Keys, PolicyName)
}

// PolicyName is the file of the retention classes in a data folder, or in the
// folder of the keys of a database.
const PolicyName = "retention.yaml"

// Policy reads the retention classes, or gives the default ones.
func (s Store) Policy() (*custody.Policy, error) {
	b, err := os.ReadFile(s.PolicyFile())
	if errors.Is(err, fs.ErrNotExist) {
		return custody.DefaultPolicy(), nil
	}
	if err != nil {
		return nil, fmt.Errorf("read retention classes: %w", err)
	}
	return custody.ParsePolicy(b)
}

// writePolicy puts the default retention classes where they can be reviewed.
func (s Store) writePolicy() error {
	f, err := os.OpenFile(s.PolicyFile(), os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if errors.Is(err, fs.ErrExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("write retention classes: %w", err)
	}
	_, err = f.Write(custody.DefaultPolicyText())
	return errors.Join(err, f.Close())
}

// Opened is an open ledger with what it stands on.
type Opened struct {
	Name   string
	Ledger *ledger.Ledger
	DB     *db.DB
	Keys   *keyring.Keyring
	Policy *custody.Policy
	lock   *flock.Flock

	previous []previous // closed shards, newest first, that are asked for ids
}

// Close closes the database and lets go of the writer lock.
func (o *Opened) Close() error {
	err := o.closeDB()
	if o.lock != nil {
		err = errors.Join(err, o.lock.Unlock())
	}
	return err
}

// closeDB is [Opened.Close], but keeps the lock.
func (o *Opened) closeDB() error {
	err := o.DB.Close()
	for _, p := range o.previous {
		err = errors.Join(err, p.db.Close())
	}
	o.previous = nil
	return err
}

// Open opens an existing ledger; a writer takes the lock of an embedded one.
// edit, if not nil, may change the ledger's configuration first.
func (s Store) Open(ctx context.Context, name string, write bool, edit func(*ledger.Config)) (o *Opened, err error) {
	if err := s.check(); err != nil {
		return nil, err
	}
	if err := s.exists(ctx, name); err != nil {
		return nil, err
	}
	if !write || s.Database != "" {
		return s.open(ctx, name, write, edit)
	}
	lock, err := s.lock(name)
	if err != nil {
		return nil, err
	}
	if o, err = s.open(ctx, name, write, edit); err != nil {
		return nil, errors.Join(err, lock.Unlock())
	}
	o.lock = lock
	return o, nil
}

// open is [Store.Open] for who has the lock.
func (s Store) open(ctx context.Context, name string, write bool, edit func(*ledger.Config)) (o *Opened, err error) {
	o = &Opened{Name: name}
	if o.Keys, err = s.openKeys(ctx, name); err != nil {
		switch {
		case errors.Is(err, keyring.ErrExposed):
			return nil, &ledger.Error{Code: ledger.Invalid, Message: "the master key is exposed", Hint: "chmod 600 " + s.KeyFile(name), Cause: err}
		case write, !errors.Is(err, fs.ErrNotExist):
			return nil, &ledger.Error{Code: ledger.Invalid, Message: "the master key can not be read", Hint: "restore it, or name its folder with --keys", Cause: err}
		}
		o.Keys = nil // public reading goes without
	}
	if o.DB, err = db.Open(ctx, s.dbConfig(name, !write)); err != nil {
		return nil, fmt.Errorf("open ledger %s: %w", name, err)
	}
	if o.Policy, err = s.Policy(); err != nil {
		return nil, errors.Join(err, o.DB.Close())
	}
	cfg := ledger.Config{DB: o.DB, Keys: o.Keys, Classify: o.Policy.Classify}
	if write {
		if err = s.openPrevious(ctx, o); err != nil {
			return nil, errors.Join(err, o.closeDB())
		}
		for _, p := range o.previous {
			cfg.Previous = append(cfg.Previous, p.ledger)
		}
	}
	if edit != nil {
		edit(&cfg)
	}
	if o.Ledger, err = ledger.Open(ctx, cfg); err != nil {
		return nil, errors.Join(err, o.closeDB())
	}
	return o, nil
}

func (s Store) exists(ctx context.Context, name string) error {
	names, err := s.Names(ctx)
	if errors.Is(err, fs.ErrNotExist) {
		return fault(ledger.NotFound, "counterfoil init --data "+s.Data+" makes one", "there is no data folder %s", s.Data)
	}
	if err != nil {
		return err
	}
	if !slices.Contains(names, name) {
		if len(shardsOf(names, name)) > 0 {
			return fault(ledger.NotFound, "counterfoil shard roll --ledger "+name+" finishes what was stopped", "the ledger %q was being rolled; only closed shards of it are here", name)
		}
		if len(names) == 0 {
			return fault(ledger.NotFound, "counterfoil init makes one", "there is no ledger yet")
		}
		return fault(ledger.NotFound, "there are: "+strings.Join(names, ", "), "there is no ledger %q", name)
	}
	return nil
}

// Writer says whether a process holds the writer lock of an embedded ledger, and
// which. A ledger in PostgreSQL takes writers one after another and has none.
func (s Store) Writer(name string) (pid string, held bool, err error) {
	if s.Database != "" {
		return "", false, nil
	}
	path := s.lockFile(name)
	if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
		return "", false, nil
	}
	l := flock.New(path, flock.SetFlag(os.O_RDONLY))
	ok, err := l.TryRLock()
	if err != nil {
		return "", false, fmt.Errorf("look at lock of ledger %s: %w", name, err)
	}
	if ok {
		return "", false, l.Unlock()
	}
	b, err := os.ReadFile(path)
	return strings.TrimSpace(string(b)), true, err
}

func (s Store) lockFile(name string) string { return filepath.Join(s.Data, "ledgers", name+".lock") }

// lock takes the writer lock and writes our process id into it.
func (s Store) lock(name string) (*flock.Flock, error) {
	path := s.lockFile(name)
	l := flock.New(path)
	ok, err := l.TryLock()
	if err != nil {
		return nil, fmt.Errorf("lock ledger %s: %w", name, err)
	}
	if !ok {
		who := "another process"
		if b, err := os.ReadFile(path); err == nil && len(b) > 0 {
			who = "process " + strings.TrimSpace(string(b))
		}
		return nil, fault(ledger.Locked, "send to the running server with --server URL, or stop it", "ledger %q is being written by %s", name, who)
	}
	if err := os.WriteFile(path, []byte(strconv.Itoa(os.Getpid())+"\n"), 0o600); err != nil {
		return nil, errors.Join(fmt.Errorf("lock ledger %s: %w", name, err), l.Unlock())
	}
	return l, nil
}
