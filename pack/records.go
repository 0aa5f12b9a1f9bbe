// SPDX-License-Identifier: Apache-2.0

package pack

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"slices"
	"strconv"
	"strings"

	gojson "github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/counterfoil/counterfoil/proof"
	"github.com/counterfoil/counterfoil/verify"
)

type seq = iter.Seq2[[]byte, error]

// Bounds of lines, in bytes.
const (
	maxLeaf = 65535
	maxLine = 4 << 20
)

// lines are those of a file, each without its newline; a line is good until the
// next.
func (c *check) lines(name string, limit int) seq {
	return func(yield func([]byte, error) bool) {
		f, err := c.fsys.Open(name)
		if err != nil {
			yield(nil, err)
			return
		}
		defer func() { _ = f.Close() }() // it was only read
		r := bufio.NewReaderSize(f, 1<<16)
		var long []byte
		for {
			b, err := r.ReadSlice('\n')
			if errors.Is(err, bufio.ErrBufferFull) && len(long)+len(b) <= limit {
				long = append(long, b...)
				continue
			}
			if long != nil {
				long = append(long, b...)
				b, long = long, nil
			}
			switch {
			case errors.Is(err, io.EOF) && len(b) == 0:
				return
			case err != nil:
				yield(nil, errors.Join(errLong, err))
				return
			case len(b) > limit+1:
				yield(nil, errLong)
				return
			case !yield(b[:len(b)-1], nil):
				return
			}
		}
	}
}

// checkLeaves hashes all leaves into a tree of our own.
func (c *check) checkLeaves(cp proof.Checkpoint, leaves Leaves) string {
	var tree []tlog.Hash // the roots of full subtrees, the largest first
	n := int64(0)
	for b, err := range leaves() {
		if err != nil {
			c.fault(BadLeaves, FileLeaves, n+1, "", "%v", err)
			return ""
		}
		tree = append(tree, tlog.RecordHash(b))
		n++
		for i := n; i%2 == 0; i /= 2 {
			last := len(tree) - 1
			tree = append(tree[:last-1], tlog.NodeHash(tree[last-1], tree[last]))
		}
	}
	root, _ := tlog.TreeHash(0, nil)
	for i, h := range slices.Backward(tree) {
		if i == len(tree)-1 {
			root = h
		} else {
			root = tlog.NodeHash(h, root)
		}
	}
	if n != cp.Size || root != cp.Root {
		c.fault(BadLeaves, FileLeaves, 0, "", "its %d leaves do not give the root of the checkpoint of size %d", n, cp.Size)
		return ""
	}
	return fmt.Sprintf("%d leaves give the root that was signed", n)
}

// entry is one line of records.jsonl.
type entry struct {
	Index     int64          `json:"index"`
	Statement jsontext.Value `json:"statement"`
}

// Disclosure is one line of disclosures.jsonl.
type Disclosure struct {
	ID      string         `json:"id"`
	Index   int64          `json:"index"`
	Pointer string         `json:"pointer"`
	Salt    string         `json:"salt"`
	Value   jsontext.Value `json:"value"`
}

// Tombstone is one line of tombstones.jsonl: a private value that is gone, and
// the record that says so.
type Tombstone struct {
	ID        string `json:"id"`
	Index     int64  `json:"index"`
	Pointer   string `json:"pointer"`
	Tombstone string `json:"tombstone"`
}

// Custody is one line of custody.jsonl: an act on the request for the pack, as
// the records of the pack have it.
type Custody struct {
	Act      string `json:"act"`
	Actor    string `json:"actor"`
	Index    int64  `json:"index"`
	Recorded string `json:"recorded"`
}

// CustodyOf is what custody.jsonl says of a record; false: nothing.
func CustodyOf(index int64, statement []byte, request string) (Custody, bool) {
	l, err := readLeaf(statement)
	if err != nil || request == "" || l.target != request {
		return Custody{}, false
	}
	return Custody{text(l.doc, "/access/act"), text(l.doc, "/access/actor"), index, text(l.doc, "/recorded")}, true
}

// table reads a file of lines into what belongs to each record.
func table[T any](c *check, name string, index func(*T) (int64, string)) map[int64][]T {
	out := map[int64][]T{}
	n, last, lastPointer := int64(0), int64(-1), ""
	for b, err := range c.lines(name, maxLine) {
		n++
		var v T
		if err == nil {
			err = parseLine(b, &v)
		}
		if err != nil {
			c.fault(BadFile, name, n, "", "%v", err)
			return out
		}
		i, pointer := index(&v)
		if i < last || i == last && pointer <= lastPointer {
			c.fault(BadFile, name, n, "", "the lines are not in order")
		}
		last, lastPointer = i, pointer
		out[i] = append(out[i], v)
	}
	return out
}

