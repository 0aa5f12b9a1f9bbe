// SPDX-License-Identifier: Apache-2.0

package record

import (
	"fmt"
	"io"
	"strings"
	"time"
)

// Record is one record that passed the parser. It is immutable and safe for
// concurrent use.
type Record struct {
	canonical []byte
	fields    Fields
	spots     []spot
}

// Parse reads one record under the default rules. See [Rules.Parse].
func Parse(raw []byte) (*Record, error) { return defaultRules.Parse(raw) }

// Parse reads one JSON document strictly and checks it against the table. raw
// is not kept and not changed. The error is an [*Error].
func (r *Rules) Parse(raw []byte) (*Record, error) {
	canonical, err := Canonicalize(raw)
	if err != nil {
		return nil, err
	}
	w, err := r.walk(canonical, false)
	if err != nil {
		return nil, err
	}
	return &Record{canonical: canonical, fields: w.fields, spots: w.spots}, nil
}

// walk checks canonical bytes, as a record or as a statement.
func (r *Rules) walk(canonical []byte, sealed bool) (*walker, error) {
	if canonical[0] != '{' {
		return nil, problem(CodeWrongType, "", "send one JSON object", "want an object, got %s", kindOf(canonical))
	}
	t, err := typeOf(canonical)
	if err != nil {
		return nil, err
	}
	table := r.types[t]
	if sealed {
		table = statementTable(table)
	}
	w := &walker{b: canonical, text: string(canonical), sealed: sealed, path: make([]segment, 0, 8), spots: make([]spot, 0, 16), fields: Fields{Seq: -1}}
	w.object(table, 0)
	if len(w.faults) > 0 {
		return nil, &Error{Problems: w.faults}
	}
	return w, nil
}

// typeHint lists the types a record can have.
var typeHint = func() string {
	names := make([]string, 0, 16)
	for _, t := range Types() {
		names = append(names, string(t))
	}
	return "use one of: " + strings.Join(names, ", ")
}()

// typeOf finds the top-level member "type", which decides the rest.
func typeOf(b []byte) (Type, error) {
	for i := 1; b[i] != '}'; {
		if b[i] == ',' {
			i++
		}
		nameEnd := skip(b, i)
		end := skip(b, nameEnd+1)
		if string(b[i:nameEnd]) == `"type"` {
			v := b[nameEnd+1 : end]
			if v[0] != '"' {
				return "", problem(CodeWrongType, "/type", typeHint, "want a string, got %s", kindOf(v))
			}
			t := Type(v[1 : len(v)-1])
			if _, ok := defaultRules.types[t]; !ok {
				return "", problem(CodeBadValue, "/type", typeHint, "%s is not a record type", clip(v))
			}
			return t, nil
		}
		i = end
	}
	return "", problem(CodeMissingMember, "/type", typeHint, `required member "type" is missing`)
}

// ID is the record's id.
func (r *Record) ID() string { return r.fields.ID }

// Type is the record's type.
func (r *Record) Type() Type { return Type(r.fields.Type) }

// Canonical returns the JCS form of the record as it was received. The caller
// must not change it.
func (r *Record) Canonical() []byte { return r.canonical }

// Fields returns the indexed public values; Recorded, Principal and Capture are
// not known yet and empty.
func (r *Record) Fields() Fields { return r.fields }

// Private lists the JSON Pointers of the private values, in document order.
func (r *Record) Private() []string {
	out := make([]string, len(r.spots))
	for i, s := range r.spots {
		out[i] = s.pointer
	}
	return out
}

// Value returns the JCS form of the private value at a JSON Pointer, or nil. The
// caller must not change it.
func (r *Record) Value(pointer string) []byte {
	for _, s := range r.spots {
		if s.pointer == pointer {
			return r.canonical[s.start:s.end]
		}
	}
	return nil
}

// Completion is what the server adds when it seals a record.
type Completion struct {
	// Recorded is the server's time; it is written in UTC with microseconds.
	Recorded time.Time
	// Principal is the authenticated writer, as a pseudonymous code.
	Principal string
	// Capture is the door the record came through: gateway, sdk, otlp,
	// cloudevents, opa, import or manual.
	Capture string
	// Retention is the retention class of the private values; empty: none.
	Retention string
	// Governed is what the server found when it judged the decision; nil: it
	// did not.
	Governed *Governed
}

const recordedLayout = "2006-01-02T15:04:05.000000Z"

