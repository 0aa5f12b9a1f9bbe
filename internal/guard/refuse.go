// SPDX-License-Identifier: Apache-2.0

package guard

import (
	"context"
	"fmt"

	"github.com/counterfoil/counterfoil/internal/ledger"
	"github.com/counterfoil/counterfoil/record"
)

// refusal is a decision that was not taken into the log.
type refusal struct {
	system, env, owner, version string
}

// noteRefused leaves a refusal to [Guard.Run]: a judge must not write.
func (g *Guard) noteRefused(r refusal) {
	select {
	case g.refused <- r:
	default:
		g.cfg.Logger.Warn("a refused decision is not noted in the log: there are too many", "system", r.system)
	}
}

// Run writes findings about decisions that were refused, until ctx ends and
// those that wait are written. It is called once.
func (g *Guard) Run(ctx context.Context) error {
	work := context.WithoutCancel(ctx)
	for {
		select {
		case r := <-g.refused:
			g.writeRefused(work, r)
		case <-ctx.Done():
			for {
				select {
				case r := <-g.refused:
					g.writeRefused(work, r)
				default:
					return nil
				}
			}
		}
	}
}

func (g *Guard) writeRefused(ctx context.Context, r refusal) {
	rec, err := g.finding(found{code: "version_refused", severity: "high", version: r.version, owner: r.owner}, "", r.system, r.env, g.cfg.Now())
	if err == nil {
		_, err = g.cfg.Ledger.Append(ctx, ledger.Batch{Records: []*record.Record{rec}, Principal: ledger.GovernorPrincipal, Capture: "manual"})
	}
	if err != nil {
		g.cfg.Logger.Error("a refused decision could not be noted", "system", r.system, "error", fmt.Errorf("write finding: %w", err))
	}
}
