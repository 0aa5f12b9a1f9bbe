// SPDX-License-Identifier: Apache-2.0

package access_test

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/counterfoil/counterfoil/internal/access"
	"github.com/counterfoil/counterfoil/internal/db"
	"github.com/counterfoil/counterfoil/internal/db/dbtest"
)

func TestCreateAndOpen(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, c db.Config) {
		r := newRig(t, c, nil)
		want(t, access.Create(t.Context(), r.cfg), access.Conflict)
		want(t, r.Grant(t.Context(), admin, "person:abc", all(access.Auditor)), "")
		gs, err := r.open().Grants(t.Context())
		if err != nil || len(gs) != 1 || gs[0].By != admin.ID || !gs[0].At.Equal(start) {
			t.Fatalf("got %+v, %v", gs, err)
		}
	})
	d, err := db.Create(t.Context(), dbtest.SQLite(t))
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	_, err = access.Open(t.Context(), access.Config{DB: d})
	want(t, err, access.NotFound)
}

func TestConfigNamesAllFaults(t *testing.T) {
	t.Parallel()
	_, err := access.Open(t.Context(), access.Config{
		IdleTimeout: -1,
		Issuers: []access.Issuer{
			{Name: "a/b", URL: "http://example.com", RedirectURL: "https://u@h/", Roles: []access.RoleRule{{Claim: "c", Value: "v", Grants: []access.Grant{all("root")}}}},
			{Name: "a/b", URL: "https://ok", RedirectURL: "http://127.0.0.1:1/x", ClientID: "x", ClientSecret: "hush"}},
		Workloads:    []access.WorkloadIssuer{{URL: "https://ok", Audience: "x", Rules: []access.WorkloadRule{{Actor: "Ä"}}}, {URL: "ftp://x"}},
		Certificates: []access.CertificateRule{{Actor: "c", Grants: []access.Grant{all(access.Admin), all(access.Auditor)}}},
	})
	want(t, err, access.Invalid)
	for _, part := range []string{"DB is required", "IdleTimeout", `issuer "a/b": the name`, "must start with https", "not a plain URL", "ClientID", `no role "root"`,
		"there twice", "same audience", "without claims", `workload "Ä"`, "Audience is required", "one of URI and CommonName", "exclude each other"} {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("%q is not in:\n%v", part, err)
		}
	}
	if text := fmt.Sprintf("%v %+v %#v %s", err, access.Issuer{ClientSecret: "hush"}, access.Issuer{ClientSecret: "hush"}, access.Secret("hush")); strings.Contains(text, "hush") {
		t.Error("a secret was printed")
	}
}

func TestGrantAndRevoke(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, c db.Config) {
		r := newRig(t, c, nil)
		ctx := t.Context()
		scoped := access.Actor{ID: "person:scoped", Grants: []access.Grant{{Role: access.Admin, Ledger: "a", System: "*", Purpose: "*"}}}
		auditor := access.Actor{ID: "person:auditor", Grants: []access.Grant{all(access.Auditor)}}
		inA := access.Grant{Role: access.Auditor, Ledger: "a", System: "*", Purpose: "*"}
		for _, c := range []struct {
			name  string
			by    access.Actor
			actor string
			g     access.Grant
			want  access.Code
		}{
			{"admin", admin, "person:x1", all(access.Auditor), ""},
			{"again", admin, "person:x1", all(access.Auditor), ""},
			{"scoped, inside", scoped, "person:x2", inA, ""},
			{"scoped, outside", scoped, "person:x2", all(access.Auditor), access.Forbidden},
			{"an auditor", auditor, "person:x2", inA, access.Forbidden},
			{"nobody", access.Actor{}, "person:x2", inA, access.Forbidden},
			{"oneself", admin, admin.ID, all(access.Admin), access.Forbidden},
			{"admin beside auditor", admin, "person:x1", all(access.Admin), access.Conflict},
			{"source beside auditor", admin, "person:x1", all(access.Source), access.Conflict},
			{"privacy beside auditor", admin, "person:x1", all(access.Privacy), ""},
			{"unknown role", admin, "person:x1", all("root"), access.Invalid},
			{"no ledger", admin, "person:x1", access.Grant{Role: access.Auditor, System: "*"}, access.Invalid},
			{"unknown kind", admin, "robot:x1", inA, access.Invalid},
			{"no name", admin, "person:", inA, access.Invalid},
		} {
			if err := r.Grant(ctx, c.by, c.actor, c.g); code(err) != c.want || c.want == "" && err != nil {
				t.Errorf("%s: %v, want %q", c.name, err, c.want)
			}
		}
		if n := len(r.recorded("grant.give", "denied")); n != 6 {
			t.Errorf("%d denials recorded, want 6", n)
		}
		want(t, r.Revoke(ctx, auditor, "person:x1", all(access.Auditor)), access.Forbidden)
		want(t, r.Revoke(ctx, admin, "person:x1", all(access.Auditor)), "")
		want(t, r.Revoke(ctx, admin, "person:x1", all(access.Auditor)), access.NotFound)
	})
}