// Seal makes the statement: it draws one salt per private value from random
// (crypto/rand in production), replaces each value by its seal and adds the
// completion. The openings come in the order in which the seals stand; their
// values share memory with the record. The error is an [*Error] when the
// statement is over [MaxStatement] or the completion is not made of codes.
func (r *Record) Seal(c Completion, random io.Reader) (*Statement, []Opening, error) {
	members, n, err := c.members()
	if err != nil {
		return nil, nil, err
	}
	salts := make([]byte, SaltSize*len(r.spots))
	if _, err := io.ReadFull(random, salts); err != nil {
		return nil, nil, fmt.Errorf("draw salts: %w", err)
	}
	openings := make([]Opening, len(r.spots))
	seals := make([]spot, len(r.spots))
	scratch := make([]byte, 0, 1024)
	for i, s := range r.spots {
		o := &openings[i]
		o.Pointer, o.Value = s.pointer, r.canonical[s.start:s.end]
		copy(o.Salt[:], salts[i*SaltSize:])
		scratch = appendPreimage(scratch[:0], r.fields.ID, o.Pointer, o.Salt, o.Value)
		seals[i] = spot{pointer: s.pointer, sum: sum256(scratch)}
	}
	b := r.splice(seals, members[:n])
	if len(b) > MaxStatement {
		return nil, nil, tooLarge(b)
	}
	f := r.fields
	f.Recorded, f.Principal, f.Capture, f.Retention = c.Recorded.UTC().Truncate(time.Microsecond), c.Principal, c.Capture, c.Retention
	return &Statement{bytes: b, fields: f, spots: seals}, openings, nil
}

// members returns the completion as sorted name/value pairs in JCS.
func (c Completion) members() (m [6][2]string, n int, err error) {
	switch {
	case !validCode([]byte(c.Principal)):
		return m, 0, problem(CodeBadValue, "/principal", "", "%q is not a code", c.Principal)
	case !strings.Contains(" "+captures+" ", " "+c.Capture+" "):
		return m, 0, problem(CodeBadValue, "/capture", "use one of: "+captures, "%q is not a known value", c.Capture)
	case c.Retention != "" && !validCode([]byte(c.Retention)):
		return m, 0, problem(CodeBadValue, "/retention", "", "%q is not a code", c.Retention)
	}
	add := func(name, value string) { m[n], n = [2]string{name, value}, n+1 }
	add("capture", c.Capture)
	if c.Governed != nil {
		if err := c.Governed.check(); err != nil {
			return m, 0, err
		}
		add(governed, c.Governed.jcs())
	}
	add("principal", c.Principal)
	add("recorded", c.Recorded.UTC().Format(recordedLayout))
	if c.Retention != "" {
		add("retention", c.Retention)
	}
	add("statement", Format)
	return m, n, nil
}

// splice copies the canonical record, putting seals for spots and the added
// members where the sort order wants them. It fills in where each seal stands.
func (r *Record) splice(seals []spot, added [][2]string) []byte {
	src := r.canonical
	b := make([]byte, 0, len(src)+len(seals)*sealObject/2+200)
	b = append(b, '{')
	next, add := 0, 0
	for i := 1; src[i] != '}'; {
		if src[i] == ',' {
			i++
		}
		nameEnd := skip(src, i)
		end := skip(src, nameEnd+1)
		for add < len(added) && added[add][0] < string(src[i+1:nameEnd-1]) {
			b = appendMember(b, added[add])
			add++
		}
		b = comma(b)
		at := i
		for next < len(seals) && r.spots[next].end <= end {
			b = append(b, src[at:r.spots[next].start]...)
			seals[next].start = len(b)
			b = appendSeal(b, seals[next].sum)
			seals[next].end = len(b)
			at = r.spots[next].end
			next++
		}
		b = append(b, src[at:end]...)
		i = end
	}
	for ; add < len(added); add++ {
		b = appendMember(b, added[add])
	}
	return append(b, '}')
}

func comma(b []byte) []byte {
	if b[len(b)-1] != '{' {
		b = append(b, ',')
	}
	return b
}

// governed is the one completion member that is an object.
const governed = "governed"

// appendMember writes one completion member; both parts are codes, which need
// no escaping, but for the object.
func appendMember(b []byte, m [2]string) []byte {
	b = append(comma(b), '"')
	b = append(b, m[0]...)
	if m[0] == governed {
		return append(append(b, `":`...), m[1]...)
	}
	b = append(b, `":"`...)
	b = append(b, m[1]...)
	return append(b, '"')
}

// tooLarge names the top-level member that takes most of the statement.
func tooLarge(b []byte) *Error {
	big, size := "", 0
	for i := 1; b[i] != '}'; {
		if b[i] == ',' {
			i++
		}
		nameEnd := skip(b, i)
		end := skip(b, nameEnd+1)
		if end-i > size {
			big, size = string(b[i+1:nameEnd-1]), end-i
		}
		i = end
	}
	return problem(CodeStatementTooLarge, "/"+big, "send the steps as step records of their own, with about naming this decision",
		"the statement would have %d bytes, the limit is %d, and %d of them are here", len(b), MaxStatement, size)
}
