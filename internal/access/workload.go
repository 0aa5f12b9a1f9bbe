// SPDX-License-Identifier: Apache-2.0

package access

import (
	"context"
	"errors"
	"net/http"
	"slices"

	"github.com/counterfoil/counterfoil/internal/access/token"
)

// byToken verifies a workload's JWT (RFC 7519, RFC 8725): known issuer, signed by
// a key of it with an algorithm that is allowed, for our audience, not expired;
// and maps its claims. Addresses that fail too often wait before any of that.
func (b *Book) byToken(ctx context.Context, r *http.Request, text string) (*Actor, error) {
	if err := b.held(ctx, r, "credential"); err != nil {
		return nil, err
	}
	said := token.Issuer(text)
	i := slices.IndexFunc(b.cfg.Workloads, func(w WorkloadIssuer) bool { return w.URL == said })
	if i < 0 {
		return nil, b.refuse(ctx, r, "", fault(Unauthenticated, "send an API key, or a token of a configured issuer", "the bearer token is not known"))
	}
	claims, err := b.workloads[said].Verify(ctx, text)
	if refusal, ok := errors.AsType[*token.Refusal](err); ok {
		b.cfg.Logger.Debug("token refused", "issuer", said, "err", refusal.Cause)
		return nil, b.refuse(ctx, r, "", fault(Unauthenticated, "see that it is current, and for this audience", "%s", refusal.Message))
	}
	if err != nil {
		return nil, issued(err)
	}
	for _, rule := range b.cfg.Workloads[i].Rules {
		if rule.fits(claims) {
			return b.admit(ctx, r, "workload:"+rule.Actor, Workload, rule.Grants)
		}
	}
	return nil, b.refuse(ctx, r, "", fault(Unauthenticated, "ask an administrator to map its claims", "the token is nobody's here"))
}

func (r *WorkloadRule) fits(claims token.Claims) bool {
	for path, want := range r.Claims {
		if !claims.Is(path, want) {
			return false
		}
	}
	return len(r.Claims) > 0
}
