// SPDX-License-Identifier: Apache-2.0

package obligation

import (
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/goccy/go-yaml"

	"github.com/counterfoil/counterfoil/internal/control"
)

//go:embed packs/*.yaml
var embedded embed.FS

// Rule is one question that the log is asked, as its file has it.
type Rule struct {
	ID       string `yaml:"id"`
	Name     string `yaml:"name"`
	Kind     string `yaml:"kind"`
	Question string `yaml:"question"`
	// Unit is what is counted, in words.
	Unit string `yaml:"unit"`
	// Evaluate names the function; a rule that is an expression has Expect
	// instead, and When if it is not about every decision.
	Evaluate string           `yaml:"evaluate"`
	When     string           `yaml:"when"`
	Expect   string           `yaml:"expect"`
	Cases    []map[string]any `yaml:"cases"`
	Params   map[string]any   `yaml:"params"`
	// Tolerance replaces the one of the kind.
	Tolerance *float64 `yaml:"tolerance"`
	// Attest says that a person's statement can stand for it; Absent says that
	// it can not apply to what a ledger knows. Both say why it is not evaluated.
	Attest   string `yaml:"attest"`
	Absent   string `yaml:"absent"`
	ShowsNot string `yaml:"shows_not"`

	control *control.Control
}

// Obligation is one duty, as a pack has it.
type Obligation struct {
	ID       string    `yaml:"id"`
	Text     string    `yaml:"text"`
	Source   string    `yaml:"source"`
	Applies  []Applies `yaml:"applies_from"`
	Evidence string    `yaml:"evidence"`
	Rules    []string  `yaml:"rules"`
}

// Applies is a date from which an obligation applies.
type Applies struct {
	From   string `yaml:"from"`
	Source string `yaml:"source"`
	Note   string `yaml:"note"`
}

// Pack is the obligations of one law, standard or guide.
type Pack struct {
	Name        string       `yaml:"name"`
	Title       string       `yaml:"title"`
	Version     string       `yaml:"version"`
	Note        string       `yaml:"note"`
	Applies     []Applies    `yaml:"applies_from"` // of obligations that have no date of their own
	Obligations []Obligation `yaml:"obligations"`

	digest string
}

// Library is all rules and packs. It is immutable, and safe for concurrent use.
type Library struct {
	version    string
	tolerances map[string]float64
	rules      map[string]*Rule
	packs      []*Pack
	controls   *control.Set
}

// Load reads the rules (rules.yaml) and the packs (every other YAML file) of a
// folder. It refuses a rule that can not be evaluated, and an obligation without
// a source or with a rule that is not there.
func Load(dir fs.FS) (*Library, error) {
	lib := &Library{rules: map[string]*Rule{}}
	if err := lib.readRules(dir); err != nil {
		return nil, err
	}
	names, err := fs.Glob(dir, "*.yaml")
	if err != nil {
		return nil, fmt.Errorf("list packs: %w", err)
	}
	for _, name := range names {
		if name == rulesFile {
			continue
		}
		if err := lib.readPack(dir, name); err != nil {
			return nil, fmt.Errorf("read pack %s: %w", name, err)
		}
	}
	return lib, nil
}

// Default is the library that comes with the program. It is read once.
func Default() (*Library, error) { return standard() }

var standard = sync.OnceValues(func() (*Library, error) {
	dir, err := fs.Sub(embedded, "packs")
	if err != nil {
		return nil, fmt.Errorf("open packs: %w", err)
	}
	return Load(dir)
})

const rulesFile = "rules.yaml"

func (lib *Library) readRules(dir fs.FS) error {
	text, err := fs.ReadFile(dir, rulesFile)
	if err != nil {
		return fmt.Errorf("read rules: %w", err)
	}
	var file struct {
		Version    string             `yaml:"version"`
		Tolerances map[string]float64 `yaml:"tolerances"`
		Rules      []*Rule            `yaml:"rules"`
	}
	if err := yaml.UnmarshalWithOptions(text, &file, yaml.Strict()); err != nil {
		return fmt.Errorf("read rules: %w", err)
	}
	lib.version, lib.tolerances = file.Version, file.Tolerances
	var named []control.Named
	for _, r := range file.Rules {
		if lib.rules[r.ID] != nil {
			return fmt.Errorf("read rules: %s is there twice", r.ID)
		}
		if err := r.check(lib.tolerances); err != nil {
			return fmt.Errorf("read rule %s: %w", r.ID, err)
		}
		lib.rules[r.ID] = r
		if r.control != nil {
			named = append(named, control.Named{Version: r.ID, Control: r.control})
		}
	}
	lib.controls = control.NewSet(named, false)
	return nil
}

