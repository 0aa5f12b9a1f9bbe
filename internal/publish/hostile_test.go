// SPDX-License-Identifier: Apache-2.0

package publish_test

import (
	"bytes"
	"encoding/asn1"
	"fmt"
	"io"
	"math/big"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/digitorus/timestamp"
	"golang.org/x/mod/sumdb/note"

	"github.com/counterfoil/counterfoil/internal/db/dbtest"
	"github.com/counterfoil/counterfoil/internal/publish"
	"github.com/counterfoil/counterfoil/internal/witness"
	"github.com/counterfoil/counterfoil/proof"
)

// say answers anything with a status and a body.
func say(status int, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		io.Copy(io.Discard, r.Body)
		w.WriteHeader(status)
		io.WriteString(w, body)
	}
}

// through changes what the real handler answers with 200.
func through(h http.Handler, edit func(body string) string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		rec := httptest.NewRecorder()
		h.ServeHTTP(rec, r)
		body := rec.Body.String()
		if rec.Code == http.StatusOK {
			body = edit(body)
		}
		w.WriteHeader(rec.Code)
		io.WriteString(w, body)
	}
}

// signing answers with what sign makes of the text of the checkpoint.
func signing(t *testing.T, sign func(text string) string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		b, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		req, err := witness.ParseRequest(b)
		if err != nil {
			t.Error(err)
		}
		text, err := proof.Text(req.Note)
		if err != nil {
			t.Error(err)
		}
		io.WriteString(w, sign(string(text)))
	}
}

// lines signs a text and returns the signature lines.
func lines(t *testing.T, text string, by ...note.Signer) string {
	b, err := note.Sign(&note.Note{Text: text}, by...)
	if err != nil {
		t.Error(err)
	}
	return strings.TrimPrefix(string(b), text+"\n")
}

// TestHostileWitness lets a witness answer wrong in many ways. Nothing of it is
// kept, each try is counted, and an honest witness beside it goes on.
func TestHostileWitness(t *testing.T) {
	t.Parallel()
	cases := map[string]func(t *testing.T, w, other *peer) http.Handler{
		"empty":   func(*testing.T, *peer, *peer) http.Handler { return say(200, "") },
		"garbage": func(*testing.T, *peer, *peer) http.Handler { return say(200, "\x00\xff garbage") },
		"a page":  func(*testing.T, *peer, *peer) http.Handler { return say(200, "<html><body>Welcome</body></html>\n") },
		"line without signature": func(_ *testing.T, w, _ *peer) http.Handler {
			return say(200, "— "+w.signer.Name()+" AAAA\n")
		},
		"of another key": func(t *testing.T, _, other *peer) http.Handler {
			return signing(t, func(text string) string { return lines(t, text, other.signer) })
		},
		"of another key, by our name": func(t *testing.T, w, _ *peer) http.Handler {
			s, err := witness.CreateKey(t.TempDir()+"/w.key", w.signer.Name())
			if err != nil {
				t.Fatal(err)
			}
			return signing(t, func(text string) string { return lines(t, text, s) })
		},
		"of another checkpoint": func(t *testing.T, w, _ *peer) http.Handler {
			return signing(t, func(text string) string { return lines(t, strings.Replace(text, "\n3\n", "\n2\n", 1), w.signer) })
		},
		"of a longer text": func(t *testing.T, w, _ *peer) http.Handler {
			return signing(t, func(text string) string { return "extension\n\n" + lines(t, text+"extension\n", w.signer) })
		},
		"after an empty line": func(t *testing.T, w, _ *peer) http.Handler {
			return signing(t, func(text string) string { return "\n" + lines(t, text, w.signer) })
		},
		"without newline": func(_ *testing.T, w, _ *peer) http.Handler {
			return through(w.real, func(s string) string { return strings.TrimSuffix(s, "\n") })
		},
		"flipped bit": func(_ *testing.T, w, _ *peer) http.Handler {
			return through(w.real, func(s string) string {
				b := []byte(s)
				if at := len(b) - 10; b[at] == 'A' {
					b[at] = 'B'
				} else {
					b[at] = 'A'
				}
				return string(b)
			})
		},
		"huge": func(_ *testing.T, w, _ *peer) http.Handler {
			return through(w.real, func(s string) string {
				var b strings.Builder
				b.WriteString(s)
				for b.Len() < 4<<20 {
					b.WriteString("— example.com/other AAAAAAAA\n")
				}
				return b.String()
			})
		},
		"endless": func(*testing.T, *peer, *peer) http.Handler {
			return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				chunk := bytes.Repeat([]byte("x"), 32<<10)
				for {
					if _, err := w.Write(chunk); err != nil {
						return
					}
				}
			})
		},
		"cut off": func(*testing.T, *peer, *peer) http.Handler {
			return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Content-Length", "1000")
				io.WriteString(w, "— ")
			})
		},
		"never": func(*testing.T, *peer, *peer) http.Handler {
			return http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
				io.Copy(io.Discard, r.Body)
				<-r.Context().Done()
			})
		},
		"error":                 func(*testing.T, *peer, *peer) http.Handler { return say(500, "oops") },
		"forbidden":             func(*testing.T, *peer, *peer) http.Handler { return say(403, "no") },
		"conflict without size": func(*testing.T, *peer, *peer) http.Handler { return say(409, "later") },
		"conflict negative":     func(*testing.T, *peer, *peer) http.Handler { return say(409, "-1\n") },
		"conflict beyond":       func(*testing.T, *peer, *peer) http.Handler { return say(409, "1000\n") },
		"conflict for ever":     func(*testing.T, *peer, *peer) http.Handler { return say(409, "2\n") },
		"conflict over int64":   func(*testing.T, *peer, *peer) http.Handler { return say(409, "9223372036854775808\n") },
		"redirect to itself":    func(*testing.T, *peer, *peer) http.Handler { return http.RedirectHandler("/add-checkpoint", 307) },
		"signature with a cause": func(_ *testing.T, w, _ *peer) http.Handler {
			return through(w.real, func(s string) string { return "ok\n" + s })
		},
	}
	for what, handler := range cases {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			r := newRig(t, dbtest.SQLite(t))
			bad, good := r.witness("bad"), r.witness("good")
			bad.set(handler(t, bad, good))
			size, id := r.append(3)
			p, stop := r.publish(publish.Config{Witnesses: []publish.Witness{bad.Witness, good.Witness}, Registerer: r.reg, Timeout: 200 * time.Millisecond})
			r.awaitFailures("bad", 2)
			r.awaitSizes(p, -1, size)
			stop()
			if w, _ := r.stored(); w != 1 {
				t.Errorf("%d witnesses are kept", w)
			}
			if l := p.Lags()[0]; l.Error == "" || len(l.Error) > 500 || !l.Success.IsZero() {
				t.Errorf("%+v", l)
			}
			if res := r.verify(id, 1, nil, bad, good); !res.Valid || res.Witnesses != 1 {
				t.Errorf("%+v", res)
			}
		})
	}
}

