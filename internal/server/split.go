// SPDX-License-Identifier: Apache-2.0

package server

import (
	"bytes"
	"errors"
	"mime"
	"net/http"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/counterfoil/counterfoil/api"
	"github.com/counterfoil/counterfoil/internal/ledger"
	"github.com/counterfoil/counterfoil/record"
)

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
			if len(raws) > s.cfg.Limits.Records {
				break
			}
		}
	case "application/json":
		if b = bytes.TrimSpace(b); len(b) == 0 || b[0] != '[' {
			return [][]byte{b}, true, nil
		}
		if raws, err = splitArray(b, s.cfg.Limits.Records); err != nil {
			return nil, false, err
		}
	default:
		return nil, false, refused("media_type", "send application/json or application/x-ndjson", "Content-Type %q is not supported", media)
	}
	if len(raws) == 0 {
		return nil, false, refused(string(ledger.Invalid), "send at least one record", "the batch is empty")
	}
	if len(raws) > s.cfg.Limits.Records {
		return nil, false, refused("too_many_records", "send smaller batches", "the batch has more than %d records", s.cfg.Limits.Records)
	}
	return raws, false, nil
}

// splitArray cuts an array into its elements. It stops behind the first one over
// the limit, so that a body of tiny elements takes no more memory than others.
func splitArray(b []byte, limit int) ([][]byte, error) {
	d := jsontext.NewDecoder(bytes.NewBuffer(b), jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true))
	var raws [][]byte
	_, err := d.ReadToken()
	for err == nil && d.PeekKind() != ']' {
		var v jsontext.Value
		if v, err = d.ReadValue(); err == nil {
			raws = append(raws, bytes.Clone(v))
		}
		if len(raws) > limit {
			return raws, nil
		}
	}
	if err == nil {
		_, err = d.ReadToken()
	}
	if err == nil && len(bytes.TrimSpace(b[d.InputOffset():])) > 0 {
		err = errors.New("something follows the array")
	}
	if err != nil {
		detail := "not valid JSON" // its own text names members, which may be anybody's data
		if e, ok := errors.AsType[*jsontext.SyntacticError](err); ok && e.Err != nil {
			detail = strings.TrimPrefix(e.Err.Error(), "jsontext: ") + " at byte " + strconv.FormatInt(e.ByteOffset, 10)
		}
		return nil, &refusal{code: record.CodeSyntax, detail: "the array of records is not valid JSON",
			faults: []api.Fault{{Record: len(raws), Pointer: "/" + strconv.Itoa(len(raws)), Code: record.CodeSyntax, Detail: detail}}, count: 1}
	}
	return raws, nil
}
