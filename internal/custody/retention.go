// SPDX-License-Identifier: Apache-2.0

package custody

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/counterfoil/counterfoil/internal/db"
	"github.com/counterfoil/counterfoil/internal/ledger"
	"github.com/counterfoil/counterfoil/record"
)

// Run is what one run of the retention job did.
type Run struct {
	Months     int64     `json:"months"`  // classes and months of which the key was destroyed
	Records    int64     `json:"records"` // of which values were erased one by one
	Rows       int64     `json:"rows"`    // that were taken away with their month
	Keys       int64     `json:"keys_destroyed"`
	Refusals   []Refusal `json:"refusals"`        // kept by holds
	Unknown    []string  `json:"unknown_classes"` // that the file does not have: kept
	Tombstones []string  `json:"tombstones"`
	Took       float64   `json:"took_seconds"`
}

// RunRetention expires what is past the maximum of its class, and lifts holds
// whose release has come into effect. It may be stopped and run again at will;
// one runs at a time, and another is refused with [ledger.Busy]. progress may be
// nil.
func (c *Custodian) RunRetention(ctx context.Context, by By, progress func(Run)) (Run, error) {
	select {
	case c.job <- struct{}{}:
		defer func() { <-c.job }()
	default:
		return Run{}, fault(ledger.Busy, "wait for it to end", "the retention job is running")
	}
	if progress == nil {
		progress = func(Run) {}
	}
	start := c.cfg.Now()
	run := Run{Refusals: []Refusal{}, Unknown: []string{}, Tombstones: []string{}}
	if err := c.liftReleased(ctx); err != nil {
		return run, err
	}
	var keys []ledger.EvidenceKey
	err := c.l.DB().Read(ctx, func(ctx context.Context, tx *db.Tx) (err error) {
		keys, err = ledger.EvidenceKeys(ctx, tx)
		return err
	})
	if err != nil {
		return run, ledger.Storage("list evidence keys", err)
	}
	held := map[Refusal]int64{}
	for _, k := range keys {
		if err := c.expire(ctx, by, k, &run, held); err != nil {
			return run, err
		}
		progress(run)
	}
	if err := c.sweep(ctx, &run, progress); err != nil {
		return run, err
	}
	run.Refusals = listRefusals(held)
	run.Took = c.cfg.Now().Sub(start).Seconds()
	if run.Months+run.Records+run.Rows > 0 {
		if err := c.l.Purge(ctx); err != nil {
			return run, err
		}
	}
	return run, c.noteRun(ctx, by, &run)
}

func (c *Custodian) noteRun(ctx context.Context, by By, run *Run) error {
	members := map[string]any{"ground": GroundRetention, "status": "completed", "executor": by.Actor, "records": run.Records + run.Rows, "keys": run.Keys}
	if len(run.Refusals) > 0 {
		members["refusals"] = run.Refusals
	}
	_, err := c.write(ctx, by, []entry{{record.Erasure, map[string]any{"erasure": members}}}, nil)
	return err
}

// expire deals with one class and month.
func (c *Custodian) expire(ctx context.Context, by By, k ledger.EvidenceKey, run *Run, held map[Refusal]int64) error {
	class := c.cfg.Policy.class(k.Class)
	if class == nil {
		if !slices.Contains(run.Unknown, k.Class) {
			run.Unknown = append(run.Unknown, k.Class)
		}
		return nil
	}
	begin, err := time.Parse("2006-01", k.Month)
	if err != nil {
		return fmt.Errorf("read month of evidence key: %w", err)
	}
	if c.cfg.Now().Before(class.Max.after(begin.AddDate(0, 1, 0))) {
		return nil
	}
	if class.Trigger == Recorded {
		err := c.expireMonth(ctx, by, k, run)
		if e, ok := errors.AsType[*ledger.Error](err); !ok || e.Code != ledger.Held {
			return err
		}
	}
	return c.expireRecords(ctx, by, k, class, run, held)
}

// expireMonth destroys the key of a class and month, all at once.
func (c *Custodian) expireMonth(ctx context.Context, by By, k ledger.EvidenceKey, run *Run) error {
	members := map[string]any{"ground": GroundRetention, "status": "executed", "executor": by.Actor, "class": k.Class, "month": k.Month, "keys": 1}
	ids, err := c.write(ctx, by, []entry{{record.Erasure, map[string]any{"erasure": members}}}, func(ctx context.Context, tx *db.Tx, places []int64) error {
		ok, err := ledger.DestroyMonth(ctx, tx, places[0], k.Class, k.Month)
		if err == nil && !ok {
			err = fault(ledger.Conflict, "", "the key of %s %s is gone already", k.Class, k.Month)
		}
		return err
	})
	if err != nil {
		return err
	}
	run.Months++
	run.Keys++
	run.Tombstones = append(run.Tombstones, ids...)
	return nil
}

