// SPDX-License-Identifier: Apache-2.0

package search_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/counterfoil/counterfoil/internal/custody"
	"github.com/counterfoil/counterfoil/internal/db"
	"github.com/counterfoil/counterfoil/internal/db/dbtest"
	"github.com/counterfoil/counterfoil/internal/ledger"
	"github.com/counterfoil/counterfoil/internal/search"
	"github.com/counterfoil/counterfoil/record"
)

var petra = search.By{Actor: "person:petra", Role: "privacy"}

// textDoc is a decision with a person, a reason and an answer.
func textDoc(id, system, who, reason, reply string) string {
	return fmt.Sprintf(`{"type":"decision","id":%q,"time":"2026-11-01T10:00:00Z","system":%q,"subject":%q,"decision":{"kind":"refund","status":"made","outcome":"denied","reason":%q},"inputs":[{"name":"form","value":{"note":["nested deeply"]}}],"outputs":[{"name":"reply","value":%q}]}`,
		id, system, "customer:"+who, reason, reply)
}

func (r *rig) turn(system string, on bool) {
	r.Helper()
	if err := r.x.TurnText(r.Context(), petra, system, on, "complaints are looked for"); err != nil {
		r.Fatal(err)
	}
}

// holds says whether the files of the database hold some bytes: those of SQLite,
// or those of the table of texts and its index in PostgreSQL.
func (r *rig) holds(needle string) bool {
	r.Helper()
	d := r.l.DB()
	if d.Dialect() == db.Postgres {
		n := 0
		err := d.Write(r.Context(), func(ctx context.Context, tx *db.Tx) error {
			if _, err := tx.Exec(ctx, `CHECKPOINT`); err != nil {
				return err
			}
			return tx.QueryRow(ctx, `SELECT position(CAST(? AS bytea) IN pg_read_binary_file(pg_relation_filepath('passage'))) + position(CAST(? AS bytea) IN pg_read_binary_file(pg_relation_filepath('passage_body')))`,
				[]byte(needle), []byte(needle)).Scan(&n)
		})
		if err != nil {
			r.Fatal(err)
		}
		return n > 0
	}
	files, err := filepath.Glob(r.path + "*")
	if err != nil || len(files) == 0 {
		r.Fatal("no files", err)
	}
	for _, f := range files {
		b, err := os.ReadFile(f)
		if err != nil {
			r.Fatal(err)
		}
		if bytes.Contains(b, []byte(needle)) {
			return true
		}
	}
	return false
}

// TestText finds words in texts, of systems that it is on for, and nothing that is
// masked.
func TestText(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, dbc db.Config) {
		r := newRig(t, dbc)
		r.append(textDoc("d1", "refund-agent", "mia", "Refund denied: the fare is Non-Refundable.", "Dear Mia, write to mia@example.com or +49 170 1234567."),
			textDoc("d2", "refund-agent", "noah", "The refund was not denied, über 30 days; card 4111 1111 1111 1111", "reply"),
			textDoc("d3", "router", "zoe", "refund denied", "reply"),
			`{"type":"oversight","id":"o1","system":"refund-agent","time":"2026-11-03T11:00:00Z","about":"d1","oversight":{"act":"override","actor":"person:ann","reason":"goodwill refund"}}`)
		if _, err := r.x.Find(t.Context(), search.Request{Query: `"refund"`}); err == nil || !strings.Contains(err.Error(), "no system") {
			t.Errorf("found without full text: %v", err)
		}
		r.turn("refund-agent", true)
		for q, want := range map[string]string{
			`"refund denied"`:              "d1",
			`text:"Refund, DENIED!"`:       "d1",
			`text:denied`:                  "d1 d2",
			`text:denied,goodwill`:         "d1 d2 o1",
			`text:refund*`:                 "d1 d2 o1",
			`text:"non refundable"`:        "d1",
			`text:über`:                    "d2",
			`"nested deeply" "not denied"`: "d2",
			`"denied nested"`:              "", // two texts
			`"goodwill" OR system:router`:  "d3 o1",
			`type:decision -text:fare`:     "d2 d3",
			`text:mia`:                     "",
			`"customer"`:                   "",
			`text:example`:                 "",
			`text:1234567`:                 "",
			`text:4111`:                    "",
			`"days card"`:                  "d2",
			`text:note`:                    "", // a name of a member
		} {
			for range 2 { // the second time from memory
				if have := strings.Join(r.ids(q), " "); have != want {
					t.Errorf("%s: found %q, want %q", q, have, want)
				}
			}
		}
		res, err := r.x.Find(t.Context(), search.Request{Query: `"refund"`})
		if err != nil || !slices.Equal(res.Cover.Systems, []string{"refund-agent"}) || !slices.Equal(res.Cover.Missing, []string{"router"}) || res.Cover.Behind != 0 {
			t.Errorf("cover %+v, %v", res.Cover, err)
		}
		res, err = r.x.Find(t.Context(), search.Request{Query: `"refund"`, Texts: []string{"router"}})
		if err != nil || res.Total != 0 || len(res.Cover.Systems) != 0 || len(res.Cover.Missing) != 2 {
			t.Errorf("texts that may not be opened: %+v, %v", res, err)
		}
		r.turn("router", true) // older records come in behind newer ones
		r.append(textDoc("d4", "refund-agent", "mia", "refund denied again", "reply"))
		if have := strings.Join(r.ids(`"refund denied"`), " "); have != "d1 d3 d4" {
			t.Errorf("after more records: %s", have)
		}
		if err := r.x.TurnText(t.Context(), petra, "router", true, ""); err == nil {
			t.Error("turned on twice")
		}
		if have := r.ids("access.act:fulltext.on person:person:petra"); len(have) != 2 {
			t.Errorf("the acts in the log: %v", have)
		}
	})
}

