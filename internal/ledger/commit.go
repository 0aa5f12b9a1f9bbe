// SPDX-License-Identifier: Apache-2.0

package ledger

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"golang.org/x/mod/sumdb/note"

	"github.com/counterfoil/counterfoil/internal/db"
	"github.com/counterfoil/counterfoil/internal/tlog"
	"github.com/counterfoil/counterfoil/proof"
)

// committed is what one commit did for one job.
type committed struct {
	checkpoint []byte
	size       int64
	growth     *tlog.Growth // nil: nothing was new
	places     []place      // one per item of the job
}

type place struct {
	index   int64
	created bool
	err     error
}

// errRollback leaves a transaction without changes and without an error.
var errRollback = errors.New("nothing to commit")

// When many callers send a little each, those that were answered last are about
// to send again: waiting a moment for them makes fewer and larger commits, and
// all of them faster. A lone caller never waits.
const (
	crowd  = 5 // jobs in a commit
	gather = 500 * time.Microsecond
)

// Run is the committer: it commits what waits until ctx ends, then finishes
// what is queued and refuses the rest. It returns nil after a clean stop. It is
// called once.
func (l *Ledger) Run(ctx context.Context) error {
	work := context.WithoutCancel(ctx)
	var keeper sync.WaitGroup
	tidy := make(chan struct{}, 1)
	stop := make(chan struct{})
	keeper.Go(func() { l.keepTidy(work, tidy, stop) })
	defer keeper.Wait()
	defer close(stop)

	if err := l.learnSubjects(work); err != nil {
		l.cfg.Logger.Warn("every person will be asked for", "origin", l.origin, "error", err) // slower, and right
	}
	l.queue.open()
	close(l.running)
	last := 0 // jobs of the last commit
	for {
		select {
		case <-l.queue.wake:
			if last >= crowd && l.queue.len() < l.cfg.MaxGroup {
				<-time.After(gather)
			}
			jobs := l.queue.take(l.cfg.MaxGroup)
			last = len(jobs)
			l.commit(work, jobs)
			select {
			case tidy <- struct{}{}:
			default:
			}
		case <-ctx.Done():
			left := l.queue.close()
			if len(left) > 0 {
				l.commit(work, left)
			}
			return nil
		}
	}
}

// keepTidy folds the database's write-ahead log back, beside the commits.
func (l *Ledger) keepTidy(ctx context.Context, tidy, stop <-chan struct{}) {
	for {
		select {
		case <-tidy:
			if err := l.cfg.DB.Checkpoint(ctx); err != nil {
				l.cfg.Logger.Warn("database checkpoint failed", "origin", l.origin, "error", err)
			}
		case <-stop:
			return
		}
	}
}

// commit puts the jobs into the log in one transaction and wakes their callers.
func (l *Ledger) commit(ctx context.Context, jobs []*job) {
	if len(jobs) == 0 {
		return
	}
	start := l.cfg.Now()
	t := &transaction{l: l, jobs: jobs, now: start}
	err := l.cfg.DB.Write(ctx, t.run)
	if errors.Is(err, errDoubt) {
		t.thorough = true
		err = l.cfg.DB.Write(ctx, t.run)
	}
	switch {
	case err == nil:
		l.tree = t.next
		t.settleSubjects()
	case errors.Is(err, errRollback):
		err = nil
		t.settleSubjects()
	default:
		l.tree = nil // it may have been persisted: read the edge again
		err = storage("commit", err)
		if e, ok := errors.AsType[*Error](err); !ok || e.Code == Internal {
			l.cfg.Logger.Error("commit failed", "origin", l.origin, "error", err)
		}
	}
	for i, j := range jobs {
		switch {
		case err != nil:
			j.err = err
		case t.refused[i] != nil:
			j.err = t.refused[i]
		default:
			j.result = &committed{checkpoint: t.checkpoint, size: t.size, growth: t.growth, places: t.places[i]}
		}
		close(j.done)
	}
	if l.cfg.OnCommit != nil {
		l.cfg.OnCommit(Commit{Records: len(t.fresh), Size: t.size, Took: l.cfg.Now().Sub(start), Queued: l.queue.len(), Err: err})
	}
}

