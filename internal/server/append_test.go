// SPDX-License-Identifier: Apache-2.0

package server_test

import (
	"encoding/base64"
	"fmt"
	"net/url"
	"os"
	"slices"
	"strings"
	"testing"

	sumdb "golang.org/x/mod/sumdb/tlog"

	"github.com/counterfoil/counterfoil/api"
	"github.com/counterfoil/counterfoil/proof"
	"github.com/counterfoil/counterfoil/record"
)

// verified checks every proof of an answer, and that the records are there.
func (r *rig) verified(p *reply) api.Appended {
	r.t.Helper()
	a := into[api.Appended](p)
	trust, err := proof.ParseTrust([]byte("log " + r.l.VerifierKey() + "\nquorum none\n"))
	must(r.t, err)
	cp, _, err := trust.OpenCheckpoint([]byte(a.Checkpoint))
	must(r.t, err)
	if cp.Size != a.Size || cp.Origin != origin {
		r.t.Fatalf("checkpoint %+v in an answer of size %d", cp, a.Size)
	}
	for _, placed := range a.Records {
		if placed.Status == api.Refused {
			if placed.Problem == nil || placed.Proof != nil || placed.Index != -1 {
				r.t.Errorf("refused: %+v", placed)
			}
			continue
		}
		e, err := r.l.Get(r.t.Context(), placed.ID)
		must(r.t, err)
		var path sumdb.RecordProof
		for _, h := range placed.Proof {
			b, err := base64.StdEncoding.DecodeString(h)
			must(r.t, err)
			path = append(path, sumdb.Hash(b))
		}
		if err := sumdb.CheckRecord(path, cp.Size, cp.Root, placed.Index, record.LeafHash(e.Statement)); err != nil || e.Index != placed.Index {
			r.t.Errorf("record %s at %d, answered %d: %v", placed.ID, e.Index, placed.Index, err)
		}
	}
	return a
}

func statuses(a api.Appended) string {
	out := make([]string, len(a.Records))
	for i, p := range a.Records {
		out[i] = p.Status
	}
	return strings.Join(out, " ")
}

// TestAppend sends one record, an array and lines, and all again.
func TestAppend(t *testing.T) {
	t.Parallel()
	r := newRig(t, options{})
	one := r.post(decision("one")).want(201)
	a := r.verified(one)
	if len(a.Records) != 1 || a.Records[0].ID != "one" || a.Records[0].Index != 0 || a.Size != 1 {
		t.Errorf("answer %+v", a)
	}
	base, err := url.Parse(r.base + records)
	must(t, err)
	at, err := base.Parse(one.header.Get("Location"))
	must(t, err)
	if at.Path != records+"/one" || one.header.Get("Cache-Control") != "no-store" {
		t.Errorf("headers %v", one.header)
	}
	r.get(at.Path).want(200)
	array := decisions("array", 300)
	if a := r.verified(r.post(array).want(201)); a.Size != 301 || len(a.Records) != 300 || a.Records[299].ID != "array-299" {
		t.Errorf("size %d, %d records", a.Size, len(a.Records))
	}
	lines := "\r\n" + decision("l1") + "\r\n\n  " + decision("l2") + "  \n" + decision("l3")
	for _, media := range []string{"application/x-ndjson", "application/ndjson", "application/jsonl", "application/x-ndjson; charset=utf-8"} {
		if a := r.verified(r.do("POST", records, strings.NewReader(lines), "Content-Type", media)); a.Size != 304 || len(a.Records) != 3 {
			t.Errorf("%s: %+v", media, a)
		}
	}
	for _, body := range []string{decision("one"), array} {
		again := r.post(body).want(200)
		if a := r.verified(again); a.Size != 304 || strings.Contains(statuses(a), api.Created) || a.Records[0].Index > 1 {
			t.Errorf("again: size %d, %s at %d", a.Size, statuses(a), a.Records[0].Index)
		}
	}
	// The same content in another spelling is the same record.
	if a := r.verified(r.post(strings.Replace(decision("one"), `{`, "{ \n", 1)).want(200)); a.Records[0].Status != api.Existing {
		t.Errorf("respelt: %+v", a)
	}
	// Old and new in one batch.
	if a := r.verified(r.post("[" + decision("one") + "," + decision("two") + "]").want(201)); statuses(a) != "existing created" {
		t.Errorf("mixed: %s", statuses(a))
	}
	r.audit()
}

// TestExamples sends the examples of the repository.
func TestExamples(t *testing.T) {
	t.Parallel()
	r := newRig(t, options{})
	for _, name := range []string{"decision.json", "decision-with-followups.ndjson"} {
		b, err := os.ReadFile("../../examples/" + name)
		must(t, err)
		send := r.post
		if strings.HasSuffix(name, "ndjson") {
			send = r.lines
		}
		if p := send(string(b)); p.status > 201 {
			t.Errorf("%s: %d %s", name, p.status, p.body)
		}
	}
	if r.size() < 3 {
		t.Errorf("size %d", r.size())
	}
}

