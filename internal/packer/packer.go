// SPDX-License-Identifier: Apache-2.0

package packer

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"time"

	"filippo.io/torchwood"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/counterfoil/counterfoil/internal/custody"
	"github.com/counterfoil/counterfoil/internal/ledger"
	"github.com/counterfoil/counterfoil/internal/search"
	"github.com/counterfoil/counterfoil/pack"
	"github.com/counterfoil/counterfoil/proof"
	"github.com/counterfoil/counterfoil/record"
)

// MaxRecords is how many records a pack holds.
const MaxRecords = 100_000

// Config says what packs are made of.
type Config struct {
	// Ledger is the log. Required.
	Ledger *ledger.Ledger
	// Custodian keeps the requests. Required.
	Custodian *custody.Custodian
	// Trust gives the trust policy that goes along. Required.
	Trust func() ([]byte, error)
	// Verifiers are programs that check packs, one file each. Default: none, and
	// the pack says how to build one.
	Verifiers fs.FS
	// Stamp asks a time-stamp authority to stamp what was signed. Default: nobody.
	Stamp func(ctx context.Context, text []byte) (token []byte, err error)
	// Attach are more files, such as results of controls: each is given the size
	// of the log, and named below data/. Default: none.
	Attach map[string]func(ctx context.Context, size int64) ([]byte, error)
}

// Packer makes packs. It is safe for concurrent use.
type Packer struct{ cfg Config }

// New makes a packer.
func New(cfg Config) (*Packer, error) {
	var errs []error
	if cfg.Ledger == nil || cfg.Custodian == nil {
		errs = append(errs, errors.New("Ledger and Custodian are required"))
	}
	if cfg.Trust == nil {
		errs = append(errs, errors.New("Trust is required"))
	}
	if len(errs) > 0 {
		return nil, fmt.Errorf("make packs: %w", errors.Join(errs...))
	}
	return &Packer{cfg: cfg}, nil
}

// Order is what a pack is ordered as.
type Order struct {
	Purpose, Ticket, Recipient, Reason string
	Query                              string
	Profile                            string
	Related, Leaves                    bool
}

// Ask orders a pack. The query is looked up now: what is ordered is what two
// others approve. Faults of the query are [*search.Fault].
func (p *Packer) Ask(ctx context.Context, by custody.By, o Order, now time.Time) (custody.Request, error) {
	if _, ok := profileOf(o.Profile); !ok {
		return custody.Request{}, &ledger.Error{Code: ledger.Invalid, Message: fmt.Sprintf("there is no profile %q", o.Profile), Hint: "counterfoil pack profiles lists them"}
	}
	q, err := search.Parse(o.Query, now)
	if err != nil {
		return custody.Request{}, err
	}
	sel, err := q.Selection()
	if err != nil {
		return custody.Request{}, err
	}
	b, err := json.Marshal(sel)
	if err != nil {
		return custody.Request{}, fmt.Errorf("write selection: %w", err)
	}
	return p.cfg.Custodian.AskPack(ctx, by, custody.PackSpec{Purpose: o.Purpose, Ticket: o.Ticket, Recipient: o.Recipient, Query: o.Query, Profile: o.Profile,
		Related: o.Related, Leaves: o.Leaves, Selection: b, Reason: o.Reason})
}

// making is one pack on its way.
type making struct {
	*Packer
	spec     custody.PackSpec
	request  custody.Request
	profile  Profile
	snapshot *ledger.Snapshot
	cp       proof.Checkpoint
	w        *pack.Writer
	claim    pack.Claim
	chosen   []int64
	entries  []ledger.Entry
	custody  map[int64]pack.Custody // by the index of the record that says so
	graves   map[string]int64       // the indexes of tombstones, by their ids
	stories  []row                  // for the report
	last     time.Time
}

