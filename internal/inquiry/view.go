// SPDX-License-Identifier: Apache-2.0

package inquiry

import (
	"context"

	"github.com/counterfoil/counterfoil/api"
	"github.com/counterfoil/counterfoil/internal/extent"
	"github.com/counterfoil/counterfoil/internal/ledger"
)

// spot is where a record stands.
type spot = extent.Spot

// view is the extent that a question is answered for. All reads of the answer go
// through it.
type view struct{ *extent.View }

func (i *Inquirer) look(ctx context.Context, within *ledger.Bounds) (*view, error) {
	v, err := extent.Look(ctx, i.cfg.Ledger, within, "acts on versions that any system may use are not among them")
	if err != nil {
		return nil, err
	}
	return &view{v}, nil
}

// place says where a record stands, as an answer does.
func (v *view) place(at spot, s *statement) api.Place { return v.Place(at, s.ID, s.Time.Time) }
