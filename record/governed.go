// SPDX-License-Identifier: Apache-2.0

package record

import (
	"encoding/json"
	"strconv"
	"strings"
)

// Governed is what the server found when it judged a decision: how the versions
// that it names stand in the register, and what the controls said. It becomes
// the member "governed" of the statement, and is public. All of its texts are
// codes.
type Governed struct {
	// Register is how many leaves the log had when the state of the register
	// was as it is now: the acts that count are those below.
	Register int64
	// System is the state of the AI system: draft, in_service, suspended,
	// retired or unknown.
	System string
	// Verdict is what follows for the decision: allow, deny or require_human.
	// Empty: nothing was decided.
	Verdict  string
	Versions []GovernedVersion
	Controls []GovernedControl
}

// GovernedVersion is one version that a decision names, resolved.
type GovernedVersion struct {
	Version string // name@version
	Kind    string // as registry records have it
	Digest  string // sha256:…; empty when it is unknown
	State   string // approved, unapproved, retired, elsewhere or unknown
}

// GovernedControl is the result of one control that the server ran.
type GovernedControl struct {
	Control  string // name@version
	Result   string // pass, fail, error or skip
	Severity string // low, medium, high or critical
	Action   string // flag, deny or require_human
}

// Governed returns what the server found about the decision, or nil: nobody
// judged it.
func (s *Statement) Governed() *Governed {
	raw := member(s.bytes, governed)
	if raw == nil {
		return nil
	}
	var g struct {
		Register int64  `json:"register"`
		System   string `json:"system"`
		Verdict  string `json:"verdict"`
		Versions []struct {
			Version string `json:"version"`
			Kind    string `json:"kind"`
			Digest  string `json:"digest"`
			State   string `json:"state"`
		} `json:"versions"`
		Controls []struct {
			Control  string `json:"control"`
			Result   string `json:"result"`
			Severity string `json:"severity"`
			Action   string `json:"action"`
		} `json:"controls"`
	}
	if json.Unmarshal(raw, &g) != nil {
		return nil // a ledger may seal public values: then it is not to be read
	}
	out := &Governed{Register: g.Register, System: g.System, Verdict: g.Verdict}
	for _, v := range g.Versions {
		out.Versions = append(out.Versions, GovernedVersion(v))
	}
	for _, c := range g.Controls {
		out.Controls = append(out.Controls, GovernedControl(c))
	}
	return out
}

// member is the value of a member at the top of canonical JSON, or nil.
func member(b []byte, name string) []byte {
	for i := 1; b[i] != '}'; {
		if b[i] == ',' {
			i++
		}
		nameEnd := skip(b, i)
		end := skip(b, nameEnd+1)
		if string(b[i+1:nameEnd-1]) == name {
			return b[nameEnd+1 : end]
		}
		i = end
	}
	return nil
}

// Member is the canonical JSON of a member at the top of the record, or nil. The
// caller must not change it.
func (r *Record) Member(name string) []byte { return member(r.canonical, name) }

// Named is one version that a record names.
type Named struct {
	Kind    string // model, prompt, policy, config, control, dataset or tool
	Version string // name@version
	Pointer string // where
}

// Versions lists what a record names under /versions, in the order of the
// canonical form.
func (r *Record) Versions() []Named {
	b := r.Member("versions")
	if b == nil {
		return nil
	}
	var out []Named
	for i := 1; b[i] != '}'; {
		if b[i] == ',' {
			i++
		}
		nameEnd := skip(b, i)
		end := skip(b, nameEnd+1)
		out = appendNamed(out, string(b[i+1:nameEnd-1]), b[nameEnd+1:end])
		i = end
	}
	return out
}

// appendNamed adds a version, or each of a list. Extensions name none.
func appendNamed(out []Named, kind string, v []byte) []Named {
	at := "/versions/" + kind
	switch {
	case strings.HasPrefix(kind, "x_"):
	case v[0] == '"':
		out = append(out, Named{kind, string(v[1 : len(v)-1]), at})
	case v[0] == '[':
		for i, n := 1, 0; v[i] != ']'; n++ {
			if v[i] == ',' {
				i++
			}
			end := skip(v, i)
			out = append(out, Named{kind, string(v[i+1 : end-1]), at + "/" + strconv.Itoa(n)})
			i = end
		}
	}
	return out
}

// check refuses what a statement could not hold.
func (g *Governed) check() error {
	ok := g.Register >= 0 && optional(g.System, "draft in_service suspended retired unknown") && optional(g.Verdict, verdicts)
	for _, v := range g.Versions {
		ok = ok && isVersion(v.Version) && oneOf(v.Kind, kinds) && (v.Digest == "" || validDigest([]byte(v.Digest))) &&
			oneOf(v.State, "approved unapproved retired elsewhere unknown")
	}
	for _, c := range g.Controls {
		ok = ok && isVersion(c.Control) && oneOf(c.Result, results) && optional(c.Severity, severities) && optional(c.Action, "flag deny require_human")
	}
	if !ok {
		return problem(CodeBadValue, "/governed", "", "what governs the decision is not made of codes")
	}
	return nil
}

func oneOf(s, words string) bool {
	for w := range strings.FieldsSeq(words) {
		if w == s {
			return true
		}
	}
	return false
}

func optional(s, words string) bool { return s == "" || oneOf(s, words) }

func isVersion(s string) bool {
	i := strings.IndexByte(s, '@')
	return validCode([]byte(s)) && i > 0 && i < len(s)-1
}

// jcs is the canonical JSON of g.
func (g *Governed) jcs() string {
	b := append(make([]byte, 0, 64+96*(len(g.Versions)+len(g.Controls))), '{')
	if len(g.Controls) > 0 {
		b = append(b, `"controls":[`...)
		for i, c := range g.Controls {
			b = object4(b, i, [4][2]string{{"action", c.Action}, {"control", c.Control}, {"result", c.Result}, {"severity", c.Severity}})
		}
		b = append(b, `],`...)
	}
	b = append(b, `"register":`...)
	b = strconv.AppendInt(b, g.Register, 10)
	for _, m := range [][2]string{{"system", g.System}, {"verdict", g.Verdict}} {
		if m[1] != "" {
			b = appendMember(b, m)
		}
	}
	if len(g.Versions) > 0 {
		b = append(b, `,"versions":[`...)
		for i, v := range g.Versions {
			b = object4(b, i, [4][2]string{{"digest", v.Digest}, {"kind", v.Kind}, {"state", v.State}, {"version", v.Version}})
		}
		b = append(b, ']')
	}
	return string(append(b, '}'))
}

// object4 appends element i of a list: an object of those members that are not
// empty.
func object4(b []byte, i int, members [4][2]string) []byte {
	if i > 0 {
		b = append(b, ',')
	}
	b = append(b, '{')
	for _, m := range members {
		if m[1] != "" {
			b = appendMember(b, m)
		}
	}
	return append(b, '}')
}
