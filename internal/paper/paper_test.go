// SPDX-License-Identifier: Apache-2.0

package paper_test

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"html"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/counterfoil/counterfoil/internal/paper"
	"github.com/counterfoil/counterfoil/proof"
	"github.com/counterfoil/counterfoil/record"
)

// TestWords holds the table of words against the table of fields: a field
// without a name, or a name without a field, is a mistake.
func TestWords(t *testing.T) {
	t.Parallel()
	raw, err := os.ReadFile("assets/words.json")
	if err != nil {
		t.Fatal(err)
	}
	var words struct {
		Types  map[string]string            `json:"types"`
		Titles map[string]any               `json:"titles"`
		Labels [][2]string                  `json:"labels"`
		Values map[string]map[string]string `json:"values"`
	}
	if err := json.Unmarshal(raw, &words); err != nil {
		t.Fatal(err)
	}
	fields := map[string]record.Field{}
	for _, f := range append(record.Table(), record.Added()...) {
		fields[strings.TrimSuffix(f.Pattern, "/*")] = f
	}
	named := map[string]bool{}
	for _, l := range words.Labels {
		named[l[0]] = true
		if _, ok := fields[l[0]]; !ok {
			t.Errorf("label %q is of no field", l[0])
		}
	}
	for pattern := range fields {
		if !named[pattern] {
			t.Errorf("field %q has no label", pattern)
		}
	}
	for pattern, values := range words.Values {
		for v := range values {
			if f := fields[pattern]; !strings.Contains(" "+strings.Join(f.Values, " ")+" ", " "+v+" ") {
				t.Errorf("%q is no value of %q", v, pattern)
			}
		}
	}
	for _, typ := range record.Types() {
		if words.Types[string(typ)] == "" || (words.Titles[string(typ)] == nil && typ != record.Step) {
			t.Errorf("type %s has no name or no title", typ)
		}
	}
}

// full writes a record of a type with every field filled, each with a value
// of its own; turn chooses among enumerated words.
func full(t testing.TB, typ record.Type, turn int) string {
	t.Helper()
	root := map[string]any{}
	for i, f := range record.Table() {
		if !strings.Contains(fmt.Sprint(f.Types), string(typ)) {
			continue
		}
		put(root, strings.Split(f.Pattern, "/")[1:], sample(f, typ, i, turn))
	}
	root["x_extra"] = map[string]any{"a~/b": []any{"unknown members are private"}}
	raw, err := json.Marshal(root)
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}

func sample(f record.Field, typ record.Type, i, turn int) any {
	switch {
	case f.Pattern == "/type":
		return string(typ)
	case f.Kind == record.KindAny:
		return map[string]any{"private": []any{fmt.Sprintf("value %d", i), nil, true, 1.5e300, "two\nlines"}, "empty": map[string]any{}}
	case f.Kind == record.KindEnum:
		return f.Values[turn%len(f.Values)]
	case f.Kind == record.KindTime:
		return fmt.Sprintf("2026-%02d-%02dT03:04:05.%03dZ", i%12+1, i%28+1, i)
	case f.Kind == record.KindNumber, f.Kind == record.KindInteger:
		return 700000 + i
	case f.Kind == record.KindBool:
		return turn%2 == 0
	case f.Kind == record.KindVersion:
		return fmt.Sprintf("thing-%d@%d", i, turn)
	case f.Kind == record.KindDigest:
		return fmt.Sprintf("sha256:%064x", i)
	}
	return fmt.Sprintf("code_%d", i)
}

// put sets a value in nested objects; * makes a list of two.
func put(into map[string]any, path []string, v any) {
	name, rest := path[0], path[1:]
	switch {
	case len(rest) == 0:
		into[name] = v
	case rest[0] == "*" && len(rest) == 1:
		into[name] = []any{v, v}
	case rest[0] == "*":
		if into[name] == nil {
			into[name] = []any{map[string]any{}, map[string]any{}}
		}
		for _, e := range into[name].([]any) {
			put(e.(map[string]any), rest[1:], v)
		}
	default:
		if into[name] == nil {
			into[name] = map[string]any{}
		}
		put(into[name].(map[string]any), rest, v)
	}
}

// TestNothingLeftOut fills every field of every type and looks for it in the
// page: each public code and each seal is there.
func TestNothingLeftOut(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	trust := w.trust(t, 0)
	for _, typ := range record.Types() {
		r := w.receipt(t, full(t, typ, 0), options{})
		page := html.UnescapeString(string(render(t, marshal(t, r), trust)))
		page, _, _ = strings.Cut(page, `<script type="application/json"`)
		st, err := record.ParseStatement(r.Statement)
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range st.Seals() {
			if !strings.Contains(page, base64.RawURLEncoding.EncodeToString(s.Sum[:])) {
				t.Errorf("%s: the seal at %s is not shown", typ, s.Pointer)
			}
		}
		codes := regexp.MustCompile(`code_\d+|thing-\d+@0|70\d{4}|sha256:[0-9a-f]+`).FindAllString(string(r.Statement), -1)
		if len(codes) == 0 {
			t.Errorf("%s: no codes", typ)
		}
		for _, c := range codes {
			if !strings.Contains(page, c) {
				t.Errorf("%s: %s is not shown", typ, c)
			}
		}
	}
}