// TestTextForgets holds the files of the database against what was erased, what
// expired and what was turned off. PostgreSQL has a server of its own here: it
// keeps dead rows as long as a transaction is open that could see them.
func TestTextForgets(t *testing.T) {
	t.Parallel()
	each := map[string]func() db.Config{"sqlite": func() db.Config { return dbtest.SQLite(t) }, "postgres": func() db.Config { return dbtest.New(t).Config() }}
	for name, config := range each {
		t.Run(name, func(t *testing.T) { testForgets(t, config()) })
	}
}

func testForgets(t *testing.T, dbc db.Config) {
	r := newRig(t, dbc)
	ctx := t.Context()
	var docs []string
	for n := range 300 { // several leaves of the index
		docs = append(docs, textDoc(fmt.Sprint("d", n), "refund-agent", fmt.Sprint("p", n), fmt.Sprintf("zq%dxylophone%dzq common words", n, n), "reply"))
	}
	r.append(docs...)
	r.append(textDoc("other", "router", "p", "qzrouterwordqz", "reply"))
	r.turn("refund-agent", true)
	r.turn("router", true)
	word := func(n int) string { return fmt.Sprintf("zq%dxylophone%dzq", n, n) }
	if len(r.ids("text:"+word(7))) != 1 || !r.holds(word(7)) {
		t.Fatal("it is not found even before: it proves nothing")
	}
	c, err := custody.New(custody.Config{Ledger: r.l})
	if err != nil {
		t.Fatal(err)
	}
	req, err := c.AskErasure(ctx, custody.By{Actor: "person:piet"}, custody.ErasureSpec{Ticket: "t", Records: []string{"d7", "d8", "d120"}})
	if err == nil {
		if _, err = c.ApproveErasure(ctx, custody.By{Actor: "person:paula"}, req.ID, true, ""); err == nil {
			_, err = c.ExecuteErasures(ctx, custody.By{Actor: "person:rosa"}, []string{req.ID})
		}
	}
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range []int{7, 8, 120} {
		if have := r.ids("text:" + word(n)); len(have) != 0 {
			t.Errorf("found after the erasure: %v", have)
		}
		if r.holds(word(n)) {
			t.Errorf("%s is still in the files", word(n))
		}
	}
	if len(r.ids("text:"+word(9))) != 1 || len(r.ids(`"common words"`)) != 297 {
		t.Error("a bystander is gone")
	}
	r.turn("router", false)
	if r.holds("qzrouterwordqz") {
		t.Error("what was turned off is still in the files")
	}
	r.expire()
	if have := r.ids(`"common words"`); len(have) != 0 {
		t.Errorf("found before the sweep of a month that expired: %v", have)
	}
	for n := 1; n > 0; {
		if n, err = r.l.Sweep(ctx, 100); err != nil {
			t.Fatal(err)
		}
	}
	if err := r.l.Purge(ctx); err != nil {
		t.Fatal(err)
	}
	for n := range 300 {
		if r.holds(word(n)) {
			t.Fatalf("%s is still in the files", word(n))
		}
	}
}

// expire destroys the keys of all months.
func (r *rig) expire() {
	r.Helper()
	var keys []ledger.EvidenceKey
	err := r.l.DB().Read(r.Context(), func(ctx context.Context, tx *db.Tx) (err error) {
		keys, err = ledger.EvidenceKeys(ctx, tx)
		return err
	})
	for _, k := range keys {
		if err != nil {
			break
		}
		var rec *record.Record
		if rec, err = ledger.NewRecord(r.l.Rules(), record.Erasure, now, map[string]any{"erasure": map[string]any{"ground": "retention", "status": "executed", "class": k.Class, "month": k.Month}}); err != nil {
			break
		}
		_, err = r.l.Append(r.Context(), ledger.Batch{Records: []*record.Record{rec}, Principal: "test", Capture: "manual", Custody: true,
			Also: func(ctx context.Context, tx *db.Tx, at []int64) error {
				_, err := ledger.DestroyMonth(ctx, tx, at[0], k.Class, k.Month)
				return err
			}})
	}
	if err != nil {
		r.Fatal(err)
	}
}

// TestTextRace erases between the reading of a text and its writing.
func TestTextRace(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, dbc db.Config) {
		r := newRig(t, dbc)
		r.append(textDoc("d1", "refund-agent", "mia", "zqracewordqz", "reply"))
		r.turn("refund-agent", true)
		_, epoch, err := r.l.OpenTexts(t.Context(), []int64{0})
		if err != nil {
			t.Fatal(err)
		}
		err = r.l.DB().Write(t.Context(), func(ctx context.Context, tx *db.Tx) error { return ledger.ForgetTexts(ctx, tx, []any{int64(0)}) })
		if err != nil {
			t.Fatal(err)
		}
		_, after, err := r.l.OpenTexts(t.Context(), []int64{0})
		if err != nil || after == epoch {
			t.Errorf("the epoch stays %d, %v", after, err)
		}
		err = r.x.TurnText(t.Context(), petra, "a system", true, "")
		if e, ok := errors.AsType[*ledger.Error](err); !ok || e.Code != ledger.Invalid {
			t.Errorf("a system of that name: %v", err)
		}
	})
}
