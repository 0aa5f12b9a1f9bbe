// SPDX-License-Identifier: Apache-2.0

package search

import (
	"bufio"
	"context"
	"encoding/csv"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/parquet-go/parquet-go"

	"github.com/counterfoil/counterfoil/internal/ledger"
	"github.com/counterfoil/counterfoil/record"
)

// Formats of an export.
const (
	NDJSON  = "ndjson"  // the statements as they stand in the log, one a line
	CSV     = "csv"     // a table of the common fields, for spreadsheets
	Parquet = "parquet" // the same table with the statement, for databases
)

// Formats lists them, with their media types.
var Formats = map[string]string{NDJSON: "application/x-ndjson", CSV: "text/csv; charset=utf-8", Parquet: "application/vnd.apache.parquet"}

// row is a record in a table.
type row struct {
	Index       int64     `parquet:"index"`
	ID          string    `parquet:"id"`
	Type        string    `parquet:"type,dict"`
	Time        time.Time `parquet:"time,timestamp(microsecond)"`
	Recorded    time.Time `parquet:"recorded,timestamp(microsecond)"`
	System      string    `parquet:"system,dict"`
	UseCase     string    `parquet:"use_case,dict"`
	Env         string    `parquet:"env,dict"`
	Kind        string    `parquet:"kind,dict"`
	Status      string    `parquet:"status,dict"`
	Outcome     string    `parquet:"outcome,dict"`
	Adverse     string    `parquet:"adverse,dict"`
	Significant string    `parquet:"significant,dict"`
	Automation  string    `parquet:"automation,dict"`
	Interaction string    `parquet:"interaction"`
	Journey     string    `parquet:"journey"`
	Channel     string    `parquet:"channel,dict"`
	About       string    `parquet:"about"`
	Model       string    `parquet:"model,dict"`
	Prompt      string    `parquet:"prompt,dict"`
	Policy      string    `parquet:"policy,dict"`
	Config      string    `parquet:"config,dict"`
	Verdict     string    `parquet:"verdict,dict"`
	Failed      string    `parquet:"failed_controls,dict"`
	Source      string    `parquet:"source,dict"`
	Principal   string    `parquet:"principal,dict"`
	Statement   string    `parquet:"statement"`
}

func tableRow(e ledger.Entry) (row, error) {
	st, err := record.ParseStatement(e.Statement)
	if err != nil {
		return row{}, fmt.Errorf("read record at index %d: %w", e.Index, err)
	}
	f := st.Fields()
	r := row{Index: e.Index, ID: f.ID, Type: f.Type, Time: f.Time.UTC(), Recorded: f.Recorded.UTC(), System: f.System, UseCase: f.UseCase, Env: f.Env, Kind: f.Kind,
		Status: f.Status, Outcome: f.Outcome, Adverse: f.Adverse, Significant: f.Significant, Automation: f.Automation, Interaction: f.Interaction, Journey: f.Journey,
		Channel: f.Channel, About: f.About, Model: f.Model, Prompt: f.Prompt, Policy: f.Policy, Config: f.Config, Source: f.Source, Principal: f.Principal, Statement: string(e.Statement)}
	if g := st.Governed(); g != nil {
		r.Verdict = g.Verdict
		var failed []string
		for _, c := range g.Controls {
			if c.Result == "fail" || c.Result == "error" {
				failed = append(failed, c.Control)
			}
		}
		r.Failed = strings.Join(failed, ",")
	}
	return r, nil
}

// columns are the titles of a CSV file, and what stands below them.
var columns = []struct {
	title string
	value func(*row) string
}{
	{"index", func(r *row) string { return strconv.FormatInt(r.Index, 10) }}, {"id", func(r *row) string { return r.ID }}, {"type", func(r *row) string { return r.Type }},
	{"time", func(r *row) string { return r.Time.Format(time.RFC3339Nano) }}, {"recorded", func(r *row) string { return r.Recorded.Format(time.RFC3339Nano) }},
	{"system", func(r *row) string { return r.System }}, {"use_case", func(r *row) string { return r.UseCase }}, {"env", func(r *row) string { return r.Env }},
	{"kind", func(r *row) string { return r.Kind }}, {"status", func(r *row) string { return r.Status }}, {"outcome", func(r *row) string { return r.Outcome }},
	{"adverse", func(r *row) string { return r.Adverse }}, {"significant", func(r *row) string { return r.Significant }}, {"automation", func(r *row) string { return r.Automation }},
	{"interaction", func(r *row) string { return r.Interaction }}, {"journey", func(r *row) string { return r.Journey }}, {"channel", func(r *row) string { return r.Channel }},
	{"about", func(r *row) string { return r.About }}, {"model", func(r *row) string { return r.Model }}, {"prompt", func(r *row) string { return r.Prompt }},
	{"policy", func(r *row) string { return r.Policy }}, {"config", func(r *row) string { return r.Config }}, {"verdict", func(r *row) string { return r.Verdict }},
	{"failed_controls", func(r *row) string { return r.Failed }}, {"source", func(r *row) string { return r.Source }}, {"principal", func(r *row) string { return r.Principal }},
}

