// SPDX-License-Identifier: Apache-2.0

package pack

import (
	"fmt"
	"io"
	"strings"

	"github.com/counterfoil/counterfoil/verify"
)

// Print writes a report for a person: the verdict first, then what is wrong, with
// file, line and record, then every step. Text of the pack is shown with control
// and format characters made visible.
func Print(w io.Writer, name string, r *Report) error {
	var b strings.Builder
	switch {
	case !r.Valid:
		fmt.Fprintf(&b, "NOT VALID  %s\n", verify.Visible(name))
	case r.Complete:
		fmt.Fprintf(&b, "VALID      %s: nothing that the selection selects is missing\n", verify.Visible(name))
	default:
		fmt.Fprintf(&b, "VALID      %s: but whether something was left out can not be said, the leaves are not there\n", verify.Visible(name))
	}
	for _, f := range r.Faults {
		var where []string
		if f.File != "" {
			where = append(where, "file "+f.File)
		}
		if f.Line > 0 {
			where = append(where, fmt.Sprintf("line %d", f.Line))
		}
		if f.Record != "" {
			where = append(where, strings.TrimSpace("record "+f.Record+" "+f.Pointer))
		}
		fmt.Fprintf(&b, "  broken     %s: %s: %s\n", f.Code, verify.Visible(strings.Join(where, ", ")), verify.Visible(f.Detail))
	}
	if r.More {
		fmt.Fprintf(&b, "  broken     and more than these %d\n", MaxFaults)
	}
	if c := r.Claim; c.Origin != "" {
		fmt.Fprintf(&b, "  log        %s at size %d\n  request    %s, profile %s\n  query      %s\n", verify.Visible(c.Origin), c.Size, verify.Visible(c.Request), verify.Visible(c.Profile), verify.Visible(c.Query))
	}
	for _, s := range r.Steps {
		fmt.Fprintf(&b, "  ok  %-10s %s\n", verify.Visible(s.Name), verify.Visible(s.Detail))
	}
	_, err := io.WriteString(w, b.String())
	return err
}
