// SPDX-License-Identifier: Apache-2.0

package audit

import (
	"bytes"
	"cmp"
	"context"
	"database/sql"
	"fmt"
	"math"
	"strconv"
	"strings"
	"sync"

	sumdb "golang.org/x/mod/sumdb/tlog"

	"github.com/counterfoil/counterfoil/internal/db"
	"github.com/counterfoil/counterfoil/internal/evidence"
	"github.com/counterfoil/counterfoil/internal/leaf"
	"github.com/counterfoil/counterfoil/internal/ledger"
	"github.com/counterfoil/counterfoil/record"
)

// pageLeaves is how many leaves one worker reads at a time: whole tiles.
const pageLeaves = 4 * 256

// page is what one worker found in one page.
type page struct {
	from     int64
	hashes   []sumdb.Hash
	findings []Finding
	missing  bool // a leaf is missing: the tree can not go on
	seals    int64
	opened   int64
	erased   int64
	unopened int64

	late    tombstones // of erasures while the audit ran
	persons map[string]*evidence.Key
}

func (p *page) find(code string, promise int, index int64, id, format string, args ...any) {
	p.findings = append(p.findings, Finding{Code: code, Promise: promise, Index: index, Record: id, Detail: fmt.Sprintf(format, args...)})
}

// leaves checks every page on all workers and feeds the tree in order.
func (a *auditor) leaves(ctx context.Context, t *tree) error {
	ctx, cancel := context.WithCancel(ctx)
	type slot struct {
		p   *page
		err error
	}
	pages := (a.snap.size + pageLeaves - 1) / pageLeaves
	order := make(chan chan slot, 2*a.cfg.Workers)
	tasks := make(chan func(), 2*a.cfg.Workers)
	var workers sync.WaitGroup
	defer workers.Wait()
	defer cancel()
	for range a.cfg.Workers {
		workers.Go(func() {
			for task := range tasks {
				task()
			}
		})
	}
	workers.Go(func() {
		defer close(tasks)
		defer close(order)
		for n := range pages {
			done := make(chan slot, 1)
			select {
			case order <- done:
			case <-ctx.Done():
				return
			}
			tasks <- func() {
				p, err := a.page(ctx, n*pageLeaves)
				done <- slot{p, err}
			}
		}
	})
	for done := range order {
		s := <-done
		if s.err != nil {
			return s.err
		}
		a.take(s.p, t)
		a.cfg.Progress(min(s.p.from+pageLeaves, a.snap.size), a.snap.size)
	}
	return ctx.Err()
}

// take adds one page's results, in log order.
func (a *auditor) take(p *page, t *tree) {
	for _, f := range p.findings {
		a.find(f)
	}
	a.report.Seals += p.seals
	a.report.Opened += p.opened
	a.report.Erased += p.erased
	a.report.Unopened += p.unopened
	for _, h := range p.hashes {
		t.add(h)
	}
	if p.missing {
		t.stop = true
	}
}

// row is what the database holds for one index.
type row struct {
	leaf      bool
	statement []byte
	damage    error // the leaf can not be unpacked
	lookup    string
	found     bool
	content   []byte
	key       int64
	sealed    []byte
	subject   []byte // who, as a keyed hash
	person    []byte // the wrapped key of who
}

// page reads and checks the leaves from from on, in one snapshot.
func (a *auditor) page(ctx context.Context, from int64) (*page, error) {
	to := min(from+pageLeaves, a.snap.size)
	p := &page{from: from, late: newTombstones(), persons: map[string]*evidence.Key{}}
	rows := make([]row, to-from)
	tiles := map[int64][]byte{}
	err := a.cfg.DB.Read(ctx, func(ctx context.Context, tx *db.Tx) error {
		if err := a.readPage(ctx, tx, from, to, rows, tiles); err != nil {
			return err
		}
		return p.late.read(ctx, tx, a.snap.size, math.MaxInt64)
	})
	if err != nil {
		return nil, fmt.Errorf("read records %d to %d: %w", from, to-1, err)
	}
	for i := range rows {
		a.checkRow(p, from+int64(i), &rows[i])
	}
	a.checkLevel0(p, from, rows, tiles)
	return p, nil
}

// lookupText is SQL for [ledger.LookupText], cheaper to fetch than 26 columns.
var lookupText = func() string {
	parts := make([]string, 0, 32)
	for _, c := range ledger.LookupColumns() {
		switch c {
		case "idx", "time", "recorded", "id", "type": // never NULL
		case "seq":
			c = "COALESCE(CAST(seq AS TEXT), '~')"
		default:
			c = "COALESCE(" + c + ", '~')"
		}
		parts = append(parts, c)
	}
	return "concat_ws('|', " + strings.Join(parts, ", ") + ")"
}()

func (a *auditor) readPage(ctx context.Context, tx *db.Tx, from, to int64, rows []row, tiles map[int64][]byte) error {
	span := []any{from, to}
	err := each(ctx, tx, `SELECT idx, statement FROM entry WHERE idx >= ? AND idx < ?`, span, func(r *sql.Rows) error {
		var index int64
		var stored sql.RawBytes
		if err := r.Scan(&index, &stored); err != nil {
			return err
		}
		row := &rows[index-from]
		row.leaf = true
		row.statement, row.damage = leaf.Unpack(stored)
		return nil
	})
	if err != nil {
		return err
	}
	if err := a.readLookups(ctx, tx, from, span, rows); err != nil {
		return err
	}
	if err := a.readEvidence(ctx, tx, from, span, rows); err != nil {
		return err
	}
	return each(ctx, tx, `SELECT n, hashes FROM tile WHERE level = 0 AND n >= ? AND n < ?`, []any{from / 256, (to + 255) / 256}, func(r *sql.Rows) error {
		var n int64
		var hashes []byte
		if err := r.Scan(&n, &hashes); err != nil {
			return err
		}
		tiles[n] = hashes
		return nil
	})
}

