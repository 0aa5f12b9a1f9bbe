// SPDX-License-Identifier: Apache-2.0

package obligation

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io"
	"net/url"
	"strings"
	"unicode"

	"github.com/google/uuid"

	"github.com/counterfoil/counterfoil/api"
)

// The version of OSCAL that reports are written in, and the name space of our
// own properties.
const (
	oscalVersion = "1.1.3"
	oscalNS      = "urn:counterfoil:obligations:v1"
)

// The members of OSCAL that a report uses, in its order.
type (
	oscalFile struct {
		Results oscalResults `json:"assessment-results"`
	}
	oscalResults struct {
		UUID       string          `json:"uuid"`
		Metadata   oscalMetadata   `json:"metadata"`
		ImportPlan oscalHref       `json:"import-ap"`
		Results    []oscalResult   `json:"results"`
		BackMatter oscalBackMatter `json:"back-matter"`
	}
	oscalMetadata struct {
		Title    string      `json:"title"`
		Modified string      `json:"last-modified"`
		Version  string      `json:"version"`
		OSCAL    string      `json:"oscal-version"`
		Props    []oscalProp `json:"props"`
		Remarks  string      `json:"remarks"`
	}
	oscalHref struct {
		Href    string `json:"href"`
		Remarks string `json:"remarks,omitempty"`
	}
	oscalProp struct {
		Name  string `json:"name"`
		NS    string `json:"ns"`
		Value string `json:"value"`
	}
	oscalResult struct {
		UUID         string             `json:"uuid"`
		Title        string             `json:"title"`
		Description  string             `json:"description"`
		Start        string             `json:"start"`
		End          string             `json:"end"`
		Props        []oscalProp        `json:"props"`
		Reviewed     oscalReviewed      `json:"reviewed-controls"`
		Observations []oscalObservation `json:"observations,omitempty"`
		Findings     []oscalFinding     `json:"findings,omitempty"`
		Remarks      string             `json:"remarks"`
	}
	oscalReviewed struct {
		Selections []oscalSelection `json:"control-selections"`
	}
	oscalSelection struct {
		Description string         `json:"description"`
		Include     []oscalControl `json:"include-controls,omitempty"`
	}
	oscalControl struct {
		ID string `json:"control-id"`
	}
	oscalObservation struct {
		UUID        string          `json:"uuid"`
		Title       string          `json:"title"`
		Description string          `json:"description"`
		Props       []oscalProp     `json:"props"`
		Methods     []string        `json:"methods"`
		Evidence    []oscalEvidence `json:"relevant-evidence"`
		Collected   string          `json:"collected"`
		Remarks     string          `json:"remarks"`
	}
	oscalEvidence struct {
		Href        string `json:"href"`
		Description string `json:"description"`
	}
	oscalFinding struct {
		UUID        string         `json:"uuid"`
		Title       string         `json:"title"`
		Description string         `json:"description"`
		Props       []oscalProp    `json:"props"`
		Target      oscalTarget    `json:"target"`
		Related     []oscalRelated `json:"related-observations,omitempty"`
	}
	oscalTarget struct {
		Type   string      `json:"type"`
		ID     string      `json:"target-id"`
		Status oscalStatus `json:"status"`
	}
	oscalStatus struct {
		State   string `json:"state"`
		Reason  string `json:"reason"`
		Remarks string `json:"remarks"`
	}
	oscalRelated struct {
		Observation string `json:"observation-uuid"`
	}
	oscalBackMatter struct {
		Resources []oscalResource `json:"resources"`
	}
	oscalResource struct {
		UUID        string `json:"uuid"`
		Title       string `json:"title"`
		Description string `json:"description"`
	}
)

// stateRemark says what the two words that OSCAL has for a result mean here.
const stateRemark = "satisfied means here: evidence was found for every rule of the obligation; not-satisfied: it was not, for whatever reason. Neither says whether a law is met."

// oscal is a report on its way to OSCAL. Every UUID is made of what it stands
// for (version 5), so that the same report gives the same bytes.
type oscal struct {
	o    *api.ObligationReport
	root uuid.UUID
}

// OSCAL writes a report as OSCAL assessment results in JSON: an observation for
// each rule, and a finding for each obligation.
func OSCAL(w io.Writer, o *api.ObligationReport) error {
	text, err := Encode(o)
	if err != nil {
		return err
	}
	sum := sha256.Sum256(text)
	c := &oscal{o: o, root: uuid.NewSHA1(uuid.NameSpaceURL, append([]byte(oscalNS+":"), sum[:]...))}
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	if err := e.Encode(c.file()); err != nil {
		return fmt.Errorf("write OSCAL: %w", err)
	}
	return nil
}

func (c *oscal) id(what string) string { return uuid.NewSHA1(c.root, []byte(what)).String() }

