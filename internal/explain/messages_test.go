// SPDX-License-Identifier: Apache-2.0

package explain_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/goccy/go-yaml"

	"github.com/counterfoil/counterfoil/internal/explain"
)

// TestLanguages reads the languages that come with the program. That they have
// the same keys and placeholders is checked in reading them.
func TestLanguages(t *testing.T) {
	t.Parallel()
	m, err := explain.ReadMessages(os.DirFS("."), "messages")
	if err != nil {
		t.Fatal(err)
	}
	if have := strings.Join(m.Languages(), " "); have != "de en" {
		t.Errorf("languages %s", have)
	}
}

// TestBroken refuses languages that do not fit each other.
func TestBroken(t *testing.T) {
	t.Parallel()
	en, err := os.ReadFile("messages/en.yaml")
	if err != nil {
		t.Fatal(err)
	}
	other := strings.Replace(string(en), "language: en", "language: fr", 1)
	for name, c := range map[string]struct{ from, to, want string }{
		"fits":        {"", "", ""},
		"key":         {"  responsibility.content:", "  responsibility.contents:", "responsibility.content"},
		"placeholder": {"tell us: {contact}", "tell us: {contacts}", "{contacts}"},
		"one":         {"The main reason was: {reasons}", "The {n} reason was: {reasons}", "{n} for one"},
		"plural":      {`{one: "The main reason was: {reasons}.", other: `, `{one: "", other: `, "one and other"},
		"months":      {"January, ", "", "twelve months"},
		"word":        {"queue_std: the", "queue_standard: the", "queue_std"},
		"title":       {"  safety: Checks", "  safeties: Checks", "safet"},
		"unknown":     {"decimal:", "decimals:", "decimals"},
		"name":        {"language: fr", "language: es", "as the file is called"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			text := strings.Replace(other, c.from, c.to, 1)
			_, err := explain.ReadMessages(fstest.MapFS{"m/en.yaml": {Data: en}, "m/fr.yaml": {Data: []byte(text)}}, "m")
			if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
				t.Errorf("have %v, want %q", err, c.want)
			}
		})
	}
	if _, err := explain.ReadMessages(fstest.MapFS{}, "m"); err == nil {
		t.Error("no languages were read without an error")
	}
}

// file is a message file, as the tests read it.
type file struct {
	Sentences map[string]any `yaml:"sentences"`
}

// TestKeys finds for each key in the sources a sentence, and for each sentence a
// use: a slip would be an empty sentence in a letter.
func TestKeys(t *testing.T) {
	t.Parallel()
	b, err := os.ReadFile("messages/en.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var f file
	if err := yaml.Unmarshal(b, &f); err != nil {
		t.Fatal(err)
	}
	sources, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	var code strings.Builder
	for _, name := range sources {
		if text, err := os.ReadFile(name); err != nil {
			t.Fatal(err)
		} else if !strings.HasSuffix(name, "_test.go") {
			code.Write(text)
		}
	}
	key := regexp.MustCompile(`"((?:rationale|responsibility|data|fairness|safety|impact|tech|compare)\.[a-z_.]+)"`)
	for _, hit := range key.FindAllStringSubmatch(code.String(), -1) {
		_, ok := f.Sentences[hit[1]]
		if !ok && hit[1] != "rationale.automation" && hit[1] != "rationale.method" && !strings.HasSuffix(hit[1], ".") { // the first two only name what is missing
			t.Errorf("there is no sentence %s", hit[1])
		}
	}
	made := regexp.MustCompile(`^(rationale\.(counterfactual\.\w+|solely_automated|assistive|meaningful_human)|responsibility\.(approve|edit|override|reject|escalate|stop|contact_\w+)|data\.used_\w+)$`)
	for name := range f.Sentences {
		if !made.MatchString(name) && !strings.Contains(code.String(), `"`+name+`"`) {
			t.Errorf("nothing uses the sentence %s", name)
		}
	}
}

// TestReadable bounds the length of what the person reads.
func TestReadable(t *testing.T) {
	t.Parallel()
	for _, lang := range []string{"en", "de"} {
		b, err := os.ReadFile("messages/" + lang + ".yaml")
		if err != nil {
			t.Fatal(err)
		}
		var f file
		if err := yaml.Unmarshal(b, &f); err != nil {
			t.Fatal(err)
		}
		for key, v := range f.Sentences {
			for _, text := range forms(v) {
				for _, s := range regexp.MustCompile(`[.;:?!]`).Split(text, -1) {
					if n := len(strings.Fields(s)); n > 28 && !strings.HasPrefix(key, "tech.") {
						t.Errorf("%s %s has %d words without a pause: %s", lang, key, n, s)
					}
				}
				if !strings.HasSuffix(text, ".") && key != "data.as_of" {
					t.Errorf("%s %s does not end: %s", lang, key, text)
				}
			}
		}
	}
}

func forms(v any) (out []string) {
	switch t := v.(type) {
	case string:
		return []string{t}
	case map[string]any:
		for _, s := range t {
			if text, ok := s.(string); ok {
				out = append(out, text)
			}
		}
	}
	return out
}
