// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/counterfoil/counterfoil/api"
	"github.com/counterfoil/counterfoil/client"
	"github.com/counterfoil/counterfoil/internal/app"
	"github.com/counterfoil/counterfoil/internal/ledger"
	"github.com/counterfoil/counterfoil/internal/mapping"
	"github.com/counterfoil/counterfoil/record"
)

// appendChunk is how many records are committed together.
const appendChunk = 500

// sink is where records go: an embedded ledger, or a server.
type sink interface {
	// send stores a chunk, all or nothing unless partial, and tells of each
	// record whether it is new or why it was refused.
	send(ctx context.Context, raws [][]byte, partial bool) ([]outcome, error)
}

// outcome is what became of one record.
type outcome struct {
	created bool
	err     error
}

func (c *cli) appendCmd() *cobra.Command {
	var mapFile string
	var partial bool
	cmd := &cobra.Command{
		Use:   "append FILE…|-",
		Short: "Append records from files or standard input",
		Long: `Appends records: one JSON object after the other, usually one a line (NDJSON), or
an array of them; gzip is recognised. Ids make it safe to run again after an
interruption: what is stored already is counted as existing.

With --map, a mapping file turns lines of any JSON into records; see
examples/README.md. Each chunk of 500 is stored whole or not at all; with
--partial records that are refused are named and skipped.`,
		Example: `  counterfoil append --data ./trail decisions.ndjson
  zcat calls.ndjson.gz | counterfoil append --server http://127.0.0.1:8780 -
  counterfoil append --data ./trail --map examples/chatbot.yaml examples/chatbot.ndjson`,
		Args: cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			a := &appender{c: c, partial: partial}
			if mapFile != "" {
				m, err := mapping.Load(filepath.Dir(mapFile), filepath.Base(mapFile))
				if err != nil {
					return err
				}
				a.mapping = m
			}
			if c.server != "" {
				return a.toServer(cmd.Context(), c.server, args)
			}
			return c.write(cmd.Context(), func(o *app.Opened) error {
				a.sink = &embedded{o.Ledger}
				if err := a.files(cmd.Context(), args); err != nil {
					return err
				}
				size, err := o.Ledger.Size(cmd.Context())
				if err != nil {
					return err
				}
				return a.finish(size)
			})
		},
	}
	f := cmd.Flags()
	f.StringVar(&mapFile, "map", "", "mapping file (YAML) that turns each input value into records")
	f.BoolVar(&partial, "partial", false, "store what can be stored and name the rest")
	return cmd
}

// appender reads inputs and sends chunks.
type appender struct {
	c       *cli
	sink    sink
	mapping *mapping.Mapping
	partial bool

	chunk  [][]byte
	places []string // where each record of the chunk stands in the input

	created, existing, refused int64
}

func (a *appender) toServer(ctx context.Context, url string, args []string) error {
	cl, err := client.New(client.Config{URL: url, Ledger: a.c.ledger, Token: client.Secret(os.Getenv("COUNTERFOIL_TOKEN"))})
	if err != nil {
		return &usageError{err}
	}
	r := &remote{cl: cl}
	a.sink = r
	if err := a.files(ctx, args); err != nil {
		return err
	}
	return a.finish(r.size)
}

func (a *appender) files(ctx context.Context, args []string) error {
	for _, name := range args {
		if err := a.file(ctx, name); err != nil {
			return a.explain(err)
		}
	}
	return a.explain(a.flush(ctx))
}

// explain says what has become of the rest when an append stops in the middle.
func (a *appender) explain(err error) error {
	if err == nil {
		return nil
	}
	if done := a.created + a.existing; done > 0 {
		err = fmt.Errorf("%w (%s before it %s stored; run it again after mending: what is stored is skipped)", err, plural(done, "record"), map[bool]string{true: "is", false: "are"}[done == 1])
	}
	return err
}

