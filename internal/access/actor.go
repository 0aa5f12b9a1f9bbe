// SPDX-License-Identifier: Apache-2.0

package access

// Any in a grant stands for every ledger, system or purpose.
const Any = "*"

// Grant gives one role within a scope. Empty scopes allow nothing; [Any] allows
// all.
type Grant struct {
	Role    Role   `json:"role"`
	Ledger  string `json:"ledger"`
	System  string `json:"system"`
	Purpose string `json:"purpose"`
}

// Kind says how an actor was recognised.
type Kind string

// The kinds of actors.
const (
	Person      Kind = "person"      // signed in through OpenID Connect, or by the bootstrap link
	Key         Kind = "key"         // an API key
	Workload    Kind = "workload"    // a workload's OpenID Connect token
	Certificate Kind = "certificate" // a TLS client certificate
	Local       Kind = "local"       // on the machine itself: the command line, or a server without access control
)

// Actor is who asks: a pseudonymous code and its grants. It is immutable once
// made, and safe for concurrent use.
type Actor struct {
	ID     string  `json:"actor"` // a code that stands in records, such as person:7f3k… or key:voicebot
	Kind   Kind    `json:"kind"`
	Grants []Grant `json:"grants"`
}

// Everything grants every role everywhere: to who is on the machine itself.
func Everything() []Grant {
	out := make([]Grant, 0, len(Roles()))
	for _, r := range Roles() {
		out = append(out, Grant{Role: r, Ledger: Any, System: Any, Purpose: Any})
	}
	return out
}

// Target is what an action is about. Fields that do not apply are empty and
// match only a grant for [Any]; System "" of a listing means every system.
type Target struct {
	Ledger, System, Purpose string
}

func (g Grant) covers(t Target) bool {
	in := func(scope, value string) bool { return scope == Any || scope != "" && scope == value }
	return in(g.Ledger, t.Ledger) && in(g.System, t.System)
}

// Decision is the answer of [Actor.May]: the role that allows it and the
// condition that remains to be seen to. The zero value denies.
type Decision struct {
	Role      Role
	Condition Condition
}

// Allowed says whether some role allows it, under the condition.
func (d Decision) Allowed() bool { return d.Role != "" }

// May says whether the actor may do something. Of several grants that allow it,
// the one with the least condition counts. A purpose matters only under a
// condition: then the grant must cover it, and it must not be empty.
func (a *Actor) May(action Action, t Target) Decision {
	var best Decision
	for _, g := range a.Grants {
		c, ok := Allowed(g.Role, action)
		if !ok || !g.covers(t) {
			continue
		}
		if c != Always && t.Purpose != "" && g.Purpose != Any && g.Purpose != t.Purpose {
			continue
		}
		if !best.Allowed() || weight[c] < weight[best.Condition] {
			best = Decision{g.Role, c}
		}
	}
	return best
}

// weight orders conditions by how much they ask for.
var weight = map[Condition]int{Always: 0, Stated: 1, Held: 2, Ticket: 3, Warrant: 4}

// Systems lists the systems of a ledger in which the actor may do something
// without a further condition than being held, and whether that is all of them.
func (a *Actor) Systems(action Action, ledger string) (systems []string, all bool) {
	for _, g := range a.Grants {
		if _, ok := Allowed(g.Role, action); !ok || g.Ledger != Any && g.Ledger != ledger {
			continue
		}
		if g.System == Any {
			return nil, true
		}
		if g.System != "" {
			systems = append(systems, g.System)
		}
	}
	return systems, false
}

// Sees says whether the actor has any grant in a ledger: others are not told
// that it exists.
func (a *Actor) Sees(ledger string) bool {
	for _, g := range a.Grants {
		if g.Ledger == Any || g.Ledger == ledger {
			return true
		}
	}
	return false
}
