// SPDX-License-Identifier: Apache-2.0

package search_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/counterfoil/counterfoil/internal/db"
	"github.com/counterfoil/counterfoil/internal/db/dbtest"
	"github.com/counterfoil/counterfoil/internal/ledger"
	"github.com/counterfoil/counterfoil/internal/ledger/ledgertest"
	"github.com/counterfoil/counterfoil/internal/search"
	"github.com/counterfoil/counterfoil/pack"
	"github.com/counterfoil/counterfoil/record"
)

func TestMain(m *testing.M) { os.Exit(dbtest.Main(m)) }

var now = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

// rig is a ledger with an index.
type rig struct {
	testing.TB
	l    *ledger.Ledger
	x    *search.Index
	path string // of the file of an SQLite database
}

func newRig(t testing.TB, dbc db.Config) *rig {
	t.Helper()
	l := ledgertest.New(t, dbc, "example.com/search", &ledger.Config{})
	ledgertest.Run(t, l)
	r := &rig{TB: t, l: l, path: strings.TrimPrefix(dbc.URL, "sqlite:")}
	r.fresh()
	return r
}

// fresh makes an index that knows nothing, as after a start.
func (r *rig) fresh() {
	r.Helper()
	var err error
	if r.x, err = search.New(search.Config{Ledger: r.l, Whole: true, Now: func() time.Time { return now }}); err != nil {
		r.Fatal(err)
	}
}

func (r *rig) append(docs ...string) {
	r.Helper()
	b := ledger.Batch{Principal: "test", Capture: "sdk"}
	for _, d := range docs {
		rec, err := record.Parse([]byte(d))
		if err != nil {
			r.Fatalf("%v\n%s", err, d)
		}
		b.Records = append(b.Records, rec)
	}
	if _, err := r.l.Append(r.Context(), b); err != nil {
		r.Fatal(err)
	}
}

// ids are what a query finds, oldest first.
func (r *rig) ids(q string) []string {
	r.Helper()
	res, err := r.x.Find(r.Context(), search.Request{Query: q, Limit: 1000})
	if err != nil {
		r.Fatalf("%s: %v", q, err)
	}
	out := []string{}
	for _, e := range slices.Backward(res.Entries) {
		st, err := record.ParseStatement(e.Statement)
		if err != nil {
			r.Fatal(err)
		}
		out = append(out, st.ID())
	}
	if int64(len(out)) != res.Total {
		r.Errorf("%s: %d listed of %d", q, len(out), res.Total)
	}
	if chosen := r.chosen(q); res.Cover == nil && !slices.Equal(chosen, out) {
		r.Errorf("%s: finds %v, as the selection of a pack %v", q, out, chosen)
	}
	return out
}

// chosen are what a query selects for a pack.
func (r *rig) chosen(q string) []string {
	r.Helper()
	parsed, err := search.Parse(q, now)
	if err != nil {
		r.Fatal(err)
	}
	sel, err := parsed.Selection()
	if fault := (*search.Fault)(nil); strings.Contains(q, "text:") || strings.HasPrefix(q, `"`) { // private
		if !errors.As(err, &fault) || !strings.Contains(fault.Hint, "leave the text out") {
			r.Errorf("%s: the selection of a pack is %v, %v", q, sel, err)
		}
		return nil
	}
	if err != nil {
		r.Fatalf("%s: %v", q, err)
	}
	b, err := json.Marshal(sel)
	if err != nil {
		r.Fatal(err)
	}
	if sel, err = pack.ParseSelection(b); err != nil {
		r.Fatalf("%s: %s: %v", q, b, err)
	}
	var all [][]byte
	for e, err := range r.l.Entries(r.Context(), 0, -1) {
		if err != nil {
			r.Fatal(err)
		}
		all = append(all, e.Statement)
	}
	indexes, err := pack.Select(sel, func() iter.Seq2[[]byte, error] {
		return func(yield func([]byte, error) bool) {
			for _, s := range all {
				if !yield(s, nil) {
					return
				}
			}
		}
	})
	if err != nil {
		r.Fatal(err)
	}
	out := []string{}
	for _, i := range indexes {
		st, err := record.ParseStatement(all[i])
		if err != nil {
			r.Fatal(err)
		}
		out = append(out, st.ID())
	}
	return out
}

