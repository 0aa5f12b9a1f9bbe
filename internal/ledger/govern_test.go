// SPDX-License-Identifier: Apache-2.0

package ledger_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/counterfoil/counterfoil/internal/audit"
	"github.com/counterfoil/counterfoil/internal/db"
	"github.com/counterfoil/counterfoil/internal/ledger"
	"github.com/counterfoil/counterfoil/record"
)

// model is a governor that knows nothing but how large the log was when the
// register changed, and finds something about every decision.
type model struct {
	t      *testing.T
	db     *db.DB
	known  atomic.Int64
	judged atomic.Int64
	fresh  atomic.Int64 // how often it read the register again
	refuse error
	also   func(ctx context.Context, tx *db.Tx, index int64) error
}

type modelJudge struct {
	m    *model
	size int64
}

func (m *model) Judge() ledger.Judge { return modelJudge{m, m.known.Load()} }

func (m *model) Refresh(ctx context.Context) error {
	m.fresh.Add(1)
	return m.db.Read(ctx, func(ctx context.Context, tx *db.Tx) error {
		size, err := ledger.ReadRegister(ctx, tx)
		m.known.Store(size)
		return err
	})
}

func (j modelJudge) Register() int64 { return j.size }

func (j modelJudge) Judge(_ context.Context, h ledger.Hearing) (*ledger.Judgement, error) {
	j.m.judged.Add(1)
	if j.m.refuse != nil {
		return nil, j.m.refuse
	}
	f, err := ledger.NewRecord(record.Default(), record.Finding, h.Recorded, map[string]any{"about": h.Record.ID(), "finding": map[string]any{"code": "c", "status": "open"}})
	if err != nil {
		return nil, err
	}
	return &ledger.Judgement{Governed: &record.Governed{Register: j.size}, Findings: []*record.Record{f}, Also: j.m.also}, nil
}

// testGoverned appends decisions that are judged: what is found stands in the
// statement, findings stand behind their decision, and a change of the register
// by another node has them judged again.
func testGoverned(t *testing.T, dbc db.Config) {
	r := newRig(t, dbc, nil)
	m := &model{t: t, db: r.cfg.DB}
	var places []int64
	var mu sync.Mutex
	m.also = func(_ context.Context, _ *db.Tx, index int64) error {
		mu.Lock()
		defer mu.Unlock()
		places = append(places, index)
		return nil
	}
	r.l.Govern(m)
	one := ledger.Batch{Records: []*record.Record{mustParse(t, "one", "a"), mustParse(t, "two", "b")}, Principal: "t", Capture: "sdk"}
	res := r.append(one)
	if res.Items[0].Index != 1 || res.Items[1].Index != 3 || res.Size != 5 || res.Items[0].Governed == nil {
		t.Fatalf("placed %+v under %d", res.Items, res.Size)
	}
	if len(places) != 2 || places[0] != 1 || places[1] != 3 {
		t.Errorf("was told of %v", places)
	}
	again := r.append(one)
	if again.Size != 5 || again.Items[0].Created || again.Items[0].Governed != nil || len(places) != 2 {
		t.Errorf("sent again: %+v, told of %v", again, places)
	}

	// Another node changes the register: what is judged by the old is judged again.
	err := r.cfg.DB.Write(t.Context(), func(ctx context.Context, tx *db.Tx) error { return ledger.SetRegister(ctx, tx, 5) })
	if err != nil {
		t.Fatal(err)
	}
	before := m.judged.Load()
	res = r.append(ledger.Batch{Records: []*record.Record{mustParse(t, "three", "c")}, Principal: "t", Capture: "sdk"})
	if m.judged.Load() != before+2 || m.fresh.Load() != 1 || res.Items[0].Governed.Register != 5 {
		t.Errorf("judged %d times, refreshed %d times, by %+v", m.judged.Load()-before, m.fresh.Load(), res.Items[0].Governed)
	}
	r.followed()

	// A refusal leaves nothing, neither the decision nor its finding.
	m.refuse = errors.New("no")
	if _, err := r.l.Append(t.Context(), ledger.Batch{Records: []*record.Record{mustParse(t, "four", "d")}, Principal: "t", Capture: "sdk"}); !errors.Is(err, m.refuse) {
		t.Errorf("refused with %v", err)
	}
	m.refuse = nil
	m.also = func(context.Context, *db.Tx, int64) error { return errors.New("the queue is broken") }
	if _, err := r.l.Append(t.Context(), ledger.Batch{Records: []*record.Record{mustParse(t, "five", "e")}, Principal: "t", Capture: "sdk"}); err == nil {
		t.Error("a decision is in the log without what follows from it")
	}
	m.also = nil
	r.followed()

	// What is refused in a batch takes its findings with it.
	conflict := mustParse(t, "one", "other content")
	if _, err := r.l.Append(t.Context(), ledger.Batch{Records: []*record.Record{mustParse(t, "six", "f"), conflict}, Principal: "t", Capture: "sdk"}); code(err) != ledger.Conflict {
		t.Errorf("a conflict is %v", err)
	}
	size, err := r.l.Size(t.Context())
	if err != nil || size != 7 {
		t.Errorf("the log has %d leaves (%v), want 7", size, err)
	}
	r.audit()
}