// expireRecords erases the values of single records: of a month that a hold
// keeps from going as a whole, or of a class whose time counts from an event.
func (c *Custodian) expireRecords(ctx context.Context, by By, k ledger.EvidenceKey, class *Class, run *Run, held map[Refusal]int64) error {
	ended := map[string]time.Time{}
	for from := int64(0); ; {
		var rows []ledger.Evidence
		var entries []ledger.Entry
		err := c.l.DB().Read(ctx, func(ctx context.Context, tx *db.Tx) (err error) {
			if rows, err = ledger.EvidenceUnder(ctx, tx, k.Number, from, c.cfg.Step); err != nil {
				return err
			}
			at := make([]int64, len(rows))
			for i, r := range rows {
				at[i] = r.Index
			}
			entries, err = ledger.FindEntries(ctx, tx, at)
			return err
		})
		if err != nil {
			return ledger.Storage("list evidence", err)
		}
		if len(rows) == 0 {
			return nil
		}
		from = rows[len(rows)-1].Index + 1
		var targets []ledger.Target
		for i, e := range entries {
			st, err := record.ParseStatement(e.Statement)
			if err != nil {
				return err
			}
			begin, known, err := c.begin(ctx, class, st.Fields(), ended)
			if err != nil {
				return err
			}
			switch {
			case !known || c.cfg.Now().Before(class.Max.after(begin)):
			case len(rows[i].Holds) > 0:
				held[Refusal{Ground: GroundHold, Hold: rows[i].Holds[0]}]++
			default:
				targets = append(targets, ledger.Target{Index: e.Index, ID: st.ID()})
			}
		}
		if len(targets) > 0 {
			ids, err := c.dispose(ctx, by, GroundRetention, targets)
			if err != nil {
				return err
			}
			run.Tombstones = append(run.Tombstones, ids...)
			run.Records += int64(len(targets))
		}
		if err := c.rest(ctx); err != nil {
			return err
		}
	}
}

// rest throttles the job.
func (c *Custodian) rest(ctx context.Context) error {
	t := time.NewTimer(c.cfg.Pause)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("retention job: %w", context.Cause(ctx))
	}
}

// sweep takes away the rows of which the key was destroyed.
func (c *Custodian) sweep(ctx context.Context, run *Run, progress func(Run)) error {
	for {
		n, err := c.l.Sweep(ctx, c.cfg.Step)
		if err != nil {
			return err
		}
		if n == 0 {
			return nil
		}
		run.Rows += int64(n)
		progress(*run)
		if err := c.rest(ctx); err != nil {
			return err
		}
	}
}

// begin is from when the time of a class counts for a record; known is false
// while the event has not come.
func (c *Custodian) begin(ctx context.Context, class *Class, f record.Fields, ended map[string]time.Time) (begin time.Time, known bool, err error) {
	switch class.Trigger {
	case InteractionEnded:
		if f.Interaction == "" {
			return f.Recorded, true, nil
		}
		return c.event(ctx, "interaction "+f.Interaction, ended, ledger.Query{Interaction: f.Interaction, Limit: 1})
	case SystemRetired:
		if f.System == "" {
			return f.Recorded, true, nil
		}
		return c.event(ctx, "system "+f.System, ended, ledger.Query{Type: string(record.Registry), Kind: "retire", System: f.System, Limit: 1})
	}
	return f.Recorded, true, nil
}

// event is the time of the newest record that a query finds.
func (c *Custodian) event(ctx context.Context, key string, seen map[string]time.Time, q ledger.Query) (time.Time, bool, error) {
	if t, ok := seen[key]; ok {
		return t, !t.IsZero(), nil
	}
	page, err := c.l.List(ctx, q)
	if err != nil {
		return time.Time{}, false, err
	}
	var at time.Time
	for _, e := range page.Entries {
		st, err := record.ParseStatement(e.Statement)
		if err != nil {
			return at, false, err
		}
		at = st.Fields().Recorded
	}
	seen[key] = at
	return at, !at.IsZero(), nil
}

// AnnouncePolicy writes the retention classes into the log if they are not those
// that stand there last: a change of what is kept for how long is a record. The
// ones that come with the program are not announced before there was a change.
func (c *Custodian) AnnouncePolicy(ctx context.Context, by By) error {
	var last string
	page, err := c.l.List(ctx, ledger.Query{Type: string(record.Registry), Kind: ledger.ActRetention, Limit: 1})
	if err != nil {
		return err
	}
	for _, e := range page.Entries {
		var doc struct {
			Registry struct{ Digest string }
		}
		if err := json.Unmarshal(e.Statement, &doc); err != nil {
			return fmt.Errorf("read registry record: %w", err)
		}
		last = doc.Registry.Digest
	}
	if last == c.cfg.Policy.Digest() || last == "" && c.cfg.Policy.Digest() == DefaultPolicy().Digest() {
		return nil
	}
	members := map[string]any{"act": ledger.ActRetention, "kind": "retention", "name": "retention", "digest": c.cfg.Policy.Digest(), "actor": by.Actor, "content": string(c.cfg.Policy.text)}
	_, err = c.write(ctx, by, []entry{{record.Registry, map[string]any{"registry": members}}}, nil)
	return err
}
