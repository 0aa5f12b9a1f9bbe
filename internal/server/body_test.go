// SPDX-License-Identifier: Apache-2.0

package server_test

import (
	"bytes"
	"compress/gzip"
	"io"
	"net/http"
	"runtime"
	"strings"
	"testing"

	"github.com/klauspost/compress/zstd"

	"github.com/counterfoil/counterfoil/api"
	"github.com/counterfoil/counterfoil/internal/server"
)

func gzipped(t testing.TB, b []byte) []byte {
	t.Helper()
	var out bytes.Buffer
	z := gzip.NewWriter(&out)
	_, err := z.Write(b)
	must(t, err)
	must(t, z.Close())
	return out.Bytes()
}

func zstded(t testing.TB, b []byte) []byte {
	t.Helper()
	z, err := zstd.NewWriter(nil)
	must(t, err)
	defer z.Close()
	return z.EncodeAll(b, nil)
}

// zstdStream has no content size in its header, as of a stream.
func zstdStream(t testing.TB, b []byte) []byte {
	t.Helper()
	var out bytes.Buffer
	z, err := zstd.NewWriter(&out)
	must(t, err)
	for part := range bytes.Lines(b) {
		_, err = z.Write(part)
		must(t, err)
		must(t, z.Flush())
	}
	must(t, z.Close())
	return out.Bytes()
}

func (r *rig) encoded(encoding string, body []byte) *reply {
	r.t.Helper()
	return r.do("POST", records, bytes.NewReader(body), "Content-Type", "application/json", "Content-Encoding", encoding)
}

func TestEncodings(t *testing.T) {
	t.Parallel()
	r := newRig(t, options{})
	body := []byte(decisions("a", 50))
	for name, send := range map[string][]byte{"gzip": gzipped(t, body), "GZIP": gzipped(t, body), "zstd": zstded(t, body), "identity": body} {
		if a := r.verified(r.encoded(name, send)); len(a.Records) != 50 || a.Size != 50 {
			t.Errorf("%s: %d records, size %d", name, len(a.Records), a.Size)
		}
	}
	// Several members, and several frames, are one body.
	half := len(body) / 2
	r.encoded("gzip", append(gzipped(t, body[:half]), gzipped(t, body[half:])...)).want(200)
	r.encoded("zstd", append(zstded(t, body[:half]), zstded(t, body[half:])...)).want(200)
	r.encoded("zstd", zstdStream(t, body)).want(200)
	// More than the decoders that are kept, one after the other.
	for range 10 {
		r.encoded("zstd", zstded(t, body)).want(200)
	}
}

func TestBadBodies(t *testing.T) {
	t.Parallel()
	r := newRig(t, options{server: func(c *server.Config) {
		c.Limits = server.Limits{BodyBytes: 2 << 20, DecodedBytes: 8 << 20, Records: 100}
	}})
	good := []byte(decisions("a", 50))
	damaged := gzipped(t, good)
	damaged[len(damaged)-6] ^= 1 // checksum
	zdamaged := zstded(t, good)
	zdamaged[len(zdamaged)/2] ^= 0xff
	large := bytes.Repeat([]byte(" "), 9<<20)
	growing := large[:5<<20] // within the limits of sizes
	noisy := noise(9 << 20)
	for _, c := range []struct {
		name, encoding string
		body           []byte
		status         int
		code           string
	}{
		{"not gzip", "gzip", good, 400, "bad_encoding"},
		{"not zstd", "zstd", good, 400, "bad_encoding"},
		{"empty gzip", "gzip", nil, 400, "bad_encoding"},
		{"empty zstd", "zstd", nil, 400, "syntax"}, // no frames are no bytes
		{"cut gzip", "gzip", gzipped(t, good)[:300], 400, "bad_encoding"},
		{"cut zstd", "zstd", zstded(t, good)[:300], 400, "bad_encoding"},
		{"damaged gzip", "gzip", damaged, 400, "bad_encoding"},
		{"damaged zstd", "zstd", zdamaged, 400, "bad_encoding"},
		{"gzip bomb", "gzip", gzipped(t, large), 413, "body_too_large"},
		{"zstd bomb", "zstd", zstded(t, large), 413, "body_too_large"},
		{"zstd bomb without size", "zstd", zstdStream(t, large), 413, "body_too_large"},
		{"zstd bomb in a bomb", "zstd", zstded(t, zstded(t, large)), 400, "invalid_utf8"},
		{"gzip that grows", "gzip", gzipped(t, growing), 413, "body_too_large"},
		{"zstd that grows", "zstd", zstded(t, growing), 413, "body_too_large"},
		{"large", "", large, 413, "body_too_large"},
		{"large in gzip", "gzip", gzipped(t, noisy), 413, "body_too_large"},
		{"large in zstd", "zstd", zstded(t, noisy), 413, "body_too_large"},
		{"two encodings", "gzip, zstd", good, 415, "media_type"},
		{"brotli", "br", good, 415, "media_type"},
		{"empty", "", nil, 400, "syntax"},
		{"blank", "", []byte(" \n "), 400, "syntax"},
		{"empty array", "", []byte(" [ ] "), 400, "invalid"},
		{"cut array", "", good[:len(good)-1], 400, "syntax"},
		{"cut in a record", "", good[:len(good)/2], 400, "syntax"},
		{"after array", "", append(bytes.Clone(good), `{}`...), 400, "syntax"},
		{"comma", "", []byte(`[` + decision("x") + `,]`), 400, "syntax"},
		{"too many", "", []byte(decisions("b", 101)), 413, "too_many_records"},
		{"too many scalars", "", []byte("[1" + strings.Repeat(",1", 1<<19) + "]"), 413, "too_many_records"},
	} {
		p := r.encoded(c.encoding, c.body).problem(c.status, c.code)
		if strings.HasSuffix(c.name, "grows") && !strings.Contains(p.Detail, "100 times") {
			t.Errorf("%s: %+v", c.name, p)
		}
		if p.Code == "syntax" && len(p.Errors) != 1 {
			t.Errorf("%s: %+v", c.name, p)
		}
	}
	r.lines("\n \n").problem(400, "invalid")
	r.lines(strings.Repeat("1\n", 101)).problem(413, "too_many_records")
	for _, media := range []string{"", "text/plain", "application/xml", "application/x-www-form-urlencoded", "application/json/", "multipart/form-data; boundary=x"} {
		r.do("POST", records, bytes.NewReader(good), "Content-Type", media).problem(415, "media_type")
	}
	if r.size() != 0 {
		t.Errorf("%d records", r.size())
	}
	r.post(string(good)).want(201)
}

