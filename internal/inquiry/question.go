// SPDX-License-Identifier: Apache-2.0

package inquiry

import (
	"context"
	_ "embed"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/goccy/go-yaml"

	"github.com/counterfoil/counterfoil/api"
	"github.com/counterfoil/counterfoil/internal/ledger"
)

//go:embed questions.yaml
var list []byte

// Question is one of the thirty of the list, and what answers it: a walk over
// the leaves here, if it has a word, or else another command.
type Question struct {
	N        int    `yaml:"n" json:"n"`
	Question string `yaml:"question" json:"question"`
	// Word names the route and the function of what is answered here, and Needs
	// the parameter that it can not do without: "decision", "system", "incident".
	Word  string `yaml:"word" json:"word,omitempty"`
	Needs string `yaml:"needs" json:"needs,omitempty"`
	// Command are the words of the command that answers it otherwise. Bare says
	// that it needs no arguments.
	Command string `yaml:"command" json:"command,omitempty"`
	Bare    bool   `yaml:"bare" json:"-"`
	Example string `yaml:"example" json:"example"`
	// Unknown is what the answer can not show.
	Unknown []string `yaml:"unknown" json:"unknown,omitempty"`
}

// Questions is the list, in the order of its numbers.
var Questions = sync.OnceValue(func() []Question {
	var out []Question
	if err := yaml.UnmarshalWithOptions(list, &out, yaml.Strict()); err != nil {
		panic("inquiry: the list of questions: " + err.Error()) // it is part of the program
	}
	return out
})

// Terms bound what a question is about. Which it can not do without, the list
// says.
type Terms struct {
	// ID is the decision or the incident that is asked about.
	ID string
	// System and Env are as the records have them. Default: any.
	System, Env string
	// From and To bound the time of the records: From ≤ time < To. Default:
	// unbounded.
	From, To time.Time
	// Within bounds what is seen at all. Default: everything.
	Within *ledger.Bounds
}

// query selects the records of a type that the terms are about.
func (t *Terms) query(kind string) ledger.Query {
	return ledger.Query{Type: kind, System: t.System, Env: t.Env, From: t.From, To: t.To}
}

// covers says whether a time is within the terms.
func (t *Terms) covers(at time.Time) bool {
	return (t.From.IsZero() || !at.Before(t.From)) && (t.To.IsZero() || at.Before(t.To))
}

// answers are the functions behind the words of the list.
var answers = map[string]func(context.Context, *asking) error{
	"completeness": completeness, "inventory": inventory, "human": human, "involvement": involvement, "rubber-stamps": stamps,
	"automated": automated, "reasons": reasons, "fairness": fairness, "escalations": escalations, "notices": notices, "emotions": emotions,
	"drafts": drafts, "monitoring": monitoring, "incident": file,
}

// asking is one question on its way to an answer.
type asking struct {
	*view
	Terms
	now time.Time
	sheet
}

// Ask answers the question of a word.
func (i *Inquirer) Ask(ctx context.Context, word string, t Terms) (*api.Answer, error) {
	q := find(word)
	answer := answers[word]
	if q == nil || answer == nil {
		return nil, fault(ledger.NotFound, "use one of: "+strings.Join(known(), ", "), "there is no question %q", word)
	}
	given := map[string]string{"": "all", "decision": t.ID, "incident": t.ID, "system": t.System}
	if given[q.Needs] == "" {
		return nil, fault(ledger.Invalid, fmt.Sprintf("for example: %s", q.Example), "question %d is about one %s; name it", q.N, q.Needs)
	}
	v, err := i.look(ctx, t.Within)
	if err != nil {
		return nil, err
	}
	a := &asking{view: v, Terms: t, now: i.cfg.Now(), sheet: sheet{most: i.cfg.Most}}
	a.answer = api.Answer{Basis: v.Basis, Question: q.N, Asked: q.Question, Figures: []api.Figure{}, Columns: []string{}, Rows: []api.AnswerRow{},
		Unknown: append([]string{}, q.Unknown...)}
	if t.Within != nil {
		a.unknown("Records that name no system are not seen with a grant for some systems; a fault may come of that.")
	}
	if err := answer(ctx, a); err != nil {
		return nil, err
	}
	return &a.answer, nil
}

func find(word string) *Question {
	for n := range Questions() {
		if q := &Questions()[n]; q.Word != "" && q.Word == word {
			return q
		}
	}
	return nil
}

// known are the words of the list.
func known() []string {
	var out []string
	for _, q := range Questions() {
		if q.Word != "" {
			out = append(out, q.Word)
		}
	}
	return out
}
