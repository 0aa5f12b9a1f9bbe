// SPDX-License-Identifier: Apache-2.0

package witness_test

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/counterfoil/counterfoil/internal/db"
	"github.com/counterfoil/counterfoil/internal/db/dbtest"
	"github.com/counterfoil/counterfoil/internal/witness"
)

func TestGrowth(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, dbc db.Config) {
		r := newRig(t, dbc)
		h := grown(t, r.key, 300, 300)
		known := int64(0)
		for _, size := range []int64{1, 2, 3, 7, 8, 8, 9, 255, 256, 257, 300, 300} { // the same size again: a new time
			r.cosigned(h.request(known, size))
			known = size
			r.knows(known, 0, 0)
		}
	})
}

// TestFirst takes a log that was there before the witness.
func TestFirst(t *testing.T) {
	t.Parallel()
	r := newRig(t, dbtest.SQLite(t))
	r.cosigned(grown(t, r.key, 1000, 1000).request(0, 1000))
}

// TestEmpty cosigns the empty log, with its one root only.
func TestEmpty(t *testing.T) {
	t.Parallel()
	r := newRig(t, dbtest.SQLite(t))
	h := grown(t, r.key, 5, 5)
	r.send(http.StatusUnprocessableEntity, witness.Request{Note: sign(t, r.key, 0, h.root(1))}.Format())
	r.cosigned(h.request(0, 0))
	r.cosigned(h.request(0, 0))
	r.cosigned(h.request(0, 5))
	r.conflict(5, h.request(0, 0))
}

func TestStale(t *testing.T) {
	t.Parallel()
	r := newRig(t, dbtest.SQLite(t))
	h := grown(t, r.key, 30, 30)
	r.conflict(0, h.request(5, 20)) // the witness is new
	r.cosigned(h.request(0, 10))
	for _, old := range []int64{0, 5, 9, 11, 20} {
		r.conflict(10, h.request(old, 20))
	}
	r.conflict(10, withOld(h.request(0, 5), 5)) // rollback
	r.conflict(10, h.request(3, 5))
	r.knows(10, 0, 0)
	r.cosigned(h.request(10, 20))
}

// withOld replaces the old size.
func withOld(r witness.Request, old int64) witness.Request {
	r.Old = old
	return r
}

func TestBadProof(t *testing.T) {
	t.Parallel()
	r := newRig(t, dbtest.SQLite(t))
	h := grown(t, r.key, 40, 40)
	r.cosigned(h.request(0, 11))
	good := h.request(11, 40)
	cases := map[string]tlog.TreeProof{
		"none":      nil,
		"too short": good.Proof[:len(good.Proof)-1],
		"too long":  append(cloned(good.Proof), tlog.Hash{1}),
		"of others": h.request(12, 40).Proof,
	}
	for i := range good.Proof {
		flipped := cloned(good.Proof)
		flipped[i][3] ^= 4
		cases[fmt.Sprintf("hash %d", i)] = flipped
	}
	for what, p := range cases {
		t.Run(what, func(t *testing.T) {
			a := r.send(http.StatusUnprocessableEntity, witness.Request{Old: 11, Proof: p, Note: good.Note}.Format())
			if !strings.HasPrefix(a.header.Get("Content-Type"), "text/plain") {
				t.Errorf("content type %q", a.header.Get("Content-Type"))
			}
		})
	}
	// where nothing is to be proven, a proof is wrong
	r.send(http.StatusUnprocessableEntity, witness.Request{Old: 11, Proof: good.Proof, Note: h.checkpoint(11)}.Format())
	r.cosigned(good)
}

func cloned(p tlog.TreeProof) tlog.TreeProof { return append(tlog.TreeProof(nil), p...) }

func TestSignatures(t *testing.T) {
	t.Parallel()
	r := newRig(t, dbtest.SQLite(t))
	h := grown(t, r.key, 5, 5)
	good := h.checkpoint(5)
	text, sigs, _ := bytes.Cut(good, []byte("\n\n"))

	stranger := grown(t, newKey(t, origin), 5, 5) // the same origin, another key
	r.send(http.StatusForbidden, stranger.request(0, 5).Format())
	forged := bytes.Replace(good, []byte("\n5\n"), []byte("\n4\n"), 1)
	r.send(http.StatusForbidden, witness.Request{Note: forged}.Format())
	grafted := append(bytes.Clone(stranger.checkpoint(4)), sigs...) // the log's signature of another size
	r.send(http.StatusForbidden, witness.Request{Note: grafted}.Format())

	other := grown(t, newKey(t, "example.com/unknown"), 5, 5)
	r.send(http.StatusNotFound, other.request(0, 5).Format())
	// the known log's key under another origin
	renamed := append([]byte("example.com/unknown"), bytes.TrimPrefix(text, []byte(origin))...)
	r.send(http.StatusNotFound, witness.Request{Note: append(append(renamed, "\n\n"...), sigs...)}.Format())
	r.knows(0, 0, 0)

	// a further signature, of somebody unknown, does no harm
	both, err := note.Sign(&note.Note{Text: string(text) + "\n"}, r.key, newKey(t, "example.com/else"))
	if err != nil {
		t.Fatal(err)
	}
	r.cosigned(witness.Request{Note: both})
}

