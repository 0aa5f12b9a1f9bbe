// SPDX-License-Identifier: Apache-2.0

package inquiry

import "github.com/counterfoil/counterfoil/internal/ledger"

// risks are the risk classes of systems, as far as the log has been read.
type risks map[string]*described

// described is a system with its description in force, and one that waits until
// another person confirms it.
type described struct {
	status  string
	risk    string
	number  string // of the description that waits
	waiting string // its risk; empty: none waits
}

// see adds the next act on a system.
func (r risks) see(a *act) {
	d := r[a.name]
	if d == nil {
		d = &described{status: "draft"}
		r[a.name] = d
	}
	switch {
	case a.Act == ledger.ActDescribe && d.status == "draft":
		d.risk = a.risk
	case a.Act == ledger.ActDescribe:
		d.number, d.waiting = a.number, a.risk
	default:
		if d.waiting != "" && a.number == d.number {
			d.risk, d.waiting = d.waiting, ""
		}
		d.status = a.Status
	}
}

// need is how many people other than the author must approve a version: two if
// the risk of a system that may use it is high, or said to be by a description
// that waits; one otherwise. A version that is for no system may be used by
// any, but for one that must not be used at all.
func (r risks) need(system string) int {
	for name, d := range r {
		if system != "" && name != system || d.status == retired {
			continue
		}
		for _, class := range []string{d.risk, d.waiting} {
			if class == "high" || class == "prohibited" && system != "" {
				return 2
			}
		}
	}
	return 1
}