// followed wants each decision but the probe to have its finding behind it.
func (r *rig) followed() {
	r.t.Helper()
	last := ""
	for e, err := range r.l.Entries(r.t.Context(), 1, -1) {
		if err != nil {
			r.t.Fatal(err)
		}
		st, err := record.ParseStatement(e.Statement)
		if err != nil {
			r.t.Fatal(err)
		}
		switch f := st.Fields(); {
		case st.Type() == record.Decision && st.Governed() == nil:
			r.t.Errorf("%s is not governed", st)
		case st.Type() == record.Decision:
			last = st.ID()
		case f.About != last || f.Principal != ledger.GovernorPrincipal:
			r.t.Errorf("%s at %d is about %q, by %s; want %s", st, e.Index, f.About, f.Principal, last)
		}
	}
}

// testGovernedLoad changes the register while decisions come in: each statement
// names the state that was in force at its place.
func testGovernedLoad(t *testing.T, dbc db.Config) {
	r := newRig(t, dbc, nil)
	m := &model{t: t, db: r.cfg.DB}
	r.l.Govern(m)
	var senders sync.WaitGroup
	for w := range 4 {
		senders.Go(func() {
			for n := range 25 {
				b := ledger.Batch{Records: []*record.Record{mustParse(t, fmt.Sprintf("w%d-%d", w, n), "x")}, Principal: "t", Capture: "sdk"}
				if _, err := r.l.Append(t.Context(), b); err != nil && code(err) != ledger.Busy {
					t.Error(err)
				}
			}
		})
	}
	for n := range 10 {
		act, err := ledger.NewRecord(record.Default(), record.Registry, time.Now(), map[string]any{"id": fmt.Sprint("act-", n), "registry": map[string]any{"act": "x-change", "kind": "system", "name": "s"}})
		if err != nil {
			t.Fatal(err)
		}
		_, err = r.l.Append(t.Context(), ledger.Batch{Records: []*record.Record{act}, Principal: "t", Capture: "manual", Also: func(ctx context.Context, tx *db.Tx, places []int64) error {
			return ledger.SetRegister(ctx, tx, places[0]+1)
		}})
		if err != nil {
			t.Fatal(err)
		}
	}
	senders.Wait()
	register := int64(0)
	for e, err := range r.l.Entries(t.Context(), 1, -1) {
		if err != nil {
			t.Fatal(err)
		}
		st, err := record.ParseStatement(e.Statement)
		if err != nil {
			t.Fatal(err)
		}
		if st.Type() == record.Registry {
			register = e.Index + 1
		}
		if g := st.Governed(); g != nil && g.Register != register {
			t.Errorf("the decision at %d was judged by the register of %d, want %d", e.Index, g.Register, register)
		}
	}
	report, err := audit.Run(t.Context(), audit.Config{DB: r.cfg.DB, Keys: r.keys})
	if err != nil || !report.Whole() {
		t.Errorf("not whole: %v %v", report.Findings, err)
	}
}
