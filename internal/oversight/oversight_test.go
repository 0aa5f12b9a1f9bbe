// SPDX-License-Identifier: Apache-2.0

package oversight_test

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/counterfoil/counterfoil/internal/audit"
	"github.com/counterfoil/counterfoil/internal/db"
	"github.com/counterfoil/counterfoil/internal/db/dbtest"
	"github.com/counterfoil/counterfoil/internal/keyring"
	"github.com/counterfoil/counterfoil/internal/ledger"
	"github.com/counterfoil/counterfoil/internal/ledger/ledgertest"
	"github.com/counterfoil/counterfoil/internal/oversight"
	"github.com/counterfoil/counterfoil/record"
)

func TestMain(m *testing.M) { os.Exit(dbtest.Main(m)) }

// rig is a ledger of which each decision that is denied needs a person.
type rig struct {
	*testing.T
	l      *ledger.Ledger
	db     *db.DB
	keys   *keyring.Keyring
	o      *oversight.Office
	mu     sync.Mutex
	now    time.Time // guarded by mu
	stops  []string  // guarded by mu
	second bool
}

func (r *rig) clock() time.Time {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.now
}

func (r *rig) pass(d time.Duration) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.now = r.now.Add(d)
}

func (r *rig) Refresh(context.Context) error { return nil }
func (r *rig) Judge() ledger.Judge           { return judge{r} }

type judge struct{ r *rig }

func (judge) Register() int64 { return 0 }

func (j judge) Judge(_ context.Context, h ledger.Hearing) (*ledger.Judgement, error) {
	f := h.Record.Fields()
	if f.Outcome != "denied" {
		return nil, nil
	}
	return &ledger.Judgement{Governed: &record.Governed{Verdict: "require_human"}, Also: func(ctx context.Context, tx *db.Tx, index int64) error {
		return oversight.Enqueue(ctx, tx, oversight.Item{ID: f.ID, System: f.System, Kind: f.Kind, Env: "production", Index: index, Why: []string{"limit@1"}, Created: j.r.clock(), Due: j.r.clock().Add(time.Hour), Second: j.r.second})
	}}, nil
}

func newRig(t *testing.T, dbc db.Config, edit func(*oversight.Config)) *rig {
	t.Helper()
	r := &rig{T: t, now: time.Date(2026, 11, 23, 10, 0, 0, 0, time.UTC)}
	own := ledger.Config{}
	r.l = ledgertest.New(t, dbc, "example.com/reviews", &own)
	r.db, r.keys = own.DB, own.Keys
	r.l.Govern(r)
	cfg := oversight.Config{Ledger: r.l, Now: r.clock, Poll: time.Millisecond, Floor: func(string) time.Duration { return 20 * time.Second },
		Stop: func(_ context.Context, by oversight.By, system, _ string) error {
			r.mu.Lock()
			defer r.mu.Unlock()
			r.stops = append(r.stops, by.Actor+" "+system)
			return nil
		}}
	if edit != nil {
		edit(&cfg)
	}
	var err error
	if r.o, err = oversight.New(cfg); err != nil {
		t.Fatal(err)
	}
	ledgertest.Run(t, r.l)
	return r
}

func (r *rig) send(doc string) {
	r.Helper()
	rec, err := record.Parse([]byte(doc))
	if err != nil {
		r.Fatal(err)
	}
	if _, err := r.l.Append(r.Context(), ledger.Batch{Records: []*record.Record{rec}, Principal: "key:bot", Capture: "sdk"}); err != nil {
		r.Fatal(err)
	}
}

func (r *rig) denied(id string) {
	r.Helper()
	r.send(fmt.Sprintf(`{"type":"decision","id":%q,"time":"2026-11-23T09:59:00Z","system":"refund-agent","decision":{"kind":"refund","status":"made","outcome":"denied"},"outputs":[{"name":"reply","value":"no"}]}`, id))
}

func who(name string) oversight.By {
	return oversight.By{Actor: "person:" + name, Role: "reviewer", Team: "care"}
}

// review claims, looks for a time, and acts.
func (r *rig) review(by oversight.By, id string, look time.Duration, a oversight.Act) (oversight.Review, error) {
	r.Helper()
	if _, err := r.o.Claim(r.Context(), by, id); err != nil {
		return oversight.Review{}, err
	}
	var err error
	if a.Shown, err = r.o.Shown(r.Context(), by, id, []byte("what "+id+" shows")); err != nil {
		return oversight.Review{}, err
	}
	r.pass(look)
	return r.o.Do(r.Context(), by, id, a)
}

