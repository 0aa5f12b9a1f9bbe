// SPDX-License-Identifier: Apache-2.0

package bench

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/counterfoil/counterfoil/api"
	"github.com/counterfoil/counterfoil/internal/control"
	"github.com/counterfoil/counterfoil/internal/registry"
)

// guardRate is how many questions a second the guard is asked.
const guardRate = 500

// governed puts the system of the load into the register, in service, with the
// standard pack of controls in force, and measures batches and the guard. It
// runs after all other loads, since it changes what a record costs.
func (b *bench) governed(ctx context.Context, r *rig) error {
	if err := r.register(ctx); err != nil {
		return fmt.Errorf("fill register: %w", err)
	}
	if b.cfg.wants(AppendControls) {
		start := time.Now()
		s, err := b.send(ctx, r, 5000, func(*sent) bool {
			b.cfg.Progress("appending batches under controls", int64(time.Since(start)), int64(b.cfg.Duration))
			return time.Since(start) >= b.cfg.Duration
		})
		if err != nil {
			return fmt.Errorf("append batches under controls: %w", err)
		}
		n, took := s.records.Load(), time.Since(start)
		if err := b.report(AppendControls, float64(n)/took.Seconds(), "records/s", fmt.Sprintf("%d records in %.0f s, %d controls in force, findings appended with them", n, took.Seconds(), len(controls()))); err != nil {
			return err
		}
	}
	if b.cfg.wants(GuardP50, GuardP99) {
		return b.guard(ctx, r)
	}
	return nil
}

// call sends one request of a person and decodes its answer.
func (r *rig) call(ctx context.Context, actor, path string, in, out any) error {
	body, err := json.Marshal(in)
	if err != nil {
		return err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, r.url+path, bytes.NewReader(body))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Counterfoil-Actor", actor)
	res, err := r.http.Do(req)
	if err != nil {
		return err
	}
	answer, err := io.ReadAll(res.Body)
	if err = errors.Join(err, res.Body.Close()); err != nil {
		return err
	}
	if res.StatusCode >= 300 {
		return fmt.Errorf("%s: the server answered %s: %.300s", path, res.Status, answer)
	}
	if out == nil {
		return nil
	}
	return json.Unmarshal(answer, out)
}

func (r *rig) register(ctx context.Context) error {
	const author, approver = "person:author", "person:approver"
	description := `{"owner":{"person":"person:author","team":"care"},"role":"deployer","purpose":"decides refunds","risk":"limited"}`
	if err := r.call(ctx, author, "/systems", api.Describe{Name: "refund-agent", Kind: "system", Description: description}, nil); err != nil {
		return err
	}
	if err := r.call(ctx, approver, "/systems/refund-agent/status", api.SystemStatus{Status: registry.InService}, nil); err != nil {
		return err
	}
	versions := []api.NewVersion{{Kind: "model", Name: "fraud-score", Version: "3.2.1"}, {Kind: "prompt", Name: "refund-reply", Version: "12"},
		{Kind: "policy", Name: "returns", Version: "5"}, {Kind: "config", Name: "refunds-eu", Version: "41"}}
	for i := range versions {
		versions[i].Content = "what it says"
	}
	for _, v := range append(versions, controls()...) {
		var have registry.Version
		if err := r.call(ctx, author, "/versions", v, &have); err != nil {
			return err
		}
		one := "/versions/" + v.Kind + "/" + v.Name + "/" + v.Version
		if err := r.call(ctx, approver, one+"/verdict", api.VersionVerdict{Approve: true, Digest: have.Digest}, nil); err != nil {
			return err
		}
		if err := r.call(ctx, approver, one+"/promote", api.Promotion{Environment: "production"}, nil); err != nil {
			return err
		}
	}
	return nil
}

// controls are twenty of the standard pack. Two of it would find fault with
// nearly every record of the load, which no enterprise would live with; in their
// place, two others run twice.
func controls() []api.NewVersion {
	var out []api.NewVersion
	add := func(name, text string) {
		out = append(out, api.NewVersion{Kind: "control", Name: name, Version: "1", Content: text})
	}
	for _, p := range control.Pack() {
		switch p.Name {
		case "low-confidence-automatic", "jurisdiction-unknown":
			continue
		case "personal-data-in-reply", "injected-instruction":
			add(p.Name+"-again", strings.Replace(string(p.Text), "name: "+p.Name, "name: "+p.Name+"-again", 1))
		}
		add(p.Name, string(p.Text))
	}
	return out
}

// guard asks at a fixed rate, however long answers take, and measures from when
// a question was due: so a slow answer counts against those behind it, too.
func (b *bench) guard(ctx context.Context, r *rig) error {
	duration := min(b.cfg.Duration, 30*time.Second)
	total := int(duration.Seconds() * guardRate)
	took := make([]time.Duration, total)
	due := make(chan int, total)
	errs := make(chan error, b.cfg.Clients)
	start := time.Now()
	var askers sync.WaitGroup
	for range b.cfg.Clients {
		askers.Go(func() {
			for i := range due {
				attempt := map[string]any{"type": "decision", "id": fmt.Sprintf("ask-%d", i), "time": "2026-01-01T00:00:00Z", "system": "refund-agent", "subject": fmt.Sprintf("customer:%d", i%1000),
					"decision": map[string]any{"kind": "refund", "status": "requested", "detail": map[string]any{"amount": i % 300}},
					"inputs":   []any{map[string]any{"name": "message", "source": "chat", "origin": "provided", "value": "where is my refund for order W1234567"}}}
				if err := r.call(ctx, "key:bench", "/guard", attempt, nil); err != nil {
					errs <- err
					return
				}
				took[i] = time.Since(start.Add(time.Duration(i) * time.Second / guardRate))
			}
		})
	}
	for i := range total {
		if wait := time.Until(start.Add(time.Duration(i) * time.Second / guardRate)); wait > 0 {
			<-time.After(wait)
		}
		b.cfg.Progress("asking the guard", int64(i), int64(total))
		due <- i
	}
	close(due)
	askers.Wait()
	select {
	case err := <-errs:
		return fmt.Errorf("ask guard: %w", err)
	default:
	}
	slices.Sort(took)
	of := fmt.Sprintf("%d questions at %d/s, %d controls in force", total, guardRate, len(controls()))
	if err := b.report(GuardP50, quantile(took, 0.50), "ms", of); err != nil {
		return err
	}
	return b.report(GuardP99, quantile(took, 0.99), "ms", of)
}
