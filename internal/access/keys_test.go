// SPDX-License-Identifier: Apache-2.0

package access_test

import (
	"context"
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/counterfoil/counterfoil/internal/access"
	"github.com/counterfoil/counterfoil/internal/db"
	"github.com/counterfoil/counterfoil/internal/db/dbtest"
)

func TestKeyLifeCycle(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, c db.Config) {
		r := newRig(t, c, nil)
		ctx := t.Context()
		other := r.open()
		secret, k := r.key("voicebot", all(access.Source))
		if !regexp.MustCompile("^" + access.KeyPattern + "$").MatchString(secret) {
			t.Fatalf("%q does not fit the pattern", secret)
		}
		a, err := r.Authenticate(ctx, bearer(secret))
		want(t, err, "")
		if a.ID != "key:voicebot" || a.Kind != access.Key || !holds(a, access.Source) || len(a.Grants) != 1 {
			t.Fatalf("got %+v", a)
		}
		if again, _ := r.Authenticate(ctx, bearer(secret)); again != a {
			t.Error("not remembered")
		}
		r.pass(5 * time.Second)
		_, err = other.Authenticate(ctx, bearer(secret))
		want(t, err, "")

		next, k2, err := r.RotateKey(ctx, local, k.ID, r.clock().Add(48*time.Hour), time.Hour)
		want(t, err, "")
		for _, s := range []string{secret, next} {
			a, err := r.Authenticate(ctx, bearer(s))
			want(t, err, "")
			if a.ID != "key:voicebot" {
				t.Errorf("got %s", a.ID)
			}
		}
		r.pass(time.Hour)
		_, err = r.Authenticate(ctx, bearer(secret))
		want(t, err, access.Unauthenticated)

		_, err = other.Authenticate(ctx, bearer(next))
		want(t, err, "")
		scoped := access.Actor{ID: "person:scoped", Grants: []access.Grant{{Role: access.Admin, Ledger: "a", System: "*", Purpose: "*"}}}
		want(t, r.RevokeKey(ctx, scoped, k2.ID), access.Forbidden)
		_, _, err = r.RotateKey(ctx, scoped, k2.ID, r.clock().Add(time.Hour), 0)
		want(t, err, access.Forbidden)
		_, err = r.Authenticate(ctx, bearer(next))
		want(t, err, "")
		want(t, r.RevokeKey(ctx, local, k2.ID), "")
		_, err = r.Authenticate(ctx, bearer(next))
		want(t, err, access.Unauthenticated) // at once
		r.pass(5 * time.Second)
		_, err = other.Authenticate(ctx, bearer(next))
		want(t, err, access.Unauthenticated) // soon
		want(t, r.RevokeKey(ctx, local, k2.ID), access.NotFound)
		want(t, r.RevokeKey(ctx, local, ""), access.NotFound)
		_, _, err = r.RotateKey(ctx, local, k2.ID, r.clock().Add(time.Hour), 0)
		want(t, err, access.NotFound)
		_, _, err = r.CreateKey(ctx, local, access.KeySpec{Name: "voicebot", Grants: k.Grants, Expires: r.clock().Add(time.Hour)})
		want(t, err, access.Conflict) // its records must stay its own
		if n := len(r.recorded("key.create", "allowed")) + len(r.recorded("key.rotate", "allowed")) + len(r.recorded("key.revoke", "allowed")); n < 3 {
			t.Errorf("%d acts recorded", n)
		}
	})
}

