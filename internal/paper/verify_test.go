// SPDX-License-Identifier: Apache-2.0

package paper_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"

	"github.com/counterfoil/counterfoil/proof"
	"github.com/counterfoil/counterfoil/record"
	"github.com/counterfoil/counterfoil/verify"
)

// tampering is one way to change a receipt; want is part of what the page says.
type tampering struct {
	change func(t *testing.T, r *proof.Receipt)
	want   string
}

func flip(b []byte) []byte {
	b = bytes.Clone(b)
	b[len(b)/2] ^= 1
	return b
}

// note edits the checkpoint, text and all.
func edit(old, new string) func(t *testing.T, r *proof.Receipt) {
	return func(t *testing.T, r *proof.Receipt) {
		t.Helper()
		if !bytes.Contains(r.Note, []byte(old)) {
			t.Fatalf("the checkpoint has no %q", old)
		}
		r.Note = bytes.Replace(r.Note, []byte(old), []byte(new), 1)
	}
}

// signature changes one byte in the signature line of a name.
func signature(name string) func(t *testing.T, r *proof.Receipt) {
	return func(t *testing.T, r *proof.Receipt) {
		t.Helper()
		before, rest, ok := strings.Cut(string(r.Note), "\n— "+name+" ")
		line, after, ok2 := strings.Cut(rest, "\n")
		sig, err := base64.StdEncoding.DecodeString(line)
		if !ok || !ok2 || err != nil {
			t.Fatalf("no signature of %s", name)
		}
		r.Note = []byte(before + "\n— " + name + " " + base64.StdEncoding.EncodeToString(flip(sig)) + "\n" + after)
	}
}

// unsign takes the signature line of a name away.
func unsign(name string) func(t *testing.T, r *proof.Receipt) {
	return func(t *testing.T, r *proof.Receipt) {
		t.Helper()
		lines := strings.SplitAfter(string(r.Note), "\n")
		kept := slices.DeleteFunc(slices.Clone(lines), func(l string) bool { return strings.HasPrefix(l, "— "+name+" ") })
		if len(kept) == len(lines) {
			t.Fatalf("no signature of %s", name)
		}
		r.Note = []byte(strings.Join(kept, ""))
	}
}

func statement(old, new string) func(t *testing.T, r *proof.Receipt) {
	return func(t *testing.T, r *proof.Receipt) {
		t.Helper()
		if !bytes.Contains(r.Statement, []byte(old)) {
			t.Fatalf("the statement has no %q", old)
		}
		r.Statement = bytes.Replace(r.Statement, []byte(old), []byte(new), 1)
	}
}

func tamperings() map[string]tampering {
	return map[string]tampering{
		"statement value":  {statement(`"outcome":"denied"`, `"outcome":"approved"`), "does not lead to the root"},
		"statement member": {statement(`"system":`, `"sys":"x","system":`), "does not lead to the root"},
		"seal": {func(t *testing.T, r *proof.Receipt) {
			statement(`"seal":"`, `"seal":"A`)(t, r)
			r.Statement = cutOne(r.Statement)
		}, "does not lead to the root"},
		"path hash":          {func(_ *testing.T, r *proof.Receipt) { r.Path[3][7] ^= 1 }, "does not lead to the root"},
		"path too short":     {func(_ *testing.T, r *proof.Receipt) { r.Path = r.Path[:len(r.Path)-1] }, "ends before the root"},
		"path too long":      {func(_ *testing.T, r *proof.Receipt) { r.Path = append(r.Path, r.Path[0]) }, "longer than the tree"},
		"index":              {func(_ *testing.T, r *proof.Receipt) { r.Index ^= 1 }, "does not lead to the root"},
		"index out of range": {func(_ *testing.T, r *proof.Receipt) { r.Index = 6000 }, "outside"},
		"log signature":      {signature(origin), "signature of " + origin + " is wrong"},
		"no log signature":   {unsign(origin), "did not sign"},
		"origin":             {edit(origin+"\n", "counterfoil.example/other\n"), "the checkpoint is of the log counterfoil.example/other"},
		"size":               {edit("\n5213\n", "\n5214\n"), "is wrong"},
		"extension line":     {edit("=\n\n", "=\nextra\n\n"), "is wrong"},
		"missing witness":    {unsign("witness-b.example"), "not enough trusted witnesses"},
		"witness signature":  {signature("witness-a.example"), "signature of the witness witness-a.example is wrong"},
		"disclosed value":    {func(_ *testing.T, r *proof.Receipt) { r.Disclosed[0].Value = []byte(`"no"`) }, "is not what was sealed"},
		"salt":               {func(_ *testing.T, r *proof.Receipt) { r.Disclosed[1].Salt[0] ^= 1 }, "is not what was sealed"},
		"pointer":            {func(_ *testing.T, r *proof.Receipt) { r.Disclosed[0].Pointer = "/decision/confidence" }, "is not what was sealed"},
		"pointer to nothing": {func(_ *testing.T, r *proof.Receipt) { r.Disclosed[0].Pointer = "/system" }, "nothing is sealed at /system"},
		"opened twice":       {func(_ *testing.T, r *proof.Receipt) { r.Disclosed = append(r.Disclosed, r.Disclosed[0]) }, "opened twice"},
		"opened and erased":  {func(_ *testing.T, r *proof.Receipt) { r.Erased = []proof.Erasure{{Pointer: r.Disclosed[0].Pointer}} }, "or it is disclosed"},
		"stamp of another":   {func(_ *testing.T, r *proof.Receipt) { r.Timestamp = flipAt(r.Timestamp, imprint(r)) }, "time stamp is of another checkpoint"},
		"stamp is no token":  {func(_ *testing.T, r *proof.Receipt) { r.Timestamp = []byte("no token") }, "time stamp"},
		"another log's key":  {func(_ *testing.T, r *proof.Receipt) {}, "did not sign"},
		"a log not trusted":  {func(_ *testing.T, r *proof.Receipt) {}, "the trust policy names elsewhere.example"},
	}
}

