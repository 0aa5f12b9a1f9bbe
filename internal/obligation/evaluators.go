// SPDX-License-Identifier: Apache-2.0

package obligation

import "context"

// ActAttest and ActReport are the acts of registry records by which a person
// states what no record holds, and by which a report is noted. They change
// nothing in the register.
const (
	ActAttest = "attest"
	ActReport = "obligations.report"
)

// evaluators are the functions that rules name.
var evaluators = map[string]*evaluator{
	"root":             {true, root},
	"cosigned":         {true, cosigned},
	"stamped":          {true, stamped},
	"gaps":             {true, gaps},
	"attempts":         {false, attempts},
	"reconciled":       {true, reconciled},
	"heartbeats":       {true, heartbeats},
	"capture":          {false, capture},
	"clocks":           {false, clocks},
	"references":       {false, references},
	"bound":            {false, bound},
	"approved":         {false, approved},
	"outcomes":         {false, outcomes},
	"controlled":       {false, controlled},
	"inventory":        {false, inventory},
	"models":           {false, models},
	"suspended":        {false, suspended},
	"actors":           {false, actors},
	"acts":             {false, acts},
	"involved":         {false, involved},
	"stamping":         {false, stamping},
	"competent":        {false, competent},
	"signals":          {false, signals},
	"watched":          {false, watched},
	"groups":           {false, groups},
	"breaches":         {false, breaches},
	"interactions":     {false, interactions},
	"high_risk_told":   {false, highRiskTold},
	"emotion_told":     {false, emotionTold},
	"pre_use":          {false, preUse},
	"on_request":       {false, onRequest},
	"proactive":        {false, proactive},
	"explained_types":  {false, explainedTypes},
	"human_reached":    {false, humanReached},
	"challenge_clocks": {false, challengeClocks},
	"human_review":     {false, humanReview},
	"channel":          {false, channel},
	"kept_long_enough": {true, keptLongEnough},
	"holds":            {true, holds},
	"erasures":         {true, erasures},
	"access":           {true, access},
	"duties":           {true, duties},
	"findings":         {false, findings},
	"incidents":        {false, incidents},
}

// decisions is the method that tests each decision that was made in production.
func decisions(see func(s *statement)) method {
	return method{see: func(s *statement) {
		if s.made() {
			see(s)
		}
	}}
}

// highRisk is the method that tests each decision of a system that the register
// calls high risk. If every system that decided is in the register, and no
// system there is high risk, the rule does not apply.
func highRisk(r *run, t *tally, see func(s *statement)) method {
	unknown := false
	m := decisions(func(s *statement) {
		switch r.facts.risk(s.System, s.Recorded.Time) {
		case "high":
			see(s)
		case "", "unknown":
			unknown = true
		}
	})
	m.end = func(context.Context) error {
		if t.out.Population == 0 && !unknown && r.facts.noneOf("high") {
			t.out.Status, t.out.Reason = NotApplicable, "the register has systems, and says of none that its risk is high; whether that is right is for people to say"
		}
		return nil
	}
	return m
}

// atEnd is the method that tests facts only.
func atEnd(end func()) method {
	return method{end: func(context.Context) error { end(); return nil }}
}