// bad are records that are refused, each with its problem.
var bad = []struct {
	name, body, code, pointer string
	status                    int
}{
	{"empty", ``, "syntax", "", 400},
	{"cut off", `{"type":"decision"`, "syntax", "", 400},
	{"trailing", decision("x") + `{}`, "syntax", "", 400},
	{"twice", decision("x", `"env":"test"`, `"env":"test"`), "duplicate_member", "/env", 400},
	{"utf-8", decision("x", "\"env\":\"\xff\""), "invalid_utf8", "", 400},
	{"surrogate", decision("x", `"x_a":"\ud800"`), "invalid_utf8", "", 400},
	{"unknown", decision("x", `"decision":{"kind":"k","status":"made","knd":1}`), "unknown_member", "/decision/knd", 422},
	{"reserved", decision("x", `"principal":"me"`), "reserved_member", "/principal", 422},
	{"missing", decision("x", `"decision":{"status":"made"}`), "missing_member", "/decision/kind", 422},
	{"no type", `{"id":"x"}`, "missing_member", "/type", 422},
	{"number", decision("x", `"x_n":12345678901234567890`), "number_precision", "/x_n", 422},
	{"deep", decision("x", `"x_d":`+strings.Repeat("[", 40)+strings.Repeat("]", 40)), "too_deep", "", 422},
	{"large", decision("x", `"x_l":"`+strings.Repeat("l", 1<<20)+`"`), "record_too_large", "", 413},
	{"statement", decision("x", `"steps":[`+strings.Repeat(`{"op":"chat"},`, 5000)+`{"op":"chat"}]`), "statement_too_large", "", 413},
	{"type", decision("x", `"decision":{"kind":7,"status":"made"}`), "wrong_type", "/decision/kind", 422},
	{"value", decision("x", `"decision":{"kind":"k","status":"perhaps"}`), "bad_value", "/decision/status", 422},
	{"space", decision("x", `"decision":{"kind":"free text","status":"made"}`), "bad_value", "/decision/kind", 422},
	{"id", decision("../x"), "bad_value", "/id", 422},
	{"scalar", `7`, "wrong_type", "", 422},
}

// TestRefused sends each bad record alone, in the middle of a batch, and in a
// partial batch.
func TestRefused(t *testing.T) {
	t.Parallel()
	r := newRig(t, options{})
	r.post(decision("zero")).want(201)
	for i, c := range bad {
		p := r.post(c.body).problem(c.status, c.code)
		if len(p.Errors) == 0 || p.Errors[0].Record != 0 || c.pointer != "" && p.Errors[0].Pointer != c.pointer {
			t.Errorf("%s: %+v", c.name, p.Errors)
		}
		if strings.Contains(c.body, "\n") || c.body == "" {
			continue
		}
		first, last := decision(fmt.Sprintf("first-%d", i)), decision(fmt.Sprintf("last-%d", i))
		p = r.lines(first+"\n"+c.body+"\n"+last).problem(422, "invalid_records")
		if f := p.Errors[0]; f.Record != 1 || f.Code != c.code || !strings.HasPrefix(f.Pointer, "/1"+c.pointer) {
			t.Errorf("%s in a batch: %+v", c.name, f)
		}
		if n := r.size(); n != int64(1+2*i-skipped(i)) {
			t.Fatalf("%s: %d records after a batch that was refused", c.name, n)
		}
		a := r.verified(r.lines(first+"\n"+c.body+"\n"+last, "?partial=true").want(201))
		if statuses(a) != "created refused created" {
			t.Fatalf("%s in a partial batch: %s", c.name, statuses(a))
		}
		one := a.Records[1].Problem
		if one.Code != c.code || one.Status != c.status || one.Errors[0].Record != 1 || !strings.HasPrefix(one.Errors[0].Pointer, "/1"+c.pointer) {
			t.Errorf("%s in a partial batch: %+v", c.name, one)
		}
	}
	r.audit()
}

// skipped is by how much the log is shorter before bad[i], for those that are
// not sent in batches.
func skipped(i int) (n int) {
	for _, c := range bad[:i] {
		if c.body == "" {
			n += 2
		}
	}
	return n
}

