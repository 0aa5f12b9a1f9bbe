// SPDX-License-Identifier: Apache-2.0

package server

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/http"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/counterfoil/counterfoil/api"
	"github.com/counterfoil/counterfoil/internal/access"
	"github.com/counterfoil/counterfoil/internal/ledger"
	"github.com/counterfoil/counterfoil/record"
)

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
	c := callerOf(r)
	b := ledger.Batch{Principal: c.principal, Capture: capture, Partial: partial}
	records, problems := parseAll(l.Rules(), raws)
	if err := s.mayAppend(r, c, records); err != nil {
		return err
	}
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
			return refusedAppend(err, single)
		}
	} else if res.Checkpoint, res.Size, err = l.Newest(r.Context()); err != nil {
		return err
	}
	for i := range res.Items {
		if res.Items[i].Err == nil {
			s.metrics.appended.Inc()
		}
	}
	return writeAppended(w, res, records, problems, single)
}

// mayAppend refuses records of systems that the caller does not send for.
func (s *Server) mayAppend(r *http.Request, c *caller, records []*record.Record) error {
	if c.systems == nil {
		return nil
	}
	for _, rec := range records {
		if rec == nil {
			continue
		}
		if f := rec.Fields(); !slices.Contains(c.systems, f.System) {
			return s.deny(r.Context(), c, access.Append, "", "you send for "+strings.Join(c.systems, ", ")+", not for "+strconv.Quote(f.System))
		}
	}
	return nil
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
	parse := func(from int) {
		for i := from; i < min(from+part, len(raws)); i++ {
			rec, err := rules.Parse(raws[i])
			if err != nil {
				errs[i], _ = errors.AsType[*record.Error](err)
				continue
			}
			records[i] = rec
		}
	}
	var others sync.WaitGroup
	for from := part; from < len(raws); from += part {
		others.Go(func() { parse(from) })
	}
	parse(0) // here: this goroutine has its stack already
	others.Wait()
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

// refusedAppend places the error of a whole batch in what was sent.
func refusedAppend(err error, single bool) error {
	e, ok := errors.AsType[*ledger.RecordError](err)
	if !ok {
		return err
	}
	if invalid, ok := errors.AsType[*record.Error](e.Err); ok && !single {
		return refusedBatch([]bad{{e.Record, invalid}}, false)
	}
	p := positioned(e.Err, e.Record, single)
	return &refusal{code: p.Code, detail: p.Detail, hint: p.Hint, faults: p.Errors, cause: err}
}

// positioned describes why the record at a position was refused.
func positioned(err error, position int, single bool) *api.Problem {
	prefix := ""
	if !single {
		prefix = "/" + strconv.Itoa(position)
	}
	if e, ok := errors.AsType[*record.Error](err); ok {
		return recordProblem(e, prefix, position)
	}
	p := toProblem(err)
	if p.Code == string(ledger.Conflict) {
		p.Errors = []api.Fault{{Record: position, Pointer: prefix + "/id", Code: p.Code, Detail: p.Detail, Hint: p.Hint}}
	}
	return p
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
			b = appendRefused(b, "", positioned(problems[next].err, i, single))
			next++
			continue
		}
		it := &res.Items[item]
		item++
		if it.Err != nil {
			b = appendRefused(b, records[i].ID(), positioned(it.Err, i, single))
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
	if single && len(res.Items) == 1 && res.Items[0].Err == nil {
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