// TestRolledBack says so when a witness knows more of the log than there is.
func TestRolledBack(t *testing.T) {
	t.Parallel()
	r := newRig(t, dbtest.SQLite(t))
	w := r.witness("w1")
	w.set(say(409, "1000\n"))
	r.append(3)
	p, _ := r.publish(publish.Config{Witnesses: []publish.Witness{w.Witness}})
	r.await(func() bool { return strings.Contains(p.Lags()[0].Error, "rolled back") }, func() string { return fmt.Sprint(p.Lags()) })
}

// TestHostileAuthority lets a time-stamp authority answer wrong in many ways.
func TestHostileAuthority(t *testing.T) {
	t.Parallel()
	edit := func(change func(*timestamp.Timestamp)) func(*testing.T, *authority) http.Handler {
		return func(_ *testing.T, a *authority) http.Handler { return a.answer(change) }
	}
	cases := map[string]func(*testing.T, *authority) http.Handler{
		"wrong imprint":   edit(func(ts *timestamp.Timestamp) { ts.HashedMessage[4] ^= 1 }),
		"wrong nonce":     edit(func(ts *timestamp.Timestamp) { ts.Nonce = new(big.Int).Add(ts.Nonce, big.NewInt(1)) }),
		"no nonce":        edit(func(ts *timestamp.Timestamp) { ts.Nonce = nil }),
		"no certificate":  edit(func(ts *timestamp.Timestamp) { ts.AddTSACertificate = false }),
		"before its time": edit(func(ts *timestamp.Timestamp) { ts.Time = time.Now().AddDate(-2, 0, 0) }),
		"after its time":  edit(func(ts *timestamp.Timestamp) { ts.Time = time.Now().AddDate(2, 0, 0) }),
		"of an older ask": func(t *testing.T, a *authority) http.Handler { return replay(a.answer(nil)) },
		"of a stranger":   func(t *testing.T, _ *authority) http.Handler { return newAuthority(t, "tsa").answer(nil) },
		"empty":           func(*testing.T, *authority) http.Handler { return say(200, "") },
		"garbage":         func(*testing.T, *authority) http.Handler { return say(200, "\x30\x80garbage") },
		"a long tag's end": func(*testing.T, *authority) http.Handler {
			return say(200, "\x30\x0a\x30\x03\x02\x01\x00\x30\x03\x1f\xff\xff")
		},
		"granted, no token": func(*testing.T, *authority) http.Handler {
			return say(200, "\x30\x05\x30\x03\x02\x01\x00")
		},
		"error": func(_ *testing.T, a *authority) http.Handler { return say(500, "oops") },
		"rejection": func(t *testing.T, _ *authority) http.Handler {
			b, err := timestamp.CreateErrorResponse(timestamp.Rejection, timestamp.SystemFailure)
			if err != nil {
				t.Fatal(err)
			}
			return say(200, string(b))
		},
		"rejection with a good token": func(_ *testing.T, a *authority) http.Handler {
			return through(a.answer(nil), func(s string) string { return strings.Replace(s, "\x30\x03\x02\x01\x00", "\x30\x03\x02\x01\x02", 1) })
		},
		"more after it": func(_ *testing.T, a *authority) http.Handler {
			return through(a.answer(nil), func(s string) string { return s + "\x05\x00" })
		},
		"cut short": func(_ *testing.T, a *authority) http.Handler {
			return through(a.answer(nil), func(s string) string { return s[:len(s)-1] })
		},
		"flipped bit": func(_ *testing.T, a *authority) http.Handler {
			return through(a.answer(nil), func(s string) string {
				b := []byte(s)
				b[len(b)-5] ^= 1
				return string(b)
			})
		},
		"huge": func(_ *testing.T, a *authority) http.Handler {
			return say(200, "\x30\x84\x00\x40\x00\x00"+strings.Repeat("\x00", 4<<20))
		},
	}
	for what, handler := range cases {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			r := newRig(t, dbtest.SQLite(t))
			bad, good := newAuthority(t, "bad"), newAuthority(t, "good")
			bad.set(handler(t, bad))
			size, id := r.append(3)
			p, stop := r.publish(publish.Config{Authorities: []publish.Authority{bad.Authority, good.Authority}, Registerer: r.reg})
			r.awaitFailures("bad", 2)
			r.awaitSizes(p, -1, size)
			stop()
			if _, a := r.stored(); a != 1 {
				t.Errorf("%d authorities are kept", a)
			}
			if l := p.Lags()[0]; l.Error == "" || !l.Success.IsZero() {
				t.Errorf("%+v", l)
			}
			if res := r.verify(id, 0, good); !res.Valid || res.Stamped.IsZero() {
				t.Errorf("%+v", res)
			}
		})
	}
}

