// SPDX-License-Identifier: Apache-2.0

package registry

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/counterfoil/counterfoil/internal/db"
	"github.com/counterfoil/counterfoil/internal/ledger"
)

// Report is what a rebuild found.
type Report struct {
	Acts     int      `json:"acts"`    // in the log, over all shards
	Rows     int      `json:"rows"`    // that they make
	Carried  int      `json:"carried"` // of the acts, from shards that were dropped: as the tables have them
	Findings []string `json:"findings"`
	Replaced bool     `json:"replaced"`
}

// projection is what the log says that the tables hold.
type projection struct {
	acts     []*Act
	rows     map[[2]string][]byte // topic and name → document
	findings []string
	carried  int
}

// Rebuild makes the register again from the statements of the log, and compares
// it with the tables byte for byte. With replace, the tables become what the log
// says. Acts that the rules forbid are findings in either case.
func (r *Registry) Rebuild(ctx context.Context, replace bool) (*Report, error) {
	for range maxTries {
		size, err := r.l.Size(ctx)
		if err != nil {
			return nil, err
		}
		p, err := r.replay(ctx, size)
		if err != nil {
			return nil, err
		}
		rep := &Report{Acts: len(p.acts), Rows: len(p.rows), Carried: p.carried}
		work := r.l.DB().Read
		if replace {
			work = r.l.DB().Write
		}
		err = work(ctx, func(ctx context.Context, tx *db.Tx) error { return r.settle(ctx, tx, p, size, rep, replace) })
		if errors.Is(err, errMoved) {
			continue
		}
		if err != nil {
			return nil, ledger.Storage("rebuild register", err)
		}
		if rep.Replaced {
			r.forget()
			err = r.Refresh(ctx)
		}
		return rep, err
	}
	return nil, errMoved
}

// replay applies every act of the log up to size, in order.
func (r *Registry) replay(ctx context.Context, size int64) (*projection, error) {
	p := &projection{rows: map[[2]string][]byte{}}
	s := newState()
	shards, err := r.readable(ctx)
	if err != nil {
		return nil, err
	}
	if err := r.carried(ctx, p, s, shards); err != nil {
		return nil, err
	}
	for _, shard := range shards {
		to := int64(-1)
		if shard == r.l {
			to = size
		}
		q := ledger.Query{Type: "registry", Ascending: true, Limit: 500, Before: max(to, 0)}
		for more := to != 0; more; {
			page, err := shard.List(ctx, q)
			if err != nil {
				return nil, err
			}
			for _, e := range page.Entries {
				if err := p.add(s, shard.Origin(), e); err != nil {
					return nil, err
				}
			}
			q.Start, more = page.Cursor, page.More
		}
	}
	return p, nil
}

// readable are the shards of which the leaves are there, oldest first.
func (r *Registry) readable(ctx context.Context) ([]*ledger.Ledger, error) {
	var out []*ledger.Ledger
	for _, shard := range r.l.Shards() {
		end, err := shard.End(ctx)
		if err != nil {
			return nil, err
		}
		if end == nil || end.Dropped.IsZero() {
			out = append(out, shard)
		}
	}
	return out, nil
}

// carried takes the acts of shards that were dropped from the tables: there is
// nothing else left to read them from.
func (r *Registry) carried(ctx context.Context, p *projection, s *state, shards []*ledger.Ledger) error {
	acts, err := r.History(ctx, "", "")
	if err != nil {
		return err
	}
	for i := range acts {
		a := &acts[i]
		if slices.ContainsFunc(shards, func(l *ledger.Ledger) bool { return l.Origin() == a.Origin }) {
			return nil
		}
		if err := p.apply(s, a); err != nil {
			return err
		}
		p.carried++
	}
	return nil
}

func (p *projection) add(s *state, origin string, e ledger.Entry) error {
	a, err := ParseAct(origin, e.Index, e.Statement)
	if err != nil || a == nil {
		return err
	}
	return p.apply(s, a)
}

