// SPDX-License-Identifier: Apache-2.0

package ledger

import (
	"bufio"
	"context"
	"fmt"
	"time"

	"github.com/counterfoil/counterfoil/internal/db"
	"github.com/counterfoil/counterfoil/record"
)

// Governor knows the register of AI systems, versions and controls. It is safe
// for concurrent use.
type Governor interface {
	// Judge returns who judges by the register as this node knows it.
	Judge() Judge
	// Refresh reads the register again: somebody has changed it.
	Refresh(ctx context.Context) error
}

// Judge judges decisions by one state of the register, which never changes. It
// is safe for concurrent use.
type Judge interface {
	// Register is how many leaves the log had when the register was as the
	// judge knows it. A commit refuses what was judged by another.
	Register() int64
	// Judge says what a decision was made under and what follows; nil: nothing.
	// It writes nothing and is fast: every decision waits for it. Its error
	// refuses the record, and is an [*Error] or a *record.Error.
	Judge(ctx context.Context, h Hearing) (*Judgement, error)
}

// Hearing is what a decision is judged by, beside the register.
type Hearing struct {
	Record   *record.Record
	Recorded time.Time
	// Before says that the decision is about to be made, and that somebody
	// waits for the verdict: see [Batch.Before].
	Before bool
}

// Judgement is what is found about one decision.
type Judgement struct {
	// Governed goes into the statement.
	Governed *record.Governed
	// Findings are records that are appended behind the decision, in its
	// commit, if it is new. They name nobody.
	Findings []*record.Record
	// Also, if not nil, is run in the transaction that appends the decision, if
	// it is new; its error refuses the commit. It must not use the ledger.
	Also func(ctx context.Context, tx *db.Tx, index int64) error
}

// GovernorPrincipal is the writer of the records that follow from a judgement.
const GovernorPrincipal = "counterfoil:guard"

// Govern sets who judges decisions. It is called before the first that is to be
// judged; without it nobody judges.
func (l *Ledger) Govern(g Governor) { l.governor.Store(&g) }

// judge is who judges a batch; nil: nobody.
func (l *Ledger) judge() Judge {
	if g := l.governor.Load(); g != nil {
		return (*g).Judge()
	}
	return nil
}

// SetRegister notes, in the transaction of the [Batch.Also] that changes the
// register, that the log has size leaves with the act that does. Decisions that
// were judged by the register of before are judged again.
func SetRegister(ctx context.Context, tx *db.Tx, size int64) error {
	if _, err := tx.Exec(ctx, `UPDATE head SET register = ? WHERE one = 1`, size); err != nil {
		return fmt.Errorf("note change of the register: %w", err)
	}
	return nil
}

// ReadRegister is the size that [SetRegister] noted last, 0 before the first.
func ReadRegister(ctx context.Context, tx *db.Tx) (size int64, err error) {
	err = tx.QueryRow(ctx, `SELECT register FROM head WHERE one = 1`).Scan(&size)
	return size, err
}

// govern judges a decision, and prepares the findings that follow.
func (l *Ledger) govern(ctx context.Context, it *item, judge Judge, r *record.Record, before bool, now time.Time, random *bufio.Reader) (*record.Governed, error) {
	if judge == nil || r.Type() != record.Decision {
		return nil, nil
	}
	j, err := judge.Judge(ctx, Hearing{Record: r, Recorded: now, Before: before})
	if err != nil || j == nil {
		return nil, err
	}
	it.also, it.governed = j.Also, j.Governed
	it.follow = make([]item, len(j.Findings))
	for i, f := range j.Findings {
		if err := l.prepareOne(ctx, &it.follow[i], Batch{Principal: GovernorPrincipal, Capture: "manual"}, f, now, nil, random); err != nil {
			return nil, fmt.Errorf("prepare finding: %w", err)
		}
	}
	return j.Governed, nil
}

// staleRegister refuses the jobs that were judged by another state of the register.
func (t *transaction) staleRegister(register int64) {
	for n, j := range t.jobs {
		if j.judge != nil && j.judge.Register() != register {
			t.refused[n] = errStale
		}
	}
}

// runFollowing does what judgements want done together with new decisions.
func (t *transaction) runFollowing(ctx context.Context, tx *db.Tx, size int64) error {
	for i, it := range t.fresh {
		if it.also == nil {
			continue
		}
		if err := it.also(ctx, tx, size+int64(i)); err != nil {
			return fmt.Errorf("follow judgement: %w", err)
		}
	}
	return nil
}
