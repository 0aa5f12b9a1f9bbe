// SPDX-License-Identifier: Apache-2.0

package guard

import (
	"crypto/hmac"
	"encoding/base64"
	"encoding/json"
	"strconv"
	"strings"
	"time"
)

// Words of a token beside the verdicts.
const byPerson = "by_person" // a person has looked at it and let it go ahead

// tokenPurpose keeps the MACs of tokens apart from others of the ledger.
const tokenPurpose = "guard-token/v1"

// marks are how a token writes what it vouches for.
var marks = map[string]string{Allow: "a", Deny: "d", RequireHuman: "h", byPerson: "p"}

// token vouches for what the guard, or a person, said about an attempt:
//
//	<record id>.<mark>.<seconds since 1970>.<base64url of 16 bytes of MAC>
//
// The MAC is over the first three, the system and the kind of decision. It is a
// code, at most 200 bytes, and says nothing that the log does not.
func (g *Guard) token(id, mark, system, kind string, until time.Time) string {
	t := id + "." + mark + "." + strconv.FormatInt(until.Unix(), 10)
	return t + "." + g.vouch(t, system, kind)
}

func (g *Guard) vouch(t, system, kind string) string {
	mac := g.cfg.Ledger.MAC(tokenPurpose, []byte(t+"\x00"+system+"\x00"+kind))
	return base64.RawURLEncoding.EncodeToString(mac[:16])
}

// vouched is what a token says.
type vouched struct {
	id, word string
	until    time.Time
}

// readToken returns what a token says about a decision of a system and a kind;
// ok is false if this ledger did not make it for one.
func (g *Guard) readToken(token, system, kind string) (v vouched, ok bool) {
	i := strings.LastIndexByte(token, '.')
	if i < 0 || !hmac.Equal([]byte(token[i+1:]), []byte(g.vouch(token[:i], system, kind))) {
		return v, false
	}
	t := token[:i]
	if i = strings.LastIndexByte(t, '.'); i < 0 {
		return v, false
	}
	seconds, err := strconv.ParseInt(t[i+1:], 10, 64)
	if err != nil {
		return v, false
	}
	t = t[:i]
	if i = strings.LastIndexByte(t, '.'); i < 0 {
		return v, false
	}
	for word, mark := range marks {
		if mark == t[i+1:] {
			return vouched{id: t[:i], word: word, until: time.Unix(seconds, 0)}, true
		}
	}
	return v, false
}

// PersonToken vouches that a person has let an attempt go ahead.
func (g *Guard) PersonToken(id, system, kind string) string {
	return g.token(id, marks[byPerson], system, kind, g.cfg.Now().Add(g.cfg.Valid))
}

// judgeToken holds a decision that was made against what the guard said.
func (c *trial) judgeToken() {
	if c.fields.Status == "requested" { // not made yet
		if c.wasGap() {
			c.find(found{code: "guard_gap", severity: "medium"})
		}
		return
	}
	token := c.guardToken()
	if token == "" {
		if c.system.MustAsk && c.fields.Status == "made" {
			c.find(found{code: "guard_missing", severity: "high"})
		}
		return
	}
	v, ok := c.judge.guard.readToken(token, c.fields.System, c.fields.Kind)
	switch {
	case !ok:
		c.find(found{code: "guard_token_invalid", severity: "high"})
	case c.hearing.Recorded.After(v.until) && c.fields.Time.After(v.until):
		c.find(found{code: "guard_token_expired", severity: "low"})
	case c.fields.Status != "made":
	case v.word == Deny:
		c.find(found{code: "guard_denied", severity: "critical"})
	case v.word == RequireHuman:
		c.find(found{code: "guard_person_bypassed", severity: "critical"})
	case v.word == byPerson:
		c.byPerson = true
	}
}

// wasGap says whether a client notes that it could not ask.
func (c *trial) wasGap() bool {
	var controls []struct{ ID, Result, By string }
	raw := c.hearing.Record.Member("controls")
	if raw == nil || json.Unmarshal(raw, &controls) != nil {
		return false
	}
	for _, k := range controls {
		if k.ID == "guard" && k.Result == "error" && k.By == "client" {
			return true
		}
	}
	return false
}
