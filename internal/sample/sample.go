// SPDX-License-Identifier: Apache-2.0

// Package sample draws samples of a log for auditors, in a way that nobody can
// steer and anybody can repeat.
//
//	query, size, seed ─ access record with their digest ─ checkpoint that covers it
//	─ all leaves before it that match ─ rank by seed and root ─ the first few
//	─ each put together again and looked over ─ sheet ─ access record with its digest
//
// Who asks chooses the seed before the root of the log is known, and who keeps the
// log has signed the root before anybody knows which leaves it draws: neither can
// choose the sample alone. If both conspire they can; a seed that an auditor makes
// up on the spot, and a witness that has cosigned, is what hinders them.
//
// # Invariants
//
//   - The seed is in the log before the draw: committed by the digest of the order.
//   - The population is every leaf before that record which the selection selects;
//     the sheet names the checkpoint, so anybody with the leaves gets the same.
//   - The sheet is a record: what was found can not be changed afterwards.
//
// It does not say what a sample proves about the rest; that is statistics.
package sample

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/counterfoil/counterfoil/internal/ledger"
	"github.com/counterfoil/counterfoil/internal/search"
	"github.com/counterfoil/counterfoil/pack"
	"github.com/counterfoil/counterfoil/proof"
	"github.com/counterfoil/counterfoil/record"
)

// MaxSize is how many leaves a sample has at most.
const MaxSize = 500

// Format is what a sheet says it is.
const Format = "counterfoil/sample/v1"

// Order is what is drawn. It is committed to before the draw.
type Order struct {
	ID string `json:"id"`
	// Query is which leaves, in words; Selection is what is run.
	Query     string          `json:"query"`
	Selection json.RawMessage `json:"selection"`
	Size      int             `json:"size"`
	Seed      string          `json:"seed"`
}

// Finding is what was found about a drawn leaf.
type Finding struct {
	Index int64  `json:"index"`
	ID    string `json:"id"`
	Type  string `json:"type"`
	// OK says that every reference resolves or is a tombstone.
	OK         bool     `json:"ok"`
	References int      `json:"references"`
	Missing    []string `json:"missing,omitempty"` // what is named and is not there
	Erased     int      `json:"erased,omitempty"`
	Note       string   `json:"note,omitempty"`
}

// Sheet is a drawn sample.
type Sheet struct {
	Format string `json:"sample"`
	Order  Order  `json:"order"`
	// Commit is the record that committed to the order, Index where it stands: the
	// population is before it.
	Commit string `json:"commit"`
	Index  int64  `json:"index"`
	// Checkpoint is the signed one that covers it.
	Checkpoint string    `json:"checkpoint"`
	Population int64     `json:"population"`
	Drawn      []Finding `json:"drawn"`
	Failed     int       `json:"failed"` // of those drawn, how many are not OK
	Time       time.Time `json:"time"`
}

// By is who draws.
type By struct{ Actor, Role, Principal, Purpose, Ticket string }

// Config says what samples are drawn from.
type Config struct {
	// Ledger is the log. Required.
	Ledger *ledger.Ledger
	// Check looks a drawn leaf over. Required.
	Check func(ctx context.Context, e ledger.Entry, st *record.Statement) (Finding, error)
	// Now is the clock. Default: time.Now.
	Now func() time.Time
}

// Sampler draws samples. It is safe for concurrent use.
type Sampler struct{ cfg Config }

