// SPDX-License-Identifier: Apache-2.0

package verify_test

import (
	"strings"

	"github.com/counterfoil/counterfoil/record"
)

// edgeCases are records at both sides of each limit.
func edgeCases(decision func(more string) string, good func(name, raw string) recordVector) []recordVector {
	var out []recordVector
	ok := func(name, more string) { out = append(out, good(name, decision(more))) }
	bad := func(name, code, pointer, more string) {
		v := good("refused: "+name, decision(more))
		v.Expect = recordExpect{Code: code, Pointer: pointer}
		out = append(out, v)
	}
	at := func(name, time string, valid bool) {
		v := good(name, strings.Replace(decision(""), "2026-03-03T09:12:44.120Z", time, 1))
		if !valid {
			v.Name, v.Expect = "refused: "+name, recordExpect{Code: record.CodeBadValue, Pointer: "/time"}
		}
		out = append(out, v)
	}
	ok("a code of 200 characters", `,"use_case":"`+strings.Repeat("c", 200)+`"`)
	bad("a code of 201 characters", record.CodeBadValue, "/use_case", `,"use_case":"`+strings.Repeat("c", 201)+`"`)
	bad("an empty code", record.CodeBadValue, "/use_case", `,"use_case":""`)
	bad("a code that begins with a dot", record.CodeBadValue, "/use_case", `,"use_case":".hidden"`)
	bad("a code with a letter beyond ASCII", record.CodeBadValue, "/use_case", `,"use_case":"rückgabe"`)
	bad("a code with an escaped newline", record.CodeBadValue, "/use_case", `,"use_case":"a\nb"`)
	ok("a code that is a pointer", `,"use_case":"/a/b~1c"`)
	ok("a code that is written with escapes", `,"use_case":"\u0072efunds"`)
	ok("an id of 128 characters", `,"about":"`+strings.Repeat("i", 128)+`"`)
	bad("an id of 129 characters", record.CodeBadValue, "/about", `,"about":"`+strings.Repeat("i", 129)+`"`)
	bad("an id with a slash", record.CodeBadValue, "/about", `,"about":"a/b"`)
	ok("the largest integer", `,"source":{"id":"s","seq":9007199254740991}`)
	ok("an integer written as 1e2", `,"source":{"id":"s","seq":1e2}`)
	bad("an integer too large", record.CodeBadValue, "/source/seq", `,"source":{"id":"s","seq":9007199254740992}`)
	bad("a negative integer", record.CodeBadValue, "/source/seq", `,"source":{"id":"s","seq":-1}`)
	bad("a number as a string", record.CodeWrongType, "/source/seq", `,"source":{"id":"s","seq":"1"}`)
	bad("an object for a list", record.CodeWrongType, "/inputs", `,"inputs":{"name":"order"}`)
	bad("a list for an object", record.CodeWrongType, "/versions", `,"versions":[]`)
	bad("a string in a list of objects", record.CodeWrongType, "/inputs/0", `,"inputs":["order"]`)
	bad("the second of a list", record.CodeMissingMember, "/inputs/1/name", `,"inputs":[{"name":"a"},{}]`)
	ok("lists and objects that are empty", `,"inputs":[],"versions":{}`)
	bad("a boolean as a string", record.CodeWrongType, "/outputs/0/marked_ai", `,"outputs":[{"name":"a","marked_ai":"true"}]`)
	ok("a policy whose version has an at sign", `,"versions":{"policy":["a@b@c"]}`)
	bad("a policy without a name", record.CodeBadValue, "/versions/policy/0", `,"versions":{"policy":["@5"]}`)
	bad("another member of the server", record.CodeReservedMember, "/statement", `,"statement":"counterfoil/v1"`)
	bad("a member of the server, deep", record.CodeUnknownMember, "/interaction/recorded", `,"interaction":{"id":"i","recorded":"2026-03-03T09:12:44Z"}`)
	ok("an extension in a list", `,"inputs":[{"name":"a","x_raw":{"any thing":null}}]`)
	ok("an extension of 64 characters", `,"x_`+strings.Repeat("e", 62)+`":1`)
	bad("an extension of 65 characters", record.CodeUnknownMember, "/x_"+strings.Repeat("e", 63), `,"x_`+strings.Repeat("e", 63)+`":1`)
	bad("an extension without a name", record.CodeUnknownMember, "/x_", `,"x_":1`)
	bad("an extension with a dash", record.CodeUnknownMember, "/x_a-b", `,"x_a-b":1`)
	bad("an unknown member whose pointer needs escapes", record.CodeUnknownMember, "/a~1b~0c", `,"a/b~c":1`)
	ok("a private value that looks like a seal", `,"subject":{"seal":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"}`)
	bad("a public value that looks like a seal", record.CodeWrongType, "/use_case", `,"use_case":{"seal":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"}`)
	bad("half a surrogate pair in a name", record.CodeInvalidUTF8, "/x_a", `,"x_a":{"\udc00":1}`)
	bad("a number that begins with zero", record.CodeSyntax, "", `,"x_n":01`)
	bad("a number without digits behind the point", record.CodeSyntax, "", `,"x_n":1.`)
	bad("not a number", record.CodeSyntax, "", `,"x_n":NaN`)
	bad("a control character in a string", record.CodeSyntax, "", ",\"x_n\":\"a\tb\"")
	bad("a comma too many", record.CodeSyntax, "", `,`)
	bad("a number too small for a double", record.CodeNumberPrecision, "/x_n", `,"x_n":1e-400`)
	ok("the largest and smallest doubles", `,"x_n":[1.7976931348623157e308,-5e-324,2.2250738585072014e-308]`)
	ok("zeros of all sorts", `,"x_n":[0,-0,0.0,0e5,-0.0E-7]`)
	ok("thresholds of notation", `,"x_n":[1e20,1e21,0.000001,0.0000001,123456789.125,1e5]`)
	at("a time with a zone of hours and minutes", "2026-03-03T14:42:44.120+05:30", true)
	at("a time with nine digits of a second", "2026-03-03T09:12:44.123456789Z", true)
	at("a time in 1970", "1970-01-01T00:00:00Z", true)
	at("a time before 1970", "1969-12-31T23:59:59Z", false)
	at("a time after 2261", "2262-01-01T00:00:00Z", false)
	at("a leap second", "2016-12-31T23:59:60Z", false)
	at("a time with a small t", "2026-03-03t09:12:44Z", false)
	at("a time with a space", "2026-03-03 09:12:44Z", false)
	at("a time with a comma", "2026-03-03T09:12:44,5Z", false)
	at("a time with a zone of a day", "2026-03-03T09:12:44+24:00", false)
	at("a time with a zone of sixty minutes", "2026-03-03T09:12:44+01:60", false)
	at("a time with a point and no digits", "2026-03-03T09:12:44.Z", false)
	at("a time with an hour of one digit", "2026-03-03T9:12:44Z", false)
	at("a time with the hour 24", "2026-03-03T24:00:00Z", false)
	at("a time with the furthest zone", "2026-03-03T09:12:44-23:59", true)
	at("a date", "2026-03-03", false)
	at("a time of 36 characters", "2026-03-03T09:12:44.1234567890+01:00", false)
	wrap := func(v recordVector, r *repeated) { v.Record, v.Repeat = "", r; out = append(out, v) }
	head := strings.TrimSuffix(decision(`,"x_long":"`), "}")
	wrap(good("exactly 1 MiB", ""), &repeated{head, "a", record.MaxRecord - len(head) - 2, `"}`})
	tail := strings.TrimSuffix(decision(`,"x_l":[`), "}")
	wrap(good("a member name of many bytes inside a private value", ""), &repeated{tail + `{"`, "n", 5000, `":1}]}`})
	return out
}
