// SPDX-License-Identifier: Apache-2.0

package packer

import (
	"bytes"
	"context"
	_ "embed" // the page
	"encoding/json"
	"fmt"
	"html/template"
	"strings"
	"time"

	"github.com/counterfoil/counterfoil/internal/ledger"
	"github.com/counterfoil/counterfoil/internal/paper"
	"github.com/counterfoil/counterfoil/pack"
	"github.com/counterfoil/counterfoil/record"
)

// row is one record in the report.
type row struct {
	index            int64
	id, what         string
	time, recorded   time.Time
	about, principal string
	values           []value
	withheld, erased int
}

type value struct{ pointer, text string }

// rowOf says in a few words what a statement holds in clear.
func rowOf(e ledger.Entry, st *record.Statement) row {
	f := st.Fields()
	var doc struct {
		About     string `json:"about"`
		Principal string `json:"principal"`
		Oversight struct{ Act, Actor, After string }
		Access    struct{ Act, Actor, Purpose string }
		Finding   struct{ Code, Severity string }
		Registry  struct{ Act, Name, Actor string }
		Challenge struct{ Kind, Status, Outcome string }
		Erasure   struct{ Status, Ground string }
	}
	_ = json.Unmarshal(e.Statement, &doc) // a ledger may seal public members: then there is less to say
	words := []string{f.Type, f.System, f.Kind, f.Status, f.Outcome, doc.Oversight.Act, doc.Oversight.Actor, doc.Oversight.After, doc.Access.Act, doc.Access.Actor, doc.Access.Purpose,
		doc.Finding.Code, doc.Finding.Severity, doc.Registry.Act, doc.Registry.Name, doc.Registry.Actor, doc.Challenge.Kind, doc.Challenge.Status, doc.Challenge.Outcome, doc.Erasure.Status, doc.Erasure.Ground}
	var said []string
	for _, w := range words {
		if w != "" {
			said = append(said, w)
		}
	}
	return row{index: e.Index, id: f.ID, what: strings.Join(said, " · "), time: f.Time, recorded: f.Recorded, about: doc.About, principal: doc.Principal}
}

var (
	//go:embed report.html.tmpl
	reportText string
	//go:embed report.css
	reportStyle string
)

var reportPage = template.Must(template.New("report").Funcs(template.FuncMap{
	"style":  func() template.CSS { return template.CSS(reportStyle) },
	"policy": func() string { return paper.Policy(reportStyle) },
}).Parse(reportText))

// report is what the page is given.
type report struct {
	Claim     pack.Claim
	Spec      specView
	Profile   Profile
	Last      string
	Stamped   bool
	Cosigners int
	Rows      []rowView
	Custody   []rowView
}

type specView struct{ Purpose, Ticket, Recipient string }

type rowView struct {
	Index                      int64
	ID, What, Time, Recorded   string
	About, Principal           string
	Values                     []valueView
	Withheld, Erased, Sequence int
}

type valueView struct{ Pointer, Text string }

// maxShown is how much of a value the report shows; all of it is in the files.
const maxShown = 2000

func (m *making) view() report {
	out := report{Claim: m.claim, Spec: specView{m.spec.Purpose, m.spec.Ticket, m.spec.Recipient}, Profile: m.profile, Last: m.last.UTC().Format(time.RFC3339), Stamped: m.snapshot.Token != nil,
		Cosigners: max(0, bytes.Count(m.snapshot.Note, []byte("\n— "))-1)}
	for i, r := range m.stories {
		v := rowView{Index: r.index, ID: r.id, What: r.what, Time: r.time.UTC().Format(time.RFC3339), Recorded: r.recorded.UTC().Format(time.RFC3339), About: r.about, Principal: r.principal,
			Withheld: r.withheld, Erased: r.erased, Sequence: i + 1}
		for _, x := range r.values {
			text := x.text
			var plain string
			if json.Unmarshal([]byte(text), &plain) == nil {
				text = plain
			}
			if len(text) > maxShown {
				text = strings.ToValidUTF8(text[:maxShown], "") + " … (the rest is in data/disclosures.jsonl)"
			}
			v.Values = append(v.Values, valueView{x.pointer, text})
		}
		if _, is := m.custody[r.index]; is {
			out.Custody = append(out.Custody, v)
		} else {
			out.Rows = append(out.Rows, v)
		}
	}
	return out
}

// writeDescription writes the report, and what describes the files.
func (m *making) writeDescription(context.Context) error {
	var page bytes.Buffer
	if err := reportPage.Execute(&page, m.view()); err != nil {
		return fmt.Errorf("write report: %w", err)
	}
	crate, err := m.crate()
	if err != nil {
		return err
	}
	fields, err := json.MarshalIndent(record.Table(), "", " ")
	if err != nil {
		return fmt.Errorf("write dictionary: %w", err)
	}
	profile, err := json.MarshalIndent(m.profile, "", " ")
	if err != nil {
		return fmt.Errorf("write dictionary: %w", err)
	}
	return m.put(map[string][]byte{"data/report.html": page.Bytes(), "data/ro-crate-metadata.json": crate, "data/dictionary/fields.json": append(fields, '\n'),
		"data/dictionary/record.schema.json": record.Schema(), "data/dictionary/profile.json": append(profile, '\n'), "data/known-defects.md": limits})
}
