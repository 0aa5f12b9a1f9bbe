// SPDX-License-Identifier: Apache-2.0

package custody

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/counterfoil/counterfoil/internal/db"
	"github.com/counterfoil/counterfoil/internal/ledger"
	"github.com/counterfoil/counterfoil/record"
)

// Report is what is held about a person (GDPR Art. 15): each record with its
// private values in place, which sources they came from, how long they are kept.
type Report struct {
	Made       time.Time         `json:"made"`
	Size       int64             `json:"log_size"` // complete with respect to this size of the log
	Origin     string            `json:"origin"`
	Records    []ReportRecord    `json:"records"`
	Types      map[string]int    `json:"types"`
	Systems    []string          `json:"systems"`
	Sources    []ReportSource    `json:"sources"`
	Recipients string            `json:"recipients"`
	Basis      map[string]string `json:"kept_for"` // by retention class: why, and how long
}

// ReportRecord is one record about the person.
type ReportRecord struct {
	ID        string          `json:"id"`
	Index     int64           `json:"index"`
	Type      string          `json:"type"`
	Time      time.Time       `json:"time"`
	System    string          `json:"system,omitempty"`
	Kind      string          `json:"kind,omitempty"`
	Status    string          `json:"status,omitempty"`
	Outcome   string          `json:"outcome,omitempty"`
	About     string          `json:"about,omitempty"`
	Retention string          `json:"retention"`
	Until     string          `json:"kept_until"`
	Holds     int             `json:"holds,omitempty"` // how many keep it; which matter is private
	Erased    []string        `json:"erased,omitempty"`
	Record    json.RawMessage `json:"record"`
}

// ReportSource is where values came from.
type ReportSource struct {
	Source   string `json:"source"`
	Category string `json:"category,omitempty"`
	Origin   string `json:"origin,omitempty"`
	Count    int    `json:"count"`
}

// ReportSubject opens everything that is held about a person. The access is a
// record first. Ticket names the case.
func (c *Custodian) ReportSubject(ctx context.Context, by By, subject json.RawMessage, purpose, ticket string) (*Report, error) {
	if ticket == "" || purpose == "" {
		return nil, fault(ledger.Invalid, "say what for, and name the case with a ticket", "a report about a person needs a purpose and a case")
	}
	canonical, err := record.Canonicalize(subject)
	if err != nil {
		return nil, fault(ledger.Invalid, "write it as the records have it in /subject, in JSON: a text with its quotation marks", "the person can not be read: %v", err)
	}
	set, err := c.related(ctx, canonical)
	if err != nil {
		return nil, err
	}
	access := ledger.Access{Act: "subject_report", Actor: by.Actor, Role: by.Role, Principal: by.Principal, Purpose: purpose, Ticket: ticket, Count: len(set), Subject: canonical}
	if len(set) == 0 {
		access.Subject = nil // nothing is held: the question must not be the first that is
	}
	if err := c.l.Note(ctx, access); err != nil {
		return nil, fmt.Errorf("record the access: %w", err)
	}
	size, err := c.l.Size(ctx)
	if err != nil {
		return nil, err
	}
	rep := &Report{Made: c.cfg.Now().UTC().Truncate(time.Second), Size: size, Origin: c.l.Origin(), Records: []ReportRecord{}, Types: map[string]int{}, Systems: []string{}, Sources: []ReportSource{},
		Recipients: "nobody outside, as far as this trail knows; exports are access records", Basis: map[string]string{}}
	return rep, c.fill(ctx, rep, set)
}

func (c *Custodian) fill(ctx context.Context, rep *Report, set []int64) error {
	for some := range slices.Chunk(set, 200) {
		var entries []ledger.Entry
		var left []ledger.Evidence
		err := c.l.DB().Read(ctx, func(ctx context.Context, tx *db.Tx) (err error) {
			if entries, err = ledger.FindEntries(ctx, tx, some); err == nil {
				left, err = ledger.EvidenceOf(ctx, tx, some)
			}
			return err
		})
		if err != nil {
			return ledger.Storage("read records", err)
		}
		for _, e := range entries {
			i := slices.IndexFunc(left, func(v ledger.Evidence) bool { return v.Index == e.Index })
			if i < 0 {
				continue // erased meanwhile
			}
			if err := c.reportRecord(ctx, rep, e, left[i]); err != nil {
				return err
			}
		}
	}
	return nil
}

