// SPDX-License-Identifier: Apache-2.0

// Package client is the Go SDK of a Counterfoil server: send records, get back
// proofs, read statements and receipts.
//
//	c, err := client.New(client.Config{URL: "http://127.0.0.1:8780"})
//	res, err := c.Append(ctx, client.Batch{Records: [][]byte{record}})
//
// A record's id makes sending it again safe, so the client tries again by
// itself when the server is busy, away, or the answer was lost. A refusal that
// trying again does not mend comes back as an [*api.Problem].
//
// With a trust policy in its configuration, the client holds every checkpoint
// that it is answered against that policy before it reports success. To prove
// one record, fetch its receipt and judge it with package verify.
//
// It keeps no spool: what was not acknowledged is the caller's to keep.
package client

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"mime"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/counterfoil/counterfoil/api"
	"github.com/counterfoil/counterfoil/proof"
)

// Doer sends one HTTP request; [*http.Client] is one.
type Doer interface {
	// Do sends the request as http.Client.Do does. It must be safe for
	// concurrent use if the Client is used so.
	Do(*http.Request) (*http.Response, error)
}

// Config says where to send and how hard to try.
type Config struct {
	// URL is the server's base URL, for example http://127.0.0.1:8780. Required.
	URL string
	// Token is an API key or a workload's token, sent as Authorization: Bearer.
	// Default: none, for a server without access control.
	Token Secret
	// Ledger is the ledger's name. Default: main.
	Ledger string
	// HTTP sends requests. Default: an http.Client with a time limit of a minute.
	HTTP Doer
	// Attempts is how often a request is tried in all. Default: 6.
	Attempts int
	// Wait pauses between attempts until the time has passed or ctx ends.
	// Default: a timer. Tests put their own.
	Wait func(ctx context.Context, d time.Duration) error
	// Trust, if set, is held against every checkpoint that the server answers.
	Trust *proof.Trust
}

// Secret is a text that prints as [redacted].
type Secret string

// String hides the secret.
func (Secret) String() string { return "[redacted]" }

// GoString hides the secret.
func (Secret) GoString() string { return "[redacted]" }

// maxAnswer bounds what is read of an answer, in bytes.
const maxAnswer = 256 << 20

// Client talks to one ledger of one server. It is safe for concurrent use.
type Client struct {
	cfg    Config
	base   string
	reason Reason
}

// Reason says why private values are read; it stands in the access record.
type Reason struct {
	Purpose string // a code, for example complaint. Required to read values
	Ticket  string // the case
	Warrant string // the approval, where the role asks for one
}

// For returns a client that reads private values for a reason. The one that it
// is made of is not changed.
func (c *Client) For(r Reason) *Client {
	out := *c
	out.reason = r
	return &out
}

// New makes a client. It sends nothing.
func New(cfg Config) (*Client, error) {
	u, err := url.Parse(cfg.URL)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		return nil, fmt.Errorf("client: URL %q is not like http://127.0.0.1:8780", cfg.URL)
	}
	if cfg.Ledger == "" {
		cfg.Ledger = "main"
	}
	if cfg.HTTP == nil {
		cfg.HTTP = &http.Client{Timeout: time.Minute}
	}
	if cfg.Attempts <= 0 {
		cfg.Attempts = 6
	}
	if cfg.Wait == nil {
		cfg.Wait = wait
	}
	return &Client{cfg: cfg, base: strings.TrimRight(cfg.URL, "/") + "/v1/ledgers/" + url.PathEscape(cfg.Ledger)}, nil
}

