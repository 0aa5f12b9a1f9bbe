// SPDX-License-Identifier: Apache-2.0

package control

// Interpreted is the control with its expressions left to CEL's interpreter, and
// how many of them were not before.
func Interpreted(c *Control) (*Control, int) {
	slow, planned := *c, 0
	for _, p := range []**program{&slow.when, &slow.expect} {
		if *p != nil && (*p).plan != nil {
			*p = &program{slow: (*p).slow}
			planned++
		}
	}
	return &slow, planned
}
