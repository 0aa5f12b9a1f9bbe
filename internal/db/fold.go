// SPDX-License-Identifier: Apache-2.0

package db

import (
	"context"
	"time"
)

// checkpoint folds the log back in two steps. The first runs beside the writer
// and does nearly all of the work. But while commits go on, a log that is folded
// back never to its very end never starts over, and grows; so when it is large,
// the second step holds the writer for the little that came since.
func (e *sqliteEngine) checkpoint(ctx context.Context) error {
	if !e.foldMu.TryLock() {
		return nil // it is being done
	}
	defer e.foldMu.Unlock()
	log, folded, err := e.fold(ctx, "NOOP")
	if err != nil || log-folded < foldBytes {
		return err
	}
	if log, _, err = e.fold(ctx, "PASSIVE"); err != nil || log < e.startOver {
		return err
	}
	s, err := e.writer.get(ctx)
	if err != nil {
		return err
	}
	defer e.writer.put(s)
	log, _, err = e.fold(ctx, "RESTART")
	if err != nil {
		return err
	}
	// A long reader keeps the log from starting over: let it grow by as much
	// again before the writer is held for it another time.
	e.startOver = startBytes
	if log > 0 {
		e.startOver += log
	}
	return nil
}

// fold runs one checkpoint. It returns how many bytes of pages the log holds,
// and how many of them are in the database file.
func (e *sqliteEngine) fold(ctx context.Context, mode string) (log, folded int64, err error) {
	var busy int64
	err = e.folds.QueryRowContext(ctx, "PRAGMA wal_checkpoint("+mode+")").Scan(&busy, &log, &folded)
	if busy == 0 && mode == "RESTART" {
		log = 0
	}
	return max(log, 0) * pageSize, max(folded, 0) * pageSize, err
}

// purge cuts the write-ahead log to nothing. Readers of an old snapshot keep it
// from that: they are waited for, while writers go on.
func (e *sqliteEngine) purge(ctx context.Context, _ []string) error {
	e.foldMu.Lock()
	defer e.foldMu.Unlock()
	for {
		busy, err := e.truncate(ctx)
		if err != nil || !busy {
			return err
		}
		t := time.NewTimer(20 * time.Millisecond)
		select {
		case <-t.C:
		case <-ctx.Done():
			t.Stop()
			return ctx.Err()
		}
	}
}

func (e *sqliteEngine) truncate(ctx context.Context) (busy bool, err error) {
	s, err := e.writer.get(ctx)
	if err != nil {
		return false, err
	}
	defer e.writer.put(s)
	var blocked, log, folded int64
	err = e.folds.QueryRowContext(ctx, "PRAGMA wal_checkpoint(TRUNCATE)").Scan(&blocked, &log, &folded)
	return blocked != 0, err
}