// cutOne takes one character off the first seal, which statement made one longer.
func cutOne(b []byte) []byte {
	i := bytes.Index(b, []byte(`"seal":"`)) + len(`"seal":"`) + 43
	return slices.Delete(bytes.Clone(b), i, i+1)
}

func imprint(r *proof.Receipt) int {
	text, err := proof.Text(r.Note)
	if err != nil {
		return -1
	}
	return bytes.Index(r.Timestamp, sha256Sum(text))
}

func flipAt(b []byte, i int) []byte {
	b = bytes.Clone(b)
	b[i] ^= 1
	return b
}

// judge lets package verify say whether a receipt is valid: the page has to
// come to the same verdict.
func judge(t testing.TB, receipt, trust []byte, valid bool) {
	t.Helper()
	policy, err := proof.ParseTrust(trust)
	if err != nil {
		t.Fatal(err)
	}
	if r := verify.Receipt(receipt, policy); r.Valid != valid {
		t.Errorf("package verify finds valid=%v, want %v: %+v", r.Valid, valid, r.Faults)
	}
}

// TestTampered changes a receipt in every way and lets the page find it.
func TestTampered(t *testing.T) {
	t.Parallel()
	browser := startBrowser(t)
	w := newWorld(t)
	all := tamperings()
	for _, name := range slices.Sorted(maps.Keys(all)) {
		t.Run(name, func(t *testing.T) {
			b := newTab(t, browser)
			r := w.receipt(t, refund, options{size: 5213, index: 4711, disclose: some, stamp: true})
			all[name].change(t, r)
			judge(t, marshal(t, r), w.trustFor(t, name), name == "opened and erased") // the page is stricter there
			state, said := b.open(render(t, marshal(t, r), w.trustFor(t, name)))
			if state != "bad" || !strings.HasPrefix(said, "NOT VALID") || !strings.Contains(strings.ToLower(said), strings.ToLower(all[name].want)) {
				t.Errorf("%s: %s, want it to say %q", state, said, all[name].want)
			}
			if !strings.Contains(b.text(`document.getElementById("record").innerText`), "This receipt is not valid") {
				t.Error("the record is shown as if it were proven")
			}
			b.quiet()
		})
	}
}

// TestChangedWords changes what the page says, not the receipt in it.
func TestChangedWords(t *testing.T) {
	t.Parallel()
	b := newTab(t, startBrowser(t))
	w := newWorld(t)
	html := render(t, marshal(t, w.receipt(t, refund, options{size: 3, index: 2, disclose: some})), w.trust(t, 2))
	changed := bytes.Replace(html, []byte("Refund: denied"), []byte("Refund: approved"), 1)
	if bytes.Equal(html, changed) {
		t.Fatal("the page does not say it")
	}
	if state, said := b.open(changed); state != "bad" || !strings.Contains(said, "did not say what its receipt says") {
		t.Errorf("%s: %s", state, said)
	}
	if h1 := b.text(`document.querySelector("h1").innerText`); h1 != "Refund: denied" {
		t.Errorf("after the check the page says %q", h1)
	}
	broken := bytes.Replace(html, []byte(`const counterfoil = (`), []byte(`const counterfoil =  (`), 1)
	b.must(chromedp.Navigate("file://" + b.file("broken.html", broken)))
	if said := b.text(`document.getElementById("verdict").innerText`); !strings.Contains(said, "Not checked") {
		t.Errorf("a page with a changed script says %s", said)
	}
}

