// SPDX-License-Identifier: Apache-2.0

package explain

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"

	"github.com/counterfoil/counterfoil/internal/ledger"
	"github.com/counterfoil/counterfoil/record"
)

// maxFollow is how many records that follow a decision are read.
const maxFollow = 200

// Values that no explanation needs are never opened: who the person is, what
// was read and what was written.
var (
	neverOpened  = regexp.MustCompile(`^/(subject|interaction/external|inputs/\d+/(value|ref|digest)|outputs/\d+/(value|ref|digest)|steps/.*|(.*/)?x_.*)$`)
	notForPerson = regexp.MustCompile(`^/(decision/(score|confidence|alternatives|reason|threshold)|factors/\d+/weight|controls/.*|versions/.*)$`)
)

// gather reads a decision, given its id or that of a record that follows it up,
// and what it is explained from.
func (x *Explainer) gather(ctx context.Context, id, audience string) (*evidence, error) {
	root, st, err := x.root(ctx, id)
	if err != nil {
		return nil, err
	}
	ev := &evidence{}
	if ev.decision, err = x.paper(ctx, st, root, audience); err != nil {
		return nil, err
	}
	f := st.Fields()
	abouts := []string{st.ID()}
	if f.About != "" { // the attempt before it: people were told then
		abouts = append(abouts, f.About)
	}
	for _, about := range abouts {
		if err := x.list(ctx, ev, ledger.Query{About: about}); err != nil {
			return nil, err
		}
	}
	if f.Interaction != "" {
		if err := x.list(ctx, ev, ledger.Query{Interaction: f.Interaction, Type: string(record.Notice)}); err != nil {
			return nil, err
		}
	}
	// What was measured after the decision says nothing about it.
	if err := x.list(ctx, ev, ledger.Query{System: f.System, Type: string(record.Signal), To: f.Time}); err != nil {
		return nil, err
	}
	return ev, nil
}

func (x *Explainer) root(ctx context.Context, id string) (ledger.Entry, *record.Statement, error) {
	for range 10 {
		e, st, err := x.get(ctx, id)
		if err != nil {
			return e, nil, err
		}
		if st.Type() == record.Decision {
			return e, st, nil
		}
		if id = st.Fields().About; id == "" {
			break
		}
	}
	return ledger.Entry{}, nil, fault(ledger.Invalid, "give the id of a decision, or of a record that is about one", "that record is not about a decision")
}

// get reads a record that the caller may see.
func (x *Explainer) get(ctx context.Context, id string) (ledger.Entry, *record.Statement, error) {
	none := fault(ledger.NotFound, "counterfoil list shows the newest", "no record %q in this ledger", id)
	e, err := x.l.Get(ctx, id)
	if le, ok := errors.AsType[*ledger.Error](err); ok && le.Code == ledger.NotFound {
		return e, nil, none
	}
	if err != nil {
		return e, nil, err
	}
	st, err := record.ParseStatement(e.Statement)
	if err != nil {
		return e, nil, fmt.Errorf("read record at index %d: %w", e.Index, err)
	}
	ok, err := x.cfg.Sees(ctx, st)
	if err != nil {
		return e, nil, err
	}
	if !ok {
		return e, nil, none
	}
	return e, st, nil
}

// list adds the records that a query selects and the caller may see, the newest
// of them, oldest first.
func (x *Explainer) list(ctx context.Context, ev *evidence, q ledger.Query) error {
	q.Limit = maxFollow
	page, err := x.l.List(ctx, q)
	if err != nil {
		return err
	}
	for _, e := range slices.Backward(page.Entries) {
		st, err := record.ParseStatement(e.Statement)
		if err != nil {
			return fmt.Errorf("read record at index %d: %w", e.Index, err)
		}
		known := func(p *paper) bool { return p.id == st.ID() }
		if known(ev.decision) || slices.ContainsFunc(ev.follow, known) {
			continue
		}
		if ok, err := x.cfg.Sees(ctx, st); err != nil || !ok {
			if err != nil {
				return err
			}
			continue
		}
		p, err := x.open(ctx, st, e, nil) // what follows is told of by its codes
		if err != nil {
			return err
		}
		if p.kind == record.Signal {
			ev.signals = append(ev.signals, p)
		} else {
			ev.follow = append(ev.follow, p)
		}
	}
	return nil
}

// paper opens of a decision what the audience may be told of.
func (x *Explainer) paper(ctx context.Context, st *record.Statement, e ledger.Entry, audience string) (*paper, error) {
	var want []string
	for _, s := range st.Seals() {
		if !neverOpened.MatchString(s.Pointer) && (audience != Subject || !notForPerson.MatchString(s.Pointer)) {
			want = append(want, s.Pointer)
		}
	}
	return x.open(ctx, st, e, want)
}

func (x *Explainer) open(ctx context.Context, st *record.Statement, e ledger.Entry, want []string) (*paper, error) {
	if len(st.Seals()) == 0 {
		return newPaper(st, e.Index, st.Bytes(), nil)
	}
	sealed := sealsOf(st.Seals())
	gone, err := x.l.Erased(ctx, st.ID())
	if err != nil {
		return nil, err
	}
	for _, g := range gone {
		sealed[g.Pointer] = Erased
		want = slices.DeleteFunc(want, func(p string) bool { return p == g.Pointer })
	}
	opened := st.Bytes()
	if len(want) > 0 {
		openings, err := x.cfg.Open(ctx, st, want)
		if err != nil {
			return nil, fmt.Errorf("open values of record %s: %w", st.ID(), err)
		}
		if opened, err = st.Open(openings); err != nil {
			return nil, fmt.Errorf("open values of record %s: %w", st.ID(), err)
		}
		for _, o := range openings {
			delete(sealed, o.Pointer)
		}
	}
	return newPaper(st, e.Index, opened, sealed)
}

// sealsOf says of all private values that they were not opened.
func sealsOf(seals []record.Seal) map[string]string {
	sealed := map[string]string{}
	for _, s := range seals {
		sealed[s.Pointer] = Withheld
	}
	return sealed
}
