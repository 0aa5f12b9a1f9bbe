// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/counterfoil/counterfoil/api"
	"github.com/counterfoil/counterfoil/internal/app"
)

// caller speaks the HTTP API for a command: to the server that was named, to the
// one that runs on this data folder, over its socket, or to none, within this
// process. The commands do not see the difference.
type caller struct {
	base  string
	http  *http.Client
	head  http.Header
	close func() error
}

// reason are the flags that say why private values are opened.
type reason struct{ purpose, ticket, warrant string }

func (r *reason) flags(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringVar(&r.purpose, "purpose", "", "why private values are opened, for example complaint; it stands in the access record")
	f.StringVar(&r.ticket, "ticket", "", "the case that it is for")
	f.StringVar(&r.warrant, "warrant", "", "the warrant, or broken glass, that allows it")
}

// call runs fn with a caller.
func (c *cli) call(ctx context.Context, fn func(*caller) error) error {
	a, err := c.caller(ctx)
	if err != nil {
		return err
	}
	return errors.Join(fn(a), a.close())
}

func (c *cli) caller(ctx context.Context) (*caller, error) {
	a := &caller{head: http.Header{}, close: func() error { return nil }}
	if c.actor != "" {
		a.head.Set("Counterfoil-Actor", c.actor)
	}
	if c.server != "" {
		u, err := url.Parse(c.server)
		if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
			return nil, usagef("--server %q is not like https://audit.example.com", c.server)
		}
		a.base, a.http = strings.TrimSuffix(c.server, "/"), &http.Client{}
		if token := os.Getenv("COUNTERFOIL_TOKEN"); token != "" {
			a.head.Set("Authorization", "Bearer "+token)
		}
		return a, nil
	}
	a.base = "http://localhost"
	name := c.ledger
	if name == "*" { // a grant for any ledger: any will do to give it
		names, err := c.store.Names(ctx)
		if err != nil {
			return nil, err
		}
		if len(names) > 0 {
			name = names[0]
		}
	}
	if pid, held, err := c.store.Writer(name); err == nil && held && pid != "" {
		if path := c.store.Socket(); path != "" {
			if _, err := os.Stat(path); err == nil {
				dial := func(ctx context.Context, _, _ string) (net.Conn, error) {
					var d net.Dialer
					return d.DialContext(ctx, "unix", path)
				}
				t := &http.Transport{DialContext: dial}
				a.http, a.close = &http.Client{Transport: t}, func() error { t.CloseIdleConnections(); return nil }
				return a, nil
			}
		}
	}
	cfg, err := c.config("")
	if err != nil {
		return nil, err
	}
	l, err := c.store.OpenLocal(ctx, name, buildVersion(), c.logger(false), cfg)
	if err != nil {
		return nil, err
	}
	a.http, a.close = &http.Client{Transport: within{l}}, l.Close
	return a, nil
}

// within answers requests in this process.
type within struct{ l *app.Local }

func (w within) RoundTrip(r *http.Request) (*http.Response, error) {
	in := r.Clone(r.Context())
	in.RequestURI, in.Host = r.URL.RequestURI(), r.URL.Host
	if in.Body == nil {
		in.Body = http.NoBody
	}
	out := &recorder{head: http.Header{}}
	w.l.ServeHTTP(out, in)
	return &http.Response{StatusCode: max(out.status, http.StatusOK), Header: out.head, Body: io.NopCloser(&out.body), ContentLength: int64(out.body.Len()), Request: r}, nil
}

// recorder is an answer in memory.
type recorder struct {
	head   http.Header
	status int
	body   bytes.Buffer
}

func (r *recorder) Header() http.Header { return r.head }

func (r *recorder) WriteHeader(status int) {
	if r.status == 0 {
		r.status = status
	}
}

func (r *recorder) Write(b []byte) (int, error) {
	r.WriteHeader(http.StatusOK)
	return r.body.Write(b)
}

// because states why private values are opened.
func (a *caller) because(r reason) {
	for name, v := range map[string]string{"Counterfoil-Purpose": r.purpose, "Counterfoil-Ticket": r.ticket, "Counterfoil-Warrant": r.warrant} {
		if v != "" {
			a.head.Set(name, v)
		}
	}
}

// raw sends a request and returns the body of its answer; a problem is an error.
func (a *caller) raw(ctx context.Context, method, path string, in any) ([]byte, error) {
	var body io.Reader
	if in != nil {
		b, err := json.Marshal(in)
		if err != nil {
			return nil, err
		}
		body = bytes.NewReader(b)
	}
	req, err := http.NewRequestWithContext(ctx, method, a.base+path, body)
	if err != nil {
		return nil, err
	}
	req.Header = a.head.Clone()
	if in != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	res, err := a.http.Do(req)
	if err != nil {
		return nil, &hinted{fmt.Errorf("ask the server: %w", err), "is it running, and is --server right?"}
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		return nil, fmt.Errorf("read answer: %w", err)
	}
	if res.StatusCode < 300 {
		return b, nil
	}
	p := &api.Problem{}
	if json.Unmarshal(b, p) != nil || p.Code == "" {
		return nil, fmt.Errorf("the server answers %s", res.Status)
	}
	return nil, p
}

// ask sends a request and decodes its answer.
func ask[T any](ctx context.Context, a *caller, method, path string, in any) (T, error) {
	var out T
	b, err := a.raw(ctx, method, path, in)
	if err == nil {
		err = json.Unmarshal(b, &out)
	}
	return out, err
}

// at is a path in the ledger of the command.
func (c *cli) at(parts ...string) string {
	var p strings.Builder
	p.WriteString("/v1/ledgers/" + url.PathEscape(c.ledger))
	for _, part := range parts {
		p.WriteString("/" + url.PathEscape(part))
	}
	return p.String()
}