func decisionDoc(id, at, system, outcome, more string) string {
	return fmt.Sprintf(`{"type":"decision","id":%q,"time":%q,"system":%q,"decision":{"kind":"refund","status":"made","outcome":%q}%s}`, id, at, system, outcome, more)
}

// TestFind asks every kind of question.
func TestFind(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, dbc db.Config) {
		r := newRig(t, dbc)
		if have := r.ids(""); len(have) != 0 {
			t.Errorf("an empty ledger holds %v", have)
		}
		r.append(
			decisionDoc("d1", "2026-11-01T10:00:00Z", "refund-agent", "denied", `,"versions":{"model":"m@1","policy":["p@1","q@2"]},"interaction":{"id":"int-1"},"controls":[{"id":"limit","result":"fail"},{"id":"pii","result":"pass"}]`),
			decisionDoc("d2", "2026-11-02T10:00:00Z", "refund-agent", "approved", `,"subject":"denied","interaction":{"id":"int-2"},"env":"shadow"`),
			decisionDoc("d3", "2026-11-03T10:00:00.5+01:00", "router", "denied", `,"x_note":"approved","interaction":{"id":"int-1","channel":"voice"}`),
			`{"type":"oversight","id":"o1","time":"2026-11-03T11:00:00Z","about":"d1","oversight":{"act":"override","actor":"person:ann","role":"reviewer","dwell_ms":1500,"after":"approved"}}`,
			`{"type":"oversight","id":"o2","time":"2026-11-03T12:00:00Z","about":"d3","oversight":{"act":"approve","actor":"person:bob","dwell_ms":90000,"edit_ratio":0.25}}`,
			`{"type":"finding","id":"f1","time":"2026-11-03T12:00:00Z","about":"d2","finding":{"code":"stale_input","status":"open","severity":"high"}}`,
			`{"type":"challenge","id":"c1","time":"2026-11-20T12:00:00Z","about":"d1","challenge":{"kind":"complaint","status":"received"}}`)
		for q, want := range map[string]string{
			"":                               "d1 d2 d3 o1 o2 f1 c1",
			"system:refund-agent":            "d1 d2",
			"system:refund*":                 "d1 d2",
			"system:*":                       "d1 d2 d3",
			"-system:*":                      "o1 o2 f1 c1",
			"system!=router":                 "d1 d2",
			"-system:router":                 "d1 d2 o1 o2 f1 c1",
			"outcome:denied":                 "d1 d3",
			"outcome:denied,approved":        "d1 d2 d3",
			"outcome=denied system=router":   "d3",
			"outcome:denied AND NOT model:*": "d3",
			"system:router OR type:finding":  "d3 f1",
			"(system:router OR type:finding) -channel:voice": "f1",
			"decision.outcome:approved":                      "d2",
			"oversight.after:approved":                       "o1",
			"policy:q@2":                                     "d1",
			"version:m@1,q@2":                                "d1",
			"control:limit":                                  "d1",
			"control:limit=fail":                             "d1",
			"control:pii=fail":                               "",
			"failed:limit":                                   "d1",
			"oversight:override":                             "o1",
			"reviewed:override":                              "d1",
			"reviewed:*":                                     "d1 d3",
			"found:stale_input":                              "d2",
			"challenged:complaint":                           "d1",
			"person:person:bob":                              "o2",
			"reviewer:person:ann":                            "o1",
			"role:reviewer":                                  "o1",
			"oversight.dwell_ms<2000":                        "o1",
			"oversight.dwell_ms>=1500":                       "o1 o2",
			"oversight.dwell_ms!=1500":                       "o2",
			"oversight.edit_ratio=0.25":                      "o2",
			"time>=2026-11-02":                               "d2 d3 o1 o2 f1 c1",
			"time<2026-11-02T10:00:00Z":                      "d1",
			"time<=2026-11-02T10:00:00Z":                     "d1 d2",
			"time=2026-11-03T09:00:00Z":                      "d3",
			"time>3d":                                        "",
			"time>4d":                                        "c1",
			"recorded<2026-01-01":                            "",
			"recorded>2026-01-01":                            "d1 d2 d3 o1 o2 f1 c1",
			"id:d2":                                          "d2",
			"id:d2,o1":                                       "d2 o1",
			"about:d1":                                       "o1 c1",
			"interaction:int-1":                              "d1 d3",
			"interaction:int-1 outcome:denied channel:voice": "d3",
			"-id:d2 type:decision":                           "d1 d3",
			`system:"refund-agent"`:                          "d1 d2",
			"hour:2026-11-03T09":                             "d3",
			"env:shadow":                                     "d2",
			"principal:test capture:sdk type:finding":        "f1",
			"system:denied":                                  "",
		} {
			for _, state := range []string{"warm", "cold"} {
				if state == "cold" {
					r.fresh()
				}
				if have := strings.Join(r.ids(q), " "); have != want {
					t.Errorf("%s, %s: found %q, want %q", state, q, have, want)
				}
			}
		}
	})
}

