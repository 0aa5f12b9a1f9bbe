// SPDX-License-Identifier: Apache-2.0

package mapping

import "github.com/counterfoil/counterfoil/record"

func loadRules(t *tree) ([]rule, error) {
	list, common := t.member("rules"), t.member("common")
	if list == nil || list.kind != sequence || len(list.list) == 0 {
		return nil, t.at.errorf("a mapping without a rule gives no record", "rules wants a list of {name: …, record: …}")
	}
	if common != nil && common.kind != object {
		return nil, common.at.errorf("", "common wants an object of members")
	}
	var out []rule
	names := map[string]bool{}
	for _, v := range list.list {
		r, err := loadRule(v, common)
		if err != nil {
			return nil, err
		}
		if names[r.name] {
			return nil, v.at.errorf("", "two rules are named %q", r.name)
		}
		names[r.name] = true
		out = append(out, r)
	}
	return out, nil
}

func loadRule(t, common *tree) (rule, error) {
	var r rule
	if err := t.allow("name", "on", "when", "record"); err != nil {
		return r, err
	}
	name, body := t.member("name"), t.member("record")
	if name == nil || body == nil {
		return r, t.at.errorf("", "a rule wants a name and a record")
	}
	var err error
	if r.name, err = name.str(); err != nil {
		return r, err
	}
	r.on = onItem
	if on := t.member("on"); on != nil {
		if r.on = moment(on.text); r.on != onLine && r.on != onItem && r.on != onEnd {
			return r, on.at.errorf("use line, item or end", "%q is no moment of a line", on.text)
		}
	}
	if w := t.member("when"); w != nil {
		if r.when, err = newCondition(w); err != nil {
			return r, err
		}
	}
	if r.record, err = recordTemplate(body, common); err != nil {
		return r, err
	}
	return r, nil
}

// recordTemplate compiles a record with the members of common that it does not
// have itself. Names that no record has are found here, before any data is read.
func recordTemplate(body, common *tree) (*objectExpr, error) {
	if body.kind != object {
		return nil, body.at.errorf("", "a record is an object of members")
	}
	merged := &tree{at: body.at, kind: object, keys: append([]key(nil), body.keys...)}
	if common != nil {
		for _, k := range common.keys {
			if merged.member(k.name) == nil {
				merged.keys = append(merged.keys, k)
			}
		}
	}
	for _, k := range merged.keys {
		if _, ok := operators[k.name]; ok {
			return nil, k.at.errorf("a record is made member by member", "an operator can not make a whole record")
		}
		if k.name == clockMember {
			return nil, k.at.errorf("the note of the clock goes there", "%s is written by clock", clockMember)
		}
	}
	t := merged.member("type")
	if t == nil || t.kind != scalarText {
		return nil, body.at.errorf("write for example  type: decision", "a record wants a literal type")
	}
	known := false
	for _, rt := range record.Types() {
		known = known || string(rt) == t.text
	}
	if !known {
		return nil, t.at.errorf("see the record types in the format document", "%q is no record type", t.text)
	}
	return objectTemplate(merged)
}