// Make makes a pack that was approved, for who asked for it. size 0 is the newest
// that others have signed; that of an earlier pack gives the same again. ready is
// called before the first file is written: nothing but the sink fails afterwards,
// unless the database does. It returns what was signed.
func (p *Packer) Make(ctx context.Context, by custody.By, id string, size int64, sink pack.Sink, ready func()) (*pack.Claim, error) {
	m := &making{Packer: p, custody: map[int64]pack.Custody{}, graves: map[string]int64{}}
	var err error
	if m.request, m.spec, err = p.cfg.Custodian.Pack(ctx, by, id); err != nil {
		return nil, err
	}
	m.profile, _ = profileOf(m.spec.Profile)
	if m.snapshot, err = p.cfg.Ledger.Snapshot(ctx, size, m.request.Count); err != nil {
		return nil, err
	}
	if m.cp, err = proof.ParseCheckpoint(m.snapshot.Note); err != nil {
		return nil, err
	}
	if err := m.choose(ctx); err != nil {
		return nil, err
	}
	if err := p.cfg.Custodian.NotePack(ctx, by, m.request, len(m.chosen), m.snapshot.Size); err != nil {
		return nil, err
	}
	ready()
	m.w = pack.NewWriter(sink)
	m.claim = pack.Claim{Origin: m.cp.Origin, Size: m.cp.Size, Root: m.cp.Root.String(), Request: m.request.ID, Query: m.spec.Query,
		Related: m.spec.Related, Profile: m.spec.Profile, Leaves: m.spec.Leaves}
	for _, step := range []func(context.Context) error{m.writeSelection, m.writeLeaves, m.writeRecords, m.writeAttached, m.writeDescription, m.writeTags, m.finish} {
		if err := step(ctx); err != nil {
			return nil, err
		}
	}
	return &m.claim, nil
}

func (m *making) leaves(ctx context.Context) pack.Leaves {
	return m.cfg.Ledger.Statements(ctx, m.snapshot.Size)
}

func (m *making) choose(ctx context.Context) error {
	sel, err := pack.ParseSelection(m.spec.Selection)
	if err != nil {
		return err
	}
	if m.chosen, err = pack.Choose(pack.Wanted{Selection: sel, Related: m.spec.Related, Request: m.request.ID}, m.leaves(ctx)); err != nil {
		return err
	}
	if len(m.chosen) > MaxRecords {
		return &ledger.Error{Code: ledger.Invalid, Message: fmt.Sprintf("the pack would hold %d records, the limit is %d", len(m.chosen), MaxRecords), Hint: "ask for several, by time"}
	}
	if m.entries, err = m.cfg.Ledger.Find(ctx, m.chosen); err != nil {
		return err
	}
	for _, e := range m.entries {
		if c, ok := pack.CustodyOf(e.Index, e.Statement, m.request.ID); ok {
			m.custody[e.Index] = c
		}
	}
	return nil
}

func (m *making) writeSelection(context.Context) error {
	trust, err := m.cfg.Trust()
	if err != nil {
		return err
	}
	files := map[string][]byte{pack.FileSelection: append(slices.Clone(m.spec.Selection), '\n'), pack.FileCheckpoint: m.snapshot.Note, pack.FileTrust: trust}
	if m.snapshot.Token != nil {
		files[pack.FileToken] = m.snapshot.Token
	}
	return m.put(files)
}

// put writes files in the order of their names.
func (m *making) put(files map[string][]byte) error {
	names := make([]string, 0, len(files))
	for name := range files {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		if err := m.w.Put(name, files[name]); err != nil {
			return err
		}
	}
	return nil
}

func (m *making) writeLeaves(ctx context.Context) error {
	if !m.spec.Leaves {
		return nil
	}
	f, err := m.w.Create(pack.FileLeaves)
	if err != nil {
		return err
	}
	for statement, err := range m.leaves(ctx)() {
		if err == nil {
			_, err = f.Write(append(statement, '\n'))
		}
		if err != nil {
			return errors.Join(err, f.Close())
		}
	}
	return f.Close()
}

// writeRecords writes what was chosen, with proofs and values.
func (m *making) writeRecords(ctx context.Context) error {
	var lines, opened, gone, custody bytes.Buffer
	for _, e := range m.entries {
		fmt.Fprintf(&lines, `{"index":%d,"statement":%s}`+"\n", e.Index, e.Statement)
		path, err := m.cfg.Ledger.Path(ctx, e.Index, m.snapshot.Size)
		if err != nil {
			return err
		}
		if err := m.w.Put(pack.ProofFile(e.Index), torchwood.FormatProof(e.Index, path, m.snapshot.Note)); err != nil {
			return err
		}
		if c, ok := m.custody[e.Index]; ok {
			if err := line(&custody, c); err != nil {
				return err
			}
		}
		if err := m.writeValues(ctx, e, &opened, &gone); err != nil {
			return err
		}
	}
	m.claim.Records = int64(len(m.entries))
	return m.put(map[string][]byte{pack.FileRecords: lines.Bytes(), pack.FileDisclosures: opened.Bytes(), pack.FileTombstones: gone.Bytes(), pack.FileCustody: custody.Bytes()})
}