func (r *rig) must(by oversight.By, id string, look time.Duration, a oversight.Act) oversight.Review {
	r.Helper()
	rv, err := r.review(by, id, look, a)
	if err != nil {
		r.Fatal(err)
	}
	return rv
}

func wants(t *testing.T, err error, code ledger.Code, words string) {
	t.Helper()
	e, ok := errors.AsType[*ledger.Error](err)
	if !ok || e.Code != code || !strings.Contains(e.Message, words) {
		t.Errorf("refused with %v, want %s: %s", err, code, words)
	}
}

// kinds counts records of a type by their kind.
func (r *rig) kinds(typ string) map[string]int {
	r.Helper()
	out := map[string]int{}
	p, err := r.l.List(r.Context(), ledger.Query{Type: typ, Limit: 1000})
	if err != nil {
		r.Fatal(err)
	}
	for _, e := range p.Entries {
		st, err := record.ParseStatement(e.Statement)
		if err != nil {
			r.Fatal(err)
		}
		out[st.Fields().Kind]++
	}
	return out
}

func (r *rig) whole() {
	r.Helper()
	rep, err := audit.Run(r.Context(), audit.Config{DB: r.db, Keys: r.keys})
	if err != nil || !rep.Whole() {
		r.Errorf("not whole: %v %v", rep.Findings, err)
	}
}

// TestReview takes decisions from the queue to their outcome.
func TestReview(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, dbc db.Config) {
		r := newRig(t, dbc, nil)
		ctx, ann, bob := t.Context(), who("ann"), who("bob")
		for _, id := range []string{"d1", "d2", "d3", "d4", "d5"} {
			r.denied(id)
		}
		all, err := r.o.List(ctx, oversight.Filter{})
		if err != nil || len(all) != 5 || all[0].State != "waiting" || !slices.Equal(all[0].Why, []string{"limit@1"}) {
			t.Fatal(all, err)
		}
		if _, err := r.o.Claim(ctx, ann, "d1"); err != nil {
			t.Fatal(err)
		}
		_, err = r.o.Claim(ctx, bob, "d1")
		wants(t, err, ledger.Conflict, "person:ann has it")
		_, err = r.o.Claim(ctx, oversight.By{Actor: "key:bot"}, "d2")
		wants(t, err, ledger.Forbidden, "you sent")
		_, err = r.o.Claim(ctx, ann, "nobody")
		wants(t, err, ledger.NotFound, "")
		_, err = r.o.Do(ctx, bob, "d1", oversight.Act{Act: oversight.Approve})
		wants(t, err, ledger.Conflict, "do not have it")
		_, err = r.o.Do(ctx, ann, "d1", oversight.Act{Act: oversight.Approve})
		wants(t, err, ledger.Conflict, "not shown")
		r.pass(16 * time.Minute) // the lease is over
		if rv := r.must(bob, "d1", 30*time.Second, oversight.Act{Act: oversight.Approve, Opened: []string{"order"}}); rv.State != "done" || rv.Outcome != "denied" {
			t.Errorf("approved: %+v", rv)
		}
		_, err = r.review(ann, "d1", 0, oversight.Act{Act: oversight.Approve})
		wants(t, err, ledger.Conflict, "is done")
		_, err = r.review(ann, "d2", time.Minute, oversight.Act{Act: oversight.Override, Reason: "unfair", After: "denied"})
		wants(t, err, ledger.Invalid, "already")
		if rv := r.must(ann, "d2", time.Minute, oversight.Act{Act: oversight.Override, Reason: "unfair", After: "approved"}); rv.Outcome != "approved" {
			t.Errorf("overridden: %+v", rv)
		}
		r.must(ann, "d3", time.Second, oversight.Act{Act: oversight.Approve}) // too quick
		r.must(ann, "d4", time.Minute, oversight.Act{Act: oversight.Edit, Reason: "tone", Draft: "no you can not", Text: "sorry you can not", Dwell: 5 * time.Second})
		r.must(ann, "d5", time.Minute, oversight.Act{Act: oversight.Stop, Reason: "safety"})
		if !slices.Equal(r.stops, []string{"person:ann refund-agent"}) {
			t.Errorf("stopped %v", r.stops)
		}
		if f := r.kinds("finding"); f["quick_approval"] != 1 || len(f) != 1 {
			t.Errorf("findings %v", f)
		}
		if k := r.kinds("oversight"); k["approve"] != 2 || k["edit"] != 1 || k["stop"] != 1 || k["override"] != 1 {
			t.Errorf("acts %v", k)
		}
		p, err := r.l.List(ctx, ledger.Query{Type: "oversight", About: "d4"})
		if err != nil || !strings.Contains(string(p.Entries[0].Statement), `"dwell_ms":5000`) || !strings.Contains(string(p.Entries[0].Statement), `"edit_ratio":0.25`) {
			t.Errorf("the edit is %s, %v", p.Entries[0].Statement, err)
		}
		for _, a := range []oversight.Act{{Act: "dance"}, {Act: oversight.Reject}, {Act: oversight.Override, Reason: "unfair"}, {Act: oversight.Edit, Reason: "tone"}} {
			_, err := r.o.Do(ctx, ann, "d1", a)
			wants(t, err, ledger.Invalid, "")
		}
		r.whole()
	})
}