func (c *oscal) file() oscalFile {
	o := c.o
	at := o.AsOf.Format("2006-01-02T15:04:05Z")
	result := oscalResult{UUID: c.id("result"), Title: "Obligations, " + period(o), Start: o.From.Format("2006-01-02T15:04:05Z"), End: at,
		Description: "Rules evaluated over the records of a ledger. It shows where evidence was found, and says of no law that it is met.",
		Props:       c.props("origin", o.Basis.Origin, "size", fmt.Sprint(o.Basis.Size), "evaluator", o.Evaluator), Remarks: strings.Join(append([]string{o.Basis.Complete}, o.Limits...), " ")}
	for _, p := range o.Packs {
		s := oscalSelection{Description: p.Title + ", version " + p.Version}
		for _, b := range p.Obligations {
			s.Include = append(s.Include, oscalControl{token(p.Name + "_" + b.ID)})
			result.Findings = append(result.Findings, c.finding(p, b))
		}
		result.Reviewed.Selections = append(result.Reviewed.Selections, s)
	}
	for _, r := range o.Rules {
		result.Observations = append(result.Observations, c.observation(r, at))
	}
	plan := oscalResource{UUID: c.id("plan"), Title: "The rules and packs of this report", Description: "The report in its own JSON names every rule with its question and numbers, and each pack with its version and digest."}
	for _, p := range o.Packs {
		plan.Description += " " + p.Name + "@" + p.Version + " " + p.Digest + "."
	}
	return oscalFile{oscalResults{UUID: c.root.String(), ImportPlan: oscalHref{Href: "#" + plan.UUID, Remarks: "The plan is the packs."}, Results: []oscalResult{result},
		Metadata: oscalMetadata{Title: "Counterfoil obligation report", Modified: at, Version: o.Format, OSCAL: oscalVersion,
			Props: c.props("origin", o.Basis.Origin, "size", fmt.Sprint(o.Basis.Size)), Remarks: stateRemark},
		BackMatter: oscalBackMatter{[]oscalResource{plan, {UUID: c.id("checkpoint"), Title: "Checkpoint of the log", Description: strings.TrimSpace(o.Basis.Checkpoint)}}}}}
}

// props are pairs of names and values; what is empty is left out.
func (c *oscal) props(pairs ...string) []oscalProp {
	var out []oscalProp
	for n := 0; n+1 < len(pairs); n += 2 {
		if v := strings.Join(strings.Fields(pairs[n+1]), " "); v != "" {
			out = append(out, oscalProp{Name: pairs[n], NS: oscalNS, Value: v})
		}
	}
	return out
}

func (c *oscal) observation(r api.RuleResult, at string) oscalObservation {
	out := oscalObservation{UUID: c.id("rule:" + r.ID), Title: r.ID + " " + r.Name, Description: r.Question, Methods: []string{"TEST"}, Collected: at,
		Props: c.props("rule", r.ID, "kind", r.Kind, "status", r.Status, "unit", r.Unit, "population", fmt.Sprint(r.Population), "passed", fmt.Sprint(r.Passed),
			"failed", fmt.Sprint(r.Failed), "excepted", fmt.Sprint(r.Excepted)),
		Evidence: []oscalEvidence{{Href: "#" + c.id("checkpoint"), Description: "The leaves under this checkpoint were counted."}},
		Remarks:  strings.TrimSpace(r.Reason + " What this does not show: " + r.ShowsNot)}
	for _, id := range r.FailedIDs {
		out.Evidence = append(out.Evidence, oscalEvidence{Href: href(id), Description: "no evidence found: " + id})
	}
	for _, e := range r.Exceptions {
		out.Evidence = append(out.Evidence, oscalEvidence{Href: href(e.Finding), Description: "accepted for " + e.ID + " by " + e.By})
	}
	for _, a := range r.Attested {
		out.Evidence = append(out.Evidence, oscalEvidence{Href: href(a.ID), Description: "stated by " + a.By})
	}
	return out
}

// href names a record; ids are recorded text, and escaped.
func href(id string) string { return "urn:counterfoil:record:" + url.PathEscape(id) }

func (c *oscal) finding(p api.ObligationPack, b api.ObligationResult) oscalFinding {
	status := oscalStatus{State: "not-satisfied", Reason: "other", Remarks: stateRemark}
	switch b.Status {
	case Pass:
		status.State, status.Reason = "satisfied", "pass"
	case Fail:
		status.Reason = "fail"
	}
	force := "no"
	if b.InForce {
		force = "yes"
	}
	var dates []string
	for _, a := range b.Applies {
		dates = append(dates, a.From+" ("+a.Source+")")
	}
	out := oscalFinding{UUID: c.id("obligation:" + p.Name + ":" + b.ID), Title: b.ID, Description: b.Text, Target: oscalTarget{Type: "objective-id", ID: token(p.Name + "_" + b.ID), Status: status},
		Props: c.props("pack", p.Name, "source", b.Source, "status", b.Status, "summary", b.Summary, "in-force", force, "applies-from", strings.Join(dates, "; "))}
	for _, id := range b.Rules {
		for _, r := range c.o.Rules { // with --fail-only not all are there
			if r.ID == id {
				out.Related = append(out.Related, oscalRelated{c.id("rule:" + id)})
			}
		}
	}
	return out
}

// token makes an id one that OSCAL takes: letters, digits and . - _.
func token(s string) string {
	return strings.TrimRight(strings.Map(func(r rune) rune {
		if unicode.IsLetter(r) || unicode.IsDigit(r) || strings.ContainsRune(".-_", r) {
			return r
		}
		return '-'
	}, s), "-")
}