var ruleForm = regexp.MustCompile(`^CR-[0-9A-Z]{2}$`)

func (r *Rule) check(tolerances map[string]float64) error {
	ways := 0
	for _, w := range []string{r.Evaluate, r.Expect, r.Attest, r.Absent} {
		if w != "" {
			ways++
		}
	}
	_, known := tolerances[r.Kind]
	switch {
	case !ruleForm.MatchString(r.ID):
		return fmt.Errorf("%q is no id of a rule", r.ID)
	case r.Name == "" || r.Question == "" || r.ShowsNot == "":
		return errors.New("it needs a name, a question, and what it does not show")
	case !known:
		return fmt.Errorf("there is no tolerance for the kind %q", r.Kind)
	case ways != 1:
		return errors.New("it needs one of evaluate, expect, attest and absent")
	case r.Evaluate != "" && evaluators[r.Evaluate] == nil:
		return fmt.Errorf("there is no evaluator %q", r.Evaluate)
	case (r.Evaluate != "" || r.Expect != "") && r.Unit == "":
		return errors.New("it does not say what it counts")
	}
	if r.Expect == "" {
		return nil
	}
	return r.compile()
}

// compile makes a control of an expression, and runs its cases.
func (r *Rule) compile() error {
	doc := map[string]any{"name": strings.ToLower(r.ID), "title": r.Name, "owner": "counterfoil", "severity": "low",
		"expect": r.Expect, "message": "no evidence", "cases": r.Cases}
	if r.When != "" {
		doc["when"] = r.When
	}
	if r.Params != nil {
		doc["params"] = r.Params
	}
	text, err := yaml.Marshal(doc)
	if err != nil {
		return fmt.Errorf("write expression: %w", err)
	}
	r.control, err = control.Check(text)
	return err
}

func (lib *Library) readPack(dir fs.FS, name string) error {
	text, err := fs.ReadFile(dir, name)
	if err != nil {
		return err
	}
	p := &Pack{}
	if err := yaml.UnmarshalWithOptions(text, p, yaml.Strict()); err != nil {
		return err
	}
	if p.Name != strings.TrimSuffix(path.Base(name), ".yaml") || p.Title == "" || p.Version == "" || len(p.Obligations) == 0 {
		return errors.New("it needs the name of its file, a title, a version and obligations")
	}
	seen := map[string]bool{}
	for n := range p.Obligations {
		o := &p.Obligations[n]
		if seen[o.ID] {
			return fmt.Errorf("the obligation %s is there twice", o.ID)
		}
		seen[o.ID] = true
		if o.Applies == nil {
			o.Applies = p.Applies
		}
		if err := lib.checkObligation(o); err != nil {
			return fmt.Errorf("obligation %s: %w", o.ID, err)
		}
	}
	sum := sha256.Sum256(text)
	p.digest = "sha256:" + hex.EncodeToString(sum[:])
	lib.packs = append(lib.packs, p)
	return nil
}

func (lib *Library) checkObligation(o *Obligation) error {
	if o.ID == "" || o.Text == "" || o.Source == "" || o.Evidence == "" || len(o.Rules) == 0 {
		return errors.New("it needs an id, a text, a source, the evidence it wants, and rules")
	}
	for _, id := range o.Rules {
		if lib.rules[id] == nil {
			return fmt.Errorf("there is no rule %s", id)
		}
	}
	for _, a := range o.Applies {
		if _, err := time.Parse(time.DateOnly, a.From); err != nil || a.Source == "" {
			return fmt.Errorf("the date %q needs the form 2027-12-02, and a source", a.From)
		}
	}
	return nil
}

// Names are the names of the packs, sorted.
func (lib *Library) Names() []string {
	var out []string
	for _, p := range lib.packs {
		out = append(out, p.Name)
	}
	slices.Sort(out)
	return out
}

// Rules are all rules, by their ids.
func (lib *Library) Rules() []*Rule {
	var out []*Rule
	for _, r := range lib.rules {
		out = append(out, r)
	}
	slices.SortFunc(out, func(a, b *Rule) int { return strings.Compare(a.ID, b.ID) })
	return out
}

// Packs are all packs, by their names.
func (lib *Library) Packs() []*Pack { return slices.Clone(lib.packs) }

func (lib *Library) tolerance(r *Rule) float64 {
	if r.Tolerance != nil {
		return *r.Tolerance
	}
	return lib.tolerances[r.Kind]
}

// Files are the rules and packs as the program has them.
func Files() fs.FS { return embedded }
