// SPDX-License-Identifier: Apache-2.0

package demo

import (
	"iter"
	"math/rand/v2"
	"strconv"
	"strings"
	"time"
)

// LoadValues is how many private values each record of [Load] has.
const LoadValues = 8

// Load yields n decision records of about 2 KB, each with exactly [LoadValues]
// private values, or records without end when n is not positive. They are to
// load a ledger with: each takes about a microsecond to make, the texts and
// numbers differ, and the ids are UUIDv7 in time order, one a millisecond from
// the first of January 2026. Another seed gives other ids and another source, so
// several can be loaded side by side; the same seed gives the same bytes. Each
// slice is fresh and the receiver's to keep.
func Load(n int, seed uint64) iter.Seq[[]byte] {
	return func(yield func([]byte) bool) {
		l := newLoader(seed)
		for i := 0; n <= 0 || i < n; i++ {
			if !yield(l.next(i)) {
				return
			}
		}
	}
}

// loader is owned by one iteration.
type loader struct {
	pcg    *rand.PCG
	words  []string
	source string
	clock  time.Time
	second int64
	stamp  []byte // the second of the record's time, as text
	bits   uint64 // not yet used random bits
	left   int    // how many
	who    []byte // whom the conversation is with
}

func newLoader(seed uint64) *loader {
	return &loader{pcg: rand.NewPCG(seed, 0x6c6f6164), words: strings.Fields(loadWords), source: `"source":{"id":"load-` + strconv.FormatUint(seed, 10) + `","seq":`,
		clock: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC), second: -1}
}

func (l *loader) next(i int) []byte {
	ms := l.clock.UnixMilli() + int64(i)
	b := make([]byte, 0, 2304)
	b = append(b, `{"type":"decision","id":"`...)
	b = l.uuid(b, uint64(ms))
	b = append(b, `","time":"`...)
	b = l.time(b, ms)
	b = append(b, `",`...)
	b = append(b, l.source...)
	b = strconv.AppendInt(b, int64(i)+1, 10)
	b = append(b, `},"system":"refund-agent","use_case":"refunds","interaction":{"id":"int_`...)
	b = l.code(b, 10)
	b = append(b, `","channel":"chat","journey":"jrn_`...)
	b = l.code(b, 10)
	b = append(b, `","locale":"en-GB"},"subject":"customer:`...)
	b = l.person(b, i)
	b = append(b, `","decision":{"kind":"refund","status":"made","outcome":"`...)
	b = append(b, [4]string{"approved", "approved", "denied", "referred"}[l.take(2)]...)
	b = append(b, `","adverse":false,"significant":"yes","automation":"solely_automated","threshold":0.8,"confidence":0.`...)
	b = l.digits(b, 4)
	b = append(b, `,"reason":"`...)
	b = l.text(b, 80)
	b = append(b, `"},"versions":{"model":"fraud-score@3.2.1","prompt":"refund-reply@12","policy":["returns@5"],"config":"refunds-eu@41"},`...)
	b = append(b, `"inputs":[{"name":"message","source":"chat","category":"message","origin":"provided","value":"`...)
	b = l.text(b, 240)
	b = append(b, `"},{"name":"order","source":"oms","category":"order","origin":"observed","value":{"order_id":"W`...)
	b = l.digits(b, 7)
	b = append(b, `","total":`...)
	b = l.digits(b, 3)
	b = append(b, `.25,"currency":"EUR","email":"`...)
	b = l.code(b, 9)
	b = append(b, `@example.com","note":"`...)
	b = l.text(b, 60)
	return l.rest(b, ms)
}

// person is whom a record is about. Four records in a row, as one conversation
// makes them, are about one of a million.
func (l *loader) person(b []byte, i int) []byte {
	if i%4 == 0 || l.who == nil {
		l.who = l.hex(l.who[:0], 5)
	}
	return append(b, l.who...)
}

