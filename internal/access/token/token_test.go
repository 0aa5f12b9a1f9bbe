// SPDX-License-Identifier: Apache-2.0

package token_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"net/url"
	"testing"
	"time"

	"github.com/counterfoil/counterfoil/internal/access/token"
)

func TestFlowIsSealed(t *testing.T) {
	t.Parallel()
	key := bytes.Repeat([]byte{7}, 32)
	f := token.NewFlow("corp", "/back", time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC))
	text, err := f.Seal(key)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := token.Open(key, text); err != nil || got != f {
		t.Fatalf("got %+v, %v", got, err)
	}
	sealed, _ := base64.RawURLEncoding.DecodeString(text)
	for i := range sealed {
		bad := bytes.Clone(sealed)
		bad[i] ^= 1
		if _, err := token.Open(key, base64.RawURLEncoding.EncodeToString(bad)); err == nil {
			t.Fatalf("byte %d changed, and it opens", i)
		}
	}
	for _, bad := range []string{"", "!", text[:20]} {
		if _, err := token.Open(key, bad); err == nil {
			t.Errorf("%q opens", bad)
		}
	}
	if _, err := token.Open(bytes.Repeat([]byte{8}, 32), text); err == nil {
		t.Error("another key opens it")
	}
	if other := token.NewFlow("corp", "", f.Expires); other.State == f.State || other.Nonce == f.Nonce || other.Verifier == f.Verifier || f.State == f.Nonce {
		t.Error("secrets repeat")
	}
	if f.Answers(url.Values{"state": {f.State}}) != nil || f.Answers(url.Values{}) == nil || (token.Flow{}).Answers(url.Values{"state": {"x"}}) == nil {
		t.Error("the state is not compared")
	}
}

func TestClaims(t *testing.T) {
	t.Parallel()
	var c token.Claims
	text := `{"a":"x","b":["x",1,null],"c":true,"d":{"e":{"f":["x"]},"e.f":"y"},"g.h":"x","g":{"h":"y","i":"z"},"n":7,"o":{"x":1},"empty":""}`
	if err := json.Unmarshal([]byte(text), &c); err != nil {
		t.Fatal(err)
	}
	for _, r := range []struct {
		path, value string
		want        bool
	}{
		{"a", "x", true}, {"a", "X", false}, {"a", "", false}, {"b", "x", true}, {"b", "1", false}, {"c", "true", true}, {"c", "false", false},
		{"d.e.f", "x", false}, {"d.e.f", "y", true}, {"g.h", "x", true}, {"g.h", "y", false}, {"g.i", "z", true}, {"n", "7", false}, {"o", "x", false},
		{"", "x", false}, {".", "x", false}, {"a.b", "x", false}, {"none", "x", false}, {"empty", "", false},
	} {
		if got := c.Is(r.path, r.value); got != r.want {
			t.Errorf("%s is %q: %v", r.path, r.value, got)
		}
	}
}

func FuzzIssuer(f *testing.F) {
	f.Add("a.b.c")
	f.Add("e30." + base64.RawURLEncoding.EncodeToString([]byte(`{"iss":"x"}`)) + ".")
	f.Fuzz(func(_ *testing.T, raw string) { token.Issuer(raw) })
}
