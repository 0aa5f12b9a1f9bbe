// SPDX-License-Identifier: Apache-2.0

package ledger

import (
	"context"
	"sync"

	"github.com/counterfoil/counterfoil/internal/db"
)

// job is one prepared batch that waits for its commit. done is closed when
// result and err are set.
type job struct {
	items   []item
	partial bool
	custody bool  // a closed shard takes it
	judge   Judge // who judged its decisions; nil: nobody, or there are none
	epoch   int64 // at which the keys of persons were known to be good
	also    func(ctx context.Context, tx *db.Tx, places []int64) error
	done    chan struct{}
	result  *committed
	err     error
}

// queue holds the jobs that wait. It is bounded by records, not by jobs, so
// that memory is.
type queue struct {
	wake chan struct{} // holds one token while jobs wait

	mu      sync.Mutex // guards all below
	jobs    []*job
	records int
	limit   int
	closed  bool
}

func (q *queue) init(limit int) {
	q.wake, q.limit, q.closed = make(chan struct{}, 1), limit, true
}

// open lets jobs in; close refuses them and returns those that wait.
func (q *queue) open() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.closed = false
}

func (q *queue) close() []*job {
	q.mu.Lock()
	defer q.mu.Unlock()
	left := q.jobs
	q.jobs, q.records, q.closed = nil, 0, true
	return left
}

// room reports whether a batch of n records would be let in now. It is asked
// before a batch is prepared, so that a full queue costs no work.
func (q *queue) room(n int) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.check(n)
}

func (q *queue) check(n int) error {
	if q.closed {
		return fault(Closed, "try again when the server is back", "the ledger is not running")
	}
	if q.records > 0 && q.records+n > q.limit {
		return fault(Busy, "slow down and try again", "%d records wait to be committed", q.records)
	}
	return nil
}

// put adds a job.
func (q *queue) put(j *job) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	if err := q.check(len(j.items)); err != nil {
		return err
	}
	q.jobs = append(q.jobs, j)
	q.records += len(j.items)
	select {
	case q.wake <- struct{}{}:
	default:
	}
	return nil
}

// take removes the jobs at the front, up to most records but at least one job. A
// job that does more than append is taken alone: its failure is its own.
func (q *queue) take(most int) []*job {
	q.mu.Lock()
	defer q.mu.Unlock()
	n, records := 0, 0
	for n < len(q.jobs) && (n == 0 || records+len(q.jobs[n].items) <= most && q.jobs[n].also == nil && q.jobs[0].also == nil) {
		records += len(q.jobs[n].items)
		n++
	}
	taken := q.jobs[:n:n]
	q.jobs = q.jobs[n:]
	q.records -= records
	if len(q.jobs) == 0 {
		q.jobs = nil
	} else {
		select {
		case q.wake <- struct{}{}:
		default:
		}
	}
	return taken
}

func (q *queue) len() int {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.records
}
