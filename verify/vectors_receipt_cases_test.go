// SPDX-License-Identifier: Apache-2.0

package verify_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/counterfoil/counterfoil/proof"
)

func (m *maker) goodReceipts() {
	m.addReceipt("nothing disclosed", "sealed", m.receipt(1), "log", "witnessed")
	m.addReceipt("one value disclosed", "disclosed", m.receipt(1, "/decision/reason"), "log", "witnessed")
	m.addReceipt("everything disclosed", "open", m.receipt(1, "all"), "log")
	m.addReceipt("no private values", "public", m.receipt(4), "witnessed")
	erased := m.receipt(1, "/decision/reason")
	erased.Erased = []proof.Erasure{{Pointer: "/subject", Tombstone: "v-9"}}
	m.addReceipt("a value said to be erased", "erased", erased, "log")
	m.addReceipt("time-stamped", "stamped", m.stamped("stamped", m.authority, 0), "log", "witnessed")
	first := m.receipt(0)
	first.Path, first.Note = nil, m.note(1, m.log, vectorOrigin, 0)
	m.addReceipt("a log of one record", "single", first, "log")
	last := m.receipt(m.size()-1, "all")
	m.addReceipt("the last leaf of an uneven tree", "last", last, "log", "witnessed")
	m.addReceipt("a seal in a public place, and values of all sorts", "strict", m.receipt(5, "all"), "log")
	m.addReceipt("one of two witnesses, where one will do", "one-of-two", m.cosigned(1, m.witnesses[0]), "one-of-two")
	m.addReceipt("a witness that nobody knows", "unknown-witness", m.cosigned(1, newWitness(m.t, "w9.vectors.counterfoil.example")), "log")
	m.all = append(m.all, receiptVector{Name: "a policy with two keys of the log", File: "sealed.receipt.json", Trust: "renewed.trust.txt"})
	raw, err := m.receipt(1, "all").Marshal()
	var pretty bytes.Buffer
	if err := json.Indent(&pretty, must(m.t, raw, err), "", "  "); err != nil {
		m.t.Fatal(err)
	}
	m.add("formatted for people", "pretty", pretty.Bytes(), "log")
	m.edit("other escapes, numbers and order, the same values", "rewritten", "log", raw,
		`"pointer":"/subject","salt":"AAAAAAAAAAAAAAAAAAAABA","value":"customer:4711"`, `"value":"\u0063ustomer:4711","pointer":"\/subject","salt":"AAAAAAAAAAAAAAAAAAAABA"`,
		`"total":89.9`, `"total":8.990E+1`)
}

// cosigned is the receipt of a record, cosigned by w alone.
func (m *maker) cosigned(index int64, w *witness) *proof.Receipt {
	r := m.receipt(index)
	m.witnesses, w = []*witness{w}, nil
	defer func(all []*witness) { m.witnesses = all }(newMaker(m.t).witnesses)
	r.Note = m.note(m.size(), m.log, vectorOrigin, 1)
	return r
}

// stamped is the receipt of a record, time-stamped by an authority; off is how
// much later than the others, in years.
func (m *maker) stamped(file string, a *authority, off int) *proof.Receipt {
	r := m.receipt(1)
	text, err := proof.Text(r.Note)
	r.Timestamp = a.stamp(m.t, file, must(m.t, text, err), time.Date(2026+off, 3, 3, 10, 0, 30, 0, time.UTC))
	return r
}

// edit writes a file in which texts are replaced, by pairs.
func (m *maker) edit(name, file, trust string, b []byte, pairs ...string) {
	m.t.Helper()
	text := string(b)
	for i := 0; i < len(pairs); i += 2 {
		if strings.Count(text, pairs[i]) != 1 {
			m.t.Fatalf("%s: %q stands %d times in %s", name, pairs[i], strings.Count(text, pairs[i]), text)
		}
		text = strings.Replace(text, pairs[i], pairs[i+1], 1)
	}
	m.add(name, file, []byte(text), trust)
}