// TestFaults points at what is wrong.
func TestFaults(t *testing.T) {
	t.Parallel()
	for q, want := range map[string]string{
		"systm:x":                   "1 no public field",
		"system":                    "1 not followed",
		"system:":                   "8 value of system",
		"outcome:denied systm:x":    "16 no public field",
		"über:x":                    "1 no public field",
		"ä:x":                       "1 no public field",
		`outcome:"denied`:           "9 not closed",
		"(outcome:denied":           "1 not closed",
		"outcome:denied)":           "15 end here",
		"outcome>denied":            "8 no order",
		"time>yesterday":            "6 not a time",
		"time>2026-13-01":           "6 not a time",
		"oversight.dwell_ms<short":  "20 not a number",
		"oversight.dwell_ms<1,2":    "21 several values",
		"OR":                        "1 not followed",
		"outcome:a OR":              "13 ends where",
		"!x":                        "1 stands alone",
		"subject:x":                 "1 no public field",
		`text:"."`:                  "6 by words",
		"text>denied":               "5 no order",
		"outcome:denied \"refund\"": "16 for no system",
		strings.Repeat("(", 60):     "51 nested",
		"id:d*":                     "4 as a whole",
	} {
		_, err := search.Parse(q, now)
		if err == nil {
			_, err = newRig(t, dbtest.SQLite(t)).x.Find(t.Context(), search.Request{Query: q})
		}
		f, ok := errors.AsType[*search.Fault](err)
		column, detail, _ := strings.Cut(want, " ")
		if !ok || fmt.Sprint(f.Column) != column || !strings.Contains(f.Detail, detail) {
			t.Errorf("%s: %v, want %s", q, err, want)
		}
	}
}

// TestPages walks pages, and counts facets, within bounds.
func TestPages(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, dbc db.Config) {
		r := newRig(t, dbc)
		for n := range 25 {
			r.append(decisionDoc(fmt.Sprintf("d%02d", n), "2026-11-01T10:00:00Z", []string{"a", "b", "c"}[n%3], []string{"denied", "approved"}[n%2], ""))
		}
		r.append(`{"type":"heartbeat","id":"h","time":"2026-11-01T10:00:00Z","heartbeat":{"from":"2026-11-01T10:00:00Z","to":"2026-11-01T10:00:00Z","count":1}}`)
		var all []int64
		before := int64(0)
		for {
			res, err := r.x.Find(t.Context(), search.Request{Query: "outcome:denied", Limit: 4, Before: before})
			if err != nil || res.Total != 13 {
				t.Fatal(res, err)
			}
			for _, e := range res.Entries {
				all = append(all, e.Index)
			}
			if before = res.Next; before == 0 {
				break
			}
		}
		if len(all) != 13 || !slices.IsSortedFunc(all, func(a, b int64) int { return int(b - a) }) {
			t.Errorf("walked %v", all)
		}
		res, err := r.x.Find(t.Context(), search.Request{Facets: []string{"system", "outcome"}, Top: 2})
		if err != nil {
			t.Fatal(err)
		}
		if f := res.Facets[0]; len(f.Values) != 2 || f.Values[0] != (search.Count{Value: "a", Count: 9}) || f.Others != 1 || f.Without != 1 {
			t.Errorf("facets: %+v", f)
		}
		res, err = r.x.Find(t.Context(), search.Request{Facets: []string{"system"}, Within: &ledger.Bounds{Systems: []string{"b"}}})
		if err != nil || res.Total != 8 || len(res.Facets[0].Values) != 1 || res.Facets[0].Without != 0 {
			t.Errorf("within bounds: %+v %v", res, err)
		}
		res, err = r.x.Find(t.Context(), search.Request{Within: &ledger.Bounds{Held: true}})
		if err != nil || res.Total != 0 {
			t.Errorf("nothing is held, and found %+v, %v", res, err)
		}
	})
}

