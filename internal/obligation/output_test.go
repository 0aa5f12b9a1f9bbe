// SPDX-License-Identifier: Apache-2.0

package obligation_test

import (
	"bytes"
	"encoding/json"
	"io"
	"os"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/counterfoil/counterfoil/api"
	"github.com/counterfoil/counterfoil/internal/db/dbtest"
	"github.com/counterfoil/counterfoil/internal/obligation"
)

// seededReport is that of the log with the defects.
func seededReport(t testing.TB) *api.ObligationReport {
	t.Helper()
	r := newRig(t, dbtest.SQLite(t))
	r.seed()
	return r.report(obligation.Asked{})
}

// written is one form of a report.
func written(t testing.TB, form func(io.Writer, *api.ObligationReport) error, o *api.ObligationReport) string {
	t.Helper()
	var b bytes.Buffer
	must(t, form(&b, o))
	return b.String()
}

// oscalSchema is the one that NIST published.
func oscalSchema(t testing.TB) *jsonschema.Schema {
	t.Helper()
	f, err := os.Open("testdata/oscal_complete_schema-1.1.3.json")
	must(t, err)
	doc, err := jsonschema.UnmarshalJSON(f)
	must(t, err)
	must(t, f.Close())
	c := jsonschema.NewCompiler()
	c.AssertFormat()
	must(t, c.AddResource("oscal.json", doc))
	s, err := c.Compile("oscal.json")
	must(t, err)
	return s
}

func TestOSCAL(t *testing.T) {
	t.Parallel()
	out := seededReport(t)
	schema := oscalSchema(t)
	for _, o := range []*api.ObligationReport{out, newRig(t, dbtest.SQLite(t)).report(obligation.Asked{FailOnly: true, Packs: []string{"uk-gdpr"}})} {
		var b, again bytes.Buffer
		must(t, obligation.OSCAL(&b, o))
		must(t, obligation.OSCAL(&again, o))
		equal(t, "second time", again.String(), b.String())
		value, err := jsonschema.UnmarshalJSON(bytes.NewReader(b.Bytes()))
		must(t, err)
		must(t, schema.Validate(value))
	}
	var b bytes.Buffer
	must(t, obligation.OSCAL(&b, out))
	for _, change := range [][2]string{{`"methods"`, `"method"`}, {`"state": "satisfied"`, `"state": "met"`}, {`"target-id": "`, `"target-id": "1 `}} { // the schema has teeth
		value, err := jsonschema.UnmarshalJSON(strings.NewReader(strings.Replace(b.String(), change[0], change[1], 1)))
		must(t, err)
		if schema.Validate(value) == nil {
			t.Errorf("%s for %s is not found", change[1], change[0])
		}
	}
	var file struct {
		R struct {
			Results []struct {
				Observations []struct {
					UUID     string
					Evidence []struct{ Description string } `json:"relevant-evidence"`
				}
				Findings []struct {
					Target  struct{ Status struct{ State string } }
					Related []struct {
						Observation string `json:"observation-uuid"`
					} `json:"related-observations"`
				}
			}
		} `json:"assessment-results"`
	}
	must(t, json.Unmarshal(b.Bytes(), &file))
	res := file.R.Results[0]
	known, satisfied, evidence := map[string]bool{}, 0, 0
	for _, o := range res.Observations {
		known[o.UUID] = true
		evidence += len(o.Evidence)
	}
	for _, f := range res.Findings {
		if f.Target.Status.State == "satisfied" {
			satisfied++
		}
		for _, rel := range f.Related {
			if !known[rel.Observation] {
				t.Errorf("no observation %s", rel.Observation)
			}
		}
	}
	want := 0
	for _, r := range out.Rules {
		want += 1 + len(r.FailedIDs) + len(r.Exceptions) + len(r.Attested)
	}
	equal(t, "observations, evidence and findings", []int{len(known), evidence, satisfied}, []int{len(out.Rules), want, out.Count["PASS"]})
}

// TestClaimsNothing looks for words that say that a law is met, in all forms of a
// report.
func TestClaimsNothing(t *testing.T) {
	t.Parallel()
	out := seededReport(t)
	text, err := obligation.Encode(out)
	must(t, err)
	var page, oscal bytes.Buffer
	must(t, obligation.HTML(&page, out))
	must(t, obligation.OSCAL(&oscal, out))
	for name, text := range map[string]string{"JSON": string(text), "HTML": page.String(), "OSCAL": strings.ReplaceAll(oscal.String(), "satisfied", "")} {
		if found := claims.FindAllString(text, -1); found != nil {
			t.Errorf("%s says %q", name, found)
		}
	}
}

func TestPage(t *testing.T) {
	t.Parallel()
	out := seededReport(t)
	out.Rules[0].FailedIDs = []string{`<script>alert(1)</script>`}
	var b, again bytes.Buffer
	must(t, obligation.HTML(&b, out))
	must(t, obligation.HTML(&again, out))
	equal(t, "second time", again.String(), b.String())
	for _, has := range []string{"<h1>Evidence found for obligations, 2026Q1</h1>", "&lt;script&gt;alert", `<code>d-no-origin</code>`, "It does not say that a law is met", "2027-12-02", "not yet", `href="#CR-12"`, `id="CR-12"`} {
		if !strings.Contains(b.String(), has) {
			t.Errorf("the page has no %s", has)
		}
	}
	for _, not := range []string{"<script", "http://", "https://", "src=", "ZgotmplZ"} {
		if strings.Contains(b.String(), not) {
			t.Errorf("the page has %s", not)
		}
	}
}
