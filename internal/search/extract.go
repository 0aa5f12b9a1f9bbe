// SPDX-License-Identifier: Apache-2.0

package search

import (
	"bytes"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/go-json-experiment/json/jsontext"
)

// extracted is what the index takes from one statement.
type extracted struct {
	time, recorded int64 // seconds since 1970
	values         []posting
	numbers        []figure
	about          string
	follow         []posting // values of the record that this one is about
}

// posting is a value of a field.
type posting struct{ field, value string }

type figure struct {
	field string
	value float64
}

func (e *extracted) add(field, value string) {
	for _, p := range e.values {
		if p.field == field && p.value == value {
			return
		}
	}
	e.values = append(e.values, posting{field, value})
}

// extractor reads statements. It is used by one goroutine.
type extractor struct {
	out extracted
	dec *jsontext.Decoder
	src bytes.Reader
}

// follows says which value of a follow-up is a value of what it is about.
var follows = map[string]string{"/oversight/act": "reviewed", "/finding/code": "found", "/challenge/kind": "challenged"}

// read returns what is in a statement; it is good until the next call.
func (x *extractor) read(statement []byte) (*extracted, error) {
	x.out = extracted{values: x.out.values[:0], numbers: x.out.numbers[:0], follow: x.out.follow[:0]}
	x.src.Reset(statement)
	if x.dec == nil {
		x.dec = jsontext.NewDecoder(&x.src, jsontext.AllowDuplicateNames(true))
	} else {
		x.dec.Reset(&x.src, jsontext.AllowDuplicateNames(true))
	}
	if err := x.object(""); err != nil {
		return nil, fmt.Errorf("read statement: %w", err)
	}
	return &x.out, nil
}

// object reads an object at a pattern. The decoder stands before it.
func (x *extractor) object(pattern string) error {
	if _, err := x.dec.ReadToken(); err != nil {
		return err
	}
	var result, name string // of a control
	for x.dec.PeekKind() != '}' {
		t, err := x.dec.ReadToken()
		if err != nil {
			return err
		}
		member := t.String()
		if member == "seal" || strings.HasPrefix(member, "x_") {
			if err := x.dec.SkipValue(); err != nil {
				return err
			}
			continue
		}
		at := pattern + "/" + member
		v, err := x.value(at)
		if err != nil {
			return err
		}
		switch at {
		case "/governed/controls/*/control", "/controls/*/id":
			name = v
		case "/governed/controls/*/result", "/controls/*/result":
			result = v
		}
	}
	if name != "" && result != "" {
		x.control(name, result)
	}
	_, err := x.dec.ReadToken()
	return err
}

// control notes the result of one that ran, under its name with and without the
// version.
func (x *extractor) control(name, result string) {
	base, _, versioned := strings.Cut(name, "@")
	names := []string{base}
	if versioned {
		names = append(names, name)
	}
	for _, n := range names {
		x.out.add("control", n)
		x.out.add("control", n+"="+result)
		if result == "fail" || result == "error" {
			x.out.add("failed", n)
		}
	}
}

// value reads what stands at a pattern, and returns it if it is one word.
func (x *extractor) value(pattern string) (string, error) {
	switch x.dec.PeekKind() {
	case '{':
		return "", x.object(pattern)
	case '[':
		if _, err := x.dec.ReadToken(); err != nil {
			return "", err
		}
		for x.dec.PeekKind() != ']' {
			if _, err := x.value(pattern + "/*"); err != nil {
				return "", err
			}
		}
		_, err := x.dec.ReadToken()
		return "", err
	}
	t, err := x.dec.ReadToken()
	if err != nil {
		return "", err
	}
	text := t.String()
	switch pattern {
	case "/time", "/recorded":
		return text, x.moment(pattern, text)
	case "/about":
		x.out.about = text
		return text, nil
	}
	f := patterns[pattern]
	if f == nil {
		return text, nil
	}
	if f.sort == numbers {
		n, err := strconv.ParseFloat(text, 64)
		if err == nil {
			x.out.numbers = append(x.out.numbers, figure{f.name, n})
		}
		return text, err
	}
	x.out.add(f.name, text)
	x.derive(pattern, text)
	return text, nil
}

// derived says of which paths the values of a made field are.
var derived = map[string]string{
	"/versions/model": "version", "/versions/prompt": "version", "/versions/config": "version", "/versions/policy/*": "version",
	"/versions/control/*": "version", "/versions/dataset/*": "version", "/versions/tool/*": "version", "/finding/version": "version",
	"/access/role": "role", "/oversight/role": "role",
	"/access/actor": "person", "/oversight/actor": "person", "/registry/actor": "person", "/registry/approver": "person", "/hold/actor": "person",
	"/erasure/requester": "person", "/erasure/approver": "person", "/erasure/executor": "person",
}

// derive adds the values that are made of others.
func (x *extractor) derive(pattern, text string) {
	if field := derived[pattern]; field != "" {
		x.out.add(field, text)
	}
	if as := follows[pattern]; as != "" {
		x.out.follow = append(x.out.follow, posting{as, text})
	}
}

func (x *extractor) moment(pattern, text string) error {
	t, err := time.Parse(time.RFC3339Nano, text)
	if err != nil {
		return err
	}
	if pattern == "/recorded" {
		x.out.recorded = t.Unix()
		return nil
	}
	x.out.time = t.Unix()
	x.out.add("hour", t.UTC().Format("2006-01-02T15"))
	return nil
}
