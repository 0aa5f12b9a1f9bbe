// SPDX-License-Identifier: Apache-2.0

package server_test

import (
	"bytes"
	"encoding/json"
	"maps"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/counterfoil/counterfoil/api"
	"github.com/counterfoil/counterfoil/internal/access"
	"github.com/counterfoil/counterfoil/internal/custody"
	"github.com/counterfoil/counterfoil/internal/server"
	"github.com/counterfoil/counterfoil/record"
)

// TestDocument compares the document with the routes that are served.
func TestDocument(t *testing.T) {
	t.Parallel()
	r := newRig(t, options{})
	if b := r.get("/openapi.json").want(200).body; !bytes.Equal(b, answers.doc) {
		t.Error("the served document is not the one that answers are held against")
	}
	var doc document
	must(t, json.Unmarshal(answers.doc, &doc))
	if doc.OpenAPI != "3.1.0" {
		t.Errorf("version %q", doc.OpenAPI)
	}
	var declared, served []string
	for path, item := range doc.Paths {
		for method := range item {
			if method != "parameters" {
				declared = append(declared, strings.ToUpper(method)+" "+path)
			}
		}
	}
	for _, route := range r.s.Routes() {
		served = append(served, strings.NewReplacer("{$}", "", "...}", "}").Replace(route))
	}
	slices.Sort(declared)
	slices.Sort(served)
	if !slices.Equal(declared, served) {
		t.Errorf("declared %q\nserved   %q", declared, served)
	}
	ids := map[string]bool{}
	for _, o := range answers.ops {
		if ids[o.id] || o.id == "" {
			t.Errorf("operation id %q stands twice", o.id)
		}
		ids[o.id] = true
	}
}

// TestReferences follows every reference of the document, but those of the
// record schema, which has an address of its own.
func TestReferences(t *testing.T) {
	t.Parallel()
	var doc map[string]any
	must(t, json.Unmarshal(answers.doc, &doc))
	delete(doc["components"].(map[string]any)["schemas"].(map[string]any), "Record")
	b, err := json.Marshal(doc)
	must(t, err)
	refs := regexp.MustCompile(`"\$ref":"([^"]*)"`).FindAllSubmatch(b, -1)
	if len(refs) < 50 {
		t.Errorf("only %d references", len(refs))
	}
	for _, ref := range refs {
		if name, ok := strings.CutPrefix(string(ref[1]), "#/components/schemas/"); ok && name == "Record" {
			continue
		}
		var at any = doc
		for name := range strings.SplitSeq(strings.TrimPrefix(string(ref[1]), "#/"), "/") {
			at = at.(map[string]any)[name]
			if at == nil {
				t.Fatalf("%s leads nowhere", ref[1])
			}
		}
	}
}

// TestParameters sends an unknown query parameter to every operation that
// reads any: the problem names it, and the hint lists those of the document.
func TestParameters(t *testing.T) {
	t.Parallel()
	r := newRig(t, options{})
	r.post(decision("a")).want(201)
	checked := 0
	for _, o := range answers.ops {
		if _, ok := o.answers[400]; !ok {
			if len(o.query) > 0 {
				t.Errorf("%s takes parameters but declares no 400", o.id)
			}
			continue
		}
		checked++
		path := fill.Replace(o.path) + "?nonsense=1"
		p := r.do(o.method, path, nil).problem(400, "bad_parameter")
		if !strings.Contains(p.Detail, `"nonsense"`) {
			t.Errorf("%s: %s", path, p.Detail)
		}
		var known []string
		if list, ok := strings.CutPrefix(p.Hint, "use one of: "); ok {
			known = strings.Split(list, ", ")
		}
		if !slices.Equal(known, o.query) {
			t.Errorf("%s: known %q, declared %q", o.id, known, o.query)
		}
	}
	if checked < 7 {
		t.Errorf("only %d operations were checked", checked)
	}
}