// TestSecond wants two reviewers who agree.
func TestSecond(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, dbc db.Config) {
		r := newRig(t, dbc, nil)
		r.second = true
		r.denied("d1")
		r.denied("d2")
		if rv := r.must(who("ann"), "d1", time.Minute, oversight.Act{Act: oversight.Approve}); rv.State != "waiting" || rv.Acted != 1 {
			t.Errorf("after the first: %+v", rv)
		}
		_, err := r.review(who("ann"), "d1", time.Minute, oversight.Act{Act: oversight.Approve})
		wants(t, err, ledger.Forbidden, "reviewed it already")
		if rv := r.must(who("bob"), "d1", time.Minute, oversight.Act{Act: oversight.Approve}); rv.State != "done" {
			t.Errorf("after the second: %+v", rv)
		}
		r.must(who("ann"), "d2", time.Minute, oversight.Act{Act: oversight.Approve})
		if rv := r.must(who("bob"), "d2", time.Minute, oversight.Act{Act: oversight.Reject, Reason: "unfair"}); rv.State != "waiting" || !rv.Escalated || rv.Acted != 0 {
			t.Errorf("they do not agree: %+v", rv)
		}
		if _, err := r.o.Assign(t.Context(), "d2", "person:cid"); err != nil {
			t.Fatal(err)
		}
		_, err = r.o.Claim(t.Context(), who("dan"), "d2")
		wants(t, err, ledger.Conflict, "assigned to person:cid")
		r.whole()
	})
}

// TestAtOnce lets several people claim, and act, at the same time.
func TestAtOnce(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, dbc db.Config) {
		r := newRig(t, dbc, nil)
		r.denied("d1")
		var errs [8]error
		var wg sync.WaitGroup
		for i := range errs {
			wg.Go(func() { _, errs[i] = r.o.Claim(t.Context(), who(fmt.Sprint("p", i)), "d1") })
		}
		wg.Wait()
		won := -1
		for i, err := range errs {
			if err == nil {
				if won >= 0 {
					t.Error("two have it")
				}
				won = i
			}
		}
		by := who(fmt.Sprint("p", won))
		shown, err := r.o.Shown(t.Context(), by, "d1", []byte("x"))
		if err != nil {
			t.Fatal(err)
		}
		for i := range errs {
			wg.Go(func() {
				_, errs[i] = r.o.Do(t.Context(), by, "d1", oversight.Act{Act: oversight.Approve, Shown: shown})
			})
		}
		wg.Wait()
		if n := r.kinds("oversight")["approve"]; n != 1 {
			t.Errorf("%d acts are in the log", n)
		}
		r.whole()
	})
}

// TestWait answers who waits, tells the address, and escalates what is overdue.
func TestWait(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, dbc db.Config) {
		const secret = "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIz"
		var got []string
		status := http.StatusInternalServerError
		srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
			body, _ := io.ReadAll(q.Body)
			key, _ := base64.StdEncoding.DecodeString(secret)
			mac := hmac.New(sha256.New, key)
			fmt.Fprintf(mac, "%s.%s.%s", q.Header.Get("webhook-id"), q.Header.Get("webhook-timestamp"), body)
			if want := "v1," + base64.StdEncoding.EncodeToString(mac.Sum(nil)); q.Header.Get("webhook-signature") != want {
				t.Errorf("signed %q, want %q", q.Header.Get("webhook-signature"), want)
			}
			got = append(got, string(body))
			w.WriteHeader(status)
		}))
		defer srv.Close()
		r := newRig(t, dbc, func(c *oversight.Config) { c.Hook = &oversight.Hook{URL: srv.URL, Secret: "whsec_" + secret} })
		r.denied("d1")
		r.denied("d2")
		short, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
		defer cancel()
		if rv, err := r.o.Wait(short, "d1"); err != nil || rv.State != "waiting" {
			t.Errorf("waited: %+v %v", rv, err)
		}
		done := make(chan oversight.Review, 1)
		go func() {
			rv, _ := r.o.Wait(t.Context(), "d1")
			done <- rv
		}()
		r.must(who("ann"), "d1", time.Minute, oversight.Act{Act: oversight.Approve})
		if rv := <-done; rv.State != "done" || rv.Act != oversight.Approve {
			t.Errorf("waited: %+v", rv)
		}
		if n, err := r.o.Deliver(t.Context()); n != 0 || err != nil || len(got) != 1 {
			t.Errorf("sent %d, %v, got %v", n, err, got)
		}
		if n, _ := r.o.Deliver(t.Context()); n != 0 || len(got) != 1 {
			t.Error("it was sent again at once")
		}
		status = http.StatusNoContent
		r.pass(time.Minute)
		if n, err := r.o.Deliver(t.Context()); n != 1 || err != nil || len(got) != 2 || !strings.Contains(got[1], `"act":"approve"`) || strings.Contains(got[1], "what d1 shows") {
			t.Errorf("sent %d, %v, got %v", n, err, got)
		}
		r.pass(2 * time.Hour)
		for want := 1; want >= 0; want-- {
			if n, err := r.o.Sweep(t.Context()); n != want || err != nil {
				t.Errorf("swept %d, want %d: %v", n, want, err)
			}
		}
		if f := r.kinds("finding"); f["review_overdue"] != 1 {
			t.Errorf("findings %v", f)
		}
		r.whole()
	})
}