// readLookups reads the lookup rows of a page. Without keys it asks for all of
// them as one text, which takes half the time of a row each.
func (a *auditor) readLookups(ctx context.Context, tx *db.Tx, from int64, span []any, rows []row) error {
	if a.cfg.Keys == nil {
		lines, err := joined(ctx, tx, lookupText, "lookup", span)
		if err != nil {
			return err
		}
		for _, line := range lines {
			number, _, _ := strings.Cut(line, "|")
			index, err := strconv.ParseInt(number, 10, 64)
			if err != nil {
				return fmt.Errorf("read lookup row: %w", err)
			}
			rows[index-from].lookup, rows[index-from].found = line, true
		}
		if lines != nil {
			return nil
		}
	}
	return each(ctx, tx, `SELECT idx, `+lookupText+`, content FROM lookup WHERE idx >= ? AND idx < ?`, span, func(r *sql.Rows) error {
		var index int64
		var text string
		var content []byte
		if err := r.Scan(&index, &text, &content); err != nil {
			return err
		}
		row := &rows[index-from]
		row.lookup, row.found, row.content = text, true, content
		return nil
	})
}

// readEvidence reads the sealed values of a page; without keys, only whether
// they are there.
func (a *auditor) readEvidence(ctx context.Context, tx *db.Tx, from int64, span []any, rows []row) error {
	if a.cfg.Keys == nil {
		lines, err := joined(ctx, tx, "CAST(idx AS TEXT)", "evidence", span)
		if err != nil {
			return err
		}
		for _, line := range lines {
			index, err := strconv.ParseInt(line, 10, 64)
			if err != nil {
				return fmt.Errorf("read evidence: %w", err)
			}
			rows[index-from].sealed = []byte{}
		}
		return nil
	}
	return each(ctx, tx, `SELECT e.idx, e.key, e.sealed, e.subject, s.wrapped FROM evidence e LEFT JOIN subject s ON s.mac = e.subject
		WHERE e.idx >= ? AND e.idx < ?`, span, func(r *sql.Rows) error {
		var index, key int64
		var sealed, who, person []byte
		if err := r.Scan(&index, &key, &sealed, &who, &person); err != nil {
			return err
		}
		if sealed == nil {
			sealed = []byte{}
		}
		row := &rows[index-from]
		row.key, row.sealed, row.subject, row.person = key, sealed, who, person
		return nil
	})
}

// joined reads one text of each row of a page in a single answer. It returns nil
// if a text has a line break: that is somebody's doing, and could pass for
// another row.
func joined(ctx context.Context, tx *db.Tx, text, table string, span []any) ([]string, error) {
	var count int
	var all sql.NullString
	err := tx.QueryRow(ctx, `SELECT COUNT(*), string_agg(`+text+`, '
') FROM `+table+` WHERE idx >= ? AND idx < ?`, span...).Scan(&count, &all)
	if err != nil {
		return nil, err
	}
	if !all.Valid {
		return []string{}, nil
	}
	lines := strings.Split(all.String, "\n")
	if len(lines) != count {
		return nil, nil
	}
	return lines, nil
}

// checkRow checks one record against itself.
func (a *auditor) checkRow(p *page, index int64, r *row) {
	if !r.leaf {
		p.missing = true
		p.find(LeafMissing, 2, index, idFrom(r.lookup), "the leaf is gone")
		return
	}
	if p.missing {
		return
	}
	p.hashes = append(p.hashes, record.LeafHash(r.statement))
	st, err := record.ParseStatement(r.statement)
	if err = cmp.Or(r.damage, err); err != nil {
		p.find(LeafMalformed, 2, index, idFrom(r.lookup), "the leaf is not a statement: %v", err)
		return
	}
	fields := st.Fields()
	want := ledger.LookupText(index, &fields)
	switch {
	case !r.found:
		p.find(LookupMissing, 2, index, st.ID(), "its lookup row is gone: searches would not find it")
	case r.lookup != want:
		p.find(LookupChanged, 2, index, st.ID(), "its lookup row says otherwise than the statement: %s", differences(r.lookup, want))
	}
	a.checkEvidence(p, index, r, st)
}

// idFrom takes the record id out of a lookup text.
func idFrom(lookup string) string {
	if parts := strings.SplitN(lookup, "|", 3); len(parts) == 3 {
		return parts[1]
	}
	return ""
}

func differences(have, want string) string {
	h, w := strings.Split(have, "|"), strings.Split(want, "|")
	var out []string
	for i, c := range ledger.LookupColumns() {
		if i < len(h) && i < len(w) && h[i] != w[i] {
			out = append(out, fmt.Sprintf("%s is %q, want %q", c, h[i], w[i]))
		}
	}
	return strings.Join(out, ", ")
}

// checkLevel0 compares the leaf hashes with the tiles, which names the record
// that was changed.
func (a *auditor) checkLevel0(p *page, from int64, rows []row, tiles map[int64][]byte) {
	missing := map[int64]bool{}
	for i, h := range p.hashes {
		index := from + int64(i)
		n, at := index/256, int(index%256)*sumdb.HashSize
		tile, ok := tiles[n]
		if !ok {
			if !missing[n] {
				missing[n] = true
				p.find(TileMissing, 2, -1, "", "tile 0/%d is missing", n)
			}
			continue
		}
		if len(tile) < at+sumdb.HashSize || !bytes.Equal(tile[at:at+sumdb.HashSize], h[:]) {
			p.find(LeafChanged, 2, index, idFrom(rows[i].lookup), "the leaf does not have the hash that was stored for it")
		}
	}
}