func (m *maker) badStatements() {
	edit := func(name, file, from, to string) {
		r := m.receipt(1)
		r.Statement = []byte(strings.Replace(string(r.Statement), from, to, 1))
		if bytes.Equal(r.Statement, m.statements[1].Bytes()) {
			m.t.Fatalf("%s changes nothing", name)
		}
		if file == "list" {
			r.Statement = append(r.Statement, ']')
		}
		m.addReceipt("refused: "+name, file, r, "log")
	}
	edit("another outcome", "outcome", `"denied"`, `"approved"`)
	edit("another time", "time", `09:12:44.120Z`, `09:12:44.121Z`)
	edit("a seal of something else", "seal", `{"seal":"`, `{"seal":"A`+"")
	edit("a private value in clear", "clear", string(`"subject":{"seal":"`), `"subject":"customer:4711","x_was":{"seal":"`)
	edit("an unknown member", "member", `"type":"decision"`, `"type":"decision","version":1`)
	edit("a statement without the server's time", "no-recorded", `"recorded":"2026-03-03T10:00:01.000000Z",`, ``)
	edit("another version of the statement", "statement-version", `counterfoil/v1`, `counterfoil/v2`)
	edit("a statement whose id is sealed", "sealed-id", `"id":"v-1"`, `"id":{"seal":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"}`)
	edit("a statement that is a list", "list", `{`, `[{`)
	r := m.receipt(1)
	r.Statement = m.statements[2].Bytes()
	m.addReceipt("refused: the statement of another record", "other-statement", r, "log")
}

func (m *maker) badProofs() {
	change := func(name, file string, trust string, do func(r *proof.Receipt)) {
		r := m.receipt(1)
		do(r)
		m.addReceipt("refused: "+name, file, r, trust)
	}
	change("another index", "index", "log", func(r *proof.Receipt) { r.Index = 2 })
	change("an index beyond the log", "beyond", "log", func(r *proof.Receipt) { r.Index = m.size() })
	change("hashes of the path exchanged", "path-swapped", "log", func(r *proof.Receipt) { r.Path[0], r.Path[1] = r.Path[1], r.Path[0] })
	change("a hash of the path missing", "path-short", "log", func(r *proof.Receipt) { r.Path = r.Path[:len(r.Path)-1] })
	change("a hash too many in the path", "path-long", "log", func(r *proof.Receipt) { r.Path = append(r.Path, r.Path[0]) })
	change("no path at all", "path-none", "log", func(r *proof.Receipt) { r.Path = nil })
	change("the checkpoint of another size", "size", "log", func(r *proof.Receipt) { r.Note = m.note(4, m.log, vectorOrigin, 2) })
	change("a checkpoint with another root, signature kept", "root", "log", func(r *proof.Receipt) {
		other, err := proof.Text(m.note(4, m.log, vectorOrigin, 2))
		lines := strings.Split(string(must(m.t, other, err)), "\n")
		mine := strings.Split(string(r.Note), "\n")
		mine[2] = lines[2]
		r.Note = []byte(strings.Join(mine, "\n"))
	})
	change("signed by a stranger under the log's name", "stranger", "log", func(r *proof.Receipt) {
		s, _ := logSigner(m.t, vectorOrigin, seed("stranger"))
		r.Note = m.note(m.size(), s, vectorOrigin, 2)
	})
	change("another log", "origin", "log", func(r *proof.Receipt) {
		s, _ := logSigner(m.t, "other.example/log", seed("log"))
		r.Note = m.note(m.size(), s, "other.example/log", 2)
	})
	change("one witness of two", "one-witness", "witnessed", func(r *proof.Receipt) { r.Note = m.note(m.size(), m.log, vectorOrigin, 1) })
	change("no witness", "no-witness", "witnessed", func(r *proof.Receipt) { r.Note = m.note(m.size(), m.log, vectorOrigin, 0) })
	change("a witness's signature of another checkpoint", "moved-cosignature", "witnessed", func(r *proof.Receipt) {
		theirs := strings.Split(strings.TrimSpace(string(m.note(4, m.log, vectorOrigin, 2))), "\n")
		mine := strings.Split(strings.TrimSpace(string(r.Note)), "\n")
		mine[len(mine)-1] = theirs[len(theirs)-1]
		r.Note = []byte(strings.Join(mine, "\n") + "\n")
	})
	change("another size than was signed", "size-edited", "log", func(r *proof.Receipt) {
		r.Note = bytes.Replace(r.Note, fmt.Appendf(nil, "\n%d\n", m.size()), fmt.Appendf(nil, "\n%d\n", m.size()+1), 1)
	})
	change("a line behind the root that was not signed", "extension", "log", func(r *proof.Receipt) {
		r.Note = bytes.Replace(r.Note, []byte("=\n\n"), []byte("=\nextra\n\n"), 1)
	})
	change("no signature of the log", "only-witnesses", "witnessed", func(r *proof.Receipt) {
		lines := strings.SplitAfter(string(r.Note), "\n")
		r.Note = []byte(strings.Join(append(lines[:4], lines[5:]...), "")) // text, empty line, without the first signature
	})
	change("one bit of a witness's signature", "cosignature", "witnessed", func(r *proof.Receipt) {
		i := len(r.Note) - 10
		if r.Note[i]++; r.Note[i] > 'Z' {
			r.Note[i] = 'A'
		}
	})
	m.all = append(m.all, receiptVector{Name: "refused: a policy that names another key", File: "sealed.receipt.json", Trust: "stranger.trust.txt"})
}