func (p *projection) apply(s *state, a *Act) error {
	if err := check(s, a, false); err != nil {
		p.findings = append(p.findings, fmt.Sprintf("%s of %s (record %s) is against the rules: %v", a.Act, a.target(), a.ID, err))
	}
	p.acts = append(p.acts, a)
	for _, c := range apply(s, a) {
		s.put(c)
		doc, err := json.Marshal(c.doc)
		if err != nil {
			return fmt.Errorf("write register: %w", err)
		}
		p.rows[[2]string{c.topic, c.name}] = doc
	}
	return nil
}

// settle compares the tables with the projection, and replaces them if asked.
func (r *Registry) settle(ctx context.Context, tx *db.Tx, p *projection, size int64, rep *Report, replace bool) error {
	lock := ""
	if replace {
		lock = tx.ForUpdate()
	}
	var register int64
	if err := tx.QueryRow(ctx, `SELECT register FROM head WHERE one = 1`+lock).Scan(&register); err != nil {
		return fmt.Errorf("lock head: %w", err)
	}
	if register > size {
		return errMoved
	}
	want := int64(0)
	if n := len(p.acts); n > 0 && p.acts[n-1].Origin == r.l.Origin() {
		want = p.acts[n-1].Index + 1
	}
	differs, err := p.compare(ctx, tx)
	if err != nil {
		return err
	}
	if register != want {
		differs = append(differs, fmt.Sprintf("the register is marked as of size %d, and the log says %d", register, want))
	}
	rep.Findings = append(append([]string{}, p.findings...), differs...)
	if !replace || len(differs) == 0 {
		return nil
	}
	rep.Replaced = true
	return p.replace(ctx, tx, want)
}

// compare lists how the tables differ.
func (p *projection) compare(ctx context.Context, tx *db.Tx) ([]string, error) {
	var out []string
	left := map[string][]byte{}
	for k, doc := range p.rows {
		left[k[0]+" "+k[1]] = doc
	}
	for i, a := range p.acts {
		doc, err := json.Marshal(a)
		if err != nil {
			return nil, fmt.Errorf("write act: %w", err)
		}
		left[fmt.Sprintf("act %d", i+1)] = doc
	}
	rows, err := tx.Query(ctx, `SELECT topic, name, doc FROM register_state UNION ALL SELECT 'act', CAST(n AS TEXT), doc FROM register_act`)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var topic, name string
		var doc []byte
		if err := rows.Scan(&topic, &name, &doc); err != nil {
			return nil, err
		}
		want, ok := left[topic+" "+name]
		switch {
		case !ok:
			out = append(out, fmt.Sprintf("the tables have %s %s, and the log has it not", topic, name))
		case string(want) != string(doc):
			out = append(out, fmt.Sprintf("%s %s is another in the tables than in the log", topic, name))
		}
		delete(left, topic+" "+name)
	}
	for k := range left {
		out = append(out, fmt.Sprintf("the log has %s, and the tables have it not", k))
	}
	slices.SortFunc(out, cmp.Compare[string])
	return out, rows.Err()
}

func (p *projection) replace(ctx context.Context, tx *db.Tx, register int64) error {
	for _, table := range []string{"register_act", "register_state"} {
		if _, err := tx.Exec(ctx, `DELETE FROM `+table); err != nil {
			return fmt.Errorf("empty register: %w", err)
		}
	}
	for i, a := range p.acts {
		if err := insertAct(ctx, tx, int64(i)+1, a); err != nil {
			return err
		}
	}
	for k, doc := range p.rows {
		if err := putRow(ctx, tx, k[0], k[1], doc); err != nil {
			return err
		}
	}
	return ledger.SetRegister(ctx, tx, register)
}

// carry makes the register of a shard that goes on from another.
func (r *Registry) carry(ctx context.Context) error {
	if len(r.l.Shards()) == 1 {
		return nil
	}
	var n int64
	err := r.l.DB().Read(ctx, func(ctx context.Context, tx *db.Tx) error {
		return tx.QueryRow(ctx, `SELECT COUNT(*) FROM register_act`).Scan(&n)
	})
	if err != nil || n > 0 {
		return ledger.Storage("read register", err)
	}
	_, err = r.Rebuild(ctx, true)
	return err
}

// forget makes the next Refresh read everything.
func (r *Registry) forget() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.now.Store(&Register{state: newState()})
}