// transaction is one group commit. It is used once, by the committer.
type transaction struct {
	l    *Ledger
	jobs []*job
	now  time.Time

	places   [][]place
	refused  []error // one per job; nil: accepted
	fresh    []*item // new leaves, in log order
	indexes  map[string]taken
	signers  []note.Signer
	epoch    int64         // of the head, after this commit
	drawn    []*subjectKey // keys of persons that become rows
	first    map[mac]*subjectKey
	thorough bool // look every new key of a person up

	next       *tlog.Tree
	growth     *tlog.Growth
	checkpoint []byte
	size       int64
}

// taken is where an id stands already, or will stand after this commit.
type taken struct {
	index   int64
	content []byte
}

// compare refuses a record of the same id with other content.
func (tk *taken) compare(id string, content []byte) error {
	const hint = "an id names one record for ever; give the new content an id of its own"
	if len(tk.content) == 0 {
		return fault(Conflict, hint, "record %s is already at index %d, and its private values were erased", id, tk.index)
	}
	if !sameContent(tk.content, content) {
		return fault(Conflict, hint, "record %s is already at index %d with other content", id, tk.index)
	}
	return nil
}

func (t *transaction) run(ctx context.Context, tx *db.Tx) error {
	t.places, t.refused, t.fresh, t.drawn, t.first = make([][]place, len(t.jobs)), make([]error, len(t.jobs)), nil, nil, map[mac]*subjectKey{}
	var size, epoch, register int64
	var checkpoint []byte
	if err := tx.QueryRow(ctx, `SELECT size, checkpoint, epoch, register FROM head WHERE one = 1`+tx.ForUpdate()).Scan(&size, &checkpoint, &epoch, &register); err != nil {
		return fmt.Errorf("lock head: %w", err)
	}
	if err := t.refuse(ctx, tx, epoch, checkpoint); err != nil {
		return err
	}
	id, err := t.l.reidentify(ctx, tx, epoch)
	if err != nil {
		return err
	}
	t.signers = id.signers
	tree, err := t.l.edge(ctx, tx, size, checkpoint)
	if err != nil {
		return err
	}
	if err := t.lookUp(ctx, tx); err != nil {
		return err
	}
	t.epoch = epoch
	if err := t.checkSubjects(ctx, tx, epoch); err != nil {
		return err
	}
	t.staleRegister(register)
	t.assign(size)
	if len(t.fresh) == 0 {
		t.size, t.checkpoint = size, checkpoint
		return errRollback
	}
	if err := t.writeSubjects(ctx, tx); err != nil {
		return err
	}
	if err := t.writeRows(ctx, tx, size); err != nil {
		return err
	}
	if err := t.runFollowing(ctx, tx, size); err != nil {
		return err
	}
	if err := t.runAlso(ctx, tx); err != nil {
		return err
	}
	return t.writeTree(ctx, tx, tree)
}

var errThere = fault(Conflict, "send all of them under new ids", "some of the records are there already")

// runAlso runs what the only job wants done together with its records.
func (t *transaction) runAlso(ctx context.Context, tx *db.Tx) error {
	j := t.jobs[0]
	if j.also == nil {
		return nil
	}
	places := make([]int64, len(j.items))
	for i, p := range t.places[0] {
		if !p.created {
			return errThere
		}
		places[i] = p.index
	}
	if err := j.also(ctx, tx, places); err != nil {
		return err
	}
	return tx.QueryRow(ctx, `SELECT epoch FROM head WHERE one = 1`).Scan(&t.epoch)
}

// edge returns the tree of the given size: the one in memory if it is that, or
// a fresh copy of the stored right edge. Its root must be the signed one: else
// the database was exchanged under us, and going on would sign a fork.
func (l *Ledger) edge(ctx context.Context, tx *db.Tx, size int64, checkpoint []byte) (*tlog.Tree, error) {
	cp, err := proof.ParseCheckpoint(checkpoint)
	if err != nil {
		return nil, fmt.Errorf("read head checkpoint: %w", err)
	}
	tree := l.tree
	if tree == nil || tree.Size() != size {
		if tree, err = tlog.Load(size, tilesOf(ctx, tx)); err != nil {
			return nil, fmt.Errorf("load tree edge: %w", err)
		}
	}
	if cp.Size != size || cp.Root != tree.Root() {
		return nil, fault(Internal, "run counterfoil verify: the database was changed from outside",
			"the stored tree does not have the root that was signed for size %d", size)
	}
	return tree, nil
}

// lookUp finds which of the ids are taken.
func (t *transaction) lookUp(ctx context.Context, tx *db.Tx) error {
	var ids []any
	for _, j := range t.jobs {
		for i := range j.items {
			if j.items[i].err == nil {
				ids = append(ids, j.items[i].rec.ID())
			}
		}
	}
	var err error
	t.indexes, err = places(ctx, tx, ids)
	return err
}