// noise does not compress.
func noise(n int) []byte {
	b := make([]byte, n)
	x := uint64(88172645463325252)
	for i := range b {
		x ^= x << 13
		x ^= x >> 7
		x ^= x << 17
		b[i] = byte(x)
	}
	return b
}

// TestCutBody ends the body before its announced length.
func TestCutBody(t *testing.T) {
	t.Parallel()
	r := newRig(t, options{})
	pr, pw := io.Pipe()
	req, err := http.NewRequestWithContext(t.Context(), "POST", r.base+records, pr)
	must(t, err)
	req.ContentLength = 1000
	req.Header.Set("Content-Type", "application/json")
	go func() {
		pw.Write([]byte(decision("a"))) // a whole record, but not the whole body
		pw.CloseWithError(io.ErrUnexpectedEOF)
	}()
	if res, err := r.client.Do(req); err == nil {
		t.Errorf("answer %s", res.Status)
	}
	req, err = http.NewRequestWithContext(t.Context(), "POST", r.base+records, strings.NewReader(decision("b")))
	must(t, err)
	req.Header.Set("Content-Type", "application/json")
	r.send(req).want(201)
	if r.size() != 1 {
		t.Errorf("size %d", r.size())
	}
}

// TestMemoryBudget lets requests hold all the memory that there is for bodies:
// the others are told to wait, and when it is free all goes on.
func TestMemoryBudget(t *testing.T) {
	t.Parallel()
	const length = 512 << 10
	r := newRig(t, options{server: func(c *server.Config) { c.Limits.InFlight = length }})
	const n = 5
	body := decision("a")
	type one struct {
		rest   io.WriteCloser
		answer chan *reply
	}
	all := make([]one, n)
	busy := make(chan int, n)
	for i := range all {
		pr, pw := io.Pipe()
		all[i] = one{pw, make(chan *reply, 1)}
		req, err := http.NewRequestWithContext(t.Context(), "POST", r.base+records, pr)
		must(t, err)
		req.Header.Set("Content-Type", "application/json")
		req.ContentLength = length
		go func() {
			res, err := r.client.Do(req)
			if err != nil {
				t.Error(err)
				close(all[i].answer)
				return
			}
			b, _ := io.ReadAll(res.Body)
			all[i].answer <- &reply{t: t, status: res.StatusCode, header: res.Header, body: b}
			if res.StatusCode == 429 {
				busy <- i
			}
		}()
	}
	refused := map[int]bool{}
	for range n - 1 {
		refused[<-busy] = true
	}
	for i, o := range all {
		if refused[i] {
			(<-o.answer).problem(429, "busy")
			continue
		}
		_, err := io.WriteString(o.rest, body+strings.Repeat(" ", length-len(body)))
		must(t, err)
		must(t, o.rest.Close())
		(<-o.answer).want(201)
	}
	if a := into[api.Appended](r.post(decision("a")).want(200)); a.Size != 1 {
		t.Errorf("size %d", a.Size)
	}
}

// TestTinyRecords cuts a body of very many records up: what is over the limit
// takes no memory. It is not parallel, as it measures.
func TestTinyRecords(t *testing.T) {
	for media, body := range map[string]string{
		"application/json": "[" + strings.Repeat("1,", 8<<20) + "1]", "application/x-ndjson": strings.Repeat("1\n", 8<<20),
	} {
		b := []byte(body)
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		_, _, err := server.Split(media, b, 1000)
		runtime.ReadMemStats(&after)
		if err == nil {
			t.Errorf("%s: accepted", media)
		}
		if took := after.TotalAlloc - before.TotalAlloc; took > 1<<20 {
			t.Errorf("%s: took %d bytes", media, took)
		}
	}
}