func TestKeyIsRefused(t *testing.T) {
	t.Parallel()
	r := newRig(t, dbtest.SQLite(t), nil)
	ctx := t.Context()
	year := r.clock().Add(367 * 24 * time.Hour)
	for name, s := range map[string]access.KeySpec{
		"no grant":        {Name: "a", Expires: r.clock().Add(time.Hour)},
		"never expires":   {Name: "a", Grants: []access.Grant{all(access.Source)}},
		"expires late":    {Name: "a", Grants: []access.Grant{all(access.Source)}, Expires: year},
		"expired":         {Name: "a", Grants: []access.Grant{all(access.Source)}, Expires: r.clock()},
		"name":            {Name: "A b", Grants: []access.Grant{all(access.Source)}, Expires: r.clock().Add(time.Hour)},
		"exclusive roles": {Name: "a", Grants: []access.Grant{all(access.Source), all(access.Legal)}, Expires: r.clock().Add(time.Hour)},
	} {
		if _, _, err := r.CreateKey(ctx, local, s); code(err) != access.Invalid {
			t.Errorf("%s: %v", name, err)
		}
	}
	_, _, err := r.CreateKey(ctx, access.Actor{ID: "person:x", Grants: []access.Grant{all(access.Auditor)}},
		access.KeySpec{Name: "a", Grants: []access.Grant{all(access.Source)}, Expires: r.clock().Add(time.Hour)})
	want(t, err, access.Forbidden)

	secret, _ := r.key("a", all(access.Source))
	flip := func(i int) string {
		b := []byte(secret)
		b[i] = 'a' + (b[i]-'a'+1)%26
		return string(b)
	}
	for i := 4; i < len(secret); i++ {
		if secret[i] == '_' {
			continue
		}
		_, err := r.Authenticate(ctx, bearer(flip(i)))
		if code(err) == "" || strings.Contains(fmt.Sprintf("%+v", err), secret[18:40]) {
			t.Fatalf("character %d: %v", i, err)
		}
		if i == 4 && !strings.Contains(err.Error(), "checksum") {
			t.Errorf("a mistyped key is not told as such: %v", err)
		}
	}
	r.pass(24 * time.Hour)
	_, err = r.Authenticate(ctx, bearer(secret))
	want(t, err, access.Unauthenticated)
	if !strings.Contains(err.Error(), "expired") {
		t.Errorf("got %v", err)
	}
	for _, e := range append(r.recorded("credential", "denied"), r.recorded("key.create", "allowed")...) {
		if strings.Contains(fmt.Sprintf("%+v", e), secret[18:30]) {
			t.Errorf("a record holds the secret: %+v", e)
		}
	}
}

func TestSecretsAreNotInTheDatabase(t *testing.T) {
	t.Parallel()
	r := newRig(t, dbtest.SQLite(t), nil)
	secret, _ := r.key("a", all(access.Source))
	token, _, _ := r.Bootstrap(t.Context())
	in, err := r.UseBootstrap(t.Context(), with(), token)
	want(t, err, "")
	dump := &strings.Builder{}
	err = r.db.Read(t.Context(), func(ctx context.Context, tx *db.Tx) error {
		for _, q := range []string{`SELECT id || name || hash || grants || made_by FROM api_key`, `SELECT hash || actor || grants FROM session`, `SELECT hash || '' FROM bootstrap`} {
			rows, err := tx.Query(ctx, q)
			if err != nil {
				return err
			}
			for rows.Next() {
				var s []byte
				if err := rows.Scan(&s); err != nil {
					return err
				}
				dump.Write(s)
			}
			rows.Close()
		}
		return nil
	})
	want(t, err, "")
	if dump.Len() < 100 {
		t.Fatal("nothing was read")
	}
	for _, s := range []string{secret[18:], token[4:], in.Cookies[0].Value} {
		if strings.Contains(dump.String(), s) {
			t.Error("a secret is in the database")
		}
	}
}

func TestLastUseIsWrittenBesideRequests(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, c db.Config) {
		writes := 0
		c.Hook = func(o db.Op) error {
			if o.Step == "exec" && !o.After && strings.Contains(o.Text, "SET used") {
				writes++
			}
			return nil
		}
		r := newRig(t, c, nil)
		secret, _ := r.key("a", all(access.Source))
		used := func() time.Time {
			ks, err := r.Keys(t.Context())
			want(t, err, "")
			return ks[0].Used
		}
		for range 100 {
			_, err := r.Authenticate(t.Context(), bearer(secret))
			want(t, err, "")
		}
		if writes != 0 || !used().IsZero() {
			t.Fatalf("%d writes in requests", writes)
		}
		want(t, r.Keep(t.Context()), "")
		want(t, r.Keep(t.Context()), "")
		if writes != 1 || !used().Equal(start) {
			t.Errorf("%d writes, used %v", writes, used())
		}
		r.pass(30 * time.Second)
		_, err := r.Authenticate(t.Context(), bearer(secret))
		want(t, err, "")
		want(t, r.Keep(t.Context()), "")
		if writes != 1 {
			t.Error("written twice in a minute")
		}
	})
}

func BenchmarkAuthenticateKey(b *testing.B) {
	r := newRig(b, dbtest.SQLite(b), func(c *access.Config) { c.Now = nil })
	secret, _, err := r.CreateKey(b.Context(), local, access.KeySpec{Name: "a", Grants: []access.Grant{all(access.Source)}, Expires: time.Now().Add(time.Hour)})
	if err != nil {
		b.Fatal(err)
	}
	req := bearer(secret)
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if _, err := r.Authenticate(b.Context(), req); err != nil {
				b.Fatal(err)
			}
		}
	})
}
