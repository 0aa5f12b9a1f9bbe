// SPDX-License-Identifier: Apache-2.0

package server

import (
	"encoding/base64"
	"fmt"
	"maps"
	"math"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/counterfoil/counterfoil/internal/ledger"
)

// parameters reads the query of a URL and refuses what it does not know.
func parameters(r *http.Request, known ...string) (url.Values, error) {
	q, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return nil, refused("bad_parameter", "", "the query can not be read: %v", err)
	}
	for name := range q {
		if !slices.Contains(known, name) {
			slices.Sort(known)
			hint := "this resource takes no parameters"
			if len(known) > 0 {
				hint = "use one of: " + strings.Join(known, ", ")
			}
			return nil, refused("bad_parameter", hint, "unknown query parameter %q", name)
		}
		if len(q[name]) > 1 && name != "disclose" {
			return nil, refused("bad_parameter", "send it once", "query parameter %q stands %d times", name, len(q[name]))
		}
	}
	return q, nil
}

func boolean(q url.Values, name string) (bool, error) {
	switch v := q.Get(name); v {
	case "", "false", "0":
		return false, nil
	case "true", "1":
		return true, nil
	default:
		return false, refused("bad_parameter", "use true or false", "%s=%q is not a boolean", name, v)
	}
}

// texts are the parameters that must match a public value exactly.
func texts(q *ledger.Query) map[string]*string {
	return map[string]*string{
		"type": &q.Type, "system": &q.System, "use_case": &q.UseCase, "env": &q.Env, "kind": &q.Kind, "status": &q.Status,
		"outcome": &q.Outcome, "adverse": &q.Adverse, "significant": &q.Significant, "automation": &q.Automation,
		"interaction": &q.Interaction, "journey": &q.Journey, "channel": &q.Channel, "source": &q.Source, "about": &q.About,
		"model": &q.Model, "prompt": &q.Prompt, "policy": &q.Policy, "config": &q.Config, "principal": &q.Principal, "capture": &q.Capture,
	}
}

// listQuery reads the parameters of a list.
func listQuery(r *http.Request) (ledger.Query, error) {
	var q ledger.Query
	known := append(slices.Collect(maps.Keys(texts(&q))), "from", "to", "cursor", "limit", "order")
	values, err := parameters(r, known...)
	if err != nil {
		return q, err
	}
	for name, into := range texts(&q) {
		*into = values.Get(name)
	}
	if q.From, q.To, err = span(values); err != nil {
		return q, err
	}
	switch order := values.Get("order"); order {
	case "", "newest":
	case "oldest":
		q.Ascending = true
	default:
		return q, refused("bad_parameter", "use newest or oldest", "order=%q", order)
	}
	if v := values.Get("limit"); v != "" {
		if q.Limit, err = strconv.Atoi(v); err != nil || q.Limit < 1 || q.Limit > 1000 {
			return q, refused("bad_parameter", "use a number from 1 to 1000", "limit=%q", v)
		}
	}
	if v := values.Get("cursor"); v != "" {
		n, err := parseCursor(v, q.Ascending)
		if err != nil {
			return q, err
		}
		if q.Ascending {
			q.Start = n
		} else {
			q.Before = n
		}
	}
	return q, nil
}

// span reads the parameters from and to.
func span(values url.Values) (from, to time.Time, err error) {
	for name, into := range map[string]*time.Time{"from": &from, "to": &to} {
		v := values.Get(name)
		if v == "" {
			continue
		}
		at, err := time.Parse(time.RFC3339Nano, v)
		if err != nil {
			return from, to, refused("bad_parameter", "write it like 2026-03-03T09:12:44Z", "%s=%q is not an RFC 3339 time", name, v)
		}
		*into = clamp(at)
	}
	return from, to, nil
}

// clamp moves a time into the range that the ledger can compare, nanoseconds of
// 64 bits. No record is outside of it.
func clamp(t time.Time) time.Time {
	first, last := time.Unix(0, math.MinInt64), time.Unix(0, math.MaxInt64)
	switch {
	case t.Before(first):
		return first
	case t.After(last):
		return last
	}
	return t
}

// A cursor is opaque to clients: the direction and an index.
func formatCursor(index int64, ascending bool) string {
	dir := "d"
	if ascending {
		dir = "a"
	}
	return base64.RawURLEncoding.EncodeToString(fmt.Appendf(nil, "%s%d", dir, index))
}

func parseCursor(s string, ascending bool) (int64, error) {
	b, err := base64.RawURLEncoding.Strict().DecodeString(s)
	if err == nil && len(b) > 1 && (b[0] == 'a') == ascending && (b[0] == 'a' || b[0] == 'd') {
		if n, err := strconv.ParseInt(string(b[1:]), 10, 64); err == nil && n > 0 {
			return n, nil
		}
	}
	return 0, refused("bad_parameter", "take the cursor from the page before, with the same order", "cursor %q is not one of this list", s)
}
