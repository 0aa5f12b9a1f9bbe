// SPDX-License-Identifier: Apache-2.0

package ledger

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	sumdb "golang.org/x/mod/sumdb/tlog"

	"github.com/counterfoil/counterfoil/internal/db"
	"github.com/counterfoil/counterfoil/internal/tlog"
)

// Snapshot is the log at one of its sizes, as others have signed it.
type Snapshot struct {
	Size  int64
	Note  []byte // the checkpoint, with the cosignatures it has collected
	Token []byte // a time stamp over it, or nil
}

// Snapshot returns the log at a size. A size of 0 is the newest that witnesses or
// authorities have signed and that covers the index, or else the newest; for
// another there must be a checkpoint.
func (l *Ledger) Snapshot(ctx context.Context, size, index int64) (*Snapshot, error) {
	s := &Snapshot{Size: size}
	err := l.cfg.DB.Read(ctx, func(ctx context.Context, tx *db.Tx) (err error) {
		if s.Size == 0 {
			if s.Size, err = attestedSize(ctx, tx, index); err != nil {
				return err
			}
		}
		s.Note, s.Token, err = attested(ctx, tx, s.Size)
		if errors.Is(err, sql.ErrNoRows) {
			return fault(NotFound, "take the size of a checkpoint that was signed: GET …/checkpoint, or a pack that was made before", "the log was never signed at size %d", s.Size)
		}
		return err
	})
	if err != nil {
		return nil, storage("read checkpoint", err)
	}
	if index >= s.Size {
		return nil, fault(Conflict, "leave the size out", "the log of size %d does not have the leaf at index %d yet", s.Size, index)
	}
	return s, nil
}

// Path proves that the leaf at an index is in the log of a size.
func (l *Ledger) Path(ctx context.Context, index, size int64) (p sumdb.RecordProof, err error) {
	err = l.cfg.DB.Read(ctx, func(ctx context.Context, tx *db.Tx) error {
		p, err = tlog.Path(index, size, tilesOf(ctx, tx))
		return err
	})
	return p, storage("prove leaf", err)
}

// Sign signs a text with the newest key of the log, and names the key as
// [pack.Seal] wants it. The text must not be one that a checkpoint could be.
func (l *Ledger) Sign(ctx context.Context, text []byte) (key string, sig []byte, err error) {
	id, err := l.currentIdentity(ctx)
	if err != nil {
		return "", nil, err
	}
	if len(id.signers) == 0 {
		return "", nil, fault(Invalid, "name the folder of the key file with --keys", "signing needs the master key")
	}
	signer := id.signers[0]
	if sig, err = signer.Sign(text); err != nil {
		return "", nil, fmt.Errorf("sign: %w", err)
	}
	return fmt.Sprintf("%s+%08x", signer.Name(), signer.KeyHash()), sig, nil
}
