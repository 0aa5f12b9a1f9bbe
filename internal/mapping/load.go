// SPDX-License-Identifier: Apache-2.0

package mapping

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"unicode/utf8"

	"github.com/pb33f/go-yaml"
)

// Format is the value of the member "mapping" of every mapping file.
const Format = "counterfoil/mapping/v1"

// maxFile bounds a mapping file, and a file that it names, in bytes.
const maxFile = 8 << 20

// Mapping is a loaded mapping file. It is immutable and safe for concurrent use.
type Mapping struct {
	file        string // its name, for messages
	description string
	each        *path
	near        []neighbour
	rules       []rule
	files       *yaml.Node
	leaveOut    []*path
	accounted   bool // leave_out stands in the file
}

// moment is when in a line a rule is tried.
type moment string

const (
	onLine moment = "line"
	onItem moment = "item"
	onEnd  moment = "end"
)

type rule struct {
	name   string
	on     moment
	when   *condition
	record *objectExpr
}

// neighbour is one entry of near.
type neighbour struct {
	name string
	how  string // before, after, since or until
	cond *condition
}

// reserved are the members of the context that near can not be named after.
var reserved = []string{"line", "line_number", "record_number", "item", "index", "previous", "next", "files", "each"}

// Load reads the mapping file name in the folder dir; the files that it names
// are looked for relative to its own folder. The error is an [*Error].
func Load(dir, name string) (*Mapping, error) {
	full := name
	if !filepath.IsAbs(name) {
		full = filepath.Join(dir, name)
	}
	raw, err := readFile(full)
	if err != nil {
		return nil, &Error{File: name, Message: fmt.Sprintf("can not be read: %v", err), Cause: err, Advice: "give the path of a mapping file, for example examples/chatbot.yaml"}
	}
	return Parse(name, raw, func(f string) ([]byte, error) {
		if !filepath.IsAbs(f) {
			f = filepath.Join(filepath.Dir(full), f)
		}
		return readFile(f)
	})
}

func readFile(name string) ([]byte, error) {
	info, err := os.Stat(name)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() || info.Size() > maxFile {
		return nil, fmt.Errorf("%s is no regular file of at most %d bytes", name, maxFile)
	}
	return os.ReadFile(name)
}

// Parse reads a mapping from memory. file is its name in messages; open reads
// a file that the mapping names and may be nil when it names none. The error is
// an [*Error].
func Parse(file string, raw []byte, open func(name string) ([]byte, error)) (*Mapping, error) {
	m, err := parse(raw, open)
	if err != nil {
		if e, ok := errors.AsType[*Error](err); ok {
			e.File = file
		}
		return nil, err
	}
	m.file = file
	return m, nil
}

// Description is what the mapping file says about itself; it may be empty.
func (m *Mapping) Description() string { return m.description }

func parse(raw []byte, open func(string) ([]byte, error)) (*Mapping, error) {
	if !utf8.Valid(raw) {
		return nil, spot{}.errorf("save it as UTF-8", "the file is not UTF-8")
	}
	t, err := parseYAML(raw)
	if err != nil {
		return nil, err
	}
	if err := t.allow("mapping", "description", "files", "each", "near", "common", "rules", "leave_out"); err != nil {
		return nil, err
	}
	if v := t.member("mapping"); v == nil || v.text != Format {
		return nil, t.at.errorf("start it with  mapping: "+Format, "not a mapping file of a known version")
	}
	m := &Mapping{}
	if d := t.member("description"); d != nil {
		if m.description, err = d.str(); err != nil {
			return nil, err
		}
	}
	if e := t.member("each"); e != nil {
		if m.each, err = newPath(e); err != nil {
			return nil, err
		}
	}
	if m.files, err = loadFiles(t.member("files"), open); err != nil {
		return nil, err
	}
	if m.near, err = loadNear(t.member("near")); err != nil {
		return nil, err
	}
	if m.rules, err = loadRules(t); err != nil {
		return nil, err
	}
	return m, m.loadLeaveOut(t.member("leave_out"))
}

func loadFiles(t *tree, open func(string) ([]byte, error)) (*yaml.Node, error) {
	out := objectNode()
	if t == nil {
		return out, nil
	}
	if t.kind != object {
		return nil, t.at.errorf("", "files wants an object of name: path")
	}
	for _, k := range t.keys {
		name, err := k.value.str()
		if err != nil {
			return nil, err
		}
		if open == nil {
			return nil, k.value.at.errorf("", "no files can be read here")
		}
		content, err := open(name)
		if err != nil {
			e := k.value.at.errorf("the path is relative to the mapping file", "the file %s can not be read: %v", name, err)
			e.Cause = err
			return nil, e
		}
		sum := sha256.Sum256(content)
		digest := hex.EncodeToString(sum[:])
		file := objectNode(textNode("name"), textNode(filepath.Base(name)), textNode("sha256"), textNode("sha256:"+digest),
			textNode("short"), textNode(digest[:16]))
		if utf8.Valid(content) {
			file.Content = append(file.Content, textNode("text"), textNode(string(content)))
		}
		out.Content = append(out.Content, textNode(k.name), file)
	}
	return out, nil
}

var identifier = regexp.MustCompile(`^[a-z][a-z0-9_]{0,63}$`)

func loadNear(t *tree) ([]neighbour, error) {
	if t == nil {
		return nil, nil
	}
	if t.kind != object {
		return nil, t.at.errorf("", "near wants an object of name: {before|after|since|until: condition}")
	}
	var out []neighbour
	for _, k := range t.keys {
		if !identifier.MatchString(k.name) || slices.Contains(reserved, k.name) {
			return nil, k.at.errorf("use lower-case letters, digits and _", "%q can not be a name here", k.name)
		}
		if err := k.value.allow("before", "after", "since", "until"); err != nil {
			return nil, err
		}
		if len(k.value.keys) != 1 {
			return nil, k.at.errorf("", "want exactly one of before, after, since, until")
		}
		how := k.value.keys[0]
		c, err := newCondition(how.value)
		if err != nil {
			return nil, err
		}
		out = append(out, neighbour{name: k.name, how: how.name, cond: c})
	}
	return out, nil
}

func (m *Mapping) loadLeaveOut(t *tree) error {
	if t == nil {
		return nil
	}
	if t.kind != sequence {
		return t.at.errorf("", "leave_out wants a list of JSONPaths")
	}
	m.accounted = true
	for _, v := range t.list {
		p, err := newPath(v)
		if err != nil {
			return err
		}
		m.leaveOut = append(m.leaveOut, p)
	}
	return nil
}