// line writes a value as a line in canonical form.
func line(to *bytes.Buffer, v any) error {
	b, err := json.Marshal(v)
	if err != nil {
		return err
	}
	c := jsontext.Value(b)
	if err := c.Canonicalize(); err != nil {
		return err
	}
	to.Write(c)
	to.WriteByte('\n')
	return nil
}

// writeValues says of each private value of a record what became of it.
func (m *making) writeValues(ctx context.Context, e ledger.Entry, opened, gone *bytes.Buffer) error {
	st, err := record.ParseStatement(e.Statement)
	if err != nil {
		return err
	}
	r := rowOf(e, st)
	if seals := st.Seals(); len(seals) > 0 {
		openings, err := m.cfg.Ledger.Copy(ctx, st.ID())
		if err != nil {
			return err
		}
		var erased map[string]string
		if len(openings) < len(seals) {
			if erased, err = m.erased(ctx, st.ID()); err != nil {
				return err
			}
		}
		pointers := make([]string, len(seals))
		for i, s := range seals {
			pointers[i] = s.Pointer
		}
		slices.Sort(pointers)
		for _, pointer := range pointers {
			at := slices.IndexFunc(openings, func(o record.Opening) bool { return o.Pointer == pointer })
			switch {
			case at >= 0 && m.discloses(e.Index, pointer):
				o := openings[at]
				m.claim.Disclosed++
				r.values = append(r.values, value{pointer, string(o.Value)})
				err = line(opened, pack.Disclosure{ID: st.ID(), Index: e.Index, Pointer: pointer, Salt: base64.RawURLEncoding.EncodeToString(o.Salt[:]), Value: o.Value})
			case at < 0 && erased[pointer] != "":
				m.claim.Erased++
				r.erased++
				err = line(gone, pack.Tombstone{ID: st.ID(), Index: e.Index, Pointer: pointer, Tombstone: erased[pointer]})
			default:
				m.claim.Withheld++
				r.withheld++
			}
			if err != nil {
				return err
			}
		}
	}
	m.stories = append(m.stories, r)
	if r.recorded.After(m.last) {
		m.last = r.recorded
	}
	return nil
}

// discloses adds to the profile what the order itself was: without it, nobody
// could see that two people approved this selection.
func (m *making) discloses(index int64, pointer string) bool {
	if _, is := m.custody[index]; is {
		return pointer == "/access/query"
	}
	return m.profile.discloses(pointer)
}

// erased are the tombstones of values of a record that are within the pack. What
// was erased later shows as withheld: the log of this size does not say more.
func (m *making) erased(ctx context.Context, id string) (map[string]string, error) {
	all, err := m.cfg.Ledger.Erased(ctx, id)
	if err != nil {
		return nil, err
	}
	out := map[string]string{}
	for _, g := range all {
		index, known := m.graves[g.Tombstone] // one tombstone is of many values
		if !known {
			e, err := m.cfg.Ledger.Get(ctx, g.Tombstone)
			if err != nil {
				return nil, err
			}
			index = e.Index
			m.graves[g.Tombstone] = index
		}
		if _, in := slices.BinarySearch(m.chosen, index); in {
			out[g.Pointer] = g.Tombstone
		}
	}
	return out, nil
}

func (m *making) writeAttached(ctx context.Context) error {
	files := map[string][]byte{}
	for name, make := range m.cfg.Attach {
		b, err := make(ctx, m.snapshot.Size)
		if err != nil {
			return err
		}
		files["data/"+name] = b
	}
	return m.put(files)
}

func (m *making) finish(ctx context.Context) error {
	var stamp func([]byte) ([]byte, error)
	if m.cfg.Stamp != nil {
		stamp = func(b []byte) ([]byte, error) { return m.cfg.Stamp(ctx, b) }
	}
	info := [][2]string{{"Source-Organization", m.cp.Origin}, {"External-Identifier", m.request.ID}, {"External-Description", "Counterfoil evidence pack, format counterfoil/pack/v1"},
		{"Bagging-Date", m.last.UTC().Format(time.DateOnly)}}
	return m.w.Finish(info, func(digest []byte) ([]byte, error) {
		return pack.Seal(digest, m.claim, func(text []byte) (string, []byte, error) { return m.cfg.Ledger.Sign(ctx, text) })
	}, stamp)
}