func (a *appender) file(ctx context.Context, name string) error {
	src, err := a.c.open(name)
	if err != nil {
		return err
	}
	defer src.close()
	for {
		v, line, err := src.next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		place := fmt.Sprintf("%s:%d", name, line)
		raws := [][]byte{v}
		if a.mapping != nil {
			if raws, err = a.mapping.Records(v, line); err != nil {
				if !a.partial {
					return fmt.Errorf("%s: %w", place, err)
				}
				a.refuse(place, err)
				continue
			}
		}
		for _, raw := range raws {
			a.chunk, a.places = append(a.chunk, raw), append(a.places, place)
			if len(a.chunk) == appendChunk {
				if err := a.flush(ctx); err != nil {
					return err
				}
			}
		}
	}
}

// flush sends the chunk.
func (a *appender) flush(ctx context.Context) error {
	if len(a.chunk) == 0 {
		return nil
	}
	res, err := a.sink.send(ctx, a.chunk, a.partial)
	if err != nil {
		if at, ok := errors.AsType[*atError](err); ok && at.position < len(a.places) {
			return fmt.Errorf("%s: %w", a.places[at.position], at.error)
		}
		return err
	}
	for i, o := range res {
		switch {
		case o.err != nil:
			a.refuse(a.places[i], o.err)
		case o.created:
			a.created++
		default:
			a.existing++
		}
	}
	a.chunk, a.places = a.chunk[:0], a.places[:0]
	return nil
}

func (a *appender) refuse(place string, err error) {
	a.refused++
	fmt.Fprintf(a.c.err, "%s: refused: %s\n", place, oneLine(err))
	if h := hintOf(err); h != "" {
		fmt.Fprintf(a.c.err, "hint: %s\n", h)
	}
}

func (a *appender) finish(size int64) error {
	if a.c.json {
		if err := a.c.print(map[string]int64{"created": a.created, "existing": a.existing, "refused": a.refused, "size": size}); err != nil {
			return err
		}
	} else {
		fmt.Fprintf(a.c.out, "%s appended, %s existing, %s refused; the log has %s\n",
			plural(a.created, "record"), thousands(a.existing), thousands(a.refused), plural(size, "record"))
	}
	if a.refused > 0 {
		return errWrong
	}
	return nil
}

// atError is an error of one record of a chunk.
type atError struct {
	error
	position int
}

func (e *atError) Unwrap() error { return e.error }

// embedded appends to a ledger of this process.
type embedded struct{ l *ledger.Ledger }

func (e *embedded) send(ctx context.Context, raws [][]byte, partial bool) ([]outcome, error) {
	out := make([]outcome, len(raws))
	b := ledger.Batch{Principal: "local:cli", Capture: "import", Partial: partial}
	var at []int
	for i, raw := range raws {
		r, err := e.l.Rules().Parse(raw)
		if err != nil {
			if !partial {
				return nil, &atError{err, i}
			}
			out[i].err = err
			continue
		}
		b.Records, at = append(b.Records, r), append(at, i)
	}
	if len(b.Records) == 0 {
		return out, nil
	}
	res, err := e.l.Append(ctx, b)
	if bad, ok := errors.AsType[*ledger.RecordError](err); ok {
		return nil, &atError{bad.Err, at[bad.Record]}
	}
	if err != nil {
		return nil, err
	}
	for i, it := range res.Items {
		out[at[i]] = outcome{it.Created, it.Err}
	}
	return out, nil
}

// remote appends over HTTP.
type remote struct {
	cl   *client.Client
	size int64 // of the log, by the last answer: who may only send may not ask
}

func (r *remote) send(ctx context.Context, raws [][]byte, partial bool) ([]outcome, error) {
	lines := make([][]byte, len(raws))
	for i, raw := range raws {
		line, err := record.Compact(raw)
		if err != nil {
			line = raw // the server will say what is wrong
		}
		lines[i] = line
	}
	res, err := r.cl.Append(ctx, client.Batch{Records: lines, Partial: partial, Capture: "import"})
	if p, ok := errors.AsType[*api.Problem](err); ok && len(p.Errors) > 0 {
		return nil, &atError{p, p.Errors[0].Record}
	}
	if err != nil {
		return nil, err
	}
	r.size = res.Size
	out := make([]outcome, len(raws))
	for i, rec := range res.Records {
		out[i].created = rec.Status == api.Created
		if rec.Problem != nil {
			out[i].err = rec.Problem
		}
	}
	return out, nil
}