func wait(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// Batch is what Append sends.
type Batch struct {
	// Records are JSON values, one each; line breaks between their tokens do no
	// harm.
	Records [][]byte
	// Partial stores the records that can be and answers the others one by one.
	Partial bool
	// Capture is how the records came about: sdk (default), import or manual.
	Capture string
}

// Append sends a batch and returns where each record stands. An error that is
// an [*api.Problem] of a status below 500, other than 429, is final: nothing of
// the batch was stored. After any other error the batch may or may not be
// stored; sending it again is safe.
func (c *Client) Append(ctx context.Context, b Batch) (*api.Appended, error) {
	q := url.Values{}
	if b.Partial {
		q.Set("partial", "true")
	}
	if b.Capture != "" {
		q.Set("capture", b.Capture)
	}
	body, err := lines(b.Records)
	if err != nil {
		return nil, err
	}
	var out api.Appended
	if err := c.json(ctx, http.MethodPost, "/records?"+q.Encode(), body, &out); err != nil {
		return nil, err
	}
	if len(out.Records) != len(b.Records) {
		return nil, fmt.Errorf("the server answered %d of %d records", len(out.Records), len(b.Records))
	}
	if c.cfg.Trust != nil && out.Size > 0 {
		if err := c.checkSize(&out); err != nil {
			return nil, err
		}
	}
	return &out, nil
}

// lines puts each record on a line of its own. A record that is more than one
// value, or none, would shift those after it, and is refused.
func lines(records [][]byte) ([]byte, error) {
	var b bytes.Buffer
	for i, r := range records {
		if i > 0 {
			b.WriteByte('\n')
		}
		if !bytes.ContainsAny(r, "\r\n") && len(bytes.TrimSpace(r)) > 0 {
			b.Write(r)
		} else if err := json.Compact(&b, r); err != nil {
			return nil, fmt.Errorf("record %d of the batch is not one JSON value: %w", i, err)
		}
	}
	return b.Bytes(), nil
}

func (c *Client) checkSize(out *api.Appended) error {
	cp, _, err := c.cfg.Trust.OpenCheckpoint([]byte(out.Checkpoint))
	if err != nil {
		return fmt.Errorf("the server's checkpoint is not trusted: %w", err)
	}
	if cp.Size != out.Size {
		return fmt.Errorf("the server's checkpoint is of size %d, the answer says %d", cp.Size, out.Size)
	}
	for _, r := range out.Records {
		if r.Status != api.Refused && (r.Index < 0 || r.Index >= cp.Size) {
			return fmt.Errorf("record %s is said to be at %d of %d", r.ID, r.Index, cp.Size)
		}
	}
	return nil
}

// Record returns one statement; with pointers, or "all", the record with those
// private values in place.
func (c *Client) Record(ctx context.Context, id string, disclose ...string) (*api.Entry, error) {
	var out api.Entry
	err := c.json(ctx, http.MethodGet, "/records/"+url.PathEscape(id)+"?"+url.Values{"disclose": disclose}.Encode(), nil, &out)
	return &out, err
}

// Receipt returns the receipt file of one record.
func (c *Client) Receipt(ctx context.Context, id string, disclose ...string) ([]byte, error) {
	return c.do(ctx, http.MethodGet, "/records/"+url.PathEscape(id)+"/receipt?"+url.Values{"disclose": disclose}.Encode(), nil)
}

// List returns one page of the records that match the query parameters.
func (c *Client) List(ctx context.Context, query url.Values) (*api.Page, error) {
	var out api.Page
	err := c.json(ctx, http.MethodGet, "/records?"+query.Encode(), nil, &out)
	return &out, err
}

// Stats returns counts over the ledger.
func (c *Client) Stats(ctx context.Context) (*api.Stats, error) {
	var out api.Stats
	err := c.json(ctx, http.MethodGet, "/stats", nil, &out)
	return &out, err
}

// TrustFile returns the trust policy that the server hands to outsiders.
func (c *Client) TrustFile(ctx context.Context) ([]byte, error) {
	return c.do(ctx, http.MethodGet, "/trust", nil)
}

func (c *Client) json(ctx context.Context, method, path string, body []byte, out any) error {
	b, err := c.do(ctx, method, path, body)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(b, out); err != nil {
		return fmt.Errorf("read answer: %w", err)
	}
	return nil
}

// do sends a request, again and again while that may help.
func (c *Client) do(ctx context.Context, method, path string, body []byte) ([]byte, error) {
	for attempt := 1; ; attempt++ {
		b, pause, err := c.once(ctx, method, path, body)
		if err == nil || pause < 0 || attempt >= c.cfg.Attempts || ctx.Err() != nil {
			return b, err
		}
		backoff := min(5*time.Second, 100*time.Millisecond<<attempt)
		pause = max(pause, backoff/2+rand.N(backoff/2))
		if werr := c.cfg.Wait(ctx, pause); werr != nil {
			return nil, errors.Join(err, werr)
		}
	}
}

// once sends a request. A negative pause says that trying again is no use.
func (c *Client) once(ctx context.Context, method, path string, body []byte) (b []byte, pause time.Duration, err error) {
	req, err := http.NewRequestWithContext(ctx, method, c.base+strings.TrimSuffix(path, "?"), bytes.NewReader(body))
	if err != nil {
		return nil, -1, fmt.Errorf("make request: %w", err)
	}
	if body != nil {
		req.Header.Set("Content-Type", "application/x-ndjson")
	}
	for name, v := range map[string]string{"Counterfoil-Purpose": c.reason.Purpose, "Counterfoil-Ticket": c.reason.Ticket, "Counterfoil-Warrant": c.reason.Warrant} {
		if v != "" {
			req.Header.Set(name, v)
		}
	}
	if c.cfg.Token != "" {
		req.Header.Set("Authorization", "Bearer "+string(c.cfg.Token))
	}
	res, err := c.cfg.HTTP.Do(req)
	if err != nil {
		return nil, 0, fmt.Errorf("send request: %w", err)
	}
	defer res.Body.Close()
	if b, err = io.ReadAll(io.LimitReader(res.Body, maxAnswer)); err != nil {
		return nil, 0, fmt.Errorf("read answer: %w", err)
	}
	if res.StatusCode < 300 {
		return b, 0, nil
	}
	pause = -1
	switch res.StatusCode {
	case http.StatusTooManyRequests, http.StatusServiceUnavailable, http.StatusBadGateway, http.StatusGatewayTimeout:
		pause = 0
		if s, err := strconv.Atoi(res.Header.Get("Retry-After")); err == nil {
			pause = time.Duration(max(0, min(s, 60))) * time.Second
		}
	}
	return nil, pause, problemOf(res, b)
}

func problemOf(res *http.Response, b []byte) error {
	p := &api.Problem{}
	if media, _, _ := mime.ParseMediaType(res.Header.Get("Content-Type")); media == api.ProblemType && json.Unmarshal(b, p) == nil && p.Code != "" {
		return p
	}
	return &api.Problem{Type: "about:blank", Title: "Unexpected answer", Status: res.StatusCode, Code: "unexpected",
		Detail: fmt.Sprintf("the server answered %s", res.Status), Hint: "is this the URL of a Counterfoil server?"}
}
