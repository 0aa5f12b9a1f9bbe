// SPDX-License-Identifier: Apache-2.0

package paper_test

import (
	"bytes"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"
)

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
	broken := bytes.Replace(html, []byte(`const formats = (`), []byte(`const formats =  (`), 1)
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
