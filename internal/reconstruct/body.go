// SPDX-License-Identifier: Apache-2.0

package reconstruct

import (
	"encoding/json"
	"fmt"

	"github.com/counterfoil/counterfoil/record"
)

// body is what a story needs of a statement beside the indexed values. A value
// that the ledger seals though others have it in clear stays empty.
type body struct {
	Decision struct {
		Supersedes code `json:"supersedes"`
		Guard      code `json:"guard"`
	} `json:"decision"`
	Inputs []struct {
		Name   code            `json:"name"`
		Source code            `json:"source"`
		Ref    json.RawMessage `json:"ref"`
		Digest json.RawMessage `json:"digest"`
		Value  json.RawMessage `json:"value"`
	} `json:"inputs"`
	Steps []struct {
		Op, Tool code
		Asked    code `json:"request_model"`
		Answered code `json:"response_model"`
	} `json:"steps"`
	Oversight struct {
		Act, Actor, Role, Before, After code
		Reason                          code `json:"reason_code"`
		Shown                           code `json:"shown"`
	} `json:"oversight"`
	Notice      struct{ Kind, Template code } `json:"notice"`
	Explanation struct{ Audience, Template code }
	Challenge   struct{ Kind, Status, Outcome code }
	Finding     struct{ Code, Status, Severity, Control, Version code }
	Access      struct{ Act, Actor, Purpose, Result code }
	Registry    struct{ Act, Kind, Name, Version code }
	Hold        struct{ Act, Name code }
	Erasure     struct{ Ground, Status code }
}

// code is a public text, or empty if something else stands there.
type code string

// UnmarshalJSON implements json.Unmarshaler.
func (c *code) UnmarshalJSON(b []byte) error {
	var s string
	if len(b) > 0 && b[0] == '"' {
		if err := json.Unmarshal(b, &s); err != nil {
			return err
		}
	}
	*c = code(s)
	return nil
}

func readBody(statement []byte) (b body, err error) {
	return b, json.Unmarshal(statement, &b)
}

// references are what a record names, with what became of it.
func (g *gathering) references(lf *leaf) []Reference {
	var out []Reference
	add := func(pointer, names, state, detail string) {
		out = append(out, Reference{Record: lf.st.ID(), Pointer: pointer, Names: names, State: state, Detail: detail})
	}
	named := func(pointer, id string) {
		if id == "" {
			return
		}
		if other := g.byID[id]; other != nil {
			add(pointer, id, Resolved, fmt.Sprintf("%s at index %d", other.fields.Type, other.entry.Index))
			return
		}
		add(pointer, id, Missing, "no such record, or none that you may see")
	}
	named("/about", lf.fields.About)
	named("/decision/supersedes", string(lf.body.Decision.Supersedes))
	if gov := lf.st.Governed(); gov != nil {
		for _, v := range gov.Versions {
			state := Resolved
			if v.Digest == "" {
				state = Missing
			}
			add("/versions/"+v.Kind, v.Version, state, join(v.State, v.Digest))
		}
	}
	for i, in := range lf.body.Inputs {
		if in.Ref != nil {
			detail := "no digest"
			if in.Digest != nil {
				detail = "with a digest"
			}
			add(fmt.Sprintf("/inputs/%d/ref", i), string(in.Name), External, join(string(in.Source), detail))
		}
	}
	return out
}

// title says in a few words what happened.
func title(lf *leaf) string {
	f, b := lf.fields, &lf.body
	words := func(w ...code) string {
		var all []string
		for _, x := range w {
			all = append(all, string(x))
		}
		return join(all...)
	}
	switch lf.st.Type() {
	case record.Decision:
		if f.Status == "made" && f.Outcome != "" {
			return join(f.Kind, "→", f.Outcome)
		}
		return join(f.Kind, f.Status)
	case record.Oversight:
		out := words(b.Oversight.Role, b.Oversight.Actor) + ": " + words(b.Oversight.Act)
		if b.Oversight.After != "" {
			out += " → " + string(b.Oversight.After)
		}
		return out
	case record.Step:
		return plural(len(b.Steps), "more step")
	case record.Notice:
		return words("told:", b.Notice.Kind)
	case record.Explanation:
		return words("explained to", b.Explanation.Audience)
	case record.Challenge:
		return words(b.Challenge.Kind, b.Challenge.Status, b.Challenge.Outcome)
	case record.Finding:
		return words(b.Finding.Code, b.Finding.Control, b.Finding.Version, b.Finding.Severity, b.Finding.Status)
	case record.Access:
		return words(b.Access.Actor, b.Access.Act, b.Access.Purpose, b.Access.Result)
	case record.Registry:
		return words(b.Registry.Act, b.Registry.Kind, b.Registry.Name) + suffix("@", string(b.Registry.Version))
	case record.Hold:
		return words(b.Hold.Act, b.Hold.Name)
	case record.Erasure:
		return words(b.Erasure.Status, b.Erasure.Ground)
	}
	return join(f.Kind, f.Status)
}

func suffix(with, s string) string {
	if s == "" {
		return ""
	}
	return with + s
}

func plural(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}
