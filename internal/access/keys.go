// SPDX-License-Identifier: Apache-2.0

package access

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/counterfoil/counterfoil/internal/db"
)

// KeyPattern is a regular expression that every API key fits, and hardly
// anything else: for secret scanners. The last seven characters are a CRC-32.
const KeyPattern = `cfk_[a-z2-7]{13}_[a-z2-7]{59}`

const (
	keyPrefix   = "cfk_"
	idLength    = 13 // 8 bytes
	keyLength   = len(keyPrefix) + idLength + 1 + 52 + sumLength
	sumLength   = 7
	longestLife = 366 * 24 * time.Hour
)

// KeySpec asks for an API key.
type KeySpec struct {
	Name    string    // of the actor: key:NAME
	Grants  []Grant   // at least one
	Expires time.Time // at most a year from now
}

// APIKey describes an API key, without its secret.
type APIKey struct {
	ID      string    `json:"id"`
	Name    string    `json:"name"`
	Actor   string    `json:"actor"`
	Grants  []Grant   `json:"grants"`
	By      string    `json:"by"`
	Made    time.Time `json:"made"`
	Expires time.Time `json:"expires"`
	Revoked time.Time `json:"revoked,omitzero"`
	Used    time.Time `json:"used,omitzero"` // the last time, to about a minute

	serial int64
	hash   [sha256.Size]byte
}

// keyEntry is a key as requests need it.
type keyEntry struct {
	APIKey
	actor *Actor // nil: its roles exclude each other
	use   *use
}

// use is when a key was last used, in Unix milliseconds.
type use struct{ last, written atomic.Int64 }

func newEntry(k APIKey, given []Grant) *keyEntry {
	e := &keyEntry{APIKey: k, use: &use{}}
	e.use.last.Store(milli(k.Used))
	e.use.written.Store(milli(k.Used))
	e.actor, _ = join(k.Actor, Key, k.Grants, given)
	return e
}

func milli(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMilli()
}

// touched is a use that is not written yet.
type touched struct {
	at  int64
	use *use
}

// used are the uses to be written, by the key's id.
func (v *view) used() map[string]touched {
	out := map[string]touched{}
	for _, e := range v.keys {
		if at := e.use.last.Load(); at > e.use.written.Load() {
			out[e.ID] = touched{at, e.use}
		}
	}
	return out
}

// touch remembers the use, to be written by Keep: one store a minute.
func (u *use) touch(now time.Time) {
	if ms := now.UnixMilli(); ms-u.last.Load() >= time.Minute.Milliseconds() {
		u.last.Store(ms)
	}
}

// checksum is a CRC-32 as text: it tells a mistyped key from a wrong one, and a
// key from text that looks like one. It protects nothing.
func checksum(text string) string {
	return encoding.EncodeToString(binary.BigEndian.AppendUint32(nil, crc32.ChecksumIEEE([]byte(text))))
}

// wellFormed says whether text is a key as it was handed out, known or not.
func wellFormed(text string) bool {
	return len(text) == keyLength && strings.HasPrefix(text, keyPrefix) && text[len(keyPrefix)+idLength] == '_' &&
		checksum(text[:keyLength-sumLength]) == text[keyLength-sumLength:]
}

// CreateKey makes an API key and returns its text, cfk_ID_SECRET, which is shown
// this once: the database keeps its SHA-256. A fast hash without salt suffices
// since the secret is 256 random bits: there is nothing to guess or to look up
// (NIST SP 800-63B §5.1.2.2, OWASP ASVS 4.0.3 §2.6.2: from 112 bits on). by must
// manage access to all that the key is granted ([Forbidden]). A name that is
// taken, by a revoked key too: [Conflict]. No grant, or no expiry within a year:
// [Invalid].
func (b *Book) CreateKey(ctx context.Context, by Actor, spec KeySpec) (string, APIKey, error) {
	now := b.cfg.Now()
	err := errors.Join(checkRule("key", spec.Name, spec.Grants), checkLife(now, spec.Expires))
	if len(spec.Grants) == 0 {
		err = errors.Join(err, errors.New("a key needs a grant"))
	}
	if err != nil {
		return "", APIKey{}, &Error{Code: Invalid, Message: "create key", Cause: err}
	}
	role, err := b.may(ctx, by, "key.create", "key:"+spec.Name, spec.Grants)
	if err != nil {
		return "", APIKey{}, err
	}
	if err := b.record(ctx, Event{Act: "key.create", Actor: by.ID, Role: role, Result: "allowed", Target: "key:" + spec.Name}); err != nil {
		return "", APIKey{}, err
	}
	secret, k := mint(by, spec, now)
	err = b.change(ctx, "create key", func(ctx context.Context, tx *db.Tx) error {
		given, err := readGiven(ctx, tx, givenOf, k.Actor)
		if err != nil {
			return err
		}
		held := slices.Clone(k.Grants)
		for _, g := range given {
			held = append(held, g.Grant)
		}
		if a, b, bad := exclusive(held); bad {
			return fault(Conflict, "see the grants of "+k.Actor, "%s and %s exclude each other", a, b)
		}
		return insertKey(ctx, tx, k)
	})
	if db.IsUnique(err) {
		err = fault(Conflict, "rotate that key, or choose another name", "there is, or was, a key named %s", spec.Name)
	}
	if err != nil {
		return "", APIKey{}, err
	}
	return secret, k, nil
}

func checkLife(now, expires time.Time) error {
	if !expires.After(now) || expires.Sub(now) > longestLife {
		return errors.New("a key expires in the future, within a year")
	}
	return nil
}

