// SPDX-License-Identifier: Apache-2.0

package reconstruct

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/counterfoil/counterfoil/internal/ledger"
	"github.com/counterfoil/counterfoil/record"
)

// maxEvents is how many records a story holds.
const maxEvents = 1000

// Config says what stories are made of.
type Config struct {
	// Ledger is the log. Required.
	Ledger *ledger.Ledger
	// Open gives the private values of a record that may be opened, and writes
	// the access record first. Default: none are opened.
	Open func(ctx context.Context, st *record.Statement) ([]record.Opening, error)
	// Sees says whether the caller may see a record. Default: all are seen.
	Sees func(ctx context.Context, st *record.Statement) (bool, error)
}

// Teller makes stories. It is safe for concurrent use.
type Teller struct {
	cfg Config
	l   *ledger.Ledger
}

// New makes a teller.
func New(cfg Config) (*Teller, error) {
	if cfg.Ledger == nil {
		return nil, errors.New("make stories: Ledger is required")
	}
	if cfg.Open == nil {
		cfg.Open = func(context.Context, *record.Statement) ([]record.Opening, error) { return nil, nil }
	}
	if cfg.Sees == nil {
		cfg.Sees = func(context.Context, *record.Statement) (bool, error) { return true, nil }
	}
	return &Teller{cfg: cfg, l: cfg.Ledger}, nil
}

// leaf is a record on its way into a story.
type leaf struct {
	entry  ledger.Entry
	st     *record.Statement
	fields record.Fields
	body   body
}

// gathering collects the records of one story.
type gathering struct {
	t     *Teller
	story *Story
	byID  map[string]*leaf
	queue []*leaf // of which nobody has looked for follow-ups
}

// Decision tells the story of a decision, given its id or that of a record that
// follows it up.
func (t *Teller) Decision(ctx context.Context, id string) (*Story, error) {
	g, err := t.begin(ctx)
	if err != nil {
		return nil, err
	}
	root, err := g.root(ctx, id)
	if err != nil {
		return nil, err
	}
	g.story.Root = root.st.ID()
	if err := g.follow(ctx); err != nil {
		return nil, err
	}
	f := root.fields
	for _, same := range []struct {
		what  string
		query ledger.Query
		has   bool
	}{
		{"interaction", ledger.Query{Interaction: f.Interaction}, f.Interaction != ""},
		{"journey", ledger.Query{Journey: f.Journey}, f.Journey != ""},
	} {
		if !same.has {
			continue
		}
		n, err := g.list(ctx, same.query)
		if err != nil {
			return nil, err
		}
		if n > 0 {
			g.story.By = append(g.story.By, same.what)
		}
	}
	if err := g.follow(ctx); err != nil {
		return nil, err
	}
	return g.tell(ctx, root)
}

// Journey tells the story of an interaction or a journey: all its records and
// what follows them up.
func (t *Teller) Journey(ctx context.Context, id string) (*Story, error) {
	g, err := t.begin(ctx)
	if err != nil {
		return nil, err
	}
	for what, q := range map[string]ledger.Query{"interaction": {Interaction: id}, "journey": {Journey: id}} {
		n, err := g.list(ctx, q)
		if err != nil {
			return nil, err
		}
		if n > 0 {
			g.story.By = append(g.story.By, what)
		}
	}
	if len(g.byID) == 0 {
		return nil, &ledger.Error{Code: ledger.NotFound, Message: fmt.Sprintf("no record is of an interaction or a journey %q", id), Hint: "counterfoil list shows the ids of both with --json"}
	}
	slices.Sort(g.story.By)
	if err := g.follow(ctx); err != nil {
		return nil, err
	}
	return g.tell(ctx, nil)
}

func (t *Teller) begin(ctx context.Context) (*gathering, error) {
	size, err := t.l.Size(ctx)
	return &gathering{t: t, story: &Story{Size: size, Events: []Event{}, References: []Reference{}}, byID: map[string]*leaf{}}, err
}