func (m *maker) badStamps() {
	add := func(name, file string, r *proof.Receipt) { m.addReceipt("refused: "+name, file, r, "witnessed") }
	moved := m.receipt(1)
	moved.Timestamp = m.authority.stamp(m.t, "stamp-moved", []byte("something else\n"), time.Date(2026, 3, 3, 10, 0, 30, 0, time.UTC))
	add("a time stamp of another checkpoint", "stamp-moved", moved)
	none := m.receipt(1)
	none.Timestamp = []byte{0x30, 0x03, 0x02, 0x01, 0x01}
	add("a time stamp that is none", "stamp-garbage", none)
	add("a time stamp of an unknown authority", "stamp-stranger", m.stamped("stamp-stranger", newAuthority(m.t, 2), 0))
	add("a time stamp made when its certificate had expired", "stamp-expired", m.stamped("stamp-expired", m.authority, 23))
	longer := m.stamped("stamped", m.authority, 0)
	longer.Timestamp = append(bytes.Clone(longer.Timestamp), 0)
	add("a time stamp and a byte", "stamp-longer", longer)
	earlier := m.stamped("stamped", m.authority, 0)
	earlier.Timestamp = bytes.Replace(earlier.Timestamp, []byte("20260303100030Z"), []byte("20260303100029Z"), 1)
	add("a time stamp of a second before", "stamp-time", earlier)
}