// mint makes a key and its text.
func mint(by Actor, spec KeySpec, now time.Time) (string, APIKey) {
	id := random(8)
	text := keyPrefix + id + "_" + random(32)
	text += checksum(text)
	return text, APIKey{ID: id, Name: spec.Name, Actor: "key:" + spec.Name, Grants: slices.Clone(spec.Grants), By: by.ID,
		Made: now.UTC(), Expires: spec.Expires.UTC(), serial: 1, hash: sha256.Sum256([]byte(text))}
}

func insertKey(ctx context.Context, tx *db.Tx, k APIKey) error {
	grants, err := encodeGrants(k.Grants)
	if err != nil {
		return err
	}
	_, err = tx.Exec(ctx, `INSERT INTO api_key (id, name, serial, hash, grants, made_by, made, expires) VALUES (?, ?, ?, ?, ?, ?, ?, ?)`,
		k.ID, k.Name, k.serial, k.hash[:], grants, k.By, milli(k.Made), milli(k.Expires))
	return err
}

// Keys lists all keys, those that have expired or were revoked too, by name. The
// caller sees to it that who asks may know.
func (b *Book) Keys(ctx context.Context) (out []APIKey, err error) {
	err = b.cfg.DB.Read(ctx, func(ctx context.Context, tx *db.Tx) error {
		out, err = readKeys(ctx, tx, "")
		return err
	})
	return out, storage("list keys", err)
}

// RevokeKey ends a key, at once on this node, within five seconds on others. by
// must manage access to all that it grants ([Forbidden]). No such key, or one
// that was revoked: [NotFound].
func (b *Book) RevokeKey(ctx context.Context, by Actor, id string) error {
	k, err := b.manage(ctx, by, "key.revoke", id)
	if err != nil {
		return err
	}
	return b.change(ctx, "revoke key", func(ctx context.Context, tx *db.Tx) error {
		return endKey(ctx, tx, `UPDATE api_key SET revoked = ? WHERE id = ? AND revoked = 0`, b.cfg.Now().UnixMilli(), k.ID)
	})
}

// RotateKey makes a successor of a key, with the same name and grants, and lets
// the old one live for the overlap at most: 0 ends it at once. Errors are those of
// [Book.CreateKey] and [Book.RevokeKey].
func (b *Book) RotateKey(ctx context.Context, by Actor, id string, expires time.Time, overlap time.Duration) (string, APIKey, error) {
	now := b.cfg.Now()
	if err := checkLife(now, expires); err != nil || overlap < 0 {
		return "", APIKey{}, &Error{Code: Invalid, Message: "rotate key", Cause: err}
	}
	old, err := b.manage(ctx, by, "key.rotate", id)
	if err != nil {
		return "", APIKey{}, err
	}
	secret, k := mint(by, KeySpec{Name: old.Name, Grants: old.Grants, Expires: expires}, now)
	err = b.change(ctx, "rotate key", func(ctx context.Context, tx *db.Tx) error {
		if err := tx.QueryRow(ctx, `SELECT MAX(serial) + 1 FROM api_key WHERE name = ?`, k.Name).Scan(&k.serial); err != nil {
			return err
		}
		end := min(milli(old.Expires), now.Add(overlap).UnixMilli())
		if err := endKey(ctx, tx, `UPDATE api_key SET expires = ? WHERE id = ? AND revoked = 0`, end, old.ID); err != nil {
			return err
		}
		return insertKey(ctx, tx, k)
	})
	if err != nil {
		return "", APIKey{}, err
	}
	return secret, k, nil
}

func endKey(ctx context.Context, tx *db.Tx, query string, at int64, id string) error {
	res, err := tx.Exec(ctx, query, at, id)
	if err != nil {
		return err
	}
	if n, err := res.RowsAffected(); err != nil || n == 0 {
		return errors.Join(err, fault(NotFound, "see the list of keys", "there is no such key in force"))
	}
	return nil
}

// manage finds a key that is not revoked, for who may manage it, and records
// what is about to be done to it.
func (b *Book) manage(ctx context.Context, by Actor, act, id string) (k APIKey, err error) {
	var found []APIKey
	err = b.cfg.DB.Read(ctx, func(ctx context.Context, tx *db.Tx) error {
		found, err = readKeys(ctx, tx, id)
		return err
	})
	if err != nil {
		return k, storage("find key", err)
	}
	if id == "" || len(found) == 0 || !found[0].Revoked.IsZero() {
		return k, fault(NotFound, "see the list of keys", "there is no such key in force")
	}
	k = found[0]
	role, err := b.may(ctx, by, act, k.Actor, k.Grants)
	if err != nil {
		return k, err
	}
	return k, b.record(ctx, Event{Act: act, Actor: by.ID, Role: role, Result: "allowed", Target: k.Actor, Reason: "key " + k.ID})
}

func readKeys(ctx context.Context, tx *db.Tx, id string) ([]APIKey, error) {
	rows, err := tx.Query(ctx, `SELECT id, name, serial, hash, grants, made_by, made, expires, revoked, used FROM api_key
		WHERE id = ? OR ? = '' ORDER BY name, serial`, id, id)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var out []APIKey
	for rows.Next() {
		var k APIKey
		var hash []byte
		var grants string
		var made, expires, revoked, used int64
		if err := rows.Scan(&k.ID, &k.Name, &k.serial, &hash, &grants, &k.By, &made, &expires, &revoked, &used); err != nil {
			return nil, err
		}
		if k.Grants, err = decodeGrants(grants); err != nil {
			return nil, err
		}
		copy(k.hash[:], hash)
		k.Actor = "key:" + k.Name
		k.Made, k.Expires, k.Revoked, k.Used = fromMilli(made), fromMilli(expires), fromMilli(revoked), fromMilli(used)
		out = append(out, k)
	}
	return out, rows.Err()
}
