// SPDX-License-Identifier: Apache-2.0

package witness

import (
	"context"
	"errors"
	"fmt"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/counterfoil/counterfoil/internal/db"
	"github.com/counterfoil/counterfoil/proof"
)

// maxSize bounds the size of a log that is witnessed: beyond 1<<62 the proof
// functions of golang.org/x/mod do not end, and no log gets as far as this.
const maxSize = 1 << 56

// What Add may answer. The specification gives each its HTTP status; any other
// error is that the state can not be kept.
var (
	ErrMalformed  = errors.New("malformed request")
	ErrUnknownLog = errors.New("unknown log")
	ErrSignature  = errors.New("no good signature of the log")
	ErrProof      = errors.New("the checkpoint was not shown to extend what was cosigned")
)

// ConflictError says which size the witness knows.
type ConflictError struct {
	Known int64
	// Fork is that the log signed another root for this size.
	Fork bool
}

func (e *ConflictError) Error() string {
	if e.Fork {
		return fmt.Sprintf("the log signed another root for size %d before", e.Known)
	}
	return fmt.Sprintf("the witness knows size %d", e.Known)
}

// offer is a request that is well formed and signed by the log.
type offer struct {
	Request
	cp   proof.Checkpoint
	text string // what the log signed
}

// Add judges the body of one add-checkpoint request and returns the cosignature
// line. The state is durable then.
func (w *Witness) Add(ctx context.Context, body []byte) ([]byte, error) {
	o, err := w.open(body)
	if err != nil {
		return nil, err
	}
	var line []byte
	var refusal error
	var kept *Fork
	err = w.cfg.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		known, err := state(ctx, tx, o.cp.Origin, tx.ForUpdate())
		if err != nil {
			return err
		}
		var f *Fork
		if refusal, f = judge(o, known); refusal != nil {
			kept, err = w.keep(ctx, tx, o, f)
			return err
		}
		if line, err = w.cosign(o.text); err != nil {
			return err
		}
		return w.move(ctx, tx, o, known)
	})
	if err != nil {
		return nil, fmt.Errorf("keep state of %s: %w", o.cp.Origin, err)
	}
	w.report(o, kept)
	if refusal != nil {
		return nil, refusal
	}
	w.metrics.size.WithLabelValues(o.cp.Origin).Set(float64(o.cp.Size))
	return line, nil
}

// open checks all of a request that needs no state.
func (w *Witness) open(body []byte) (offer, error) {
	r, err := ParseRequest(body)
	if err != nil {
		return offer{}, fmt.Errorf("%w: %w", ErrMalformed, err)
	}
	cp, err := proof.ParseCheckpoint(r.Note)
	if err != nil {
		return offer{}, fmt.Errorf("%w: %w", ErrMalformed, err)
	}
	keys, ok := w.logs[cp.Origin]
	if !ok {
		return offer{}, fmt.Errorf("%w %.100q", ErrUnknownLog, cp.Origin)
	}
	n, err := note.Open(r.Note, note.VerifierList(keys...))
	if err != nil {
		_, unsigned := errors.AsType[*note.UnverifiedNoteError](err)
		_, forged := errors.AsType[*note.InvalidSignatureError](err)
		if unsigned || forged {
			return offer{}, fmt.Errorf("%w: %w", ErrSignature, err)
		}
		return offer{}, fmt.Errorf("%w: %w", ErrMalformed, err)
	}
	if cp.Size > maxSize {
		return offer{}, fmt.Errorf("%w: size %d is beyond all logs", ErrMalformed, cp.Size)
	}
	if r.Old > cp.Size {
		return offer{}, fmt.Errorf("%w: old size %d is larger than the checkpoint's %d", ErrMalformed, r.Old, cp.Size)
	}
	return offer{r, cp, n.Text}, nil
}

// judge says why a checkpoint is not cosigned, if so, and whether it is
// evidence of a fork.
func judge(o offer, known latest) (refusal error, f *Fork) {
	if known.size == o.cp.Size && known.size > 0 && known.root != o.cp.Root {
		return &ConflictError{Known: known.size, Fork: true}, &Fork{Proven: true, Known: known.note}
	}
	switch {
	case known.size != o.Old:
		return &ConflictError{Known: known.size}, nil
	case known.size == 0 || known.size == o.cp.Size:
		if len(o.Proof) > 0 {
			return fmt.Errorf("%w: from size %d to %d the proof is empty", ErrProof, known.size, o.cp.Size), nil
		}
		if empty, err := tlog.TreeHash(0, nil); o.cp.Size == 0 && (err != nil || o.cp.Root != empty) {
			return fmt.Errorf("%w: the root of the empty log is another", ErrProof), nil
		}
		return nil, nil
	}
	if err := tlog.CheckTree(o.Proof, o.cp.Size, o.cp.Root, known.size, known.root); err != nil {
		return fmt.Errorf("%w: %w", ErrProof, err), &Fork{Proven: contradicts(o, known), Known: known.note}
	}
	return nil, nil
}

// cosign returns the signature line over a checkpoint's text.
func (w *Witness) cosign(text string) ([]byte, error) {
	signed, err := note.Sign(&note.Note{Text: text}, w.cfg.Signer)
	if err != nil {
		return nil, fmt.Errorf("cosign: %w", err)
	}
	return signed[len(text)+1:], nil
}

// move takes the log's row from the size that was judged to the new one. The
// row is locked; the condition makes the compare-and-swap visible, and holds
// even where it were not.
func (w *Witness) move(ctx context.Context, tx *db.Tx, o offer, known latest) error {
	if o.cp.Size == known.size {
		return nil
	}
	res, err := tx.Exec(ctx, `UPDATE witnessed SET size = ?, root = ?, note = ?, time = ? WHERE origin = ? AND size = ?`,
		o.cp.Size, o.cp.Root[:], o.Note, w.cfg.Now().UnixNano(), o.cp.Origin, known.size)
	if err != nil {
		return err
	}
	if n, err := res.RowsAffected(); err != nil || n != 1 {
		return errors.Join(err, fmt.Errorf("the state of %s moved meanwhile", o.cp.Origin))
	}
	return nil
}
