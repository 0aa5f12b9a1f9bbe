// SPDX-License-Identifier: Apache-2.0

package server

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"mime"
	"net/http"
	"runtime"
	"strconv"

	"github.com/go-json-experiment/json/jsontext"
	"golang.org/x/sync/errgroup"

	"github.com/counterfoil/counterfoil/api"
	"github.com/counterfoil/counterfoil/internal/ledger"
	"github.com/counterfoil/counterfoil/record"
)

// principal names who writes, until access control does.
const principal = "local:http"

// maxFaults is how many faults of a batch are listed.
const maxFaults = 20

// append stores one record, an array of records, or lines of records.
func (s *Server) append(w http.ResponseWriter, r *http.Request) error {
	l, err := s.ledger(r)
	if err != nil {
		return err
	}
	partial, capture, err := appendParameters(r)
	if err != nil {
		return err
	}
	held := &lease{s: s}
	defer held.release()
	buf := buffers.Get().(*[]byte)
	defer giveBack(buf)
	if err := s.body(w, r, buf, held); err != nil {
		return err
	}
	raws, single, err := s.split(r, *buf)
	if err != nil {
		return err
	}
	b := ledger.Batch{Principal: principal, Capture: capture, Partial: partial}
	records, problems := parseAll(l.Rules(), raws)
	if len(problems) > 0 && !partial {
		return refusedBatch(problems, single)
	}
	for _, rec := range records {
		if rec != nil {
			b.Records = append(b.Records, rec)
		}
	}
	res := &ledger.Receipts{}
	if len(b.Records) > 0 {
		if res, err = l.Append(r.Context(), b); err != nil {
			return err
		}
	}
	s.metrics.appended.Add(float64(len(res.Items)))
	return writeAppended(w, res, records, problems, single)
}

func appendParameters(r *http.Request) (partial bool, capture string, err error) {
	q, err := parameters(r, "partial", "capture")
	if err != nil {
		return false, "", err
	}
	if partial, err = boolean(q, "partial"); err != nil {
		return false, "", err
	}
	switch capture = q.Get("capture"); capture {
	case "":
		capture = "sdk"
	case "sdk", "import", "manual":
	default:
		return false, "", refused("bad_parameter", "use sdk, import or manual", "capture %q can not be claimed", capture)
	}
	return partial, capture, nil
}

// split cuts the body into records. It does not look into them: that is the
// parser's business. single says that one JSON object was sent.
func (s *Server) split(r *http.Request, b []byte) (raws [][]byte, single bool, err error) {
	media, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil {
		media = r.Header.Get("Content-Type")
	}
	switch media {
	case "application/x-ndjson", "application/ndjson", "application/jsonl":
		for line := range bytes.Lines(b) {
			if line = bytes.TrimSpace(line); len(line) > 0 {
				raws = append(raws, line)
			}
		}
	case "application/json":
		if b = bytes.TrimSpace(b); len(b) == 0 || b[0] != '[' {
			return [][]byte{b}, true, nil
		}
		if raws, err = splitArray(b); err != nil {
			return nil, false, err
		}
	default:
		return nil, false, refused("media_type", "send application/json or application/x-ndjson", "Content-Type %q is not supported", media)
	}
	if len(raws) == 0 {
		return nil, false, refused(string(ledger.Invalid), "send at least one record", "the batch is empty")
	}
	if len(raws) > s.cfg.Limits.Records {
		return nil, false, refused("too_many_records", "send smaller batches", "the batch has %d records, the limit is %d", len(raws), s.cfg.Limits.Records)
	}
	return raws, false, nil
}

func splitArray(b []byte) ([][]byte, error) {
	d := jsontext.NewDecoder(bytes.NewBuffer(b), jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true))
	var raws [][]byte
	_, err := d.ReadToken()
	for err == nil && d.PeekKind() != ']' {
		var v jsontext.Value
		if v, err = d.ReadValue(); err == nil {
			raws = append(raws, bytes.Clone(v))
		}
	}
	if err == nil {
		_, err = d.ReadToken()
	}
	if err == nil && len(bytes.TrimSpace(b[d.InputOffset():])) > 0 {
		err = errors.New("something follows the array")
	}
	if err != nil {
		return nil, &refusal{code: record.CodeSyntax, detail: "the array of records is not valid JSON",
			faults: []api.Fault{{Record: len(raws), Pointer: string(d.StackPointer()), Code: record.CodeSyntax, Detail: err.Error()}}, count: 1}
	}
	return raws, nil
}

