// SPDX-License-Identifier: Apache-2.0

package paper_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/counterfoil/counterfoil/proof"
	"github.com/counterfoil/counterfoil/record"
)

// hostile is text that tries everything that text can try.
const hostile = "</script><script>alert(1)</script><img src=x onerror=alert(2)>\"'`{{.}}${alert(3)}<!--\u202eevil\u2066\u200b\x1b[31mred\x07\r\x7f\u0085\ufeff\U000e0041 \u2028javascript:alert(4)//]]>"

// TestHostile shows hostile text in every place, and sees that nothing ran and
// that nothing is hidden.
func TestHostile(t *testing.T) {
	t.Parallel()
	browser := startBrowser(t)
	w := newWorld(t)
	text, err := json.Marshal(hostile)
	if err != nil {
		t.Fatal(err)
	}
	huge, _ := json.Marshal(strings.Repeat(hostile+"ß", 600_000/len(hostile)))
	private := strings.NewReplacer(`"customer:12345"`, string(text), `"The order came back 41 days after delivery; the returns policy allows 30."`, string(huge),
		`{"order_id":"W123"`, `{`+string(text)+`:{`+string(text)+`:[[`+string(text)+`,{"a\nb":"c\nd"}],[],{}]},"order_id":"W123"`).Replace(refund)
	evil := `{"type":` + string(text) + `,"id":` + string(text) + `,"` + strings.Repeat("n", 9000) + `":{"seal":` + string(text) + `},"decision":{"kind":` + string(text) +
		`,"status":"made"},"system":` + string(text) + `,"time":` + string(text) + `,"steps":[{"op":` + string(text) + `},[` + string(text) + `,{"x":null}],{"seal":"` + strings.Repeat("a", 43) + `"}],"controls":[{"id":1,"result":"pass"}],` + string(text) + `:` + string(text) + `,"__proto__":{"constructor":1},"statement":"counterfoil/v1"}`
	canonical, err := record.Canonicalize([]byte(evil))
	if err != nil {
		t.Fatal(err)
	}
	forged := w.prove(t, canonical, options{size: 2})
	forged.Erased = []proof.Erasure{{Pointer: "/steps/2", Tombstone: hostile}}
	for name, c := range map[string]struct {
		receipt *proof.Receipt
		state   string
	}{
		"private":   {w.receipt(t, private, options{disclose: []string{"/subject", "/decision/reason", "/inputs/0/value"}}), "good"},
		"statement": {forged, "bad"}, // the id is no id
	} {
		t.Run(name, func(t *testing.T) {
			b := newTab(t, browser)
			html := render(t, marshal(t, c.receipt), w.trust(t, 2))
			state, said := b.open(html)
			if state != c.state {
				t.Errorf("%s: %s", state, said)
			}
			if name == "private" && !strings.Contains(said, "Verified") {
				t.Error(said)
			}
			for _, badge := range []string{"ESC", "BEL", "CR", "DEL", "U+202E", "U+2066", "U+200B", "U+0085", "U+FEFF", "U+E0041", "U+2028"} {
				if !strings.Contains(b.text(`[...document.querySelectorAll("#record .ctl")].map(e => e.textContent).join(" ")`), badge) {
					t.Errorf("%s is hidden", badge)
				}
			}
			if raw := b.text(`document.querySelectorAll("body > script").forEach((s) => s.remove()), String(/[\u202e\u2066\u200b\u2028\ufeff\x1b\x07\r]/.test(document.documentElement.textContent))`); !strings.HasSuffix(raw, "false") {
				t.Error("a character that turns text around reached the page")
			}
			if n := b.text(`String(document.querySelectorAll("#record script, #record img").length)`); n != "0" {
				t.Errorf("%s elements came from recorded text", n)
			}
			if more := b.text(`document.querySelector("#record .more")?.textContent ?? ""`); name == "private" && !strings.Contains(more, "more characters") {
				t.Errorf("the long text is not cut: %q", more)
			}
			b.shot("hostile-"+name, 1440, "light")
			b.quiet()
			sameView(b, html)
		})
	}
}

// TestSameView sees for every type that view.js draws what view.go wrote.
func TestSameView(t *testing.T) {
	t.Parallel()
	b := newTab(t, startBrowser(t))
	w := newWorld(t)
	trust := w.trust(t, 0)
	for _, typ := range record.Types() {
		for turn := range 3 {
			raw := full(t, typ, turn)
			rec, err := record.Parse([]byte(raw))
			if err != nil {
				t.Fatal(err)
			}
			p := rec.Private()
			receipt := marshal(t, w.receipt(t, raw, options{size: 9, index: int64(turn), disclose: p[:len(p)/2], erased: p[len(p)-1:]}))
			judge(t, receipt, trust, true)
			html := render(t, receipt, trust)
			if state, said := b.open(html); state != "good" {
				t.Fatalf("%s: %s: %s", typ, state, said)
			}
			sameView(b, html)
		}
	}
	b.quiet()
}

// sameView compares the record as the page drew it with the record as it was
// written: elements, classes, full digests and text.
func sameView(b *tab, html []byte) {
	b.Helper()
	source, err := json.Marshal(string(html))
	if err != nil {
		b.Fatal(err)
	}
	const shape = `(root) => { document.querySelector("#record .warn")?.remove(); const walk = (n) => n.nodeType === 3 ? n.data.replace(/\s+/g, " ").trim() :
		n.nodeName + "." + (n.getAttribute("class") ?? "").replace(" broken", "") + (n.getAttribute("title") ?? "") + "[" + [...n.childNodes].map(walk).filter(x => x).join("|") + "]";
		root.normalize(); return [...root.childNodes].map(walk).filter(x => x).join("\n") }`
	written := b.text(`(` + shape + `)(new DOMParser().parseFromString(` + string(source) + `, "text/html").getElementById("record"))`)
	drawn := b.text(`(` + shape + `)(document.getElementById("record"))`)
	if written == "" || written != drawn {
		i := 0
		for i < min(len(written), len(drawn)) && written[i] == drawn[i] {
			i++
		}
		b.Errorf("view.go and view.js differ:\nwritten …%.300s\ndrawn   …%.300s", written[max(0, i-100):], drawn[max(0, i-100):])
	}
}
