// SPDX-License-Identifier: Apache-2.0

package server

import (
	"sync"
	"time"
)

// maxDenials is how many refused attempts of one actor are recorded in a minute:
// enough to be seen, too few to flood the log.
const maxDenials = 60

// denials counts refused attempts by actor and minute.
type denials struct {
	now func() time.Time

	mu     sync.Mutex // guards all below
	minute int64
	counts map[string]int
}

// allow says whether another attempt of an actor is recorded.
func (d *denials) allow(actor string) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	if m := d.now().Unix() / 60; m != d.minute || d.counts == nil {
		d.minute, d.counts = m, map[string]int{}
	}
	d.counts[actor]++
	return d.counts[actor] <= maxDenials
}
