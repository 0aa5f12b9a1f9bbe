// SPDX-License-Identifier: Apache-2.0

package ledger

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"

	"github.com/counterfoil/counterfoil/internal/db"
	"github.com/counterfoil/counterfoil/internal/evidence"
	"github.com/counterfoil/counterfoil/record"
)

// subjectPointer is where a record names the affected person.
const subjectPointer = "/subject"

// macSize is the size of a keyed hash that stands for a person.
const macSize = 16

// maxSubjects bounds how many keys of persons are remembered.
const maxSubjects = 1 << 16

// errStale is that a batch was sealed under a key that has been destroyed since,
// or that another node made first: it is sealed again.
var errStale = errors.New("sealed under a key that is gone")

type mac [macSize]byte

// subjectKey is the key of one person. stored is guarded by subjects.mu; the
// rest never changes.
type subjectKey struct {
	mac     mac
	key     *evidence.Key
	wrapped []byte
	stored  bool // its row is known to be durable

	last atomic.Pointer[combined] // what it was combined to last
}

// combined is the key of a person with the evidence key of a number.
type combined struct {
	number int64
	key    *evidence.Key
}

// with combines the key with an evidence key; the records of one person come in
// a row, and share the work.
func (k *subjectKey) with(month *monthKey) *evidence.Key {
	if c := k.last.Load(); c != nil && c.number == month.number {
		return c.key
	}
	c := &combined{month.number, month.key.With(k.key)}
	k.last.Store(c)
	return c.key
}

// subjects remembers keys of persons between batches. Erasing one raises the
// epoch in the head row; whoever finds it raised forgets all.
type subjects struct {
	mu    sync.Mutex // guards all below
	epoch int64
	keys  map[mac]*subjectKey
	// filter knows the persons that have a key, but for those that another node
	// has met since; nil: not filled yet.
	filter *filter
}

func (s *subjects) forget(epoch int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.epoch, s.keys = epoch, map[mac]*subjectKey{}
}

// SubjectMAC stands for a person in the tables, for those who have the keys:
// the first half of HMAC-SHA256 of the value of /subject in JCS form, under a
// key of this ledger.
func (l *Ledger) SubjectMAC(value []byte) []byte {
	m := hmac.New(sha256.New, l.contentKey)
	m.Write([]byte("counterfoil/subject/v1\x00"))
	m.Write(value)
	return m.Sum(nil)[:macSize]
}

func subjectPurpose(origin string, who []byte) string {
	return "subject_key " + origin + " " + hex.EncodeToString(who)
}

func (l *Ledger) unwrapSubject(who, wrapped []byte) (*evidence.Key, error) {
	secret, err := l.cfg.Keys.Unwrap(subjectPurpose(l.origin, who), wrapped)
	if err != nil {
		return nil, fmt.Errorf("open key of a person: %w", err)
	}
	return evidence.OpenKey(secret)
}

// subjectKeys finds, or draws, the key of each person that the records name, in
// the order of the records (nil: names nobody), and the epoch at which they were
// known to be good. Keys that were drawn become rows in the commit that first
// uses them.
func (l *Ledger) subjectKeys(ctx context.Context, records []*record.Record) ([]*subjectKey, int64, error) {
	out := make([]*subjectKey, len(records))
	macs := make([]mac, len(records))
	missing := map[mac]*subjectKey{}
	var last []byte
	for i, r := range records {
		switch v := r.Value(subjectPointer); {
		case v == nil:
		case last != nil && bytes.Equal(v, last):
			macs[i] = macs[i-1]
		default:
			macs[i] = mac(l.SubjectMAC(v))
		}
		last = r.Value(subjectPointer)
	}
	l.subjects.mu.Lock()
	epoch := l.subjects.epoch
	for i := range records {
		if macs[i] == (mac{}) {
			continue
		}
		if out[i] = l.subjects.keys[macs[i]]; out[i] == nil {
			missing[macs[i]] = nil
		}
	}
	ask := make([]any, 0, len(missing))
	for m := range missing {
		if l.subjects.filter == nil || l.subjects.filter.has(m) {
			ask = append(ask, bytes.Clone(m[:]))
		}
	}
	l.subjects.mu.Unlock()
	if len(missing) == 0 {
		return out, epoch, nil
	}
	if err := l.readSubjects(ctx, ask, missing); err != nil {
		return nil, 0, err
	}
	l.subjects.mu.Lock()
	defer l.subjects.mu.Unlock()
	if l.subjects.filter != nil {
		for m := range missing {
			l.subjects.filter.add(m)
		}
	}
	if len(l.subjects.keys) > maxSubjects {
		l.subjects.keys = map[mac]*subjectKey{}
	}
	for m, k := range missing {
		if known := l.subjects.keys[m]; known != nil {
			missing[m] = known // another batch was faster
		} else if l.subjects.epoch == epoch {
			l.subjects.keys[m] = k
		}
	}
	for i := range records {
		if out[i] == nil && macs[i] != (mac{}) {
			out[i] = missing[macs[i]]
		}
	}
	return out, epoch, nil
}

