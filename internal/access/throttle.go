// SPDX-License-Identifier: Apache-2.0

package access

import (
	"container/list"
	"net/netip"
	"sync"
	"time"
)

const (
	burst      = 20              // failures before an address, or a key's id, must wait
	refill     = 3 * time.Second // for each failure more
	maxPlaces  = 8192            // that are remembered; the one seen longest ago is forgotten
	perPlace   = 3               // records of refusals a minute and address; the rest are counted
	perMinute  = 60              // the same for all addresses together
	reportSpan = time.Minute
)

// throttle counts failures by address and by key, in bounded memory: a token
// bucket each. It also says which refusals are recorded, and for how many each
// stands. The zero value is ready, and safe for concurrent use.
type throttle struct {
	mu     sync.Mutex
	places map[string]*list.Element
	order  list.List // of *bucket; front: seen last
	all    window    // of all addresses
	lost   int       // refusals that no record stands for, yet
}

type bucket struct {
	name   string
	tokens float64
	filled time.Time
	window window
}

// window bounds records per minute.
type window struct {
	start time.Time
	n     int
}

func (w *window) take(now time.Time, limit int) bool {
	if now.Sub(w.start) >= reportSpan || now.Before(w.start) {
		*w = window{start: now}
	}
	if w.n >= limit {
		return false
	}
	w.n++
	return true
}

// place is what an address is counted under: a network of IPv6 as a whole, since
// whoever has one address of it has all.
func place(address string) string {
	ip, err := netip.ParseAddr(address)
	if err != nil {
		return address
	}
	if ip = ip.Unmap().WithZone(""); ip.Is4() {
		return ip.String()
	}
	p, _ := ip.Prefix(64) // 64 is a length that it has
	return p.String()
}

func (t *throttle) bucket(now time.Time, name string) *bucket {
	if t.places == nil {
		t.places = map[string]*list.Element{}
	}
	if e := t.places[name]; e != nil {
		t.order.MoveToFront(e)
		b := e.Value.(*bucket)
		if d := now.Sub(b.filled); d > 0 {
			b.tokens = min(burst, b.tokens+float64(d)/float64(refill))
		}
		b.filled = now
		return b
	}
	if t.order.Len() >= maxPlaces {
		last := t.order.Back()
		delete(t.places, last.Value.(*bucket).name)
		t.order.Remove(last)
	}
	b := &bucket{name: name, tokens: burst, filled: now}
	t.places[name] = t.order.PushFront(b)
	return b
}

// fail counts a failure and says how long to wait; 0: not yet.
func (t *throttle) fail(now time.Time, name string) time.Duration {
	t.mu.Lock()
	defer t.mu.Unlock()
	b := t.bucket(now, name)
	if b.tokens >= 1 {
		b.tokens--
		return 0
	}
	return b.left()
}

func (b *bucket) left() time.Duration {
	return max(time.Second, time.Duration((1-b.tokens)*float64(refill))).Round(time.Second)
}

// wait says how long a place must wait; 0: not at all. It counts nothing, and
// remembers no place that did not fail.
func (t *throttle) wait(now time.Time, name string) time.Duration {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.places[name] == nil {
		return 0
	}
	if b := t.bucket(now, name); b.tokens < 1 {
		return b.left()
	}
	return 0
}

// report counts a refusal and says for how many a record is to be made now; 0:
// none.
func (t *throttle) report(now time.Time, name string) int {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.lost++
	if !t.bucket(now, name).window.take(now, perPlace) || !t.all.take(now, perMinute) {
		return 0
	}
	n := t.lost
	t.lost = 0
	return n
}

// pending takes the refusals that were not recorded.
func (t *throttle) pending() int {
	t.mu.Lock()
	defer t.mu.Unlock()
	n := t.lost
	t.lost = 0
	return n
}

// restore gives back refusals whose record failed.
func (t *throttle) restore(n int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.lost += n
}