// TestArrayPointer is the example of the documents.
func TestArrayPointer(t *testing.T) {
	t.Parallel()
	r := newRig(t, options{})
	wrong := decision("wrong", `"decision":{"kind":1,"status":"made"}`)
	body := "[" + decision("a") + "," + decision("b") + "," + decision("c") + "," + wrong + "]"
	p := r.post(body).problem(422, "invalid_records")
	if len(p.Errors) != 1 || p.Errors[0].Pointer != "/3/decision/kind" || p.Errors[0].Record != 3 || p.Hint == "" {
		t.Errorf("%+v", p)
	}
	if r.size() != 0 {
		t.Error("something was stored")
	}
	// At most 20 faults are listed, all are counted.
	all := slices.Repeat([]string{wrong}, 30)
	if p := r.post("["+strings.Join(all, ",")+"]").problem(422, "invalid_records"); len(p.Errors) != 20 || p.ErrorCount != 30 {
		t.Errorf("%d of %d faults", len(p.Errors), p.ErrorCount)
	}
	// All refused: nothing is new, and the checkpoint is still one.
	a := r.verified(r.post("["+wrong+"]", "?partial=true").want(200))
	if statuses(a) != api.Refused || a.Size != 0 {
		t.Errorf("%+v", a)
	}
	if loc := r.post(wrong, "?partial=1").want(200).header.Get("Location"); loc != "" {
		t.Errorf("a record that was refused is at %s", loc)
	}
}

// TestConflict sends other content under an id that is taken: alone, in a batch,
// in a partial batch, and twice in one batch.
func TestConflict(t *testing.T) {
	t.Parallel()
	r := newRig(t, options{})
	r.post(decision("a")).want(201)
	other := decision("a", `"env":"test"`)
	p := r.post(other).problem(409, "conflict")
	if len(p.Errors) != 1 || p.Errors[0].Pointer != "/id" || p.Hint == "" || !strings.Contains(p.Detail, "record a ") {
		t.Errorf("%+v", p)
	}
	// A private value is content, too.
	r.post(strings.Replace(decision("a"), secret+"customer", secret+"someone", 1)).problem(409, "conflict")
	if p := r.post("["+decision("b")+","+other+"]").problem(409, "conflict"); len(p.Errors) != 1 || p.Errors[0].Pointer != "/1/id" || p.Errors[0].Record != 1 {
		t.Errorf("the conflict is placed at %+v", p.Errors)
	}
	r.post("["+decision("b")+","+decision("b", `"env":"test"`)+"]").problem(409, "conflict")
	if r.size() != 1 {
		t.Fatalf("size %d", r.size())
	}
	a := r.verified(r.post("["+decision("b")+","+other+","+decision("c")+","+decision("c", `"env":"test"`)+","+decision("c")+"]", "?partial=true").want(201))
	if statuses(a) != "created refused created refused existing" || a.Records[2].Index != a.Records[4].Index {
		t.Errorf("%s", statuses(a))
	}
	if one := a.Records[1]; one.ID != "a" || one.Problem.Code != "conflict" || len(one.Problem.Errors) != 1 || one.Problem.Errors[0].Pointer != "/1/id" {
		t.Errorf("%+v", one)
	}
	a = r.verified(r.post("[" + decision("d") + "," + decision("d") + "]").want(201))
	if statuses(a) != "created existing" {
		t.Errorf("%s", statuses(a))
	}
	r.audit()
}

// TestAppendParameters checks the parameters of append.
func TestAppendParameters(t *testing.T) {
	t.Parallel()
	r := newRig(t, options{})
	for _, capture := range []string{"sdk", "import", "manual"} {
		r.post(decision(capture), "?capture="+capture).want(201)
		e := into[api.Entry](r.get(records + "/" + capture).want(200))
		if !strings.Contains(string(e.Statement), `"capture":"`+capture+`"`) || !strings.Contains(string(e.Statement), `"principal":"local:http"`) {
			t.Errorf("statement %s", e.Statement)
		}
	}
	for _, q := range []string{"?capture=gateway", "?partial=perhaps", "?partial=true&partial=false", "?%zz", "?a;b"} {
		r.post(decision("x"), q).problem(400, "bad_parameter")
	}
	r.do("POST", "/v1/ledgers/none/records", strings.NewReader(decision("x")), "Content-Type", "application/json").problem(404, "not_found")
}

// TestConcurrent has many clients send the same records, and others under the
// same ids: each is stored once, and who comes second is told so.
func TestConcurrent(t *testing.T) {
	t.Parallel()
	r := newRig(t, options{})
	const n = 24
	replies := make(chan *reply, n)
	for i := range n {
		body := decisions("same", 20)
		if i%2 == 1 {
			body = strings.ReplaceAll(body, "refund-agent", "other-agent")
		}
		go func() { replies <- r.post(body) }()
	}
	count := map[int]int{}
	for range n {
		p := <-replies
		count[p.status]++
		if p.status == 409 {
			p.problem(409, "conflict")
			continue
		}
		r.verified(p)
	}
	if count[201] != 1 || count[200] != n/2-1 || count[409] != n/2 || r.size() != 20 {
		t.Errorf("answers %v, size %d", count, r.size())
	}
	r.audit()
}