// New makes a sampler.
func New(cfg Config) (*Sampler, error) {
	if cfg.Ledger == nil || cfg.Check == nil {
		return nil, errors.New("draw samples: Ledger and Check are required")
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	return &Sampler{cfg}, nil
}

// Draw commits to an order and draws. An empty seed is made up here. Faults of the
// query are [*search.Fault].
func (s *Sampler) Draw(ctx context.Context, by By, query string, size int, seed string) (*Sheet, error) {
	o, err := s.order(query, size, seed)
	if err != nil {
		return nil, err
	}
	sheet := &Sheet{Format: Format, Order: *o, Time: s.cfg.Now().UTC().Truncate(time.Second)}
	text, err := json.Marshal(o)
	if err != nil {
		return nil, fmt.Errorf("write order: %w", err)
	}
	if err := s.commit(ctx, by, sheet, text); err != nil {
		return nil, err
	}
	cp, err := proof.ParseCheckpoint([]byte(sheet.Checkpoint))
	if err != nil {
		return nil, err
	}
	chosen, population, err := Draw(o, cp, sheet.Index, s.cfg.Ledger.Statements(ctx, sheet.Index))
	if err != nil {
		return nil, err
	}
	sheet.Population = population
	if sheet.Drawn, err = s.look(ctx, chosen); err != nil {
		return nil, err
	}
	for _, f := range sheet.Drawn {
		if !f.OK {
			sheet.Failed++
		}
	}
	b, err := json.Marshal(sheet)
	if err != nil {
		return nil, fmt.Errorf("write sheet: %w", err)
	}
	return sheet, s.note(ctx, by, "sample_sheet", o.ID, b, len(sheet.Drawn))
}

func (s *Sampler) order(query string, size int, seed string) (*Order, error) {
	if size < 1 || size > MaxSize {
		return nil, &ledger.Error{Code: ledger.Invalid, Message: fmt.Sprintf("a sample of %d", size), Hint: fmt.Sprintf("draw from 1 to %d", MaxSize)}
	}
	if len(seed) > 200 {
		return nil, &ledger.Error{Code: ledger.Invalid, Message: "the seed is longer than 200 bytes", Hint: "thirty characters are enough"}
	}
	if seed == "" {
		var b [16]byte
		if _, err := rand.Read(b[:]); err != nil {
			return nil, fmt.Errorf("draw seed: %w", err)
		}
		seed = hex.EncodeToString(b[:])
	}
	q, err := search.Parse(query, s.cfg.Now())
	if err != nil {
		return nil, err
	}
	sel, err := q.Selection()
	if err != nil {
		return nil, err
	}
	b, err := json.Marshal(sel)
	if err != nil {
		return nil, fmt.Errorf("write selection: %w", err)
	}
	id, err := uuid.NewV7()
	if err != nil {
		return nil, fmt.Errorf("draw id: %w", err)
	}
	return &Order{ID: "sample-" + id.String(), Query: query, Selection: b, Size: size, Seed: seed}, nil
}

func digest(b []byte) string {
	sum := sha256.Sum256(b)
	return "sha256:" + hex.EncodeToString(sum[:])
}

func (s *Sampler) record(by By, act, id string, text []byte, count int) (*record.Record, error) {
	a := ledger.Access{Act: act, Actor: by.Actor, Role: by.Role, Purpose: by.Purpose, Ticket: by.Ticket, Target: id, Count: count, Query: string(text), Pointers: []string{digest(text)}}
	return a.Record(s.cfg.Ledger.Rules(), s.cfg.Now())
}

// commit appends the record of the order, and notes the checkpoint that covers it.
func (s *Sampler) commit(ctx context.Context, by By, sheet *Sheet, text []byte) error {
	r, err := s.record(by, "sample_commit", sheet.Order.ID, text, sheet.Order.Size)
	if err != nil {
		return err
	}
	got, err := s.cfg.Ledger.Append(ctx, ledger.Batch{Records: []*record.Record{r}, Principal: by.Principal, Capture: "manual", Custody: true})
	if err != nil {
		return err
	}
	sheet.Commit, sheet.Index, sheet.Checkpoint = r.ID(), got.Items[0].Index, string(got.Checkpoint)
	return nil
}

func (s *Sampler) note(ctx context.Context, by By, act, id string, text []byte, count int) error {
	r, err := s.record(by, act, id, text, count)
	if err == nil {
		_, err = s.cfg.Ledger.Append(ctx, ledger.Batch{Records: []*record.Record{r}, Principal: by.Principal, Capture: "manual", Custody: true})
	}
	return err
}

// look looks the drawn leaves over, in the order of the log.
func (s *Sampler) look(ctx context.Context, chosen []int64) ([]Finding, error) {
	entries, err := s.cfg.Ledger.Find(ctx, chosen)
	if err != nil {
		return nil, err
	}
	out := []Finding{}
	for _, e := range entries {
		st, err := record.ParseStatement(e.Statement)
		if err != nil {
			return nil, err
		}
		f, err := s.cfg.Check(ctx, e, st)
		if err != nil {
			return nil, err
		}
		f.Index, f.ID, f.Type = e.Index, st.ID(), st.Fields().Type
		out = append(out, f)
	}
	return out, nil
}

// Draw gives the leaves of a sample, sorted by index, and how many there were to
// draw from: those among the leaves before the index which the selection selects,
// ranked by
//
//	SHA-256("counterfoil/sample/v1" ‖ 0x00 ‖ seed ‖ 0x00 ‖ root ‖ u64(index))
//
// and the first of them taken. u64 is eight bytes, big-endian.
func Draw(o *Order, cp proof.Checkpoint, before int64, leaves pack.Leaves) (chosen []int64, population int64, err error) {
	sel, err := pack.ParseSelection(o.Selection)
	if err != nil {
		return nil, 0, err
	}
	all, err := pack.Select(sel, leaves)
	if err != nil {
		return nil, 0, err
	}
	all = slices.DeleteFunc(all, func(i int64) bool { return i >= before })
	population = int64(len(all))
	rank := make(map[int64][]byte, len(all))
	for _, i := range all {
		h := sha256.New()
		h.Write([]byte("counterfoil/sample/v1\x00" + o.Seed + "\x00"))
		h.Write(cp.Root[:])
		h.Write(binary.BigEndian.AppendUint64(nil, uint64(i)))
		rank[i] = h.Sum(nil)
	}
	slices.SortFunc(all, func(a, b int64) int { return bytes.Compare(rank[a], rank[b]) })
	all = all[:min(len(all), o.Size)]
	slices.Sort(all)
	return all, population, nil
}

// Repeat draws a sheet's sample again over leaves, and says how it differs; an
// empty text: not at all.
func Repeat(sheet *Sheet, leaves pack.Leaves) (string, error) {
	cp, err := proof.ParseCheckpoint([]byte(sheet.Checkpoint))
	if err != nil {
		return "", err
	}
	if cp.Size <= sheet.Index {
		return "the checkpoint does not cover the record of the order", nil
	}
	chosen, population, err := Draw(&sheet.Order, cp, sheet.Index, leaves)
	if err != nil {
		return "", err
	}
	have := make([]int64, len(sheet.Drawn))
	for i, f := range sheet.Drawn {
		have[i] = f.Index
	}
	switch {
	case population != sheet.Population:
		return fmt.Sprintf("there are %d leaves to draw from, the sheet says %d", population, sheet.Population), nil
	case !slices.Equal(chosen, have):
		return fmt.Sprintf("the draw gives the leaves %v, the sheet has %v", chosen, have), nil
	}
	return "", nil
}
