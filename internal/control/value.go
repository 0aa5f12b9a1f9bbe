// SPDX-License-Identifier: Apache-2.0

package control

import (
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/google/cel-go/common/types"
	"github.com/google/cel-go/common/types/ref"
	"github.com/google/cel-go/common/types/traits"
)

// object is a JSON object as expressions see it: a map of CEL. Its members stand
// in a slice, since a record has few of them in one place, and making a Go map of
// each costs more than all that is looked up in it. It never changes.
type object struct{ members []member }

type member struct {
	name  string
	value ref.Val
}

// list is a JSON array as expressions see it: a list of CEL, with its elements at
// hand. It never changes.
type list struct {
	traits.Lister
	elements []ref.Val
}

// decode reads the canonical form of a record (RFC 8785), with times and whole
// numbers of public members as the types that expressions were checked with.
// Package record made that form, so nothing is checked of it again: half the time
// of twenty controls would go into that.
func decode(canonical []byte) ref.Val {
	d := decoder{text: string(canonical)}
	return d.value(schema.shapes[rootName])
}

// decoder makes values of a text. Their strings are parts of it, and members and
// elements are gathered on stacks: a record has a hundred of them, and each would
// be memory of its own.
type decoder struct {
	text     string
	at       int
	members  []member
	elements []ref.Val
}

// value reads one value; s is nil where the schema says nothing.
func (d *decoder) value(s *shape) ref.Val {
	switch d.text[d.at] {
	case '{':
		return d.object(s)
	case '[':
		return d.list(s)
	case '"':
		return types.String(d.string())
	case 't':
		d.at += len("true")
		return types.True
	case 'f':
		d.at += len("false")
		return types.False
	case 'n':
		d.at += len("null")
		return types.NullValue
	}
	end := d.at
	for end < len(d.text) && !strings.ContainsRune(",]}", rune(d.text[end])) {
		end++
	}
	n, _ := strconv.ParseFloat(d.text[d.at:end], 64)
	d.at = end
	return types.Double(n)
}

func (d *decoder) string() string {
	start := d.at
	end := start + 1 + strings.IndexByte(d.text[start+1:], '"')
	if escape := strings.IndexByte(d.text[start+1:end], '\\'); escape < 0 {
		d.at = end + 1
		return d.text[start+1 : end]
	}
	for end = start + 1; d.text[end] != '"'; end++ {
		if d.text[end] == '\\' {
			end++
		}
	}
	d.at = end + 1
	out, _ := jsontext.AppendUnquote(nil, d.text[start:d.at])
	return string(out)
}

func (d *decoder) object(s *shape) ref.Val {
	from := len(d.members)
	for d.at++; d.text[d.at] != '}'; {
		if d.text[d.at] == ',' {
			d.at++
		}
		name := d.string()
		d.at++ // the colon
		var child *shape
		if s != nil {
			child = s.shapes[name]
		}
		v := d.value(child)
		if s != nil && child == nil {
			v = s.typed(name, v)
		}
		d.members = append(d.members, member{name, v})
	}
	d.at++
	o := &object{slices.Clone(d.members[from:])}
	d.members = d.members[:from]
	return o
}

func (d *decoder) list(s *shape) ref.Val {
	from := len(d.elements)
	for d.at++; d.text[d.at] != ']'; {
		if d.text[d.at] == ',' {
			d.at++
		}
		d.elements = append(d.elements, d.value(s))
	}
	d.at++
	l := newList(slices.Clone(d.elements[from:]))
	d.elements = d.elements[:from]
	return l
}

func newList(elements []ref.Val) *list {
	return &list{types.NewRefValList(types.DefaultTypeAdapter, elements), elements}
}

// typed makes a time or a whole number of a value, if the member is one.
func (s *shape) typed(name string, v ref.Val) ref.Val {
	switch v := v.(type) {
	case types.String:
		if slices.Contains(s.times, name) {
			if t, err := time.Parse(time.RFC3339Nano, string(v)); err == nil {
				return types.Timestamp{Time: t}
			}
		}
	case types.Double:
		if slices.Contains(s.whole, name) {
			return types.Int(v)
		}
	}
	return v
}

// fromNative makes a value of what a YAML document held.
func fromNative(v any) ref.Val { return schema.NativeToValue(v) }

// member is the value of a member; nil: there is none.
func (o *object) member(name string) ref.Val {
	for i := range o.members {
		if o.members[i].name == name {
			return o.members[i].value
		}
	}
	return nil
}

// Find implements [traits.Mapper].
func (o *object) Find(key ref.Val) (ref.Val, bool) {
	name, ok := key.(types.String)
	if !ok {
		return nil, false
	}
	v := o.member(string(name))
	return v, v != nil
}

// Get implements [traits.Indexer].
func (o *object) Get(key ref.Val) ref.Val {
	if v, ok := o.Find(key); ok {
		return v
	}
	return types.ValOrErr(key, "no such key: %v", key)
}

// Contains implements [traits.Container].
func (o *object) Contains(key ref.Val) ref.Val {
	_, ok := o.Find(key)
	return types.Bool(ok)
}

// Size implements [traits.Sizer].
func (o *object) Size() ref.Val { return types.Int(len(o.members)) }

// Iterator implements [traits.Iterable]: it goes over the names.
func (o *object) Iterator() traits.Iterator {
	names := make([]ref.Val, len(o.members))
	for i, m := range o.members {
		names[i] = types.String(m.name)
	}
	return types.NewRefValList(types.DefaultTypeAdapter, names).Iterator()
}

// Equal implements [ref.Val].
func (o *object) Equal(other ref.Val) ref.Val { return o.mapper().Equal(other) }

// ConvertToType implements [ref.Val].
func (o *object) ConvertToType(t ref.Type) ref.Val { return o.mapper().ConvertToType(t) }

// ConvertToNative implements [ref.Val].
func (o *object) ConvertToNative(t reflect.Type) (any, error) { return o.mapper().ConvertToNative(t) }

// Type implements [ref.Val].
func (o *object) Type() ref.Type { return types.MapType }

// Value implements [ref.Val].
func (o *object) Value() any { return o.mapper().Value() }

// mapper is the object as CEL's own map, for what is seldom asked.
func (o *object) mapper() traits.Mapper {
	m := make(map[ref.Val]ref.Val, len(o.members))
	for _, e := range o.members {
		m[types.String(e.name)] = e.value
	}
	return types.NewRefValMap(types.DefaultTypeAdapter, m)
}
