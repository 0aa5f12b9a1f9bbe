// SPDX-License-Identifier: Apache-2.0

package inquiry

import "encoding/json"

// The members of records that the thirty questions are answered from, as
// docs/format.md has them.
type (
	interaction struct {
		ID        text   `json:"id"`
		Channel   text   `json:"channel"`
		Requested moment `json:"human_requested"`
		Connected moment `json:"human_connected"`
	}
	decision struct {
		Reason      json.RawMessage `json:"reason"`
		Kind        text            `json:"kind"`
		Status      text            `json:"status"`
		Outcome     text            `json:"outcome"`
		Automation  text            `json:"automation"`
		Significant text            `json:"significant"`
		Adverse     truth           `json:"adverse"`
		Decided     moment          `json:"decided"`
		Effective   moment          `json:"effective"`
		Threshold   number          `json:"threshold"`
	}
	input struct {
		Name     text `json:"name"`
		Category text `json:"category"`
	}
	output struct {
		Kind      text            `json:"kind"`
		Delivered moment          `json:"delivered"`
		EditRatio number          `json:"edit_ratio"`
		Value     json.RawMessage `json:"value"`
		Digest    json.RawMessage `json:"digest"`
	}
	factor struct {
		Code   text `json:"code"`
		Input  text `json:"input"`
		Method text `json:"method"`
	}
	explanation struct {
		Audience  text   `json:"audience"`
		Template  text   `json:"template"`
		Types     []text `json:"types"`
		Delivered moment `json:"delivered"`
	}
	signal struct {
		Name      text   `json:"name"`
		Group     text   `json:"group"`
		Value     number `json:"value"`
		Threshold number `json:"threshold"`
		Breached  truth  `json:"breached"`
		From      moment `json:"from"`
		To        moment `json:"to"`
	}
	heartbeat struct {
		Count number `json:"count"`
		Seq   number `json:"seq"`
		From  moment `json:"from"`
		To    moment `json:"to"`
	}
	reconciliation struct {
		Counter  text   `json:"counter"`
		Owner    text   `json:"owner"`
		Status   text   `json:"status"`
		Expected number `json:"expected"`
		Recorded number `json:"recorded"`
		From     moment `json:"from"`
		To       moment `json:"to"`
	}
	incident struct {
		Code     text   `json:"code"`
		Status   text   `json:"status"`
		Severity text   `json:"severity"`
		Opened   moment `json:"opened"`
		Closed   moment `json:"closed"`
	}
)

// say adds a number to the values of a row, if there is one.
func say(values map[string]any, name string, n number) {
	if n.OK {
		values[name] = n.Value
	}
}

// words are codes as a row has them; there are none of the empty ones.
func words[T ~string](all []T) []string {
	out := []string{}
	for _, w := range all {
		if w != "" {
			out = append(out, string(w))
		}
	}
	return out
}