func TestMalformed(t *testing.T) {
	t.Parallel()
	r := newRig(t, dbtest.SQLite(t))
	h := grown(t, r.key, 9, 9)
	r.cosigned(h.request(0, 4))
	good := string(h.request(4, 9).Format())
	_, noteText, _ := strings.Cut(good, "\n\n")
	first := h.request(4, 9).Proof[0].String()
	for what, body := range map[string]string{
		"empty":              "",
		"no old":             strings.TrimPrefix(good, "old 4\n"),
		"no number":          strings.Replace(good, "old 4", "old", 1),
		"negative":           strings.Replace(good, "old 4", "old -4", 1),
		"plus":               strings.Replace(good, "old 4", "old +4", 1),
		"leading zero":       strings.Replace(good, "old 4", "old 04", 1),
		"too large":          strings.Replace(good, "old 4", "old 99999999999999999999", 1),
		"old over size":      strings.Replace(good, "old 4", "old 10", 1),
		"CRLF":               strings.ReplaceAll(good, "\n", "\r\n"),
		"no empty line":      strings.Replace(good, "\n\n", "\n", 1),
		"hash not base64":    strings.Replace(good, first, "!", 1),
		"hash short":         strings.Replace(good, first, "AAAA", 1),
		"hash loose base64":  strings.Replace(good, first, first[:42]+"/=", 1),
		"hash with space":    strings.Replace(good, first, first+" ", 1),
		"64 hashes":          "old 4\n" + strings.Repeat(first+"\n", 64) + "\n" + noteText,
		"no note":            "old 4\n\n",
		"no signature":       "old 4\n\n" + noteText[:strings.Index(noteText, "\n\n")+2],
		"not a checkpoint":   "old 4\n\nhello\n\n" + noteText[strings.Index(noteText, "\n\n")+2:],
		"checkpoint size -1": strings.Replace(good, "\n9\n", "\n-1\n", 1),
		"checkpoint size 09": strings.Replace(good, "\n9\n", "\n09\n", 1),
		"NUL":                strings.Replace(good, origin, origin+"\x00", 1),
	} {
		t.Run(what, func(t *testing.T) {
			a, err := post(t.Context(), r.url, []byte(body))
			if err != nil {
				t.Fatal(err)
			}
			unknown := what == "NUL" // an origin that no log has
			if a.status != http.StatusBadRequest && (!unknown || a.status != http.StatusNotFound) {
				t.Errorf("got %d %q", a.status, a.body)
			}
		})
	}
	huge := sign(t, r.key, 1<<57, tlog.Hash{1})
	r.send(http.StatusBadRequest, witness.Request{Old: 4, Note: huge}.Format())
	r.send(http.StatusRequestEntityTooLarge, append([]byte(good), bytes.Repeat([]byte("x"), 65<<10)...))
	r.knows(4, 0, 0)
	r.cosigned(h.request(4, 9))
}

func TestPages(t *testing.T) {
	t.Parallel()
	r := newRig(t, dbtest.SQLite(t))
	h := grown(t, r.key, 9, 9)
	r.cosigned(h.request(0, 4))
	r.conflict(4, grown(t, r.key, 9, 0).request(4, 4))
	for path, want := range map[string][]string{
		"/":      {name, r.w.Key(), origin, "size 4", "forks 1"},
		"/forks": {"two histories", origin, string(h.checkpoint(4))},
	} {
		status, body := get(t, r.url+path)
		for _, w := range want {
			if status != http.StatusOK || !strings.Contains(body, w) {
				t.Errorf("%s: %d, no %q in\n%s", path, status, w, body)
			}
		}
	}
	for _, path := range []string{"/add-checkpoint", "/nowhere", "/forks/1"} {
		if status, _ := get(t, r.url+path); status != http.StatusNotFound && status != http.StatusMethodNotAllowed {
			t.Errorf("GET %s: %d", path, status)
		}
	}
	for want, n := range map[string]float64{`status="200"`: 1, `status="409"`: 1} {
		if got := counter(t, r.metrics, "counterfoil_witness_requests_total", want); got != n {
			t.Errorf("requests with %s: %v", want, got)
		}
	}
	if got := counter(t, r.metrics, "counterfoil_witness_forks_total", `proven="true"`); got != 1 {
		t.Errorf("forks: %v", got)
	}
}

// counter reads one value of a family by one of its labels.
func counter(t *testing.T, g prometheus.Gatherer, family, label string) float64 {
	t.Helper()
	all, err := g.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range all {
		for _, m := range f.GetMetric() {
			for _, l := range m.GetLabel() {
				if f.GetName() == family && fmt.Sprintf("%s=%q", l.GetName(), l.GetValue()) == label {
					return m.GetCounter().GetValue()
				}
			}
		}
	}
	return 0
}

func get(t *testing.T, url string) (int, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res.StatusCode, string(b)
}
