// SPDX-License-Identifier: Apache-2.0

package api_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/counterfoil/counterfoil/api"
)

func TestProblemError(t *testing.T) {
	t.Parallel()
	f := api.Fault{Pointer: "/a", Detail: "d"}
	for want, p := range map[string]api.Problem{
		"T":                                   {Title: "T"},
		"T: D":                                {Title: "T", Detail: "D", Hint: "H"},
		"T: D; /a: d":                         {Title: "T", Detail: "D", Errors: []api.Fault{f}},
		"T; /a: d; /a: d; /a: d":              {Title: "T", Errors: []api.Fault{f, f, f}},
		"T; /a: d; /a: d; /a: d; and 1 more":  {Title: "T", Errors: []api.Fault{f, f, f, f}},
		"T; /a: d; /a: d; /a: d; and 27 more": {Title: "T", Errors: []api.Fault{f, f, f, f}, ErrorCount: 30},
	} {
		if got := p.Error(); got != want {
			t.Errorf("%q, want %q", got, want)
		}
		if strings.Contains(p.Error(), "\n") {
			t.Errorf("%q has lines", p.Error())
		}
	}
	var _ error = (*api.Problem)(nil)
}

// TestWire writes each type as it stands on the wire and reads it back.
func TestWire(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		into any
		wire string
	}{
		{&api.Problem{}, `{"type":"/problems/x","title":"T","status":400,"code":"x"}`},
		{&api.Problem{}, `{"type":"/problems/x","title":"T","status":422,"detail":"D","instance":"i","code":"x","hint":"h","errors":[{"record":1,"pointer":"/1/a","code":"y","detail":"d"}],"error_count":3}`},
		{&api.Appended{}, `{"checkpoint":"c","size":1,"records":[{"id":"a","index":0,"status":"created","proof":["AA=="]},{"index":-1,"status":"refused","problem":{"type":"t","title":"","status":409,"code":"c"}}]}`},
		{&api.Entry{}, `{"index":7,"statement":{"id":"a"}}`},
		{&api.Entry{}, `{"index":0,"statement":{},"record":{"n":1.0}}`},
		{&api.Page{}, `{"records":[],"next":"c"}`},
		{&api.Stats{}, `{"origin":"o","size":0,"stored_bytes":1,"types":[],"systems":[{"name":"","count":2}],"outcomes":[],"sources":[{"source":"s","count":1,"first":-1,"last":-1,"missing":0}]}`},
		{&api.Ledgers{}, `{"ledgers":[{"name":"n","origin":"o","verifier_key":"k"}]}`},
		{&api.Health{}, `{"status":"ok","checks":{"a":"ok"}}`},
	} {
		d := json.NewDecoder(strings.NewReader(c.wire))
		d.DisallowUnknownFields()
		if err := d.Decode(c.into); err != nil {
			t.Errorf("%s: %v", c.wire, err)
		}
		b, err := json.Marshal(c.into)
		if err != nil || string(b) != c.wire {
			t.Errorf("%s, %v, want %s", b, err, c.wire)
		}
	}
}
