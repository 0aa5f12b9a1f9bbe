// SPDX-License-Identifier: Apache-2.0

package ledger

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"

	"golang.org/x/mod/sumdb/note"

	"github.com/counterfoil/counterfoil/internal/db"
	"github.com/counterfoil/counterfoil/internal/keyring"
	"github.com/counterfoil/counterfoil/record"
)

// identity is what the log signs with. It never changes; a rotation makes
// another one.
type identity struct {
	epoch   int64
	vkey    string        // the newest log key
	vkeys   []string      // every log key that there was, oldest first
	signers []note.Signer // the newest, and during a rotation the one before; nil without keys
}

// Acts of registry records about the keys of the log.
const (
	ActLogKey    = "log-key"        // version is the new verifier key, parent the one before
	ActRetireKey = "log-key-retire" // version is the verifier key that signs no more
)

func logKeys(meta map[string][]byte) []string {
	if all := meta["vkeys"]; len(all) > 0 {
		return strings.Split(string(all), "\n")
	}
	return []string{string(meta["vkey"])}
}

// identify reads what the log signs with.
func (l *Ledger) identify(meta map[string][]byte, epoch int64) (*identity, error) {
	id := &identity{epoch: epoch, vkey: string(meta["vkey"]), vkeys: logKeys(meta)}
	if l.cfg.Keys == nil {
		return id, nil
	}
	for _, name := range []string{"signing_key", "signing_key_old"} {
		if meta[name] == nil {
			continue
		}
		skey, err := l.cfg.Keys.Unwrap("signing_key "+l.origin, meta[name])
		if err != nil {
			return nil, &Error{Code: Invalid, Message: "open signing key", Hint: "the key file belongs to another ledger, or the wrong one was restored", Cause: err}
		}
		signer, err := note.NewSigner(string(skey))
		if err != nil {
			return nil, fmt.Errorf("read signing key: %w", err)
		}
		id.signers = append(id.signers, signer)
	}
	return id, nil
}

// reidentify reads, within a commit, what the log signs with since the epoch has
// changed: another node may have rotated its key.
func (l *Ledger) reidentify(ctx context.Context, tx *db.Tx, epoch int64) (*identity, error) {
	id := l.identity.Load()
	if id.epoch == epoch {
		return id, nil
	}
	if err := l.cfg.Keys.Reload(ctx); err != nil && !errors.Is(err, keyring.ErrNoFile) {
		return nil, fmt.Errorf("read master key: %w", err)
	}
	meta, err := readMeta(ctx, tx)
	if err != nil {
		return nil, fmt.Errorf("read meta: %w", err)
	}
	if id, err = l.identify(meta, epoch); err != nil {
		return nil, err
	}
	l.identity.Store(id)
	return id, nil
}

// currentIdentity is what the log signs with now, whoever changed it.
func (l *Ledger) currentIdentity(ctx context.Context) (id *identity, err error) {
	err = l.cfg.DB.Read(ctx, func(ctx context.Context, tx *db.Tx) error {
		var epoch int64
		if err := tx.QueryRow(ctx, `SELECT epoch FROM head WHERE one = 1`).Scan(&epoch); err != nil {
			return err
		}
		id, err = l.reidentify(ctx, tx, epoch)
		return err
	})
	return id, storage("read keys of the log", err)
}

// RotateKey gives the log a new signing key. The old key announces it: a
// registry record, under a checkpoint that the old key signs. From then on both
// sign, until [Ledger.RetireKey], so that who knows only the old one has time to
// learn of the new. by is the pseudonymous actor. It returns the new verifier key.
func (l *Ledger) RotateKey(ctx context.Context, by string) (string, error) {
	old, err := l.currentIdentity(ctx)
	if err != nil {
		return "", err
	}
	if len(old.signers) > 1 {
		return "", fault(Conflict, "counterfoil key retire ends the rotation before", "the log signs with two keys already")
	}
	skey, vkey, err := note.GenerateKey(rand.Reader, l.origin)
	if err != nil {
		return "", fmt.Errorf("make signing key: %w", err)
	}
	sum := sha256.Sum256([]byte(vkey))
	members := map[string]any{"registry": map[string]any{"act": ActLogKey, "kind": "log_key", "name": "log", "version": vkey, "parent": old.vkey,
		"digest": "sha256:" + hex.EncodeToString(sum[:]), "actor": by}}
	err = l.changeKeys(ctx, by, members, old, map[string][]byte{
		"signing_key":     l.cfg.Keys.Wrap("signing_key "+l.origin, []byte(skey)),
		"vkey":            []byte(vkey),
		"vkeys":           []byte(strings.Join(append(old.vkeys, vkey), "\n")),
		"signing_key_old": nil, // filled from signing_key
	})
	return vkey, err
}

// RetireKey ends a rotation: the old key signs no more, and is destroyed. It
// returns the verifier key that was retired.
func (l *Ledger) RetireKey(ctx context.Context, by string) (string, error) {
	id, err := l.currentIdentity(ctx)
	if err != nil {
		return "", err
	}
	if len(id.signers) < 2 {
		return "", fault(Conflict, "counterfoil key rotate begins a rotation", "the log signs with one key")
	}
	old := id.vkeys[len(id.vkeys)-2]
	members := map[string]any{"registry": map[string]any{"act": ActRetireKey, "kind": "log_key", "name": "log", "version": old, "actor": by}}
	return old, l.changeKeys(ctx, by, members, id, nil)
}

// changeKeys appends the record of a change of keys and changes them with it.
// Without new values the old signing key is taken away.
func (l *Ledger) changeKeys(ctx context.Context, by string, members map[string]any, was *identity, values map[string][]byte) error {
	r, err := NewRecord(l.cfg.Rules, record.Registry, l.cfg.Now(), members)
	if err != nil {
		return fmt.Errorf("make registry record: %w", err)
	}
	_, err = l.Append(ctx, Batch{Records: []*record.Record{r}, Principal: by, Capture: "manual", Custody: true, Also: func(ctx context.Context, tx *db.Tx, _ []int64) error {
		meta, err := readMeta(ctx, tx)
		if err != nil {
			return err
		}
		if string(meta["vkey"]) != was.vkey || meta["signing_key_old"] != nil != (len(was.signers) > 1) {
			return fault(Conflict, "look at it again and repeat", "the keys of the log were changed meanwhile")
		}
		if values == nil {
			if _, err := tx.Exec(ctx, `DELETE FROM meta WHERE name = 'signing_key_old'`); err != nil {
				return err
			}
		}
		for name, v := range values {
			if name == "signing_key_old" {
				v = meta["signing_key"]
			}
			if _, err := tx.Exec(ctx, `INSERT INTO meta (name, value) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value`, name, v); err != nil {
				return err
			}
		}
		return raiseEpoch(ctx, tx)
	}})
	if e, ok := errors.AsType[*RecordError](err); ok {
		err = e.Err
	}
	if err == nil {
		err = l.Purge(ctx)
	}
	return err
}

// VerifierKeys are the log's public keys, oldest first: receipts of before a
// rotation are signed by the older ones.
func (l *Ledger) VerifierKeys() []string { return l.identity.Load().vkeys }