// TestAlone opens the page where it can not check, and expects it to say so.
func TestAlone(t *testing.T) {
	t.Parallel()
	browser := startBrowser(t)
	w := newWorld(t)
	html := render(t, marshal(t, w.receipt(t, refund, options{size: 3, index: 2, disclose: some})), w.trust(t, 2))
	for name, c := range map[string]struct{ script, want string }{
		"no access":  {`Object.defineProperty(Crypto.prototype, "subtle", {value: undefined})`, "gives no access to its cryptography"},
		"no Ed25519": {`SubtleCrypto.prototype.importKey = async () => { throw new DOMException("no", "NotSupportedError") }`, "does not know Ed25519"},
		"says yes":   {`SubtleCrypto.prototype.verify = async () => true`, "gives wrong answers"},
	} {
		t.Run(name, func(t *testing.T) {
			b := newTab(t, browser)
			b.must(command(page.AddScriptToEvaluateOnNewDocument, page.AddScriptToEvaluateOnNewDocumentParams{Source: c.script}))
			b.must(chromedp.Navigate("file://" + b.file("receipt.html", html)))
			if state, said := b.verdict(1); state != "off" || !strings.HasPrefix(said, "Not checked") || !strings.Contains(said, c.want) {
				t.Errorf("%s: %s", state, said)
			}
		})
	}
	t.Run("no JavaScript", func(t *testing.T) {
		b := newTab(t, browser)
		b.must(command(emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: true}),
			chromedp.Navigate("file://"+b.file("receipt.html", html)))
		said := b.text(`document.body.innerText`)
		for _, want := range []string{"Not checked", "which is off", "Refund: denied", "withheld", "(not checked)"} {
			if !strings.Contains(said, want) {
				t.Errorf("the page does not say %q", want)
			}
		}
		b.shot("no-javascript", 1440, "light")
	})
}

// TestFiles gives the page other files: a trust policy, good and bad receipts.
func TestFiles(t *testing.T) {
	t.Parallel()
	b := newTab(t, startBrowser(t))
	w := newWorld(t)
	good := marshal(t, w.receipt(t, refund, options{size: 5213, index: 4711, disclose: some}))
	if state, said := b.open(render(t, good, w.trust(t, 2))); state != "good" || !strings.Contains(said, "with the key below") {
		t.Fatalf("%s: %s", state, said)
	}
	run := 1
	give := func(input string, data []byte, state, want string) {
		t.Helper()
		run++
		b.must(chromedp.SetUploadFiles(chromedp.CSS(input), []string{b.file("given.txt", data)}))
		if got, said := b.verdict(run); got != state || !strings.Contains(strings.ToLower(said), strings.ToLower(want)) {
			t.Errorf("%s: %s, want %s: %s", got, said, state, want)
		}
	}
	notice := w.receipt(t, `{"type":"notice","id":"n-1","time":"2026-03-04T10:00:00+01:00","notice":{"kind":"ai_disclosure","text":"You are talking to a machine."}}`,
		options{size: 7, index: 6, disclose: []string{"/notice/text"}})
	give("#own-trust", w.trust(t, 1), "good", "with your own trust file")
	give("#other-receipt", marshal(t, notice), "good", "given.txt")
	if said := b.text(`document.getElementById("record").innerText`); !strings.Contains(said, "You are talking to a machine.") || strings.Contains(said, "Refund") {
		t.Errorf("the page shows %s", said)
	}
	b.shot("notice-1440", 1440, "light")
	give("#own-trust", w.trustFor(t, "another log's key"), "bad", "did not sign")
	give("#own-trust", []byte("quorum none\n"), "bad", "names no log")
	give("#own-trust", w.trust(t, 0), "good", "given.txt")
	double := bytes.Replace(good, []byte(`"outcome":"denied"`), []byte(`"outcome":"approved","outcome":"denied"`), 1)
	give("#other-receipt", double, "bad", "stands twice")
	rounded := bytes.Replace(good, []byte(`"threshold":0.7`), []byte(`"threshold":0.70000000000000000001`), 1)
	give("#other-receipt", rounded, "bad", "no exact double")
	give("#other-receipt", []byte("hello"), "bad", "given.txt")
	give("#other-receipt", []byte(`{"receipt":"counterfoil/receipt/v1","statement":{},"proof":""}`), "bad", "tlog-proof")
	give("#other-receipt", append([]byte(" \n"), good...), "good", "given.txt")
	b.quiet()

	b.text(`(() => { URL.createObjectURL = (blob) => { window.saved = blob.text(); return "about:blank#saved" }; HTMLAnchorElement.prototype.click = () => {}; document.getElementById("save-receipt").click(); return "" })()`)
	saved, err := chromedp.Run(b.ctx, chromedp.Evaluate[string](`window.saved`, chromedp.EvalAwaitPromise))
	if err != nil || saved != " \n"+string(good) {
		t.Errorf("%v: saved %d bytes of %d", err, len(saved), len(good)+2)
	}
}

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
			if raw := b.text(`document.body.innerText.replace(/[\s\S]*The proof/, "").length + "" + /[\u202e\u2066\u200b\x1b]/.test(document.getElementById("record").textContent)`); !strings.HasSuffix(raw, "false") {
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
