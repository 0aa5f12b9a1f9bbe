// SPDX-License-Identifier: Apache-2.0

package obligation

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/counterfoil/counterfoil/api"
	"github.com/counterfoil/counterfoil/internal/ledger"
	"github.com/counterfoil/counterfoil/record"
)

// By is who makes a report: a pseudonymous code, and the authenticated writer
// where that is not the actor.
type By struct{ Actor, Principal string }

// Encode is the JSON of a report as its digest is taken: without the record that
// notes it, indented, with a line break at the end.
func Encode(o *api.ObligationReport) ([]byte, error) {
	plain := *o
	plain.Made = nil
	b, err := json.MarshalIndent(&plain, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("write report: %w", err)
	}
	return append(b, '\n'), nil
}

// Record notes a report in the log: who made it, of which packs and period, and
// the digest of its JSON. It is a registry record with an act of its own, which
// changes nothing in the register. It stands behind the leaves that the report is
// about, and so the report does not count it.
func (r *Reporter) Record(ctx context.Context, o *api.ObligationReport, by By) error {
	if !record.ValidID(by.Actor) {
		return fault(ledger.Invalid, "write a pseudonym such as person:lena", "%q is not a code", by.Actor)
	}
	text, err := Encode(o)
	if err != nil {
		return err
	}
	sum := sha256.Sum256(text)
	digest := "sha256:" + hex.EncodeToString(sum[:])
	var packs []string
	for _, p := range o.Packs {
		packs = append(packs, p.Name+"@"+p.Version)
	}
	members := map[string]any{"registry": map[string]any{"act": ActReport, "kind": "policy", "name": "obligations", "version": period(o), "digest": digest,
		"bytes": len(text), "media": "application/json", "actor": by.Actor, "content": "packs: " + strings.Join(packs, ", ")}}
	rec, err := ledger.NewRecord(r.cfg.Ledger.Rules(), record.Registry, r.cfg.Now(), members)
	if err != nil {
		return fmt.Errorf("make record of report: %w", err)
	}
	if by.Principal == "" {
		by.Principal = by.Actor
	}
	rs, err := r.cfg.Ledger.Append(ctx, ledger.Batch{Records: []*record.Record{rec}, Principal: by.Principal, Capture: "manual"})
	if err != nil {
		return err
	}
	o.Made = &api.ObligationsRecord{ID: rs.Items[0].ID, Index: rs.Items[0].Index, Digest: digest}
	return nil
}

// period is that of a report, as a code.
func period(o *api.ObligationReport) string {
	if o.Quarter != "" {
		return o.Quarter
	}
	return o.From.Format("20060102T150405Z") + "-" + o.To.Format("20060102T150405Z")
}