// bad is one record that the parser refused.
type bad struct {
	position int
	err      *record.Error
}

// parseAll parses the records on every core; those that are refused are nil.
func parseAll(rules *record.Rules, raws [][]byte) ([]*record.Record, []bad) {
	records := make([]*record.Record, len(raws))
	errs := make([]*record.Error, len(raws))
	workers := min(runtime.GOMAXPROCS(0), (len(raws)+63)/64)
	part := (len(raws) + workers - 1) / workers
	var group errgroup.Group
	for from := 0; from < len(raws); from += part {
		group.Go(func() error {
			for i := from; i < min(from+part, len(raws)); i++ {
				rec, err := rules.Parse(raws[i])
				if err != nil {
					errs[i], _ = errors.AsType[*record.Error](err)
					continue
				}
				records[i] = rec
			}
			return nil
		})
	}
	_ = group.Wait() // never fails
	var out []bad
	for i, err := range errs {
		if err != nil {
			out = append(out, bad{i, err})
		}
	}
	return records, out
}

// refusedBatch lists the faults of all records that were refused.
func refusedBatch(problems []bad, single bool) error {
	if single {
		return problems[0].err
	}
	e := &refusal{code: "invalid_records", hint: "mend them, or send with ?partial=true to store the others"}
	for _, p := range problems {
		for _, f := range faults(p.err, "/"+strconv.Itoa(p.position), p.position) {
			e.count++
			if len(e.faults) < maxFaults {
				e.faults = append(e.faults, f)
			}
		}
	}
	e.detail = strconv.Itoa(len(problems)) + " of the records are not valid"
	return e
}

// writeAppended writes the answer by hand: it is most of what a busy server
// sends.
func writeAppended(w http.ResponseWriter, res *ledger.Receipts, records []*record.Record, problems []bad, single bool) error {
	buf := buffers.Get().(*[]byte)
	defer giveBack(buf)
	b := append((*buf)[:0], `{"checkpoint":`...)
	b = appendString(b, string(res.Checkpoint))
	b = append(b, `,"size":`...)
	b = strconv.AppendInt(b, res.Size, 10)
	b = append(b, `,"records":[`...)
	item, next := 0, 0
	status := http.StatusOK
	for i := range records {
		if i > 0 {
			b = append(b, ',')
		}
		if records[i] == nil {
			b = appendRefused(b, "", recordProblem(problems[next].err, "/"+strconv.Itoa(i), i))
			next++
			continue
		}
		it := &res.Items[item]
		item++
		if it.Err != nil {
			b = appendRefused(b, it.ID, toProblem(it.Err))
			continue
		}
		if it.Created {
			status = http.StatusCreated
		}
		b = appendPlaced(b, it)
	}
	b = append(b, "]}\n"...)
	*buf = b
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	if single && len(res.Items) == 1 {
		w.Header().Set("Location", "records/"+res.Items[0].ID)
	}
	w.WriteHeader(status)
	_, err := w.Write(b)
	return ignoreGone(err)
}

func appendPlaced(b []byte, it *ledger.Item) []byte {
	b = append(b, `{"id":"`...)
	b = append(b, it.ID...) // an id needs no escaping
	b = append(b, `","index":`...)
	b = strconv.AppendInt(b, it.Index, 10)
	if it.Created {
		b = append(b, `,"status":"created","proof":[`...)
	} else {
		b = append(b, `,"status":"existing","proof":[`...)
	}
	for i := range it.Path {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(b, '"')
		b = base64.StdEncoding.AppendEncode(b, it.Path[i][:])
		b = append(b, '"')
	}
	return append(b, "]}"...)
}

func appendRefused(b []byte, id string, p *api.Problem) []byte {
	j, err := json.Marshal(api.Placed{ID: id, Index: -1, Status: api.Refused, Problem: p})
	if err != nil {
		return append(b, "null"...)
	}
	return append(b, j...)
}

func appendString(b []byte, s string) []byte {
	out, err := jsontext.AppendQuote(b, s)
	if err != nil {
		return append(b, `""`...)
	}
	return out
}