// parseLine reads a line, which is in canonical form (RFC 8785).
func parseLine(b []byte, v any) error {
	canonical := jsontext.Value(slices.Clone(b))
	if err := canonical.Canonicalize(); err != nil {
		return fmt.Errorf("the line is not JSON: %w", err)
	}
	if !bytes.Equal(canonical, b) {
		return errors.New("the line is not in canonical form")
	}
	if err := gojson.Unmarshal(b, v, gojson.RejectUnknownMembers(true)); err != nil {
		return fmt.Errorf("the line is not what it should be: %w", err)
	}
	return nil
}

// checkRecords checks each record as a receipt in parts, and holds the list
// against the selection; chosen is nil if that was not run.
func (c *check) checkRecords(chosen []int64) {
	k := &records{check: c, verifier: verify.New(c.trust), chosen: chosen, tombs: map[string]map[string]any{},
		opened: table(c, FileDisclosures, func(d *Disclosure) (int64, string) { return d.Index, d.Pointer }),
		gone:   table(c, FileTombstones, func(t *Tombstone) (int64, string) { return t.Index, t.Pointer }),
	}
	custody := table(c, FileCustody, func(t *Custody) (int64, string) { return t.Index, "" })
	var err error
	if k.note, err = fs.ReadFile(c.fsys, FileCheckpoint); err == nil {
		k.token, err = fs.ReadFile(c.fsys, FileToken)
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		c.fault(BadFile, FileToken, 0, "", "it can not be read: %v", err)
	}
	c.step("records", func() string {
		for b, err := range c.lines(FileRecords, maxLine) {
			k.line++
			if err != nil {
				c.fault(BadFile, FileRecords, k.line, "", "%v", err)
				break
			}
			k.one(b, custody)
		}
		k.left(custody)
		return fmt.Sprintf("%d records stand in the log; %d private values open their seals, %d are withheld, %d erased", k.line, k.disclosed, k.withheld, k.erased)
	})
	claim := c.r.Claim
	if claim.Records != k.line || claim.Disclosed != k.disclosed || claim.Withheld != k.withheld || claim.Erased != k.erased {
		c.fault(BadClaim, fileEnvelope, 0, "", "it counts %d records with %d disclosed, %d withheld and %d erased values, but there are %d with %d, %d and %d",
			claim.Records, claim.Disclosed, claim.Withheld, claim.Erased, k.line, k.disclosed, k.withheld, k.erased)
	}
}

type records struct {
	*check
	verifier    *verify.Verifier
	chosen      []int64
	opened      map[int64][]Disclosure
	gone        map[int64][]Tombstone
	note, token []byte
	tombs       map[string]map[string]any // statements of erasure records that were passed
	due         []Tombstone               // whose record comes later
	line, last  int64

	disclosed, withheld, erased int64
}

// one checks a line of records.jsonl.
func (k *records) one(b []byte, custody map[int64][]Custody) {
	var e entry
	if err := parseLine(b, &e); err != nil {
		k.fault(BadFile, FileRecords, k.line, "", "%v", err)
		return
	}
	l, err := readLeaf(e.Statement)
	if err != nil {
		k.fault(BadRecord, FileRecords, k.line, "", "%v", err)
		return
	}
	if k.line > 1 && e.Index <= k.last {
		k.fault(BadFile, FileRecords, k.line, l.id, "the lines are not in order")
	}
	k.last = e.Index
	if k.chosen != nil && !k.wanted(e.Index) {
		k.fault(BadSelection, FileRecords, k.line, l.id, "the selection does not select the leaf at index %d", e.Index)
	}
	if _, ok := l.doc["erasure"]; ok {
		k.tombs[l.id] = l.doc
	}
	k.receipt(&e, l)
	if want, is := CustodyOf(e.Index, e.Statement, k.r.Claim.Request); is != (len(custody[e.Index]) == 1) || is && custody[e.Index][0] != want {
		k.fault(BadFile, FileCustody, 0, l.id, "it does not say what the record at index %d says", e.Index)
	}
	delete(custody, e.Index)
}

// wanted takes an index from those that were chosen; what is before it is missing.
func (k *records) wanted(index int64) bool {
	for len(k.chosen) > 0 && k.chosen[0] < index {
		k.fault(BadSelection, FileRecords, k.line, "", "the leaf at index %d is selected, and is missing", k.chosen[0])
		k.chosen = k.chosen[1:]
	}
	if len(k.chosen) == 0 || k.chosen[0] != index {
		return false
	}
	k.chosen = k.chosen[1:]
	return true
}