// TestProblemTypes gets what each problem type points to.
func TestProblemTypes(t *testing.T) {
	t.Parallel()
	r := newRig(t, options{})
	codes := server.ProblemCodes()
	if len(codes) < 25 {
		t.Errorf("only %d codes", len(codes))
	}
	for _, code := range codes {
		if b := r.get("/problems/" + code).want(200).body; !strings.Contains(string(b), "\n\n") {
			t.Errorf("%s: %s", code, b)
		}
	}
	if p := r.get("/problems/none").problem(404, "not_found"); !strings.Contains(p.Hint, "syntax") {
		t.Errorf("hint %q", p.Hint)
	}
}

func TestSchema(t *testing.T) {
	t.Parallel()
	r := newRig(t, options{})
	if b := r.get("/schema/record.json").want(200).body; !bytes.Equal(b, record.Schema()) {
		t.Error("not the schema of records")
	}
	names := slices.Sorted(maps.Keys(answers.schema))
	for _, want := range []string{"Appended", "Entry", "Problem", "Receipt", "Record", "Stats"} {
		if !slices.Contains(names, want) {
			t.Errorf("no schema %s in %q", want, names)
		}
	}
}

// TestTypes compares the members of the wire types with those of the document.
func TestTypes(t *testing.T) {
	t.Parallel()
	var doc struct {
		Components struct {
			Schemas map[string]struct {
				Properties map[string]any
				Required   []string
			}
		}
	}
	must(t, json.Unmarshal(answers.doc, &doc))
	for _, v := range []any{api.Problem{}, api.Fault{}, api.Appended{}, api.Placed{}, api.Entry{}, api.Page{}, api.Stats{}, api.Count{}, api.Ledgers{}, api.Health{},
		api.Erased{}, api.LogKey{}, api.KeyRequest{}, api.KeyRotation{}, api.ActorRequest{}, api.MasterRotation{}, api.MasterRotated{}, api.Verdict{}, api.WarrantRequest{}, api.GlassRequest{}, api.Review{}, api.SubjectRequest{}, api.ErasureRequest{}, api.Execution{}, api.HoldRequest{}, api.HoldReview{},
		api.Describe{}, api.SystemStatus{}, api.NewVersion{}, api.ActSignature{}, api.VersionVerdict{}, api.EmergencyReview{}, api.Promotion{}, api.Rollback{}, api.Rebuild{}, api.Fetched{},
		api.Overrides{}, api.VersionApproval{}, api.Changes{}, api.ChangeDefect{}, api.Emergency{}, api.Suspension{}, api.Period{}, api.Drift{}, api.ModelPair{}, api.ModelChange{},
		api.Answer{}, api.Figure{}, api.AnswerRow{}, api.Basis{}, api.EarlierLog{}, api.Place{}, api.BoundVersion{}, api.HumanAct{},
		custody.Outcome{}, custody.Refusal{}, custody.Conflict{}, custody.Run{}, custody.Report{}, custody.ReportRecord{}, custody.ReportSource{}, custody.Class{}, custody.Match{}, access.Actor{}, access.Grant{}, access.Row{}} {
		typ := reflect.TypeOf(v)
		schema, ok := doc.Components.Schemas[typ.Name()]
		if !ok {
			t.Errorf("no schema %s", typ.Name())
		}
		var members, required []string
		for field := range typ.Fields() {
			name, option, _ := strings.Cut(field.Tag.Get("json"), ",")
			members = append(members, name)
			if option == "" {
				required = append(required, name)
			}
		}
		slices.Sort(members)
		slices.Sort(required)
		slices.Sort(schema.Required)
		if declared := slices.Sorted(maps.Keys(schema.Properties)); !slices.Equal(members, declared) {
			t.Errorf("%s has %q, declared %q", typ.Name(), members, declared)
		}
		if !slices.Equal(required, schema.Required) {
			t.Errorf("%s always has %q, declared %q", typ.Name(), required, schema.Required)
		}
	}
}