// rest is the second half of a record: steps, outputs and controls.
func (l *loader) rest(b []byte, ms int64) []byte {
	b = append(b, `"}}],"steps":[{"op":"chat","provider":"azure-openai","request_model":"gpt-4o-2024-08-06","response_model":"gpt-4o-2024-08-06","ended":"`...)
	b = l.time(b, ms)
	b = append(b, `","usage":{"input_tokens":1`...)
	b = l.digits(b, 2)
	b = append(b, `,"output_tokens":1`...)
	b = l.digits(b, 1)
	b = append(b, `},"finish_reasons":["stop"]},{"op":"execute_tool","tool":"get_order","side_effect":"none","arguments":{"order_id":"W`...)
	b = l.digits(b, 7)
	b = append(b, `"},"result":{"tracking":"`...)
	b = l.code(b, 18)
	b = append(b, `","text":"`...)
	b = l.text(b, 50)
	b = append(b, `"}}],"outputs":[{"name":"reply","kind":"message","marked_ai":true,"locale":"en-GB","value":"`...)
	b = l.text(b, 220)
	return append(b, `"}],"controls":[{"id":"pii-in-reply","version":"3","result":"pass","by":"gateway"}]}`...)
}

// take returns n random bits.
func (l *loader) take(n int) uint64 {
	if l.left < n {
		l.bits, l.left = l.pcg.Uint64(), 64
	}
	v := l.bits & (1<<n - 1)
	l.bits >>= n
	l.left -= n
	return v
}

// text appends words until at least size bytes stand.
func (l *loader) text(b []byte, size int) []byte {
	end := len(b) + size
	for len(b) < end {
		b = append(b, l.words[l.take(8)]...)
		b = append(b, ' ')
	}
	return b[:len(b)-1]
}

func (l *loader) code(b []byte, n int) []byte {
	const alphabet = base62 + "ab"
	for range n {
		b = append(b, alphabet[l.take(6)])
	}
	return b
}

func (l *loader) hex(b []byte, n int) []byte {
	const alphabet = "0123456789abcdef"
	for range n {
		b = append(b, alphabet[l.take(4)])
	}
	return b
}

// digits appends n digits of which neither the first nor the last is a zero.
func (l *loader) digits(b []byte, n int) []byte {
	for range n {
		b = append(b, byte('1'+l.take(3)))
	}
	return b
}

func (l *loader) uuid(b []byte, ms uint64) []byte {
	const alphabet = "0123456789abcdef"
	for shift := 44; shift >= 0; shift -= 4 {
		if shift == 12 {
			b = append(b, '-')
		}
		b = append(b, alphabet[ms>>shift&15])
	}
	b = append(b, "-7"...)
	b = l.hex(b, 3)
	b = append(b, '-', "89ab"[l.take(2)])
	b = l.hex(b, 3)
	b = append(b, '-')
	return l.hex(b, 12)
}

func (l *loader) time(b []byte, ms int64) []byte {
	if s := ms / 1000; s != l.second {
		l.second = s
		l.stamp = time.Unix(s, 0).UTC().AppendFormat(l.stamp[:0], "2006-01-02T15:04:05.")
	}
	b = append(b, l.stamp...)
	m := ms % 1000
	return append(b, byte('0'+m/100), byte('0'+m/10%10), byte('0'+m%10), 'Z')
}

// loadWords are 256 words.
const loadWords = `order parcel refund invoice delivery courier depot address street number customer account payment card voucher
return exchange warranty manual battery charger lamp chair table sofa mattress pillow kettle espresso grinder headphones doorbell vacuum bench parasol
kitchen bunk rug curtain mirror bracket screw cable adapter carton label receipt photo signature neighbour doorstep garage hallway window office
morning afternoon evening Monday Tuesday Wednesday Thursday Friday weekend yesterday today tomorrow week month January February March April June July
August October November please thanks hello sorry kindly regards dear team colleague manager person human agent support service answer question reply
message letter email phone call chat ticket case claim complaint dispute review decision reason evidence policy rule control check score threshold model
version prompt system source record broken damaged missing late lost wrong faulty dented scratched torn wet empty heavy large small narrow wide
bright dark loud quiet new old used sealed opened unpacked assembled ordered shipped scanned delivered refused returned refunded charged reserved booked
cancelled changed confirmed promised expected waited called wrote asked answered checked looked found sent received signed accepted rejected approved
denied referred escalated explained contested because although however therefore already still again never always often once twice three four seven ten
twelve thirty Köln Leipzig Hamburg München Leeds Bristol Glasgow Dublin Wien Graz bitte danke leider gerne Bestellung Lieferung Rechnung Erstattung
Paket Karte Konto Straße Termin Nachricht Antwort Frage Grund Gerät Lampe Sessel Teppich Spiegel kaputt verspätet beschädigt geliefert bezahlt
storniert geprüft abgelehnt genehmigt Woche Monat heute morgen gestern Kundin Kollege Anfrage Angebot Garantie Anleitung Lager`
