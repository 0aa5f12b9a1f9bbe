// SPDX-License-Identifier: Apache-2.0

package paper

import (
	"bytes"
	_ "embed" // the page and its scripts
	"encoding/json"
	"fmt"
	"html/template"
	"io"
	"unicode/utf8"

	"github.com/counterfoil/counterfoil/proof"
)

var (
	//go:embed assets/page.html.tmpl
	pageTemplate string
	//go:embed assets/page.css
	styleSheet string
	//go:embed assets/formats.js
	formatsScript string
	//go:embed assets/verify.js
	verifyScript string
	//go:embed assets/view.js
	viewScript string
	//go:embed assets/page.js
	pageScript string
)

// scallop is the rim of the seal glyph in a box of 24 by 24.
const scallop = "M12 2A2.5 2.5 0 0 1 16.34 2.99A2.5 2.5 0 0 1 19.82 5.77A2.5 2.5 0 0 1 21.75 9.77A2.5 2.5 0 0 1 21.75 14.23" +
	"A2.5 2.5 0 0 1 19.82 18.23A2.5 2.5 0 0 1 16.34 21.01A2.5 2.5 0 0 1 12 22A2.5 2.5 0 0 1 7.66 21.01A2.5 2.5 0 0 1 4.18 18.23" +
	"A2.5 2.5 0 0 1 2.25 14.23A2.5 2.5 0 0 1 2.25 9.77A2.5 2.5 0 0 1 4.18 5.77A2.5 2.5 0 0 1 7.66 2.99A2.5 2.5 0 0 1 12 2Z"

// page is all that the template is given.
type page struct {
	facts
	View    view
	Policy  string
	Style   template.CSS
	Scripts []template.JS
	Words   any
	Scallop string
}

// HTML writes one receipt as one self-contained HTML file that checks itself in
// the browser, offline, against a trust policy. receiptJSON is a receipt file
// and trustText a trust policy file, see package proof; both are embedded
// byte for byte. The receipt is not judged here: a wrong one gives a page that
// says so when it is opened. The error says why a file could not be read, or
// comes from w. HTML keeps nothing and is safe for concurrent use.
func HTML(w io.Writer, receiptJSON []byte, trustText []byte) error {
	p, err := newPage(receiptJSON, trustText)
	if err != nil {
		return err
	}
	t, err := template.New("page").Funcs(template.FuncMap{"cut": cut}).Parse(pageTemplate)
	if err != nil {
		return fmt.Errorf("read page template: %w", err)
	}
	var b bytes.Buffer
	if err := t.Execute(&b, p); err != nil {
		return fmt.Errorf("write page: %w", err)
	}
	if _, err := b.WriteTo(w); err != nil {
		return fmt.Errorf("write page: %w", err)
	}
	return nil
}

func newPage(receiptJSON, trustText []byte) (*page, error) {
	r, err := proof.ParseReceipt(receiptJSON)
	if err != nil {
		return nil, err
	}
	if !utf8.Valid(trustText) {
		return nil, fmt.Errorf("read trust policy: not UTF-8")
	}
	t, err := proof.ParseTrust(trustText)
	if err != nil {
		return nil, err
	}
	w, err := readWords()
	if err != nil {
		return nil, err
	}
	p := &page{Style: template.CSS(styleSheet), Scallop: scallop}
	if p.facts, err = w.readFacts(r, t); err != nil {
		return nil, err
	}
	if err := p.show(w, r); err != nil {
		return nil, err
	}
	p.ReceiptText, p.TrustText = string(receiptJSON), string(trustText)
	p.TrustRuns = w.runs(p.TrustText)
	p.Words = json.RawMessage(wordsJSON)
	scripts := []string{formatsScript, verifyScript, viewScript, pageScript}
	for _, s := range scripts {
		p.Scripts = append(p.Scripts, template.JS(s))
	}
	p.Policy = Policy(styleSheet, scripts...) + "; img-src data:"
	return p, nil
}

// show fills in what a person reads.
func (p *page) show(w *words, r *proof.Receipt) error {
	v := &viewer{words: w, opened: map[string]value{}, erased: map[string]string{}, count: map[string]int{}}
	var err error
	if v.statement, err = parseValue(r.Statement); err != nil {
		return fmt.Errorf("read statement: %w", err)
	}
	for _, d := range r.Disclosed {
		if v.opened[d.Pointer], err = parseValue(d.Value); err != nil {
			return fmt.Errorf("read disclosed value at %s: %w", d.Pointer, err)
		}
	}
	for _, e := range r.Erased {
		v.erased[e.Pointer] = e.Tombstone
	}
	id, _ := v.public("/id")
	p.ID, p.IDText = id.text, w.short(id.text)
	p.View = v.view()
	return nil
}