func (m *maker) badValues() {
	change := func(name, file string, do func(r *proof.Receipt)) {
		r := m.receipt(1, "/decision/reason")
		do(r)
		m.addReceipt("refused: "+name, file, r, "log")
	}
	change("another value", "value", func(r *proof.Receipt) { r.Disclosed[0].Value = []byte(`"the order is older than 31 days"`) })
	change("another salt", "salt", func(r *proof.Receipt) { r.Disclosed[0].Salt[15] ^= 1 })
	change("a value in another place", "place", func(r *proof.Receipt) { r.Disclosed[0].Pointer = "/subject" })
	change("a value where no seal is", "no-seal", func(r *proof.Receipt) { r.Disclosed[0].Pointer = "/decision/outcome" })
	change("a value twice", "twice", func(r *proof.Receipt) { r.Disclosed = append(r.Disclosed, r.Disclosed[0]) })
	change("a value both disclosed and erased", "both", func(r *proof.Receipt) {
		r.Erased = []proof.Erasure{{Pointer: "/decision/reason", Tombstone: "v-9"}}
	})
	change("two values exchanged", "exchanged", func(r *proof.Receipt) {
		*r = *m.receipt(1, "/decision/reason", "/subject")
		r.Disclosed[0].Pointer, r.Disclosed[1].Pointer = r.Disclosed[1].Pointer, r.Disclosed[0].Pointer
	})
	change("the value of another record", "other-record", func(r *proof.Receipt) { r.Disclosed = m.receipt(5, "/x_none").Disclosed })
	change("the member of a sealed value", "inside", func(r *proof.Receipt) {
		r.Disclosed = []proof.Disclosure{{Pointer: "/inputs/0/value/total", Value: []byte("89.9")}}
	})
	change("erased twice", "erased-twice", func(r *proof.Receipt) {
		r.Erased = []proof.Erasure{{Pointer: "/subject", Tombstone: "v-9"}, {Pointer: "/subject", Tombstone: "v-8"}}
	})
	change("a tombstone that is no id", "tombstone", func(r *proof.Receipt) {
		r.Erased = []proof.Erasure{{Pointer: "/subject", Tombstone: "see the minutes"}}
	})
	change("an erasure where no seal is", "erased-nothing", func(r *proof.Receipt) {
		r.Erased = []proof.Erasure{{Pointer: "/decision/kind", Tombstone: "v-9"}}
	})
}

func (m *maker) badFiles() {
	raw, err := m.receipt(1, "/decision/reason").Marshal()
	good := string(must(m.t, raw, err))
	edit := func(name, file, from, to string) { m.edit("refused: "+name, file, "log", raw, from, to) }
	edit("another version of the format", "format", proof.ReceiptFormat, "counterfoil/receipt/v2")
	edit("an unknown member of the file", "file-member", `{"disclosed"`, `{"comment":"","disclosed"`)
	edit("a member of the file twice", "file-twice", `,"receipt":`, `,"receipt":"counterfoil/receipt/v1","receipt":`)
	edit("a member of the statement twice", "statement-twice", `"adverse":true`, `"adverse":false,"adverse":true`)
	edit("an index with a leading zero", "index-zero", `\nindex 1\n`, `\nindex 01\n`)
	edit("a number that two readers could read as two", "number", `"value":"the order is older than 30 days"`, `"value":89.90000000000000000001`)
	edit("a proof with other data", "proof-extra", `@v1\n`, `@v1\nextra AAAA\n`)
	edit("a carriage return", "carriage-return", `\nindex 1\n`, `\nindex 1\r\n`)
	edit("a line too many in the proof", "proof-line", `\n\nvectors`, `\nAAAA\n\nvectors`)
	edit("a salt that is too short", "salt-short", `"salt":"AA`, `"salt":"`)
	edit("a salt on two lines", "salt-lines", `"salt":"AA`, `"salt":"A\nA`)
	edit("a salt with padding", "salt-padded", `g","value":`, `g==","value":`)
	edit("null for no time stamp", "null", `{"disclosed"`, `{"timestamp":null,"disclosed"`)
	edit("a time stamp that is not base64", "stamp-base64", `{"disclosed"`, `{"timestamp":"MA=","disclosed"`)
	edit("an unknown member of a value", "value-member", `"pointer":"/decision/reason"`, `"pointer":"/decision/reason","note":1`)
	edit("a proof that is null", "no-proof", good[strings.Index(good, `"c2sp`):strings.Index(good, `,"receipt"`)], `null`)
	edit("another kind of proof", "proof-kind", `c2sp.org/tlog-proof@v1`, `c2sp.org/tlog-proof@v2`)
	m.add("refused: something behind the receipt", "trailing", []byte(good+"{}\n"), "log")
	m.add("refused: a byte order mark", "byte-order-mark", []byte("\ufeff"+good), "log")
	m.add("refused: cut off", "cut", []byte(good[:len(good)/2]), "log")
	m.add("refused: nothing", "empty", nil, "log")
	m.add("refused: not UTF-8", "utf8", []byte(strings.Replace(good, "older", "old\xffr", 1)), "log")
}
