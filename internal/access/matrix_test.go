// SPDX-License-Identifier: Apache-2.0

package access_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/counterfoil/counterfoil/internal/access"
)

// table is the matrix as an auditor would write it down, a second time: y yes, p
// a stated purpose, t a ticket, w a warrant, h under a hold, . no.
const table = `
action           source reviewer owner governance auditor privacy records legal admin
record.append    y      .        .     .          .       .       .       .     .
record.read      .      y        y     y          y       y       .       h     .
value.read       .      p        .     .          w       p       .       h     .
query.save       .      y        y     y          y       y       .       y     .
fulltext.manage  .      .        .     .          .       y       .       .     .
identity.read    .      .        .     .          w       w       .       h     .
warrant.request  .      .        .     .          p       p       .       .     .
warrant.approve  .      .        .     .          .       y       .       y     .
sample.draw      .      .        .     y          y       .       .       .     .
pack.request     .      .        .     .          p       p       .       p     .
pack.approve     .      .        .     y          .       y       .       y     .
glass.break      .      t        t     t          .       .       .       .     .
glass.review     .      .        .     .          .       y       .       .     .
subject.report   .      .        .     .          .       t       .       .     .
erasure.request  .      .        .     .          .       t       t       .     .
erasure.approve  .      .        .     .          .       y       .       .     .
erasure.execute  .      .        .     .          .       .       y       .     .
custody.read     .      .        .     y          y       y       y       y     .
hold.place       .      .        .     .          .       .       .       y     .
hold.approve     .      .        .     .          .       y       .       .     .
retention.run    .      .        .     .          .       .       y       .     .
access.read      .      .        .     y          y       y       .       .     .
access.manage    .      .        .     .          .       .       .       .     y
health.read      .      .        .     y          .       .       .       .     y
guard.ask        y      .        .     .          .       .       .       .     .
control.test     .      .        y     y          .       .       .       .     .
review.read      .      y        y     y          y       .       .       .     .
review.act       .      y        .     .          .       .       .       .     .
review.assign    .      .        y     y          .       .       .       .     .
review.report    .      .        y     y          y       .       .       .     .
duty.report      .      .        y     y          y       y       .       .     .
challenge.read   .      y        y     y          y       y       .       .     .
challenge.receive y     y        .     .          .       y       .       .     .
challenge.act    .      y        .     .          .       y       .       .     .
explanation.deliver . y      .     .          .       y       .       .     .
key.rotate       .      .        .     .          .       .       .       .     y
register.read    .      y        y     y          y       y       .       y     .
register.write   .      .        y     y          .       .       .       .     .
register.approve .      .        y     y          .       .       .       .     .
register.promote .      .        y     y          .       .       .       .     .
register.suspend .      .        y     y          .       .       .       .     .
register.key     .      .        .     y          .       .       .       .     .
register.rebuild .      .        .     y          .       .       .       .     y
version.read     .      y        y     y          y       y       .       y     .
version.fetch    y      y        y     y          y       y       .       .     .
`

var conditions = map[string]access.Condition{"y": access.Always, "p": access.Stated, "t": access.Ticket, "w": access.Warrant, "h": access.Held}

func TestMatrixRowByRow(t *testing.T) {
	t.Parallel()
	lines := strings.Split(strings.TrimSpace(table), "\n")
	roles := strings.Fields(lines[0])[1:]
	if len(roles) != len(access.Roles()) || len(lines)-1 != len(access.Matrix()) {
		t.Fatalf("%d roles and %d rows here, %d and %d there", len(roles), len(lines)-1, len(access.Roles()), len(access.Matrix()))
	}
	seen := map[access.Action]bool{}
	for _, line := range lines[1:] {
		cells := strings.Fields(line)
		action := access.Action(cells[0])
		if seen[action] {
			t.Errorf("%s is there twice", action)
		}
		seen[action] = true
		for i, cell := range cells[1:] {
			role := access.Role(roles[i])
			c, ok := access.Allowed(role, action)
			if ok != (cell != ".") || c != conditions[cell] {
				t.Errorf("%s by %s: %q %v, want %s", action, role, c, ok, cell)
			}
			a := access.Actor{Grants: []access.Grant{{Role: role, Ledger: "l", System: "s", Purpose: "p"}}}
			for target, in := range map[access.Target]bool{
				{Ledger: "l", System: "s", Purpose: "p"}: true,
				{Ledger: "m", System: "s", Purpose: "p"}: false,
				{Ledger: "l", System: "r", Purpose: "p"}: false,
				{Ledger: "l", Purpose: "p"}:              false, // every system
				{Ledger: "l", System: "s", Purpose: "q"}: cell == "y",
				{Ledger: "", System: "", Purpose: ""}:    false,
			} {
				d := a.May(action, target)
				if d.Allowed() != (in && cell != ".") || d.Allowed() && (d.Role != role || d.Condition != c) {
					t.Errorf("%s by %s on %+v: %+v", action, role, target, d)
				}
			}
		}
	}
}

func TestMayDeniesByDefault(t *testing.T) {
	t.Parallel()
	here := access.Target{Ledger: "l", System: "s"}
	for name, a := range map[string]access.Actor{
		"no grant":      {},
		"unknown role":  {Grants: []access.Grant{{Role: "root", Ledger: "*", System: "*", Purpose: "*"}}},
		"empty ledger":  {Grants: []access.Grant{{Role: access.Auditor, System: "*"}}},
		"empty system":  {Grants: []access.Grant{{Role: access.Auditor, Ledger: "*"}}},
		"unlike a star": {Grants: []access.Grant{{Role: access.Auditor, Ledger: "l*", System: "*"}}},
	} {
		if d := a.May(access.Read, here); d.Allowed() {
			t.Errorf("%s: %+v", name, d)
		}
	}
	if d := (&access.Actor{Grants: access.Everything()}).May("record.delete", here); d.Allowed() {
		t.Error("an action that no row has is allowed")
	}
}

func TestMayTakesTheLeastCondition(t *testing.T) {
	t.Parallel()
	a := access.Actor{Grants: []access.Grant{all(access.Legal), all(access.Auditor), all(access.Reviewer)}}
	if d := a.May(access.ReadValue, access.Target{Ledger: "l", System: "s", Purpose: "p"}); d.Role != access.Reviewer || d.Condition != access.Stated {
		t.Errorf("got %+v", d)
	}
}

func TestExclusiveRoles(t *testing.T) {
	t.Parallel()
	for _, a := range access.Roles() {
		for _, b := range access.Roles() {
			alone := []access.Role{access.Admin, access.Source}
			if got, want := access.Exclusive(a, b), a != b && (slices.Contains(alone, a) || slices.Contains(alone, b)); got != want {
				t.Errorf("%s and %s: %v", a, b, got)
			}
		}
	}
}
