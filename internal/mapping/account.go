// SPDX-License-Identifier: Apache-2.0

package mapping

import (
	"fmt"
	"strings"

	"github.com/pb33f/go-yaml"
)

// maxNamed bounds how many values an error about values left out names.
const maxNamed = 4

// account checks that every value of the line came into a record or is listed
// under leave_out. Nulls and empty lists and objects hold nothing to lose.
func (r *run) account() error {
	if !r.m.accounted {
		return nil
	}
	ctx := objectNode(r.base...)
	for _, p := range r.m.leaveOut {
		for _, n := range p.all(ctx) {
			r.used[n] = true
		}
	}
	var lost []string
	total := 0
	r.unused(r.root, "$.line", func(path string) {
		if total++; total <= maxNamed {
			lost = append(lost, path)
		}
	})
	if total == 0 {
		return nil
	}
	named := strings.Join(lost, ", ")
	if total > maxNamed {
		named += fmt.Sprintf(" and %d more", total-maxNamed)
	}
	return &Error{Message: "no record takes " + named,
		Advice: "add a rule that takes them, or list them under leave_out with the reason as a comment"}
}

func (r *run) unused(n *yaml.Node, path string, report func(string)) {
	if r.used[n] {
		return
	}
	switch n.Kind {
	case yaml.MappingNode:
		for i := 0; i < len(n.Content); i += 2 {
			name := n.Content[i].Value
			step := "." + name
			if !identifier.MatchString(name) {
				step = "['" + strings.ReplaceAll(name, "'", `\'`) + "']"
			}
			r.unused(n.Content[i+1], path+step, report)
		}
	case yaml.SequenceNode:
		for i, c := range n.Content {
			r.unused(c, fmt.Sprintf("%s[%d]", path, i), report)
		}
	default:
		if !isNull(n) {
			report(path)
		}
	}
}