// replay answers everything like the first request.
func replay(h http.Handler) http.HandlerFunc {
	first := make(chan string, 1)
	first <- ""
	return func(w http.ResponseWriter, r *http.Request) {
		old := <-first
		rec := httptest.NewRecorder()
		h.ServeHTTP(rec, r)
		if old == "" {
			old = rec.Body.String()
			first <- old
			say(500, "not this time")(w, r)
			return
		}
		first <- old
		io.WriteString(w, old)
	}
}

// TestGrantedWithMods takes a token that was granted with a note to it.
func TestGrantedWithMods(t *testing.T) {
	t.Parallel()
	r := newRig(t, dbtest.SQLite(t))
	a := newAuthority(t, "tsa")
	utf8 := func(s string) asn1.RawValue { return asn1.RawValue{Tag: asn1.TagUTF8String, Bytes: []byte(s)} }
	status, err := asn1.Marshal(struct {
		Code int
		Text []asn1.RawValue
	}{1, []asn1.RawValue{utf8("another policy"), utf8("than asked for")}})
	if err != nil {
		t.Fatal(err)
	}
	a.set(through(a.answer(nil), func(s string) string {
		var reply struct{ Status, Token asn1.RawValue }
		if _, err := asn1.Unmarshal([]byte(s), &reply); err != nil {
			t.Error(err)
		}
		reply.Status = asn1.RawValue{FullBytes: status}
		b, err := asn1.Marshal(reply)
		if err != nil {
			t.Error(err)
		}
		return string(b)
	}))
	size, id := r.append(3)
	p, _ := r.publish(publish.Config{Authorities: []publish.Authority{a.Authority}})
	r.awaitSizes(p, size)
	if res := r.verify(id, 0, a); !res.Valid || res.Stamped.IsZero() {
		t.Errorf("%+v", res)
	}
}