// readSubjects fills in the keys that are stored, of those that are asked for,
// and draws the others.
func (l *Ledger) readSubjects(ctx context.Context, ask []any, missing map[mac]*subjectKey) (err error) {
	var stored map[mac][]byte
	if len(ask) > 0 {
		err = l.cfg.DB.Read(ctx, func(ctx context.Context, tx *db.Tx) (err error) {
			stored, err = wrappedSubjects(ctx, tx, ask)
			return err
		})
	}
	if err != nil {
		return storage("read keys of persons", err)
	}
	for m := range missing {
		k := &subjectKey{mac: m, wrapped: stored[m], stored: stored[m] != nil}
		if k.stored {
			if k.key, err = l.unwrapSubject(m[:], k.wrapped); err != nil {
				return err
			}
		} else {
			k.key = evidence.NewKey()
			k.wrapped = l.cfg.Keys.Wrap(subjectPurpose(l.origin, m[:]), k.key.Secret())
		}
		missing[m] = k
	}
	return nil
}

func wrappedSubjects(ctx context.Context, tx *db.Tx, macs []any) (map[mac][]byte, error) {
	out := map[mac][]byte{}
	const chunk = 500
	for ; len(macs) > 0; macs = macs[min(chunk, len(macs)):] {
		part := macs[:min(chunk, len(macs))]
		rows, err := tx.Query(ctx, `SELECT mac, wrapped FROM subject WHERE mac IN (`+db.Marks(len(part))+`)`, part...)
		if err != nil {
			return nil, err
		}
		if err := scanSubjects(rows, out); err != nil {
			return nil, err
		}
	}
	return out, nil
}

func scanSubjects(rows *sql.Rows, into map[mac][]byte) error {
	defer rows.Close()
	for rows.Next() {
		var m, wrapped []byte
		if err := rows.Scan(&m, &wrapped); err != nil {
			return err
		}
		if len(m) == macSize {
			into[mac(m)] = wrapped
		}
	}
	return rows.Err()
}

// checkSubjects refuses, as stale, the jobs whose keys of persons are not, or no
// longer, those of the table, and finds the rows to write. It reads nothing when
// no key was destroyed: that a key is new was read before, and writing its row
// shows whether another node was faster (see commit).
func (t *transaction) checkSubjects(ctx context.Context, tx *db.Tx, epoch int64) error {
	doubtful, twice := map[mac]*subjectKey{}, false
	t.l.subjects.mu.Lock()
	for _, j := range t.jobs {
		for i := range j.items {
			k := j.items[i].subject
			if k == nil {
				continue
			}
			if first := t.first[k.mac]; first != nil && first != k {
				twice = true // two keys for one person: only one can be
			}
			t.first[k.mac] = k
			j.items[i].newSubject = !k.stored
			if (!k.stored && t.thorough) || j.epoch != epoch {
				doubtful[k.mac] = k
			}
		}
	}
	t.l.subjects.mu.Unlock()
	if twice && !t.thorough {
		return errDoubt
	}
	if len(doubtful) == 0 {
		return nil
	}
	wanted := make([]any, 0, len(doubtful))
	for m := range doubtful {
		wanted = append(wanted, m[:])
	}
	stored, err := wrappedSubjects(ctx, tx, wanted)
	if err != nil {
		return fmt.Errorf("check keys of persons: %w", err)
	}
	t.l.subjects.mu.Lock()
	if f := t.l.subjects.filter; f != nil {
		for m := range stored { // another node may have met them
			f.add(m)
		}
	}
	t.l.subjects.mu.Unlock()
	for n, j := range t.jobs {
		for i := range j.items {
			k := j.items[i].subject
			if k == nil || doubtful[k.mac] == nil {
				continue
			}
			switch have, ok := stored[k.mac]; {
			case ok && !bytes.Equal(have, k.wrapped), !ok && j.epoch != epoch, doubtful[k.mac] != k:
				t.refused[n] = errStale
			default:
				j.items[i].newSubject = !ok
			}
		}
	}
	return nil
}

// writeSubjects stores the keys of persons that this commit uses first.
func (t *transaction) writeSubjects(ctx context.Context, tx *db.Tx) error {
	seen := map[mac]bool{}
	var rows [][]any
	for _, it := range t.fresh {
		if it.newSubject && !seen[it.subject.mac] {
			seen[it.subject.mac] = true
			rows = append(rows, []any{it.subject.mac[:], it.subject.wrapped})
			t.drawn = append(t.drawn, it.subject)
		}
	}
	if err := tx.Insert(ctx, "subject", []string{"mac", "wrapped"}, rows); err != nil {
		if db.IsUnique(err) && !t.thorough {
			return errDoubt
		}
		return fmt.Errorf("write keys of persons: %w", err)
	}
	return nil
}

// errDoubt is that a key that should be new is there: the transaction is run
// again, and asks of every key.
var errDoubt = errors.New("a key of a person is there already")

// settleSubjects notes, after a durable commit, which keys have become rows, and
// forgets all when one was destroyed.
func (t *transaction) settleSubjects() {
	t.l.subjects.mu.Lock()
	for _, k := range t.drawn {
		k.stored = true
	}
	stale := t.l.subjects.epoch != t.epoch
	t.l.subjects.mu.Unlock()
	if stale {
		t.l.subjects.forget(t.epoch)
	}
}