// TestReports recounts what the reports say.
func TestReports(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, dbc db.Config) {
		r := newRig(t, dbc, nil)
		act := func(n int, team, act string, dwell int) {
			r.send(fmt.Sprintf(`{"type":"oversight","id":"%s-%d","time":"2026-05-03T10:00:00Z","about":"x","oversight":{"act":%q,"actor":"person:a","team":%q,"dwell_ms":%d}}`, team, n, act, team, dwell))
		}
		for n := range 60 {
			act(n, "stampers", "approve", 2000)
			act(n, "readers", []string{"approve", "approve", "edit"}[n%3], 60000)
		}
		for n := range 49 {
			act(n, "small", "approve", 10)
		}
		for range 2 { // the finding is written once
			rep, err := r.o.Stamps(t.Context(), "2026-05")
			if err != nil || len(rep.Groups) != 3 {
				t.Fatal(rep, err)
			}
			readers, small, stampers := rep.Groups[0], rep.Groups[1], rep.Groups[2]
			if readers.Suspect || readers.ChangeRate != 20.0/60 || readers.MedianDwell != 60 {
				t.Errorf("readers %+v", readers)
			}
			if !small.Suppressed || small.Acts != 49 || small.MedianDwell != 0 || small.QuickShare != 0 {
				t.Errorf("small %+v", small)
			}
			if !stampers.Suspect || stampers.MedianDwell != 2 || stampers.QuickShare != 1 || stampers.Finding == "" {
				t.Errorf("stampers %+v", stampers)
			}
		}
		if f := r.kinds("finding"); f["rubber_stamp"] != 1 {
			t.Errorf("findings %v", f)
		}
		if _, err := r.o.Stamps(t.Context(), "May"); err == nil {
			t.Error("May is no month")
		}

		label := func(id, effective string) {
			r.send(fmt.Sprintf(`{"type":"decision","id":%q,"time":"2026-06-01T10:00:00Z","system":"s","decision":{"kind":"k","status":"made","automation":"meaningful_human","effective":%q}}`, id, effective))
		}
		label("good", "2026-06-01T12:00:00Z")
		label("late", "2026-06-01T10:00:00Z")
		label("alone", "2026-06-01T12:00:00Z")
		label("blind", "2026-06-01T12:00:00Z")
		shown := "sha256:" + strings.Repeat("ab", 32)
		for _, id := range []string{"good", "late"} {
			r.send(fmt.Sprintf(`{"type":"oversight","id":"o-%s","time":"2026-06-01T11:00:00Z","about":%q,"oversight":{"act":"approve","actor":"person:a","dwell_ms":30000,"opened":["order"],"shown":%q}}`, id, id, shown))
		}
		r.send(`{"type":"oversight","id":"o-blind","time":"2026-06-01T11:00:00Z","about":"blind","oversight":{"act":"approve","actor":"person:a","dwell_ms":0}}`)
		weak, err := r.o.Weak(t.Context(), time.Time{}, time.Time{}, nil)
		if err != nil || weak.Labelled != 4 || weak.Count != 3 {
			t.Fatal(weak, err)
		}
		var have []string
		for _, w := range weak.Weak {
			have = append(have, w.ID+":"+strings.Join(w.Fails, ","))
		}
		if want := "late:timing alone:nobody blind:shown,evidence,dwell"; strings.Join(have, " ") != want {
			t.Errorf("weak are %v, want %s", have, want)
		}
	})
}