// get reads a record that the caller may see; nil if there is none.
func (g *gathering) get(ctx context.Context, id string) (*leaf, error) {
	if have := g.byID[id]; have != nil {
		return have, nil
	}
	e, err := g.t.l.Get(ctx, id)
	if le, ok := errors.AsType[*ledger.Error](err); ok && le.Code == ledger.NotFound {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return g.take(ctx, e)
}

// take puts a record into the story, once, if the caller may see it.
func (g *gathering) take(ctx context.Context, e ledger.Entry) (*leaf, error) {
	st, err := record.ParseStatement(e.Statement)
	if err != nil {
		return nil, fmt.Errorf("read record at index %d: %w", e.Index, err)
	}
	if have := g.byID[st.ID()]; have != nil || e.Index >= g.story.Size {
		return have, nil
	}
	if ok, err := g.t.cfg.Sees(ctx, st); err != nil || !ok {
		return nil, err
	}
	if len(g.byID) >= maxEvents {
		g.story.More = true
		return nil, nil
	}
	lf := &leaf{entry: e, st: st, fields: st.Fields()}
	if lf.body, err = readBody(e.Statement); err != nil {
		return nil, fmt.Errorf("read record at index %d: %w", e.Index, err)
	}
	g.byID[st.ID()] = lf
	g.queue = append(g.queue, lf)
	return lf, nil
}

// root finds the decision that a record belongs to.
func (g *gathering) root(ctx context.Context, id string) (*leaf, error) {
	lf, err := g.get(ctx, id)
	if err == nil && lf == nil {
		err = &ledger.Error{Code: ledger.NotFound, Message: fmt.Sprintf("no record %q in this ledger", id), Hint: "counterfoil list shows the newest"}
	}
	for hops := 0; err == nil && lf.st.Type() != record.Decision && lf.fields.About != "" && hops < 10; hops++ {
		var up *leaf
		if up, err = g.get(ctx, lf.fields.About); up == nil {
			break // what it is about is not here: it is the root itself
		}
		lf = up
	}
	return lf, err
}

// list takes the records that a query selects, and returns how many were new.
func (g *gathering) list(ctx context.Context, q ledger.Query) (int, error) {
	before := len(g.byID)
	q.Ascending, q.Limit = true, maxEvents
	p, err := g.t.l.List(ctx, q)
	if err != nil {
		return 0, err
	}
	g.story.More = g.story.More || p.More
	for _, e := range p.Entries {
		if _, err := g.take(ctx, e); err != nil {
			return 0, err
		}
	}
	return len(g.byID) - before, nil
}

// follow takes what follows up the records that are there, and what they follow
// up or replace.
func (g *gathering) follow(ctx context.Context) error {
	for len(g.queue) > 0 && !g.story.More {
		lf := g.queue[0]
		g.queue = g.queue[1:]
		for _, id := range []string{lf.fields.About, string(lf.body.Decision.Supersedes)} {
			if id != "" {
				if _, err := g.get(ctx, id); err != nil {
					return err
				}
			}
		}
		if _, err := g.list(ctx, ledger.Query{About: lf.st.ID()}); err != nil {
			return err
		}
	}
	return nil
}

// tell puts the records in order.
func (g *gathering) tell(ctx context.Context, root *leaf) (*Story, error) {
	leaves := make([]*leaf, 0, len(g.byID))
	for _, lf := range g.byID {
		leaves = append(leaves, lf)
	}
	slices.SortFunc(leaves, func(a, b *leaf) int {
		return cmp.Or(a.fields.Time.Compare(b.fields.Time), cmp.Compare(a.entry.Index, b.entry.Index))
	})
	for _, lf := range leaves {
		e, err := g.event(ctx, lf, root)
		if err != nil {
			return nil, err
		}
		g.story.Events = append(g.story.Events, e)
		g.story.References = append(g.story.References, g.references(lf)...)
	}
	return g.story, nil
}

func (g *gathering) event(ctx context.Context, lf, root *leaf) (Event, error) {
	f := lf.fields
	e := Event{Time: f.Time.UTC(), Recorded: f.Recorded.UTC(), Index: lf.entry.Index, Record: f.ID, Type: f.Type, System: f.System, About: f.About, Statement: lf.entry.Statement,
		Role: g.role(lf, root), Title: title(lf)}
	if len(lf.st.Seals()) == 0 {
		return e, nil
	}
	open, err := g.t.cfg.Open(ctx, lf.st)
	if err != nil {
		return e, fmt.Errorf("open values of record %s: %w", f.ID, err)
	}
	if len(open) > 0 {
		if e.Statement, err = lf.st.Open(open); err != nil {
			return e, fmt.Errorf("open values of record %s: %w", f.ID, err)
		}
	}
	gone, err := g.t.l.Erased(ctx, f.ID)
	if err != nil {
		return e, err
	}
	for _, s := range lf.st.Seals() {
		v := Value{Pointer: s.Pointer, State: Withheld}
		if i := slices.IndexFunc(open, func(o record.Opening) bool { return o.Pointer == s.Pointer }); i >= 0 {
			v.State, v.Value = Disclosed, open[i].Value
		} else if i := slices.IndexFunc(gone, func(x ledger.Gone) bool { return x.Pointer == s.Pointer }); i >= 0 {
			v.State, v.Tombstone = Erased, gone[i].Tombstone
		}
		e.Values = append(e.Values, v)
	}
	return e, nil
}

// role is what a record is in the story.
func (g *gathering) role(lf, root *leaf) string {
	switch {
	case lf == root && lf.st.Type() == record.Decision:
		return "decision"
	case lf.st.Type() != record.Decision:
		return lf.fields.Type
	case root == nil:
		return "decision"
	case lf.st.ID() == root.fields.About && lf.fields.Status == "requested":
		return "attempt"
	case lf.st.ID() == string(root.body.Decision.Supersedes):
		return "before"
	case string(lf.body.Decision.Supersedes) == root.st.ID():
		return "after"
	case lf.fields.About == root.st.ID():
		return "after"
	}
	return "other"
}

// join writes words that are there.
func join(words ...string) string {
	return strings.Join(slices.DeleteFunc(words, func(w string) bool { return w == "" }), " ")
}