// assign gives each record its place, job by job: a job that is refused leaves
// no trace.
func (t *transaction) assign(size int64) {
	for n, j := range t.jobs {
		if t.refused[n] != nil {
			continue
		}
		places := make([]place, len(j.items))
		fresh := len(t.fresh)
		for i := range j.items {
			places[i] = t.assignOne(&j.items[i], size)
			if err := places[i].err; err != nil && !j.partial {
				t.refused[n] = &RecordError{i, err}
				for _, it := range t.fresh[fresh:] {
					delete(t.indexes, it.rec.ID())
				}
				t.fresh = t.fresh[:fresh]
				break
			}
		}
		t.places[n] = places
	}
}

func (t *transaction) assignOne(it *item, size int64) place {
	if it.err != nil {
		return place{err: it.err}
	}
	id := it.rec.ID()
	if tk, ok := t.indexes[id]; ok {
		if err := tk.compare(id, it.content); err != nil {
			return place{err: err}
		}
		return place{index: tk.index}
	}
	index := size + int64(len(t.fresh))
	t.indexes[id] = taken{index: index, content: it.content}
	t.fresh = append(t.fresh, it)
	for i := range it.follow {
		f := &it.follow[i]
		t.indexes[f.rec.ID()] = taken{index: size + int64(len(t.fresh)), content: f.content}
		t.fresh = append(t.fresh, f)
	}
	return place{index: index, created: true}
}

// writeTree grows the tree, signs it and moves the head.
func (t *transaction) writeTree(ctx context.Context, tx *db.Tx, tree *tlog.Tree) error {
	leaves := make([]tlog.Hash, len(t.fresh))
	for i, it := range t.fresh {
		leaves[i] = it.leaf
	}
	t.next, t.growth = tree.Append(leaves)
	t.size = t.growth.To
	var err error
	t.checkpoint, err = proof.Sign(proof.Checkpoint{Origin: t.l.origin, Size: t.size, Root: t.growth.Root}, t.signers...)
	if err != nil {
		return fmt.Errorf("sign checkpoint: %w", err)
	}
	for _, tile := range t.growth.Tiles {
		if _, err := tx.Exec(ctx, `INSERT INTO tile (level, n, hashes) VALUES (?, ?, ?)
			ON CONFLICT (level, n) DO UPDATE SET hashes = excluded.hashes`, tile.Level, tile.N, tile.Hashes); err != nil {
			return fmt.Errorf("write tile: %w", err)
		}
	}
	if _, err := tx.Exec(ctx, `INSERT INTO checkpoint (size, note, time) VALUES (?, ?, ?)`, t.size, t.checkpoint, t.now.UnixNano()); err != nil {
		return fmt.Errorf("write checkpoint: %w", err)
	}
	if _, err := tx.Exec(ctx, `UPDATE head SET size = ?, checkpoint = ? WHERE one = 1`, t.size, t.checkpoint); err != nil {
		return fmt.Errorf("move head: %w", err)
	}
	return nil
}

// Columns of the tables that are filled in bulk.
var (
	entryColumns    = []string{"idx", "statement"}
	evidenceColumns = []string{"idx", "key", "sealed", "subject"}
)

func (t *transaction) writeRows(ctx context.Context, tx *db.Tx, size int64) error {
	entries := make([][]any, len(t.fresh))
	lookups := make([][]any, len(t.fresh))
	evidences := make([][]any, 0, len(t.fresh))
	for i, it := range t.fresh {
		index := size + int64(i)
		entries[i] = []any{index, it.packed}
		lookups[i] = append(LookupRow(index, it.fields), it.content)
		if it.sealed != nil {
			var who any
			if it.subject != nil {
				who = it.subject.mac[:]
			}
			evidences = append(evidences, []any{index, it.key, it.sealed, who})
		}
	}
	if err := tx.Insert(ctx, "entry", entryColumns, entries); err != nil {
		return fmt.Errorf("write entries: %w", err)
	}
	if err := tx.Insert(ctx, "lookup", lookupColumns, lookups); err != nil {
		return fmt.Errorf("write lookup rows: %w", err)
	}
	if err := tx.Insert(ctx, "evidence", evidenceColumns, evidences); err != nil {
		return fmt.Errorf("write evidence: %w", err)
	}
	return nil
}
