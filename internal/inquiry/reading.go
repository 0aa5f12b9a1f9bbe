// SPDX-License-Identifier: Apache-2.0

package inquiry

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/counterfoil/counterfoil/api"
	"github.com/counterfoil/counterfoil/internal/ledger"
)

// sift is walk over the records that hold one of some words; the others need not
// be read, which is much faster. A statement is canonical, and its public strings
// hold no quotes, so that what a record says stands in it as such.
func (a *asking) sift(ctx context.Context, q ledger.Query, words []string, fn func(spot, *statement) error) error {
	return a.Each(ctx, q, spot{}, func(at spot, leaf []byte) error {
		if !slices.ContainsFunc(words, func(w string) bool { return bytes.Contains(leaf, []byte(w)) }) {
			return nil
		}
		s, err := parse(at, leaf)
		if err != nil {
			return err
		}
		return fn(at, s)
	})
}

// spelled are words as codes may spell them: emotion, Emotion, EMOTION.
func spelled(words []string) []string {
	var out []string
	for _, w := range words {
		out = append(out, w, strings.ToUpper(w[:1])+w[1:], strings.ToUpper(w))
	}
	return out
}

// heading is what questions about all records need of each.
type heading struct {
	ID     text   `json:"id"`
	Time   moment `json:"time"`
	System text   `json:"system"`
	Source struct {
		ID  text   `json:"id"`
		Seq number `json:"seq"`
	} `json:"source"`
	Heartbeat heartbeat `json:"heartbeat"`
}

// skim is walk that reads the heading only.
func (a *asking) skim(ctx context.Context, q ledger.Query, fn func(spot, *heading) error) error {
	return a.Each(ctx, q, spot{}, func(at spot, leaf []byte) error {
		h := &heading{}
		if err := json.Unmarshal(leaf, h); err != nil {
			return fmt.Errorf("read statement %d: %w", at.Index, err)
		}
		return fn(at, h)
	})
}

// head is where a record stands of which the heading was read.
func (a *asking) head(at spot, h *heading) api.Place {
	return a.place(at, &statement{ID: h.ID, Time: h.Time})
}

// walk calls fn with each record that matches, read.
func (a *asking) walk(ctx context.Context, q ledger.Query, fn func(spot, *statement) error) error {
	return a.Each(ctx, q, spot{}, func(at spot, leaf []byte) error {
		s, err := parse(at, leaf)
		if err != nil {
			return err
		}
		return fn(at, s)
	})
}

// collect puts what fn makes of each record that matches under a key of it; what
// has none is left out.
func collect[T any](ctx context.Context, a *asking, q ledger.Query, fn func(spot, *statement) (key string, value T)) (map[string][]T, error) {
	out := map[string][]T{}
	err := a.walk(ctx, q, func(at spot, s *statement) error {
		if key, value := fn(at, s); key != "" {
			out[key] = append(out[key], value)
		}
		return nil
	})
	return out, err
}

// earliest sorts by a time, in nanoseconds.
func earliest[T any](all []T, when func(T) int64) []T {
	slices.SortStableFunc(all, func(a, b T) int { return cmp.Compare(when(a), when(b)) })
	return all
}
