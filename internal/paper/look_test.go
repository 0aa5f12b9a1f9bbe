// SPDX-License-Identifier: Apache-2.0

package paper_test

import (
	"bytes"
	"strconv"
	"testing"

	"github.com/chromedp/chromedp"

	"github.com/counterfoil/counterfoil/internal/paper"
)

func render(t testing.TB, receipt, trust []byte) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := paper.HTML(&b, receipt, trust); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// TestLook shows a receipt as a person would see it: valid and not, wide and
// narrow, light, dark and printed.
func TestLook(t *testing.T) {
	t.Parallel()
	b := newTab(t, startBrowser(t))
	w := newWorld(t)
	r := w.receipt(t, refund, options{size: 5213, index: 4711, disclose: some, stamp: true})
	judge(t, marshal(t, r), w.trust(t, 2), true)
	if state, said := b.open(render(t, marshal(t, r), w.trust(t, 2))); state != "good" {
		t.Fatalf("%s: %s\n%s", state, said, b.text(`document.getElementById("steps").innerText`))
	}
	b.shot("light-1200", 1200, "light")
	b.shot("light-1440", 1440, "light")
	b.shot("dark-1440", 1440, "dark")
	b.shot("light-390", 390, "light")
	b.shot("dark-390", 390, "dark")
	b.text(`document.querySelectorAll("details").forEach((d) => { d.open = true }), ""`)
	b.shot("open-1440", 1440, "light")
	for _, width := range []int64{1440, 1000, 390, 320} {
		b.look(width, "light")
		over := b.text(`String(document.documentElement.scrollWidth - document.documentElement.clientWidth)`)
		if n, _ := strconv.Atoi(over); n > 0 {
			t.Errorf("at %d wide the page is %d pixels too wide", width, n)
		}
	}
	pdf, err := chromedp.Run(b.ctx, chromedp.PrintToPDF(chromedp.PDFPaper(chromedp.PaperA4), chromedp.PDFPreferCSSPageSize(), chromedp.PDFPrintBackground()))
	if err != nil {
		t.Fatal(err)
	}
	b.keep("print.pdf", pdf)

	r.Disclosed[0].Value = []byte(`"The order came back 61 days after delivery."`)
	if state, _ := b.open(render(t, marshal(t, r), w.trust(t, 2))); state != "bad" {
		t.Fatal("a changed value was not found")
	}
	b.shot("invalid-1440", 1440, "light")
	b.shot("invalid-dark-390", 390, "dark")
	b.quiet()
}
