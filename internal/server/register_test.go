// SPDX-License-Identifier: Apache-2.0

package server_test

import (
	"context"
	"crypto/ed25519"
	"fmt"
	"strings"
	"testing"

	"github.com/counterfoil/counterfoil/api"
	"github.com/counterfoil/counterfoil/internal/db"
	"github.com/counterfoil/counterfoil/internal/registry"
)

// described is a description as it stands in a JSON text.
const described = `owner: {person: Ann, team: Care}\nrole: deployer\npurpose: answers\nrisk: limited\n`

const (
	ann = "person:ann owner"
	bob = "person:bob governance"
	cid = "person:cid governance"
)

// TestRegisterOverAPI walks every path of the register once, and lets each step
// fail for want of a database first: nothing of it happens, and it can be done
// again. Done twice, each is a conflict.
func TestRegisterOverAPI(t *testing.T) {
	t.Parallel()
	f := &fuse{left: -1}
	r := guarded(t, options{db: f.config})
	try := func(badge, path, body string) *reply {
		t.Helper()
		size := r.size()
		for _, c := range []struct {
			cause  error
			status int
			code   string
		}{{db.ErrFull, 507, "full"}, {db.ErrCorrupt, 500, "internal"}, {db.ErrUnavailable, 503, "unavailable"}} {
			f.light(true, false, true, 0, c.cause)
			r.as(badge, inMain+path, body).problem(c.status, c.code)
			f.out()
		}
		if r.size() != size {
			t.Errorf("%s: something was stored", path)
		}
		return r.as(badge, inMain+path, body).want(200)
	}
	twice := func(badge, path, body string) *reply {
		t.Helper()
		out := try(badge, path, body)
		r.as(badge, inMain+path, body).problem(409, "conflict")
		return out
	}
	try(ann, "/systems", `{"name":"aria","description":"`+described+`"}`)
	r.as(ann, inMain+"/systems", `{"kind":"use_case","name":"aria","description":"`+described+`"}`).problem(409, "conflict")
	r.as(ann, inMain+"/systems/aria/status", `{"status":"in_service"}`).problem(403, "forbidden")
	twice(bob, "/systems/aria/status", `{"status":"in_service"}`)
	if y := into[registry.System](r.as(ann, inMain+"/systems/aria", "").want(200)); y.Status != registry.InService || !y.Described {
		t.Errorf("%+v", y)
	}
	add := func(version, content string) string {
		v := into[registry.Version](twice(ann, "/versions", fmt.Sprintf(`{"kind":"prompt","name":"p","version":%q,"content":%q,"system":"aria","note":"n"}`, version, content)).want(200))
		return v.Digest
	}
	const p = "/versions/prompt/p"
	one, two := add("1", "be kind"), add("2", "be brief")
	yes := func(digest string) string { return fmt.Sprintf(`{"approve":true,"digest":%q}`, digest) }
	r.as(ann, inMain+p+"/1/verdict", yes(one)).problem(403, "forbidden")
	try(bob, p+"/1/verdict", yes(one))
	r.as(cid, inMain+p+"/1/verdict", yes(one)).problem(409, "conflict")
	twice(ann, p+"/1/promote", `{"environment":"production"}`)
	twice(bob, p+"/2/promote", `{"environment":"production","emergency":true,"reason":"now"}`)
	twice(cid, p+"/2/review", `{"accept":true,"reason":"right"}`)
	fetchTwice(r, two)
	twice(ann, p+"/rollback", `{"environment":"production","reason":"worse"}`)
	twice(ann, p+"/2/retire", `{"reason":"never again"}`)
	d := into[registry.Difference](r.as(ann, inMain+p+"/1/diff?to=2", "").want(200))
	if !strings.Contains(d.Text, "+be brief") {
		t.Errorf("difference %q", d.Text)
	}
	r.as(ann, inMain+p+"/1", "").want(200)
	if m := into[registry.Moment](r.as(ann, inMain+"/inforce?system=aria&diff=P7D", "").want(200)); len(m.InForce) != 1 || len(m.Changes) != 1 {
		t.Errorf("in force: %+v", m)
	}
	r.as(ann, inMain+"/inforce?at=noon", "").problem(400, "bad_parameter")
	r.as(ann, inMain+"/inforce?diff=week", "").problem(400, "bad_parameter")
	if l := into[list](r.as(ann, inMain+"/register/acts?kind=prompt&name=p", "").want(200)); len(l.Items) != 8 {
		t.Errorf("%d acts", len(l.Items))
	}
	r.as(ann, inMain+"/versions?kind=prompt", "").want(200)
	r.as(ann, inMain+"/systems", "").want(200)
	keysOverAPI(r, twice)
	r.spoil(`DELETE FROM register_state WHERE topic = 'system'`)
	if rep := into[registry.Report](try(bob, "/register/rebuild", `{"replace":true}`)); !rep.Replaced {
		t.Errorf("rebuilt: %+v", rep)
	}
	r.audit()
}

// list is an answer of items.
type list struct{ Items []any }

// fetchTwice fetches the version in force as a program does.
func fetchTwice(r *rig, digest string) {
	r.t.Helper()
	const path = inMain + "/versions/prompt/p?env=production"
	got := r.as("key:bot source/main/aria", path, "").want(200)
	if v := into[api.Fetched](got); v.Digest != digest || v.Version != "2" || !strings.HasSuffix(v.Content, "be brief") || got.header.Get("Cache-Control") != "private, max-age=60" {
		r.t.Errorf("fetched %+v with %v", v, got.header)
	}
	r.as("key:bot source/main/aria", path, "", "If-None-Match", got.header.Get("ETag")).want(304)
	r.as("key:bot source/main/other", path, "").problem(403, "forbidden")
	r.as("key:bot source/main/aria", inMain+"/versions/prompt/p?env=test", "").problem(404, "not_found")
}

// keysOverAPI registers, confirms and retires a key.
func keysOverAPI(r *rig, twice func(badge, path, body string) *reply) {
	r.t.Helper()
	private := ed25519.NewKeyFromSeed([]byte("0123456789abcdef0123456789abcdef"))
	name := registry.KeyName(private.Public().(ed25519.PublicKey))
	s := registry.Sign(registry.NewKeyAct(origin, "person:bob", name), private)
	twice(bob, "/register/keys", fmt.Sprintf(`{"alg":%q,"key":%q,"value":%q}`, s.Alg, s.Key, s.Value))
	r.as(bob, inMain+"/register/keys/person:bob/"+name+"/confirm", `{}`).problem(403, "forbidden")
	twice(cid, "/register/keys/person:bob/"+name+"/confirm", `{}`)
	twice(cid, "/register/keys/person:bob/"+name+"/retire", `{}`)
	if l := into[list](r.as(bob, inMain+"/register/keys", "").want(200)); len(l.Items) != 1 {
		r.t.Errorf("%d keys", len(l.Items))
	}
}

// spoil changes a table as an intruder would.
func (r *rig) spoil(statement string) {
	r.t.Helper()
	must(r.t, r.d.Write(r.t.Context(), func(ctx context.Context, tx *db.Tx) error {
		_, err := tx.Exec(ctx, statement)
		return err
	}))
}
