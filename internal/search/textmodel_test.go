// SPDX-License-Identifier: Apache-2.0

package search_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/counterfoil/counterfoil/internal/db"
	"github.com/counterfoil/counterfoil/internal/db/dbtest"
	"github.com/counterfoil/counterfoil/internal/ledger"
	"github.com/counterfoil/counterfoil/internal/search"
)

// TestTextsAgainstModel holds phrases against a slow look at the texts, while
// records come and texts go: what is remembered of a term must not be too old.
func TestTextsAgainstModel(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, dbc db.Config) {
		r := newRig(t, dbc)
		r.append(textDoc("first", "a", "p", "first", "x"), textDoc("second", "b", "p", "second", "x"))
		r.turn("a", true)
		r.turn("b", true)
		base, err := r.l.Size(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		word := rapid.SampledFrom([]string{"alpha", "beta", "gamma", "alphabet"})
		var docs [][]string // nil: its text was taken away
		rapid.Check(t, func(rt *rapid.T) {
			for range rapid.IntRange(0, 3).Draw(rt, "more") {
				w := rapid.SliceOfN(word, 1, 5).Draw(rt, "words")
				r.append(textDoc(fmt.Sprint("r", len(docs)), rapid.SampledFrom([]string{"a", "b"}).Draw(rt, "system"), "p", strings.Join(w, " "), "x"))
				docs = append(docs, w)
			}
			if len(docs) > 0 && rapid.IntRange(0, 3).Draw(rt, "forget") == 0 {
				n := rapid.IntRange(0, len(docs)-1).Draw(rt, "which")
				if _, err := r.x.Find(t.Context(), search.Request{Query: "text:alpha"}); err != nil { // so that it is indexed, and not again
					rt.Fatal(err)
				}
				err := r.l.DB().Write(t.Context(), func(ctx context.Context, tx *db.Tx) error { return ledger.ForgetTexts(ctx, tx, []any{base + int64(n)}) })
				if err != nil {
					rt.Fatal(err)
				}
				docs[n] = nil
			}
			phrase := rapid.SliceOfN(word, 1, 3).Draw(rt, "phrase")
			want := int64(0)
			for _, d := range docs {
				for i := range d {
					if i+len(phrase) <= len(d) && slices.Equal(d[i:i+len(phrase)], phrase) {
						want++
						break
					}
				}
			}
			res, err := r.x.Find(t.Context(), search.Request{Query: `"` + strings.Join(phrase, " ") + `"`, Limit: 1})
			if err != nil || res.Total != want {
				rt.Fatalf("%v: found %v, want %d, %v", phrase, res, want, err)
			}
		})
	})
}
