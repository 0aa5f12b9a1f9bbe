// SPDX-License-Identifier: Apache-2.0

package explain

import (
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/goccy/go-yaml"
)

//go:embed messages/*.yaml
var embedded embed.FS

var defaultMessages = mustDefault()

func mustDefault() *Messages {
	m, err := ReadMessages(embedded, "messages")
	if err != nil {
		panic(err) // the files are part of the program, and tested
	}
	return m
}

// Messages are the languages in which explanations can be given.
type Messages struct {
	byName map[string]*language
}

// language is one message file.
type language struct {
	Language  string                       `yaml:"language"`
	Date      string                       `yaml:"date"`
	Time      string                       `yaml:"time"`
	Months    []string                     `yaml:"months"`
	Decimal   string                       `yaml:"decimal"`
	Thousands string                       `yaml:"thousands"`
	And       string                       `yaml:"and"`
	Titles    map[string]string            `yaml:"titles"`
	Sentences map[string]plural            `yaml:"sentences"`
	Words     map[string]map[string]string `yaml:"words"`

	digest string
}

// plural is a message: one text, or one for the number one and one for others.
type plural struct{ one, other string }

// UnmarshalYAML implements yaml.InterfaceUnmarshaler.
func (p *plural) UnmarshalYAML(read func(any) error) error {
	if err := read(&p.other); err == nil {
		p.one = p.other
		return nil
	}
	var both struct {
		One   string `yaml:"one"`
		Other string `yaml:"other"`
	}
	if err := read(&both); err != nil {
		return err
	}
	if both.One == "" || both.Other == "" {
		return errors.New("a message with a number needs the forms one and other")
	}
	p.one, p.other = both.One, both.Other
	return nil
}

// ReadMessages reads the message files of a folder, one a language, and holds
// them against each other: all have the same sentences with the same
// placeholders.
func ReadMessages(fsys fs.FS, dir string) (*Messages, error) {
	files, err := fs.Glob(fsys, path.Join(dir, "*.yaml"))
	if err != nil {
		return nil, fmt.Errorf("read messages: %w", err)
	}
	m := &Messages{byName: map[string]*language{}}
	for _, name := range files {
		text, err := fs.ReadFile(fsys, name)
		if err != nil {
			return nil, fmt.Errorf("read messages: %w", err)
		}
		l := &language{}
		if err := yaml.UnmarshalWithOptions(text, l, yaml.Strict()); err != nil {
			return nil, fmt.Errorf("read messages %s: %w", name, err)
		}
		if l.Language != strings.TrimSuffix(path.Base(name), ".yaml") || len(l.Months) != 12 {
			return nil, fmt.Errorf("read messages %s: the language must be as the file is called, and a year has twelve months", name)
		}
		sum := sha256.Sum256(text)
		l.digest = "explain-" + l.Language + "@sha256:" + hex.EncodeToString(sum[:])
		m.byName[l.Language] = l
	}
	if len(m.byName) == 0 {
		return nil, fmt.Errorf("read messages: there are no files *.yaml in %s", dir)
	}
	return m, m.check()
}

// Embedded are the message files of the program, to begin with.
func Embedded() fs.FS {
	sub, err := fs.Sub(embedded, "messages")
	if err != nil {
		panic(err) // the folder is part of the program
	}
	return sub
}

// Languages lists the languages.
func (m *Messages) Languages() []string { return slices.Sorted(maps.Keys(m.byName)) }

func (m *Messages) list() string { return strings.Join(m.Languages(), ", ") }

var placeholder = regexp.MustCompile(`\{[a-z_]+\}`)

// check holds the languages against each other and against the program.
func (m *Messages) check() error {
	first := m.byName[m.Languages()[0]]
	for _, name := range m.Languages() {
		l := m.byName[name]
		if err := sameKeys("titles", first.Titles, l.Titles); err != nil {
			return fmt.Errorf("messages %s against %s: %w", name, first.Language, err)
		}
		if err := sameKeys("sentences", first.Sentences, l.Sentences); err != nil {
			return fmt.Errorf("messages %s against %s: %w", name, first.Language, err)
		}
		for key, p := range l.Sentences {
			want := holders(first.Sentences[key].other)
			if !slices.Equal(holders(p.other), want) {
				return fmt.Errorf("messages %s: %s has the placeholders %v, but %v in %s", name, key, holders(p.other), want, first.Language)
			}
			for _, h := range holders(p.one) { // "one" may leave the number out
				if !slices.Contains(want, h) {
					return fmt.Errorf("messages %s: %s has the placeholder %s for one, and not for others", name, key, h)
				}
			}
		}
		if err := sameKeys("words", first.Words, l.Words); err != nil {
			return fmt.Errorf("messages %s against %s: %w", name, first.Language, err)
		}
		for group := range l.Words {
			if err := sameKeys("words."+group, first.Words[group], l.Words[group]); err != nil {
				return fmt.Errorf("messages %s against %s: %w", name, first.Language, err)
			}
		}
	}
	return nil
}

func sameKeys[V any](what string, a, b map[string]V) error {
	for k := range a {
		if _, ok := b[k]; !ok {
			return fmt.Errorf("%s lacks %s", what, k)
		}
	}
	for k := range b {
		if _, ok := a[k]; !ok {
			return fmt.Errorf("%s has %s, which the other lacks", what, k)
		}
	}
	return nil
}

// holders lists the placeholders of a message, sorted, each once.
func holders(s string) []string {
	all := placeholder.FindAllString(s, -1)
	slices.Sort(all)
	return slices.Compact(all)
}
