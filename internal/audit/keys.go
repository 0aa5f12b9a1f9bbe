// SPDX-License-Identifier: Apache-2.0

package audit

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"slices"

	"golang.org/x/mod/sumdb/note"

	"github.com/counterfoil/counterfoil/internal/db"
	"github.com/counterfoil/counterfoil/internal/leaf"
	"github.com/counterfoil/counterfoil/internal/ledger"
)

// logKey is one key of the log: it signs checkpoints of a size over from, and up
// to until (0: still).
type logKey struct {
	vkey        string
	verifier    note.Verifier
	from, until int64
}

// readLogKeys follows the log's keys from its first one through what the log
// says of them: each is announced under a checkpoint of the one before.
func (a *auditor) readLogKeys(ctx context.Context, tx *db.Tx, first string) error {
	keys := []logKey{{vkey: first, from: -1}}
	err := each(ctx, tx, `SELECT e.idx, e.statement FROM lookup l JOIN entry e ON e.idx = l.idx
		WHERE l.type = 'registry' AND l.kind IN (?, ?) ORDER BY l.idx`, []any{ledger.ActLogKey, ledger.ActRetireKey}, func(rows *sql.Rows) error {
		var index int64
		var stored []byte
		if err := rows.Scan(&index, &stored); err != nil {
			return err
		}
		var doc struct {
			Registry struct{ Act, Version, Parent string }
		}
		b, err := leaf.Unpack(stored)
		if err != nil || json.Unmarshal(b, &doc) != nil {
			return nil // the leaf itself is found malformed
		}
		newest := &keys[len(keys)-1]
		switch i := slices.IndexFunc(keys, func(k logKey) bool { return k.vkey == doc.Registry.Version }); {
		case doc.Registry.Act == ledger.ActLogKey && doc.Registry.Parent == newest.vkey && i < 0:
			keys = append(keys, logKey{vkey: doc.Registry.Version, from: index + 1})
		case doc.Registry.Act == ledger.ActRetireKey && i >= 0:
			keys[i].until = index + 1
		default:
			a.find(Finding{Code: Fork, Promise: 2, Index: index, Detail: "a key of the log is announced or retired that does not follow from those before"})
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("read log keys: %w", err)
	}
	for i := range keys {
		if keys[i].verifier, err = note.NewVerifier(keys[i].vkey); err != nil {
			a.find(Finding{Code: CheckpointInvalid, Promise: 2, Index: -1, Detail: fmt.Sprintf("the log key %q is not a verifier key", keys[i].vkey)})
			return nil
		}
	}
	a.snap.logKeys = keys
	if have := a.report.VerifierKey; have != keys[len(keys)-1].vkey {
		a.find(Finding{Code: Fork, Promise: 2, Index: -1, Detail: fmt.Sprintf("the log key is said to be %s; the log itself announces %s", have, keys[len(keys)-1].vkey)})
	}
	return nil
}

// keyFor is the key that must have signed the checkpoint of a size: the newest
// that was announced before it. Without one its verifier is nil.
func (a *auditor) keyFor(size int64) logKey {
	for _, k := range slices.Backward(a.snap.logKeys) {
		if size > k.from && (k.until == 0 || size <= k.until) {
			return k
		}
	}
	return logKey{}
}

// openCheckpoint checks the signature of a checkpoint of a size.
func (a *auditor) openCheckpoint(signed []byte, size int64) (*note.Note, error) {
	k := a.keyFor(size)
	if k.verifier == nil {
		return nil, fmt.Errorf("no key of the log is for size %d", size)
	}
	n, err := note.Open(signed, note.VerifierList(k.verifier))
	if err != nil {
		return nil, fmt.Errorf("not signed by %s: %w", k.vkey, err)
	}
	return n, nil
}
