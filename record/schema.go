// SPDX-License-Identifier: Apache-2.0

package record

import "encoding/json"

// SchemaID identifies the JSON Schema that [Schema] returns.
const SchemaID = "https://counterfoil.dev/schema/record-v1.json"

// Schema returns the JSON Schema (draft 2020-12) of a record as a source sends
// it, generated from the table. Each field carries x-counterfoil-private, and
// an "x_…" member may stand in every object. The schema says what the parser
// checks, but for what no schema can say: duplicate members, number precision,
// nesting and size.
func Schema() []byte {
	variants := []any{}
	for _, t := range Types() {
		variants = append(variants, map[string]any{"$ref": "#/$defs/" + string(t)})
	}
	defs := map[string]any{}
	for t, f := range defaultRules.types {
		defs[string(t)] = schemaOf(f)
	}
	b, err := json.MarshalIndent(map[string]any{
		"$schema":     "https://json-schema.org/draft/2020-12/schema",
		"$id":         SchemaID,
		"title":       "Counterfoil accountability record",
		"description": "One AI decision, or what followed it. Fields marked private are replaced by salted seals before the record enters the log.",
		"type":        "object",
		"required":    []string{"type", "id", "time"},
		"oneOf":       variants,
		"$defs":       defs,
	}, "", "  ")
	if err != nil {
		panic(err) // maps of strings: programmer error
	}
	return append(b, '\n')
}

// Patterns of the public strings, as ECMA-262 regular expressions.
const (
	idPattern      = `^[A-Za-z0-9][A-Za-z0-9._:~-]{0,127}$`
	codePattern    = `^[A-Za-z0-9/_][A-Za-z0-9._:/@+~-]{0,199}$`
	versionPattern = `^[A-Za-z0-9/_][A-Za-z0-9._:/+~-]*@[A-Za-z0-9._:/@+~-]+$`
	digestPattern  = `^sha256:[0-9a-f]{64}$`
	timePattern    = `^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]+)?(Z|[+-][0-9]{2}:[0-9]{2})$`
)

func schemaOf(f *field) map[string]any {
	s := map[string]any{}
	if f.doc != "" {
		s["description"] = f.doc
	}
	if f.private {
		s["x-counterfoil-private"] = true
		return s
	}
	switch f.kind {
	case KindObject:
		schemaOfObject(s, f)
	case KindList:
		s["type"], s["items"] = "array", schemaOf(f.elem)
	case KindEnum:
		s["type"], s["enum"] = "string", f.values
	case KindTime:
		s["type"], s["format"], s["pattern"], s["maxLength"] = "string", "date-time", timePattern, 35
	case KindNumber:
		s["type"] = "number"
	case KindInteger:
		s["type"], s["minimum"], s["maximum"] = "integer", 0, 1<<53-1
	case KindBool:
		s["type"] = "boolean"
	case KindID:
		s["type"], s["pattern"] = "string", idPattern
	case KindDigest:
		s["type"], s["pattern"] = "string", digestPattern
	case KindVersion:
		s["type"], s["pattern"], s["maxLength"] = "string", versionPattern, 200
	default:
		s["type"], s["pattern"] = "string", codePattern
	}
	return s
}

func schemaOfObject(s map[string]any, f *field) {
	properties, required := map[string]any{}, []string{}
	for _, m := range f.members {
		properties[m.name] = schemaOf(m)
		if m.required {
			required = append(required, m.name)
		}
	}
	s["type"], s["properties"], s["additionalProperties"] = "object", properties, false
	s["patternProperties"] = map[string]any{`^x_[A-Za-z0-9_]{1,62}$`: map[string]any{"x-counterfoil-private": true}}
	if len(required) > 0 {
		s["required"] = required
	}
}
