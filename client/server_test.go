// SPDX-License-Identifier: Apache-2.0

package client_test

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"

	"golang.org/x/mod/sumdb/note"

	"github.com/counterfoil/counterfoil/api"
	"github.com/counterfoil/counterfoil/client"
	"github.com/counterfoil/counterfoil/proof"
	"github.com/counterfoil/counterfoil/verify"
)

func decision(id, text string) []byte {
	return fmt.Appendf(nil, `{"type":"decision","id":%q,"time":"2026-03-03T09:12:44.120Z","system":"refund-agent",
		"decision":{"kind":"refund","status":"made","outcome":"denied"},"subject":%q}`, id, text)
}

// TestServer goes through all of the client against a whole Counterfoil.
func TestServer(t *testing.T) {
	t.Parallel()
	c, err := client.New(client.Config{URL: serve(t)})
	if err != nil {
		t.Fatal(err)
	}
	batch := client.Batch{Records: [][]byte{decision("a", "one"), decision("b", "two")}}
	for _, status := range []string{api.Created, api.Existing} {
		out, err := c.Append(t.Context(), batch)
		if err != nil || out.Size != 2 || len(out.Records) != 2 || out.Records[1].Index != 1 || out.Records[0].Status != status {
			t.Fatalf("%+v, %v", out, err)
		}
	}
	_, err = c.Append(t.Context(), client.Batch{Records: [][]byte{decision("a", "another")}})
	if p, ok := errors.AsType[*api.Problem](err); !ok || p.Status != 409 || p.Code != "conflict" {
		t.Errorf("another content: %v", err)
	}
	_, err = c.Append(t.Context(), client.Batch{Records: [][]byte{decision("c", "x"), []byte(`{"type":"decision","id":"d","tiem":"x"}`)}})
	if p, ok := errors.AsType[*api.Problem](err); !ok || p.Status != 422 || len(p.Errors) == 0 || p.Errors[0].Record != 1 || !strings.HasPrefix(p.Errors[0].Pointer, "/1") {
		t.Errorf("a bad record: %v", err)
	}
	out, err := c.Append(t.Context(), client.Batch{Records: [][]byte{decision("a", "another"), decision("c", "x")}, Partial: true, Capture: "import"})
	if err != nil || out.Records[0].Status != api.Refused || out.Records[0].Problem == nil || out.Records[1].Status != api.Created {
		t.Errorf("partial: %+v, %v", out, err)
	}

	e, err := c.Record(t.Context(), "b")
	if err != nil || e.Index != 1 || strings.Contains(string(e.Statement), "two") || e.Record != nil {
		t.Errorf("%+v, %v", e, err)
	}
	if e, err = c.For(client.Reason{Purpose: "test"}).Record(t.Context(), "b", "all"); err != nil || !strings.Contains(string(e.Record), `"two"`) {
		t.Errorf("disclosed: %s, %v", e.Record, err)
	}
	_, err = c.Record(t.Context(), "no/such?record")
	if p, ok := errors.AsType[*api.Problem](err); !ok || p.Status != 404 || p.Code != "not_found" {
		t.Errorf("a missing record: %v", err)
	}
	page, err := c.List(t.Context(), url.Values{"type": {"decision"}, "limit": {"2"}})
	if err != nil || len(page.Records) != 2 || page.Next == "" {
		t.Errorf("%+v, %v", page, err)
	}
	stats, err := c.Stats(t.Context())
	if err != nil || stats.Size != 4 || stats.Origin != "example.com/client" {
		t.Errorf("%+v, %v", stats, err)
	}

	file, err := c.TrustFile(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	trust, err := proof.ParseTrust(file)
	if err != nil {
		t.Fatal(err)
	}
	receipt, err := c.For(client.Reason{Purpose: "test"}).Receipt(t.Context(), "b", "/subject")
	if err != nil {
		t.Fatal(err)
	}
	if res := verify.Receipt(receipt, trust); !res.Valid || res.ID != "b" || !strings.Contains(string(receipt), `"two"`) {
		t.Errorf("%+v\n%s", res, receipt)
	}
}

// TestTrust holds what is answered against a policy.
func TestTrust(t *testing.T) {
	t.Parallel()
	base := serve(t)
	c, err := client.New(client.Config{URL: base})
	if err != nil {
		t.Fatal(err)
	}
	file, err := c.TrustFile(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	_, other, err := note.GenerateKey(rand.Reader, "example.com/client")
	if err != nil {
		t.Fatal(err)
	}
	for policy, good := range map[string]bool{string(file): true, "log " + other + "\nquorum none\n": false} {
		trust, err := proof.ParseTrust([]byte(policy))
		if err != nil {
			t.Fatal(err)
		}
		c, err := client.New(client.Config{URL: base, Trust: trust})
		if err != nil {
			t.Fatal(err)
		}
		out, err := c.Append(t.Context(), client.Batch{Records: [][]byte{decision(fmt.Sprint(good), "x")}})
		if (err == nil) != good || (out != nil) != good || err != nil && !strings.Contains(err.Error(), "not trusted") {
			t.Errorf("%s: %+v, %v", policy, out, err)
		}
	}
}

// TestContradiction finds an answer that says something else than the
// checkpoint in it.
func TestContradiction(t *testing.T) {
	t.Parallel()
	base := serve(t)
	c, err := client.New(client.Config{URL: base})
	if err != nil {
		t.Fatal(err)
	}
	file, err := c.TrustFile(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	trust, err := proof.ParseTrust(file)
	if err != nil {
		t.Fatal(err)
	}
	batch := client.Batch{Records: [][]byte{decision("a", "x")}}
	for old, lie := range map[string]string{`"size":1`: `"size":2`, `"index":0`: `"index":1`, `"index":0,`: `"index":-1,`, `example.com/client\n1\n`: `example.com/client\n3\n`} {
		liar := doer(func(r *http.Request) (*http.Response, error) {
			res, err := http.DefaultClient.Do(r)
			if err != nil {
				return nil, err
			}
			defer res.Body.Close()
			b, err := io.ReadAll(res.Body)
			if !strings.Contains(string(b), old) {
				t.Errorf("no %s in %s", old, b)
			}
			res.Body = io.NopCloser(strings.NewReader(strings.Replace(string(b), old, lie, 1)))
			return res, err
		})
		c, err := client.New(client.Config{URL: base, Trust: trust, HTTP: liar})
		if err != nil {
			t.Fatal(err)
		}
		if out, err := c.Append(t.Context(), batch); err == nil {
			t.Errorf("%s was taken: %+v", lie, out)
		}
	}
}

// lossy loses the first answers, after the server has done its work.
type lossy struct{ left, lost atomic.Int64 }

func (l *lossy) Do(r *http.Request) (*http.Response, error) {
	res, err := http.DefaultClient.Do(r)
	if err == nil && l.left.Add(-1) >= 0 {
		l.lost.Add(1)
		return nil, errors.Join(errors.New("connection reset"), res.Body.Close())
	}
	return res, err
}

// TestLostAnswer sends what was stored, and not heard to be, again: it stands
// in the log once.
func TestLostAnswer(t *testing.T) {
	t.Parallel()
	l := &lossy{}
	l.left.Store(3)
	p := &pauses{}
	c, err := client.New(client.Config{URL: serve(t), HTTP: l, Wait: p.wait})
	if err != nil {
		t.Fatal(err)
	}
	out, err := c.Append(t.Context(), client.Batch{Records: [][]byte{decision("a", "one"), decision("b", "two")}})
	if err != nil || out.Size != 2 || out.Records[0].Status != api.Existing || l.lost.Load() != 3 || len(p.all) != 3 {
		t.Fatalf("%+v, %v, lost %d", out, err, l.lost.Load())
	}
}

// TestMissingLedger names what is not there.
func TestMissingLedger(t *testing.T) {
	t.Parallel()
	c, err := client.New(client.Config{URL: serve(t), Ledger: "typo"})
	if err != nil {
		t.Fatal(err)
	}
	_, err = c.TrustFile(t.Context())
	if p, ok := errors.AsType[*api.Problem](err); !ok || p.Status != 404 || p.Hint == "" {
		t.Errorf("%v", err)
	}
}
