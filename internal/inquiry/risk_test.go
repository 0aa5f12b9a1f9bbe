// SPDX-License-Identifier: Apache-2.0

package inquiry_test

import (
	"testing"

	"github.com/counterfoil/counterfoil/internal/db/dbtest"
	"github.com/counterfoil/counterfoil/internal/inquiry"
	"github.com/counterfoil/counterfoil/internal/ledger"
)

// TestRisk promotes a version with one approval after each change of what
// systems are said to be: the class that counts is that of the moment.
func TestRisk(t *testing.T) {
	t.Parallel()
	r := newRig(t, dbtest.SQLite(t))
	step := 0
	describe := func(system, number, risk string) {
		step++
		r.Act("s-"+number+system, step, ledger.ActDescribe, "system", system+"@"+number, "person:olga", "risk="+risk)
	}
	status := func(system, number, status string) {
		step++
		r.Act(status+number+system, step, ledger.ActStatus, "system", system+"@"+number, "person:gert", "status="+status)
	}
	promote := func(id, system string) {
		step++
		for _, act := range []string{ledger.ActAdd, ledger.ActApprove, ledger.ActPromote} {
			by := map[bool]string{true: "person:gert", false: "person:dora"}[act == ledger.ActApprove]
			r.Act(act+id, step, act, "prompt", "reply@"+id, by, "digest="+digest("a"), "environment=production", "system="+system)
		}
	}
	promote("nobody", "calm")
	describe("calm", "1", "high")
	describe("calm", "2", "minimal")
	promote("draft", "calm") // a draft has one description: the last
	describe("calm", "3", "high")
	status("calm", "3", "in_service")
	promote("high", "calm")
	describe("calm", "4", "minimal")
	promote("waiting", "calm") // the high one is in force still
	promote("other", "none")
	promote("any", "")
	status("calm", "4", "in_service")
	promote("confirmed", "calm")
	describe("calm", "5", "high")
	promote("rising", "calm") // nobody has confirmed it, and it counts
	status("calm", "", "retired")
	promote("retired", "")
	describe("banned", "1", "prohibited")
	promote("beside", "")
	promote("banned", "banned")
	got, err := r.i.Unapproved(t.Context(), inquiry.Went{})
	must(t, err)
	var found []string
	for _, d := range got.Items {
		found = append(found, d.Act.ID)
		equal(t, d.Act.ID, []int{d.Have, d.Need}, []int{1, 2})
	}
	equal(t, "defects", found, []string{"version.promotehigh", "version.promotewaiting", "version.promoteany", "version.promoterising", "version.promotebanned"})
}
