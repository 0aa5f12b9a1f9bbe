// SPDX-License-Identifier: Apache-2.0

package verify_test

import (
	"encoding/base64"
	"strings"

	"github.com/counterfoil/counterfoil/record"
)

// recordCases are the records of the vectors; what they become is computed.
func recordCases() []recordVector {
	good := func(name, raw string) recordVector {
		return recordVector{Name: name, Record: raw, Recorded: "2026-03-03T09:12:45.000123Z", Principal: "local:http", Capture: "sdk"}
	}
	const head = `"id":"v-1","time":"2026-03-03T09:12:44.120Z","system":"refund-agent"`
	decision := func(more string) string {
		return `{"type":"decision",` + head + `,"decision":{"kind":"refund","status":"made"}` + more + `}`
	}
	out := []recordVector{
		good("decision, complete", `{"type":"decision","id":"0192f3a4-7c1e-7d0a-9b1e-3f2a4c5d6e7f","time":"2026-03-03T10:12:44.120+01:00","source":{"id":"voicebot-eu-3","seq":48211},`+
			`"system":"refund-agent","use_case":"refunds","env":"production","interaction":{"id":"int_7Qk2","channel":"chat","journey":"jrn_19","locale":"de-DE","external":{"ticket":"A-1"}},"subject":"customer:12345",`+
			`"decision":{"kind":"refund","status":"made","outcome":"denied","adverse":true,"significant":"yes","automation":"solely_automated","confidence":0.82,"threshold":0.7,"reason":"returned after 30 days","alternatives":[{"option":"approved","score":0.18}]},`+
			`"versions":{"model":"fraud-score@3.2.1","prompt":"refund-reply@12","policy":["returns@5","goodwill@2"],"config":"refunds-eu@41"},`+
			`"inputs":[{"name":"order","source":"oms","category":"order","origin":"provided","as_of":"2026-03-03T09:12:40Z","value":{"total":89.90,"order_id":"W123"}},{"name":"call","source":"telephony","ref":"s3://rec/9f","digest":"sha256:00"}],`+
			`"steps":[{"op":"chat","provider":"openai","request_model":"gpt-4o","response_model":"gpt-4o-2024-08-06","usage":{"input_tokens":812,"output_tokens":96},"finish_reasons":["stop"]},`+
			`{"op":"execute_tool","tool":"get_order","side_effect":"none","arguments":{"id":"W123"},"result":{"status":"delivered"}}],`+
			`"outputs":[{"name":"reply","kind":"message","marked_ai":true,"locale":"de-DE","value":"Es tut mir leid, …"}],`+
			`"factors":[{"code":"late_return","direction":"against","weight":0.41,"method":"rule","label":"returned after 30 days"}],`+
			`"controls":[{"id":"pii-in-reply","version":"3","result":"pass","by":"gateway"}],"x_vendor":{"b":1,"a":[true,null]}}`),
		good("decision, smallest", decision("")),
		good("white space and order do not matter", "\t{ \"system\" : \"refund-agent\",\r\n\"time\":\"2026-03-03T09:12:44.120Z\", \"id\":\"v-1\", \"decision\": { \"status\":\"made\",\"kind\":\"refund\" }, \"type\":\"decision\" }\n"),
		good("escapes are written as JCS has them", decision(`,"subject":"\u0041\u00e9\u20ac\ud83d\ude00\/\b\u001f"`)),
		good("numbers are written as JCS has them", decision(`,"x_numbers":[1.0,1e2,1E-7,0.1,-0,123456789012345680000,5e-324]`)),
		good("member names sort by UTF-16 code units", decision(`,"x_sorted":{"\ufb33":1,"\ud83d\ude00":2,"€":3,"a":4,"A":5}`)),
		good("step", `{"type":"step",`+head+`,"about":"v-0","steps":[{"op":"retrieval","tool":"kb","result":["a","b"]}]}`),
		good("oversight", `{"type":"oversight",`+head+`,"about":"v-0","oversight":{"act":"override","actor":"agent-7","role":"supervisor","before":"denied","after":"approved","dwell_ms":48000,"opened":["/inputs/0"],"reason":"goodwill"}}`),
		good("notice", `{"type":"notice",`+head+`,"about":"v-0","notice":{"kind":"ai_interaction","template":"chat-notice@2","locale":"en-GB","text":"You are talking to a machine."}}`),
		good("explanation", `{"type":"explanation",`+head+`,"about":"v-0","explanation":{"audience":"subject","types":["rationale"],"template":"refund@3","text":"Your order came back late."}}`),
		good("challenge", `{"type":"challenge",`+head+`,"about":"v-0","challenge":{"kind":"contest","status":"received","regime":"gdpr-22","due":"2026-04-03T00:00:00Z","text":"I disagree."}}`),
		good("registry", `{"type":"registry","id":"v-1","time":"2026-03-03T09:12:44Z","registry":{"act":"approve","kind":"prompt","name":"refund-reply","version":"12","actor":"eva","approver":"jo","reason":"reviewed"}}`),
		good("finding", `{"type":"finding",`+head+`,"finding":{"code":"source_gap","status":"open","severity":"high","owner":"ops","text":"three records are missing"}}`),
		good("signal", `{"type":"signal",`+head+`,"signal":{"name":"override_rate","value":0.12,"unit":"ratio","threshold":0.1,"breached":true,"from":"2026-03-02T00:00:00Z","to":"2026-03-03T00:00:00Z"}}`),
		good("incident", `{"type":"incident",`+head+`,"incident":{"code":"wrong_refunds","severity":"high","status":"open","opened":"2026-03-03T09:00:00Z","text":"…"}}`),
		good("access", `{"type":"access","id":"v-1","time":"2026-03-03T09:12:44Z","about":"v-0","access":{"act":"read","actor":"jo","purpose":"complaint","result":"allowed","pointers":["/subject"],"count":1}}`),
		good("hold", `{"type":"hold","id":"v-1","time":"2026-03-03T09:12:44Z","hold":{"act":"place","name":"matter-7","count":2,"actor":"legal-1","matter":"case 7","scope":["v-0"]}}`),
		good("erasure", `{"type":"erasure","id":"v-1","time":"2026-03-03T09:12:44Z","erasure":{"ground":"gdpr-17","status":"executed","requester":"p-1","approver":"p-2","targets":[{"id":"v-0","pointers":["/subject"]}],"reason":"asked for"}}`),
		good("reconciliation", `{"type":"reconciliation",`+head+`,"reconciliation":{"counter":"crm-refunds","owner":"finance","from":"2026-03-02T00:00:00Z","to":"2026-03-03T00:00:00Z","expected":412,"recorded":409,"status":"unexplained"}}`),
		good("heartbeat", `{"type":"heartbeat","id":"v-1","time":"2026-03-03T09:12:44Z","source":{"id":"voicebot-eu-3"},"heartbeat":{"from":"2026-03-03T09:00:00Z","to":"2026-03-03T09:12:44Z","count":211,"seq":48211}}`),
	}
	bad := func(name, code, pointer, raw string) {
		v := good("refused: "+name, raw)
		v.Expect = recordExpect{Code: code, Pointer: pointer}
		out = append(out, v)
	}
	bad("nothing", record.CodeSyntax, "", ``)
	bad("cut off", record.CodeSyntax, "", `{"type":"decision"`)
	bad("two values", record.CodeSyntax, "", decision("")+decision(""))
	bad("not an object", record.CodeWrongType, "", `[]`)
	bad("a comment", record.CodeSyntax, "", decision(`/* */`))
	bad("a member twice", record.CodeDuplicateMember, "/id", decision(`,"id":"v-2"`))
	bad("a member twice, deep", record.CodeDuplicateMember, "/x_a/b/0/c", decision(`,"x_a":{"b":[{"c":1,"c":1}]}`))
	bad("a member twice, once escaped", record.CodeDuplicateMember, "/id", decision(`,"\u0069d":"v-2"`))
	bad("an unknown member", record.CodeUnknownMember, "/reasons", decision(`,"reasons":[]`))
	bad("an unknown member, deep", record.CodeUnknownMember, "/decision/outcom", `{"type":"decision",`+head+`,"decision":{"kind":"refund","status":"made","outcom":"denied"}}`)
	bad("a member of the server", record.CodeReservedMember, "/recorded", decision(`,"recorded":"2026-03-03T09:12:44Z"`))
	bad("no type", record.CodeMissingMember, "/type", `{`+head+`}`)
	bad("an unknown type", record.CodeBadValue, "/type", `{"type":"decison",`+head+`}`)
	bad("no id", record.CodeMissingMember, "/id", `{"type":"decision","time":"2026-03-03T09:12:44Z","system":"s","decision":{"kind":"refund","status":"made"}}`)
	bad("no kind of decision", record.CodeMissingMember, "/decision/kind", `{"type":"decision",`+head+`,"decision":{"status":"made"}}`)
	bad("a number for a string", record.CodeWrongType, "/decision/kind", `{"type":"decision",`+head+`,"decision":{"kind":7,"status":"made"}}`)
	bad("a string for an object", record.CodeWrongType, "/interaction", decision(`,"interaction":"int_1"`))
	bad("null for a public value", record.CodeWrongType, "/use_case", decision(`,"use_case":null`))
	bad("an unknown word", record.CodeBadValue, "/decision/status", `{"type":"decision",`+head+`,"decision":{"kind":"refund","status":"done"}}`)
	bad("text in a public field", record.CodeBadValue, "/use_case", decision(`,"use_case":"refunds for Mr Smith"`))
	bad("a time without a zone", record.CodeBadValue, "/time", strings.Replace(decision(""), "44.120Z", "44.120", 1))
	bad("a day that is not", record.CodeBadValue, "/time", strings.Replace(decision(""), "2026-03-03", "2026-02-30", 1))
	bad("a policy without a version", record.CodeBadValue, "/versions/policy/0", decision(`,"versions":{"policy":["returns"]}`))
	bad("a fraction where a count belongs", record.CodeBadValue, "/source/seq", decision(`,"source":{"id":"s","seq":1.5}`))
	bad("a number that is no double", record.CodeNumberPrecision, "/x_n", decision(`,"x_n":0.1000000000000000055511151231257827`))
	bad("an integer that is no double", record.CodeNumberPrecision, "/x_n", decision(`,"x_n":9007199254740993`))
	bad("a number beyond all doubles", record.CodeNumberPrecision, "/x_n", decision(`,"x_n":1e400`))
	bad("half a surrogate pair", record.CodeInvalidUTF8, "/subject", decision(`,"subject":"\ud83d"`))
	out = append(out,
		recordVector{Name: "refused: bytes that are not UTF-8", Base64: base64.StdEncoding.EncodeToString([]byte(decision(",\"subject\":\"\xff\""))), Recorded: "2026-03-03T09:12:45Z", Principal: "local:http", Capture: "sdk", Expect: recordExpect{Code: record.CodeInvalidUTF8, Pointer: "/subject"}},
		recordVector{Name: "refused: 33 levels", Repeat: &repeated{strings.TrimSuffix(decision(`,"x_deep":`), "}"), "[", 32, strings.Repeat("]", 32) + "}"}, Recorded: "2026-03-03T09:12:45Z", Principal: "local:http", Capture: "sdk", Expect: recordExpect{Code: record.CodeTooDeep, Pointer: "/x_deep" + strings.Repeat("/0", 31)}},
		recordVector{Name: "32 levels", Repeat: &repeated{strings.TrimSuffix(decision(`,"x_deep":`), "}"), "[", 31, strings.Repeat("]", 31) + "}"}, Recorded: "2026-03-03T09:12:45Z", Principal: "local:http", Capture: "sdk"},
		recordVector{Name: "refused: more than 1 MiB", Repeat: &repeated{`{"x_long":"`, "0123456789abcdef", 65536, `"}`}, Expect: recordExpect{Code: record.CodeRecordTooLarge, Pointer: ""}},
		recordVector{Name: "refused: a statement over 65,535 bytes", Repeat: &repeated{strings.TrimSuffix(decision(`,"steps":[`), "}"), `{"op":"chat","result":0},`, 900, `{"op":"chat"}]}`}, Recorded: "2026-03-03T09:12:45Z", Principal: "local:http", Capture: "sdk", Expect: recordExpect{Code: record.CodeStatementTooLarge, Pointer: "/steps"}},
	)
	return append(out, edgeCases(decision, good)...)
}