// receipt puts the parts of a record together and has them judged.
func (k *records) receipt(e *entry, l *leaf) {
	name := ProofFile(e.Index)
	path, err := fs.ReadFile(k.fsys, name)
	if err != nil {
		k.fault(BadFile, name, 0, l.id, "the proof of the record can not be read: %v", err)
		return
	}
	delete(k.files, name)
	if !strings.HasPrefix(string(path), "c2sp.org/tlog-proof@v1\nindex "+strconv.FormatInt(e.Index, 10)+"\n") || !bytes.HasSuffix(path, append([]byte("\n\n"), k.note...)) {
		k.fault(BadRecord, name, 0, l.id, "it is not the proof of that record under the checkpoint of the pack")
		return
	}
	type opened struct {
		Pointer string         `json:"pointer"`
		Salt    string         `json:"salt"`
		Value   jsontext.Value `json:"value"`
	}
	type erased struct {
		Pointer   string `json:"pointer"`
		Tombstone string `json:"tombstone"`
	}
	var disclosed []opened
	var gone []erased
	for _, d := range k.opened[e.Index] {
		if d.ID != l.id {
			k.fault(BadFile, FileDisclosures, 0, d.ID, "the record at index %d is %s", d.Index, l.id)
		}
		disclosed = append(disclosed, opened{d.Pointer, d.Salt, d.Value})
	}
	delete(k.opened, e.Index)
	for _, t := range k.gone[e.Index] {
		if t.ID != l.id {
			k.fault(BadFile, FileTombstones, 0, t.ID, "the record at index %d is %s", t.Index, l.id)
		}
		gone = append(gone, erased{t.Pointer, t.Tombstone})
		k.due = append(k.due, t)
	}
	delete(k.gone, e.Index)
	file, err := json.Marshal(struct {
		Receipt   string         `json:"receipt"`
		Statement jsontext.Value `json:"statement"`
		Proof     string         `json:"proof"`
		Timestamp []byte         `json:"timestamp,omitempty"`
		Disclosed []opened       `json:"disclosed,omitempty"`
		Erased    []erased       `json:"erased,omitempty"`
	}{proof.ReceiptFormat, e.Statement, string(path), k.token, disclosed, gone})
	if err != nil {
		k.fault(BadRecord, FileRecords, k.line, l.id, "%v", err)
		return
	}
	k.judge(k.verifier.Receipt(file), l.id)
}

func (k *records) judge(r verify.Result, id string) {
	for _, f := range r.Faults {
		file := FileRecords
		if f.Code == verify.BadDisclosure {
			file = FileDisclosures
		}
		k.add(Fault{Code: BadRecord, File: file, Line: k.line, Record: id, Pointer: f.Pointer, Detail: f.Code + ": " + f.Detail})
	}
	for _, f := range r.Fields {
		switch f.State {
		case verify.Disclosed:
			k.disclosed++
		case verify.Erased:
			k.erased++
		default:
			k.withheld++
		}
	}
}

// left finds what belongs to no record, and the tombstones that say nothing of
// what they account for.
func (k *records) left(custody map[int64][]Custody) {
	for _, i := range k.chosen {
		k.fault(BadSelection, FileRecords, 0, "", "the leaf at index %d is selected, and is missing", i)
	}
	for i := range k.opened {
		k.fault(BadFile, FileDisclosures, 0, "", "there is no record at index %d", i)
	}
	for i := range k.gone {
		k.fault(BadFile, FileTombstones, 0, "", "there is no record at index %d", i)
	}
	for i := range custody {
		k.fault(BadFile, FileCustody, 0, "", "there is no record at index %d", i)
	}
	for name := range k.files {
		if strings.HasPrefix(name, dirProofs) {
			k.fault(BadFile, name, 0, "", "it belongs to no record")
		}
	}
	for _, t := range k.due {
		if doc := k.tombs[t.Tombstone]; doc == nil || !covers(doc, t) {
			k.add(Fault{Code: BadRecord, File: FileTombstones, Record: t.ID, Pointer: t.Pointer, Detail: "no erasure record " + t.Tombstone + " of the pack says that it is gone"})
		}
	}
}

// covers says whether an erasure record names a value, or a class and month.
func covers(doc map[string]any, t Tombstone) bool {
	if text(doc, "/erasure/class") != "" && text(doc, "/erasure/month") != "" {
		return true // the selection holds it against the month of the record
	}
	for v := range values(doc, []string{"erasure", "targets", "*"}) {
		target, _ := v.(map[string]any)
		if id, _ := target["id"].(string); id != t.ID {
			continue
		}
		pointers := texts(target, "/pointers/*")
		if len(pointers) == 0 || slices.Contains(pointers, t.Pointer) {
			return true
		}
	}
	return false
}
