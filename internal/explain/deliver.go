// SPDX-License-Identifier: Apache-2.0

package explain

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/counterfoil/counterfoil/internal/ledger"
	"github.com/counterfoil/counterfoil/record"
)

// Channels are those on which an explanation can be delivered, as records have
// them.
var Channels = []string{"voice", "chat", "email", "sms", "web", "app", "in_person", "other"}

// By is who delivers.
type By struct {
	Actor     string
	Principal string
}

// Delivery is what was delivered.
type Delivery struct {
	Record    string    `json:"record"`
	Index     int64     `json:"index"`
	Decision  string    `json:"decision"`
	Audience  string    `json:"audience"`
	Language  string    `json:"language"`
	Template  string    `json:"template"`
	Delivered time.Time `json:"delivered"`
	// Digest is that of the exact text: sha256: and hexadecimal digits.
	Digest string `json:"digest"`
	Text   string `json:"text"`
}

// Deliver explains a decision and records the exact text. It sends nothing: the
// caller hands out the text of the answer, and nothing else. If evidence that
// must be there is missing, nothing is delivered, and a finding is opened.
func (x *Explainer) Deliver(ctx context.Context, by By, req Request, channel string) (*Delivery, error) {
	if !slices.Contains(Channels, channel) {
		return nil, fault(ledger.Invalid, "use one of: "+strings.Join(Channels, ", "), "%q is no channel", channel)
	}
	e, err := x.Explain(ctx, req)
	if err != nil {
		return nil, err
	}
	if len(e.Stops) > 0 {
		return nil, x.stop(ctx, by, e)
	}
	id, err := uuid.NewV7()
	if err != nil {
		return nil, err
	}
	text := e.Text()
	d := &Delivery{Record: "exp-" + id.String(), Decision: e.Decision, Audience: e.Audience, Language: e.Language, Template: e.Template,
		Delivered: x.cfg.Now().UTC().Truncate(time.Microsecond), Digest: digest(text), Text: text}
	types := []string{}
	for _, s := range e.Sections {
		types = append(types, s.Type)
	}
	at := d.Delivered.Format(time.RFC3339Nano)
	d.Index, err = x.append(ctx, by, map[string]any{"type": "explanation", "id": d.Record, "time": at, "about": d.Decision, "system": e.system,
		"explanation": map[string]any{"audience": d.Audience, "types": types, "template": d.Template, "locale": d.Language, "delivered": at,
			"digest": d.Digest, "text": d.Text, "x_channel": channel, "x_by": by.Actor, "x_withheld": e.Withheld}})
	return d, err
}

// stop opens a finding, once for the same lack, and refuses.
func (x *Explainer) stop(ctx context.Context, by By, e *Explanation) error {
	sum := sha256.Sum256([]byte(strings.Join(append([]string{e.Decision, e.Audience, e.Template}, e.Stops...), "\n")))
	id := "exp-stop-" + hex.EncodeToString(sum[:8])
	_, err := x.l.Get(ctx, id)
	if le, ok := errors.AsType[*ledger.Error](err); ok && le.Code == ledger.NotFound {
		_, err = x.append(ctx, by, map[string]any{"type": "finding", "id": id, "time": x.cfg.Now().UTC().Format(time.RFC3339Nano), "about": e.Decision, "system": e.system,
			"finding": map[string]any{"code": "explanation_incomplete", "status": "open", "severity": "medium",
				"text": "no explanation for the " + e.Audience + " could be delivered: evidence is missing for " + strings.Join(e.Stops, ", ")}})
	}
	if err != nil {
		return err
	}
	hint := "explain it without delivering to see what is missing"
	if slices.ContainsFunc(e.Missing, func(m Missing) bool { return m.State == Withheld }) {
		hint = "state a purpose: private values that it needs were not opened"
	}
	return fault(ledger.Conflict, hint, "this explanation can not be delivered: evidence is missing for %s; finding %s is open", strings.Join(e.Stops, ", "), id)
}

func (x *Explainer) append(ctx context.Context, by By, doc map[string]any) (int64, error) {
	b, err := json.Marshal(doc)
	if err != nil {
		return 0, err
	}
	rec, err := record.Parse(b)
	if err != nil {
		return 0, fmt.Errorf("make record: %w", err)
	}
	r, err := x.l.Append(ctx, ledger.Batch{Records: []*record.Record{rec}, Principal: by.Principal, Capture: "manual"})
	if err != nil {
		return 0, err
	}
	return r.Items[0].Index, nil
}

func digest(text string) string {
	sum := sha256.Sum256([]byte(text))
	return "sha256:" + hex.EncodeToString(sum[:])
}

// Delivered gives the text that was last delivered to an audience in a language,
// exactly as it was, after holding it against its digest in the log. Without an
// audience, or a language, any will do.
func (x *Explainer) Delivered(ctx context.Context, req Request) (*Delivery, error) {
	_, st, err := x.root(ctx, req.Decision)
	if err != nil {
		return nil, err
	}
	page, err := x.l.List(ctx, ledger.Query{About: st.ID(), Type: string(record.Explanation), Limit: maxFollow})
	if err != nil {
		return nil, err
	}
	for _, e := range page.Entries {
		st, err := record.ParseStatement(e.Statement)
		if err != nil {
			return nil, fmt.Errorf("read record at index %d: %w", e.Index, err)
		}
		ok, err := x.cfg.Sees(ctx, st)
		if err != nil {
			return nil, err
		}
		p, err := newPaper(st, e.Index, st.Bytes(), nil)
		if err != nil {
			return nil, err
		}
		fits := func(pointer, want string) bool { return want == "" || p.text(pointer) == want }
		if ok && fits("/explanation/audience", req.Audience) && fits("/explanation/locale", req.Language) {
			return x.delivered(ctx, st, e)
		}
	}
	return nil, fault(ledger.NotFound, "deliver one first", "no such explanation of %q was delivered", req.Decision)
}

func (x *Explainer) delivered(ctx context.Context, st *record.Statement, e ledger.Entry) (*Delivery, error) {
	p, err := x.open(ctx, st, e, []string{"/explanation/digest", "/explanation/text"})
	if err != nil {
		return nil, err
	}
	for _, at := range []string{"/explanation/text", "/explanation/digest"} {
		switch _, state := p.at(at); state {
		case Withheld:
			return nil, fault(ledger.Invalid, "state a purpose", "the text of %s is private, and was not opened", p.id)
		case Erased:
			return nil, fault(ledger.NotFound, "counterfoil get shows the tombstone", "the text of %s was erased", p.id)
		case Absent:
			return nil, fault(ledger.NotFound, "", "record %s has no text, or no digest", p.id)
		}
	}
	d := &Delivery{Record: p.id, Index: e.Index, Decision: p.fields.About, Audience: p.text("/explanation/audience"), Language: p.text("/explanation/locale"),
		Template: p.text("/explanation/template"), Digest: p.text("/explanation/digest"), Text: p.text("/explanation/text")}
	if d.Delivered, _ = p.moment("/explanation/delivered"); d.Delivered.IsZero() {
		d.Delivered = p.fields.Time
	}
	return d, d.Check()
}

// Check holds the text against its digest.
func (d *Delivery) Check() error {
	if digest(d.Text) != d.Digest {
		return fault(ledger.Conflict, "who sent the record must say what was delivered", "the text of %s does not have the digest that the record says", d.Record)
	}
	return nil
}