// harmless keeps a spreadsheet from taking a value for a formula (OWASP: CSV
// injection): such a value gets an apostrophe in front.
func harmless(s string) string {
	if s != "" && strings.ContainsRune("=+-@\t\r", rune(s[0])) {
		return "'" + s
	}
	return s
}

// exportChunk is how many records are read at a time.
const exportChunk = 400

// writer puts records into a file.
type writer interface {
	write(ledger.Entry) error
	close() error
}

// Export writes all that a query finds, oldest first, and returns how many
// records that are. It holds few of them in memory. ready is called when the
// query is known to be right, before the first byte.
func (x *Index) Export(ctx context.Context, r Request, format string, to io.Writer, ready func(total int64) error) (int64, error) {
	if Formats[format] == "" {
		return 0, &ledger.Error{Code: ledger.Invalid, Message: fmt.Sprintf("%q is no format", format), Hint: "use ndjson, csv or parquet"}
	}
	r.Facets = nil
	m, err := x.match(ctx, r)
	if err != nil {
		return 0, err
	}
	if err := ready(int64(m.hits.GetCardinality())); err != nil {
		return 0, err
	}
	w := newWriter(format, to)
	n := int64(0)
	at := make([]int64, 0, exportChunk)
	flush := func() error {
		entries, err := x.l.Find(ctx, at)
		for _, e := range entries {
			if err == nil {
				err = w.write(e)
				n++
			}
		}
		at = at[:0]
		return err
	}
	for i := m.hits.Iterator(); i.HasNext(); {
		if at = append(at, int64(i.Next())); len(at) == exportChunk {
			if err := flush(); err != nil {
				return n, err
			}
		}
	}
	if err := flush(); err != nil {
		return n, err
	}
	return n, w.close()
}

func newWriter(format string, to io.Writer) writer {
	switch format {
	case CSV:
		return &csvWriter{w: csv.NewWriter(to)}
	case Parquet:
		return &parquetWriter{w: parquet.NewGenericWriter[row](to, parquet.Compression(&parquet.Zstd))}
	}
	return lineWriter{bufio.NewWriter(to)}
}

type lineWriter struct{ w *bufio.Writer }

func (l lineWriter) write(e ledger.Entry) error {
	if _, err := l.w.Write(e.Statement); err != nil {
		return err
	}
	return l.w.WriteByte('\n')
}

func (l lineWriter) close() error { return l.w.Flush() }

type csvWriter struct {
	w     *csv.Writer
	begun bool
	cells []string
}

func (c *csvWriter) head() error {
	if c.begun {
		return nil
	}
	c.begun = true
	c.cells = make([]string, len(columns))
	for i, col := range columns {
		c.cells[i] = col.title
	}
	return c.w.Write(c.cells)
}

func (c *csvWriter) write(e ledger.Entry) error {
	if err := c.head(); err != nil {
		return err
	}
	r, err := tableRow(e)
	if err != nil {
		return err
	}
	for i, col := range columns {
		c.cells[i] = harmless(col.value(&r))
	}
	return c.w.Write(c.cells)
}

func (c *csvWriter) close() error {
	if err := c.head(); err != nil {
		return err
	}
	c.w.Flush()
	return c.w.Error()
}

type parquetWriter struct {
	w *parquet.GenericWriter[row]
	n int
}

// rowGroup bounds what a Parquet file keeps in memory.
const rowGroup = 20000

func (p *parquetWriter) write(e ledger.Entry) error {
	r, err := tableRow(e)
	if err != nil {
		return err
	}
	if _, err := p.w.Write([]row{r}); err != nil {
		return err
	}
	if p.n++; p.n%rowGroup == 0 {
		return p.w.Flush()
	}
	return nil
}

func (p *parquetWriter) close() error { return p.w.Close() }
