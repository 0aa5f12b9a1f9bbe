// SPDX-License-Identifier: Apache-2.0

package control

import (
	"fmt"
	"slices"
	"strings"

	"github.com/google/cel-go/common/types"
	"github.com/google/cel-go/common/types/ref"

	"github.com/counterfoil/counterfoil/record"
)

// shape is an object of the record: its members and their types.
type shape struct {
	name    string
	members map[string]*types.Type
	shapes  map[string]*shape // of members that are objects, or lists of them
	times   []string          // members that are times
	whole   []string          // members that are whole numbers
}

// rootName is the type of r.
const rootName = "record"

// schema is the record as expressions see it: what the table of package record
// says a decision may hold. Private values are of any type.
var schema = buildSchema()

// provider tells CEL about the shapes. It is a [types.Provider].
type provider struct {
	*types.Registry
	shapes map[string]*shape
}

func buildSchema() *provider {
	p := &provider{shapes: map[string]*shape{}}
	var err error
	if p.Registry, err = types.NewRegistry(); err != nil {
		panic(err) // no types are given: programmer error
	}
	root := p.shape(rootName)
	for _, f := range record.Table() {
		if slices.Contains(f.Types, record.Decision) {
			p.place(root, strings.Split(strings.TrimPrefix(f.Pattern, "/"), "/"), f)
		}
	}
	return p
}

func (p *provider) shape(name string) *shape {
	s := p.shapes[name]
	if s == nil {
		s = &shape{name: name, members: map[string]*types.Type{}, shapes: map[string]*shape{}}
		p.shapes[name] = s
	}
	return s
}

// place puts a field of the table where its path leads.
func (p *provider) place(at *shape, path []string, f record.Field) {
	name, rest := path[0], path[1:]
	list := len(rest) > 0 && rest[0] == "*"
	if list {
		rest = rest[1:]
	}
	if len(rest) > 0 {
		child := p.shape(at.name + "." + name)
		at.shapes[name] = child
		at.members[name] = types.NewObjectType(child.name)
		if list {
			at.members[name] = types.NewListType(at.members[name])
		}
		p.place(child, rest, f)
		return
	}
	t := typeOf(f)
	if list {
		t = types.NewListType(t)
	}
	at.members[name] = t
	switch {
	case f.Private:
	case f.Kind == record.KindTime:
		at.times = append(at.times, name)
	case f.Kind == record.KindInteger:
		at.whole = append(at.whole, name)
	}
}

func typeOf(f record.Field) *types.Type {
	if f.Private {
		return types.DynType
	}
	switch f.Kind {
	case record.KindBool:
		return types.BoolType
	case record.KindNumber:
		return types.DoubleType
	case record.KindInteger:
		return types.IntType
	case record.KindTime:
		return types.TimestampType
	}
	return types.StringType
}

// FindStructType implements [types.Provider].
func (p *provider) FindStructType(name string) (*types.Type, bool) {
	if p.shapes[name] != nil {
		return types.NewTypeTypeWithParam(types.NewObjectType(name)), true
	}
	return p.Registry.FindStructType(name)
}

// FindStructFieldNames implements [types.Provider].
func (p *provider) FindStructFieldNames(name string) ([]string, bool) {
	s := p.shapes[name]
	if s == nil {
		return p.Registry.FindStructFieldNames(name)
	}
	out := make([]string, 0, len(s.members))
	for m := range s.members {
		out = append(out, m)
	}
	slices.Sort(out)
	return out, true
}

// FindStructFieldType implements [types.Provider]. Extensions (x_…) are of any
// type. Values are maps, so nothing is said of how to get at a member.
func (p *provider) FindStructFieldType(name, member string) (*types.FieldType, bool) {
	s := p.shapes[name]
	if s == nil {
		return p.Registry.FindStructFieldType(name, member)
	}
	if t := s.members[member]; t != nil {
		return &types.FieldType{Type: t}, true
	}
	if strings.HasPrefix(member, "x_") {
		return &types.FieldType{Type: types.DynType}, true
	}
	return nil, false
}

// NewValue implements [types.Provider]: expressions make no records.
func (p *provider) NewValue(name string, _ map[string]ref.Val) ref.Val {
	return types.NewErr("a control can not make a %s", name)
}

// Member is one thing that an expression can see.
type Member struct {
	Path string `json:"path"`
	Type string `json:"type"`
}

// Schema lists what expressions see of a record, sorted.
func Schema() []Member {
	var out []Member
	var walk func(s *shape, path string)
	walk = func(s *shape, path string) {
		for name, t := range s.members {
			at := path + "." + name
			if child := s.shapes[name]; child != nil {
				if t.Kind() == types.ListKind {
					at += "[…]"
				}
				walk(child, at)
				continue
			}
			out = append(out, Member{at, fmt.Sprint(t)})
		}
	}
	walk(schema.shapes[rootName], "r")
	slices.SortFunc(out, func(a, b Member) int { return strings.Compare(a.Path, b.Path) })
	return out
}