// TestGrantExcludesWhatIsHeldElsewhere: by a key, by a rule, in a session.
func TestGrantExcludesWhatIsHeldElsewhere(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, c db.Config) {
		r := newRig(t, c, func(c *access.Config) {
			c.Certificates = []access.CertificateRule{{CommonName: "x", Actor: "bank", Grants: []access.Grant{all(access.Source)}}}
		})
		r.key("voicebot", all(access.Source))
		want(t, r.Grant(t.Context(), admin, "key:voicebot", all(access.Auditor)), access.Conflict)
		want(t, r.Grant(t.Context(), admin, "certificate:bank", all(access.Auditor)), access.Conflict)
		token, _, err := r.Bootstrap(t.Context())
		want(t, err, "")
		in, err := r.UseBootstrap(t.Context(), with(), token)
		want(t, err, "")
		want(t, r.Grant(t.Context(), admin, in.Actor.ID, all(access.Auditor)), access.Conflict)
	})
}

func TestHandGivenGrantsCountAtEachRequest(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, c db.Config) {
		r := newRig(t, c, nil)
		other := r.open()
		secret, _ := r.key("reader", all(access.Reviewer))
		ask := func(b *access.Book, role access.Role) bool {
			a, err := b.Authenticate(t.Context(), bearer(secret))
			want(t, err, "")
			return holds(a, role)
		}
		r.pass(5 * time.Second) // the other node may not know the key before
		if ask(r.Book, access.Privacy) || ask(other, access.Privacy) {
			t.Fatal("held before it was given")
		}
		want(t, r.Grant(t.Context(), admin, "key:reader", all(access.Privacy)), "")
		if !ask(r.Book, access.Privacy) {
			t.Error("not in force at once on this node")
		}
		r.pass(5 * time.Second)
		if !ask(other, access.Privacy) {
			t.Error("not in force on another node after 5 s")
		}
		want(t, r.Revoke(t.Context(), admin, "key:reader", all(access.Privacy)), "")
		if ask(r.Book, access.Privacy) {
			t.Error("still in force on this node")
		}
		r.pass(5 * time.Second)
		if ask(other, access.Privacy) {
			t.Error("still in force on another node after 5 s")
		}
	})
}

// TestWhatIsNotRecordedDoesNotHappen tries every act with a log that is down.
func TestWhatIsNotRecordedDoesNotHappen(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, c db.Config) {
		r := newRig(t, c, nil)
		ctx := t.Context()
		secret, k := r.key("voicebot", all(access.Source))
		token, _, err := r.Bootstrap(ctx)
		want(t, err, "")
		want(t, r.Grant(ctx, admin, "person:x", all(access.Auditor)), "")
		r.refuseRecords(errors.New("disk full"))
		want(t, r.Grant(ctx, admin, "person:y", all(access.Auditor)), access.Unavailable)
		want(t, r.Revoke(ctx, admin, "person:x", all(access.Auditor)), access.Unavailable)
		want(t, r.RevokeKey(ctx, local, k.ID), access.Unavailable)
		_, _, err = r.RotateKey(ctx, local, k.ID, r.clock().Add(time.Hour), 0)
		want(t, err, access.Unavailable)
		_, _, err = r.CreateKey(ctx, local, access.KeySpec{Name: "b", Grants: []access.Grant{all(access.Source)}, Expires: r.clock().Add(time.Hour)})
		want(t, err, access.Unavailable)
		_, err = r.UseBootstrap(ctx, with(), token)
		want(t, err, access.Unavailable)
		_, err = r.EndSessions(ctx, admin, "person:x")
		want(t, err, access.Unavailable)
		_, err = r.Authenticate(ctx, bearer("nonsense"))
		want(t, err, access.Unavailable)
		r.refuseRecords(nil)
		gs, _ := r.Grants(ctx)
		ks, _ := r.Keys(ctx)
		_, err = r.Authenticate(ctx, bearer(secret))
		if err != nil || len(gs) != 1 || len(ks) != 1 {
			t.Errorf("%v, %d grants, %d keys", err, len(gs), len(ks))
		}
		_, err = r.UseBootstrap(ctx, with(), token)
		want(t, err, "")
	})
}

// TestExclusiveRace: of roles that exclude each other, given at one moment on
// several nodes, an actor ends up with those of one kind.
func TestExclusiveRace(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, c db.Config) {
		r := newRig(t, c, nil)
		for i := range 5 {
			actor := fmt.Sprintf("person:x%d", i)
			var wg sync.WaitGroup
			gate := make(chan struct{})
			for _, role := range []access.Role{access.Admin, access.Auditor, access.Source, access.Legal} {
				b := r.open()
				wg.Go(func() {
					<-gate
					if err := b.Grant(t.Context(), admin, actor, all(role)); err != nil && code(err) != access.Conflict {
						t.Error(err)
					}
				})
			}
			close(gate)
			wg.Wait()
		}
		gs, err := r.Grants(t.Context())
		want(t, err, "")
		if len(gs) < 5 {
			t.Errorf("only %d grants", len(gs))
		}
		for i, a := range gs {
			for _, b := range gs[i+1:] {
				if a.Actor == b.Actor && access.Exclusive(a.Role, b.Role) {
					t.Errorf("%s holds %s and %s", a.Actor, a.Role, b.Role)
				}
			}
		}
	})
}