func (c *Custodian) reportRecord(ctx context.Context, rep *Report, e ledger.Entry, left ledger.Evidence) error {
	st, err := record.ParseStatement(e.Statement)
	if err != nil {
		return err
	}
	openings, err := c.l.Copy(ctx, st.ID())
	if err != nil {
		return err
	}
	full, err := st.Open(openings)
	if err != nil {
		return err
	}
	f := st.Fields()
	out := ReportRecord{ID: f.ID, Index: e.Index, Type: f.Type, Time: f.Time, System: f.System, Kind: f.Kind, Status: f.Status, Outcome: f.Outcome, About: f.About,
		Retention: left.Class, Holds: len(left.Holds), Record: full, Until: "unknown class"}
	if class := c.cfg.Policy.class(left.Class); class != nil {
		out.Until = class.Max.after(f.Recorded).Format(time.DateOnly)
		if class.Trigger != Recorded {
			out.Until = "after " + class.Trigger
		}
		maxText, err := class.Max.MarshalText()
		if err != nil {
			return err
		}
		rep.Basis[class.Name] = fmt.Sprintf("%s from %s: %v", maxText, class.Trigger, class.Basis)
	}
	gone, err := c.l.Erased(ctx, f.ID)
	if err != nil {
		return err
	}
	for _, g := range gone {
		out.Erased = append(out.Erased, g.Pointer)
	}
	rep.Records = append(rep.Records, out)
	rep.Types[f.Type]++
	if f.System != "" && !slices.Contains(rep.Systems, f.System) {
		rep.Systems = append(rep.Systems, f.System)
	}
	return rep.sources(full)
}

// sources counts where inputs came from.
func (rep *Report) sources(full []byte) error {
	var doc struct {
		Inputs []struct{ Source, Category, Origin string }
	}
	if err := json.Unmarshal(full, &doc); err != nil {
		return fmt.Errorf("read inputs: %w", err)
	}
	for _, in := range doc.Inputs {
		s := ReportSource{Source: in.Source, Category: in.Category, Origin: in.Origin}
		i := slices.IndexFunc(rep.Sources, func(have ReportSource) bool { have.Count = 0; return have == s })
		if i < 0 {
			rep.Sources = append(rep.Sources, s)
			i = len(rep.Sources) - 1
		}
		rep.Sources[i].Count++
	}
	return nil
}

// AccessLog lists the access records about a person, oldest first, those about
// records of the person included. The question is one of them.
func (c *Custodian) AccessLog(ctx context.Context, by By, subject json.RawMessage, purpose, ticket string) ([]ledger.Entry, error) {
	canonical, err := record.Canonicalize(subject)
	if err != nil {
		return nil, fault(ledger.Invalid, "write it as the records have it in /subject, in JSON: a text with its quotation marks", "the person can not be read: %v", err)
	}
	who := c.l.SubjectMAC(canonical)
	known, err := c.l.CountSubjects(ctx, [][]byte{who})
	if err != nil {
		return nil, err
	}
	access := ledger.Access{Act: "access_log", Actor: by.Actor, Role: by.Role, Principal: by.Principal, Purpose: purpose, Ticket: ticket, Count: 1}
	if known > 0 {
		access.Subject = canonical
	}
	if err := c.l.Note(ctx, access); err != nil {
		return nil, fmt.Errorf("record the access: %w", err)
	}
	var out []ledger.Entry
	err = c.l.DB().Read(ctx, func(ctx context.Context, tx *db.Tx) error {
		out, err = c.accesses(ctx, tx, who)
		return err
	})
	return out, ledger.Storage("read accesses", err)
}

func (c *Custodian) accesses(ctx context.Context, tx *db.Tx, who []byte) ([]ledger.Entry, error) {
	set, err := c.l.Related(ctx, tx, who)
	if err != nil {
		return nil, err
	}
	entries, err := ledger.FindEntries(ctx, tx, set)
	if err != nil {
		return nil, err
	}
	var ids []string
	out := slices.DeleteFunc(slices.Clone(entries), func(e ledger.Entry) bool {
		st, err := record.ParseStatement(e.Statement)
		if err != nil {
			return true
		}
		if st.Type() != record.Access {
			ids = append(ids, st.ID())
		}
		return st.Type() != record.Access
	})
	followed, err := ledger.FollowUps(ctx, tx, string(record.Access), ids)
	if err != nil {
		return nil, err
	}
	for _, e := range followed {
		if !slices.ContainsFunc(out, func(have ledger.Entry) bool { return have.Index == e.Index }) {
			out = append(out, e)
		}
	}
	slices.SortFunc(out, func(a, b ledger.Entry) int { return int(a.Index - b.Index) })
	return out, nil
}
