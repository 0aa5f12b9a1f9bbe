// SPDX-License-Identifier: Apache-2.0

package server_test

import (
	"context"
	"testing"
	"time"

	"github.com/counterfoil/counterfoil/api"
	"github.com/counterfoil/counterfoil/internal/db"
	"github.com/counterfoil/counterfoil/internal/ledger"
	"github.com/counterfoil/counterfoil/internal/oversight"
)

// queue puts a record into the queue, as the guard would.
func (r *rig) queue(id string) {
	r.t.Helper()
	e, err := r.l.Get(r.t.Context(), id)
	must(r.t, err)
	must(r.t, r.l.DB().Write(r.t.Context(), func(ctx context.Context, tx *db.Tx) error {
		return oversight.Enqueue(ctx, tx, oversight.Item{ID: id, System: "refund-agent", Kind: "refund", Env: "production", Index: e.Index, Created: time.Now(), Due: time.Now().Add(time.Hour)})
	}))
}

// TestReviews takes a decision from the queue to its outcome over the API.
func TestReviews(t *testing.T) {
	t.Parallel()
	r := guarded(t, options{})
	const at, ann, bob, gov = inMain + "/reviews", "person:ann reviewer", "person:bob reviewer", "person:g governance"
	r.shelf.change(func(s *shelf) { s.governs = governed{} })
	must(t, r.l.DB().Write(t.Context(), func(ctx context.Context, tx *db.Tx) error { return ledger.SetRegister(ctx, tx, 1) }))
	for _, id := range []string{"d1", "d2"} {
		r.as("key:bot source", records, decision(id)).want(201)
		r.queue(id)
	}
	if all := into[struct{ Items []oversight.Review }](r.as(gov, at+"?state=waiting&overdue=false&limit=5", "").want(200)); len(all.Items) != 2 {
		t.Errorf("listed %+v", all.Items)
	}
	r.as(gov, at+"?limit=0", "").problem(400, "bad_parameter")
	r.as(gov, at+"?overdue=perhaps", "").problem(400, "bad_parameter")
	r.as(gov, at+"/d1/assign", `{"to":"person:ann"}`).want(200)
	r.as(bob, at+"/d1/claim", `{}`).problem(409, "conflict")
	r.as(ann, at+"/d1/show", `{}`).problem(409, "conflict")
	r.as(ann, at+"/d1/claim", `{}`).want(200)
	r.as(ann, at+"/d1/release", `{}`).want(200)
	r.as(ann, at+"/d1/release", `{}`).problem(409, "conflict")
	r.as(ann, at+"/d1/claim", `{}`).want(200)
	shown := into[api.ShownReview](r.as(ann, at+"/d1/show", `{}`).want(200))
	r.as(ann, at+"/d1/acts", `{"act":"approve","shown":"sha256:00"}`).problem(409, "conflict")
	r.as(ann, at+"/d1/acts", `{"act":"reject","shown":"`+shown.Shown+`"}`).problem(400, "invalid")
	waiting := into[oversight.Review](r.as("key:bot source", at+"/d1/outcome?wait=5ms", "").want(200))
	if waiting.State != "claimed" || waiting.Token != "" {
		t.Errorf("waited: %+v", waiting)
	}
	r.as("key:bot source", at+"/d1/outcome?wait=soon", "").problem(400, "bad_parameter")
	if done := into[oversight.Review](r.as(ann, at+"/d1/acts", `{"act":"approve","shown":"`+shown.Shown+`","opened":["order"]}`).want(200)); done.State != "done" {
		t.Errorf("approved: %+v", done)
	}
	r.as(gov, at+"/d1/assign", `{"to":"person:bob"}`).problem(409, "conflict")
	if out := into[oversight.Review](r.as("key:bot source", at+"/d1/outcome", "").want(200)); out.State != "done" || out.Token == "" {
		t.Errorf("the outcome: %+v", out)
	}
	if one := into[oversight.Review](r.as(gov, at+"/d1", "").want(200)); one.Act != "approve" {
		t.Errorf("one: %+v", one)
	}
	r.as(gov, at+"/nobody", "").problem(404, "not_found")
	r.as(gov, inMain+"/oversight/stamps", `{"month":"2026-05"}`).want(200)
	r.as(gov, inMain+"/oversight/stamps", `{"month":"May"}`).problem(400, "invalid")
	r.as(gov, inMain+"/oversight/weak?from=2026-01-01T00:00:00Z", "").want(200)
	r.as(gov, inMain+"/oversight/weak?from=monday", "").problem(400, "bad_parameter")
	r.audit()
}