// TestQueriesAgainstModel holds random queries against a slow evaluation over
// the statements themselves.
func TestQueriesAgainstModel(t *testing.T) {
	t.Parallel()
	r := newRig(t, dbtest.SQLite(t))
	systems, outcomes, channels := []string{"a", "b", "ab"}, []string{"x", "y", "xy"}, []string{"chat", "voice"}
	var docs []map[string]string
	n := 0
	rapid.Check(t, func(rt *rapid.T) {
		for range rapid.IntRange(0, 5).Draw(rt, "more") {
			d := map[string]string{"system": rapid.SampledFrom(systems).Draw(rt, "system"), "outcome": rapid.SampledFrom(outcomes).Draw(rt, "outcome")}
			more := ""
			if rapid.Bool().Draw(rt, "has channel") {
				d["channel"] = rapid.SampledFrom(channels).Draw(rt, "channel")
				more = fmt.Sprintf(`,"interaction":{"id":"i","channel":%q}`, d["channel"])
			}
			r.append(decisionDoc(fmt.Sprint("r", n), "2026-11-01T10:00:00Z", d["system"], d["outcome"], more))
			d["id"] = fmt.Sprint("r", n)
			n++
			docs = append(docs, d)
		}
		text, match := drawQuery(rt, 0)
		want := []string{}
		for _, d := range docs {
			if match(d) {
				want = append(want, d["id"])
			}
		}
		res, err := r.x.Find(t.Context(), search.Request{Query: text, Limit: 1000})
		if err != nil {
			rt.Fatalf("%s: %v", text, err)
		}
		have := []string{}
		for _, e := range slices.Backward(res.Entries) {
			var st struct{ ID string }
			if err := json.Unmarshal(e.Statement, &st); err != nil {
				rt.Fatal(err)
			}
			have = append(have, st.ID)
		}
		if len(want) <= 1000 && !slices.Equal(have, want) {
			rt.Errorf("%s: found %v, want %v", text, have, want)
		}
	})
}

// drawQuery is a random query with what it means.
func drawQuery(rt *rapid.T, depth int) (string, func(map[string]string) bool) {
	if depth < 3 {
		switch rapid.IntRange(0, 4).Draw(rt, "shape") {
		case 0:
			a, fa := drawQuery(rt, depth+1)
			b, fb := drawQuery(rt, depth+1)
			return "(" + a + " " + b + ")", func(d map[string]string) bool { return fa(d) && fb(d) }
		case 1:
			a, fa := drawQuery(rt, depth+1)
			b, fb := drawQuery(rt, depth+1)
			return "(" + a + " OR " + b + ")", func(d map[string]string) bool { return fa(d) || fb(d) }
		case 2:
			a, fa := drawQuery(rt, depth+1)
			return "-" + a, func(d map[string]string) bool { return !fa(d) }
		}
	}
	field := rapid.SampledFrom([]string{"system", "outcome", "channel"}).Draw(rt, "field")
	value := rapid.SampledFrom([]string{"a", "b", "x", "xy", "chat", "v"}).Draw(rt, "value")
	switch rapid.IntRange(0, 2).Draw(rt, "op") {
	case 0:
		return field + "!=" + value, func(d map[string]string) bool { return d[field] != "" && d[field] != value }
	case 1:
		return field + ":" + value + "*", func(d map[string]string) bool { return d[field] != "" && strings.HasPrefix(d[field], value) }
	}
	return field + ":" + value, func(d map[string]string) bool { return d[field] == value }
}