// TestSealedContent holds the page to what its content security policy says.
func TestSealedContent(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	r := w.receipt(t, refund, options{size: 1 << 13, index: 77, disclose: some, stamp: true})
	page := string(render(t, marshal(t, r), w.trust(t, 1)))
	if len(page) > 120_000 {
		t.Errorf("the page has %d bytes", len(page))
	}
	policy := html.UnescapeString(regexp.MustCompile(`Content-Security-Policy" content="([^"]*)"`).FindStringSubmatch(page)[1])
	for _, part := range []string{"default-src 'none'", "form-action 'none'", "base-uri 'none'", "img-src data:"} {
		if !strings.Contains(policy, part) {
			t.Errorf("the policy %q lacks %s", policy, part)
		}
	}
	if strings.Contains(policy, "unsafe") {
		t.Errorf("the policy %q is unsafe", policy)
	}
	embedded := regexp.MustCompile(`(?s)<(script|style)>(.*?)</(?:script|style)>`).FindAllStringSubmatch(page, -1)
	if len(embedded) != 5 {
		t.Fatalf("%d scripts and styles", len(embedded))
	}
	for _, e := range embedded {
		sum := sha256.Sum256([]byte(e[2]))
		if want := e[1] + "-src"; !strings.Contains(policy, want) || !strings.Contains(policy, base64.StdEncoding.EncodeToString(sum[:])) {
			t.Errorf("the policy does not allow the embedded %s", e[1])
		}
		page = strings.Replace(page, e[0], "", 1)
	}
	for _, bad := range []string{` style="`, ` onclick`, ` onload`, ` onerror`, `javascript:`, ` src="`, `http://`, `https://`} {
		if strings.Contains(strings.ReplaceAll(page, "xmlns='http://www.w3.org/2000/svg'", ""), bad) {
			t.Errorf("the page has %q", bad)
		}
	}
	if err := balanced(page); err != nil {
		t.Error(err)
	}
}

var tagPattern = regexp.MustCompile(`(?s)<!--.*?-->|<script[^>]*>.*?</script>|<(/?)([a-zA-Z][a-zA-Z0-9]*)((?:[^>"']|"[^"]*"|'[^']*')*?)(/?)>`)

// balanced sees that every element is closed where it should be.
func balanced(page string) error {
	var open []string
	for _, m := range tagPattern.FindAllStringSubmatch(page, -1) {
		name := strings.ToLower(m[2])
		switch {
		case name == "" || m[4] == "/" || strings.Contains(" meta link input br ", " "+name+" "):
		case m[1] == "":
			open = append(open, name)
		case len(open) == 0 || open[len(open)-1] != name:
			return fmt.Errorf("</%s> closes %v", name, open)
		default:
			open = open[:len(open)-1]
		}
	}
	if len(open) > 0 {
		return fmt.Errorf("not closed: %v", open)
	}
	return nil
}

type fullDisk struct{}

func (fullDisk) Write([]byte) (int, error) { return 0, errors.New("disk full") }

// TestRefused lists what is no receipt or no trust policy.
func TestRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	good, trust := marshal(t, w.receipt(t, refund, options{})), w.trust(t, 0)
	for name, c := range map[string]struct{ receipt, trust, want string }{
		"empty":         {"", string(trust), "read receipt"},
		"no receipt":    {`{"receipt":"other"}`, string(trust), "read receipt"},
		"unknown":       {strings.Replace(string(good), `{"proof"`, `{"more":1,"proof"`, 1), string(trust), "more"},
		"no trust":      {string(good), "quorum none\n", "names no log"},
		"garbled trust": {string(good), "log \xff\nquorum none\n", "UTF-8"},
	} {
		err := paper.HTML(&strings.Builder{}, []byte(c.receipt), []byte(c.trust))
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %s", name, err, c.want)
		}
	}
	if err := paper.HTML(fullDisk{}, good, trust); err == nil || !strings.Contains(err.Error(), "disk full") {
		t.Errorf("full disk: %v", err)
	}
	odd := &proof.Receipt{Statement: []byte(`5`), Note: w.prove(t, []byte("x"), options{}).Note}
	if err := paper.HTML(&strings.Builder{}, marshal(t, odd), trust); err != nil {
		t.Errorf("a statement that is no object: %v", err)
	}
}

func BenchmarkHTML(b *testing.B) {
	w := newWorld(b)
	receipt, trust := marshal(b, w.receipt(b, refund, options{size: 5213, index: 4711, disclose: some})), w.trust(b, 1)
	for b.Loop() {
		render(b, receipt, trust)
	}
}
