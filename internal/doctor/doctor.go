// SPDX-License-Identifier: Apache-2.0

// Package doctor looks an installation over and says of each thing whether it
// is right, and if not, what to do.
//
//	store ─ names ─▶ for each ledger: key, database, writer, right edge, clock,
//	                 witnesses, authorities, sources, last verification
//	data folder ─▶ space, and whether a write reaches the disk
//
// It looks only: it takes no lock, changes nothing but a probe file that it
// removes, and may run beside a server. It is quick, and not an audit: `verify`
// is. The network is asked only for the configured witnesses and authorities.
package doctor

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"time"

	"github.com/counterfoil/counterfoil/internal/app"
)

// Status is how a thing is.
type Status string

// A warning wants attention, a failure wants it now.
const (
	OK   Status = "ok"
	Warn Status = "warn"
	Fail Status = "fail"
)

// Line is one thing that was looked at.
type Line struct {
	Ledger string `json:"ledger,omitempty"` // empty: the whole installation
	Check  string `json:"check"`
	Status Status `json:"status"`
	Detail string `json:"detail"`
	// Fix is what to do about it; empty if it is right.
	Fix string `json:"fix,omitempty"`
}

// Config says what to look at.
type Config struct {
	// Store is where the ledgers are.
	Store app.Store
	// App is the server's configuration, for witnesses and authorities.
	App app.Config
	// Version is that of the binary.
	Version string
	// HTTP asks peers whether they are there. Default: a client with 5 s.
	HTTP *http.Client
	// Now is the clock to check. Default: time.Now.
	Now func() time.Time
}

// visit is one run.
type visit struct {
	cfg    Config
	ledger string // being looked at
	tell   func(Line)
}

// Run looks everything over and tells each line as soon as it is known. The
// error says that ctx ended, not that something is wrong.
func Run(ctx context.Context, cfg Config, tell func(Line)) error {
	if cfg.HTTP == nil {
		cfg.HTTP = &http.Client{Timeout: 5 * time.Second}
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	v := &visit{cfg: cfg, tell: tell}
	v.ok("version", "%s", cfg.Version)
	v.disk()
	v.peers(ctx)
	names, err := cfg.Store.Names(ctx)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		v.fail("ledgers", "counterfoil init --data DIR makes a data folder with a ledger", "there is no data folder %s", cfg.Store.Data)
	case err != nil:
		v.fail("ledgers", "check --data or --database, and that the database runs", "%v", err)
	case len(names) == 0:
		v.fail("ledgers", "counterfoil init makes one", "there is no ledger yet")
	default:
		v.ok("ledgers", "%d", len(names))
	}
	for _, name := range names {
		if ctx.Err() != nil {
			break
		}
		v.ledger = name
		v.look(ctx, name)
	}
	return context.Cause(ctx)
}

func (v *visit) ok(check, format string, args ...any) {
	v.tell(Line{Ledger: v.ledger, Check: check, Status: OK, Detail: fmt.Sprintf(format, args...)})
}

func (v *visit) warn(check, fix, format string, args ...any) {
	v.tell(Line{Ledger: v.ledger, Check: check, Status: Warn, Detail: fmt.Sprintf(format, args...), Fix: fix})
}

func (v *visit) fail(check, fix, format string, args ...any) {
	v.tell(Line{Ledger: v.ledger, Check: check, Status: Fail, Detail: fmt.Sprintf(format, args...), Fix: fix})
}
