// SPDX-License-Identifier: Apache-2.0

package token

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"slices"
	"strings"
)

// Claims are what a verified token says.
type Claims map[string]any

// Verify checks a token that a program presents: signature, algorithm, iss, aud,
// exp, nbf and iat (RFC 7519, RFC 8725). Not valid: [*Refusal]. The issuer does
// not answer, and its keys are not known yet: [ErrAway].
func (p *Provider) Verify(ctx context.Context, raw string) (Claims, error) {
	d, err := p.get(ctx)
	if err != nil {
		return nil, err
	}
	tok, err := p.verify(ctx, d, raw)
	if err != nil {
		return nil, refuse(err, "the token is not valid")
	}
	var claims Claims
	if err := tok.Claims(&claims); err != nil || tok.IssuedAt.After(p.cfg.Now().Add(skew)) {
		return nil, refuse(err, "the token comes from the future: the clocks do not agree")
	}
	return claims, nil
}

// Issuer reads who a token says it is from, to know whose keys to verify it with;
// "" when it says nothing. Nothing else of it may be believed before that.
func Issuer(raw string) string {
	parts := strings.Split(raw, ".")
	if len(parts) != 3 {
		return ""
	}
	payload, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil {
		return ""
	}
	var said struct {
		Issuer string `json:"iss"`
	}
	if json.Unmarshal(payload, &said) != nil {
		return ""
	}
	return said.Issuer
}

// Is says whether a claim is, or lists, a value. Dots in the path reach into
// objects; a claim whose own name has dots is found first.
func (c Claims) Is(path, want string) bool {
	if want == "" {
		return false
	}
	switch v := claimAt(c, path).(type) {
	case string:
		return v == want
	case bool:
		return v && want == "true" || !v && want == "false"
	case []any:
		return slices.ContainsFunc(v, func(x any) bool { s, ok := x.(string); return ok && s == want })
	}
	return false
}

func claimAt(claims map[string]any, path string) any {
	if v, ok := claims[path]; ok {
		return v
	}
	for i := range len(path) {
		if path[i] != '.' {
			continue
		}
		if inner, ok := claims[path[:i]].(map[string]any); ok {
			if v := claimAt(inner, path[i+1:]); v != nil {
				return v
			}
		}
	}
	return nil
}
