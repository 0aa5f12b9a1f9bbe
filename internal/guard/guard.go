// SPDX-License-Identifier: Apache-2.0

package guard

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/counterfoil/counterfoil/internal/control"
	"github.com/counterfoil/counterfoil/internal/db"
	"github.com/counterfoil/counterfoil/internal/ledger"
)

// Register is one state of the register, which never changes. It is safe for
// concurrent use, and fast: every decision asks it.
type Register interface {
	// Size is how many leaves the log had with the last act that counts; 0: there
	// is no register.
	Size() int64
	// System looks a system up.
	System(name string) (System, bool)
	// Resolve gives the digest of a version, empty if it is unknown, and how it
	// stands in an environment: approved, unapproved, retired, elsewhere or unknown.
	Resolve(kind, version, env string) (digest, state string)
	// Controls are those in force in an environment, in a stable order.
	Controls(env string) []Control
}

// System is what the guard must know of an AI system.
type System struct {
	State     string // draft, in_service, suspended or retired
	Strict    bool   // refuse decisions under versions that are not approved
	Team      string // who owns findings about it, as a code
	Risk      string
	Reaction  time.Duration // until when a review is due; 0: a day
	Second    bool          // two reviewers
	MustAsk   bool          // it is instrumented to ask the guard before it acts
	OnFailure string        // fail_open or fail_closed, when the guard is away
}

// Control is a control as it was approved.
type Control struct {
	Version string // name@version
	Digest  string // of the content, which names it for ever
	Content []byte
}

// Review is a decision that needs a person.
type Review struct {
	ID, System, Kind, Risk string
	Index                  int64
	Env                    string
	Author                 string // who sent it; never its reviewer
	Why                    []string
	Due                    time.Time
	Second                 bool
}

// Config says what a guard works with.
type Config struct {
	// Ledger is where attempts are recorded. Required.
	Ledger *ledger.Ledger
	// Load reads the register as it is now. Required.
	Load func(ctx context.Context) (Register, error)
	// Enqueue puts a decision into the queue of reviews, in the transaction that
	// records it. Default: there is no queue.
	Enqueue func(ctx context.Context, tx *db.Tx, r Review) error
	// Now is the clock. Default: time.Now.
	Now func() time.Time
	// Logger receives what only an operator needs to know. Default: none.
	Logger *slog.Logger
	// Valid is how long a token vouches for a verdict. Default: 15 minutes.
	Valid time.Duration
}

func (c *Config) validate() error {
	if c.Ledger == nil || c.Load == nil {
		return errors.New("make guard: Ledger and Load are required")
	}
	if c.Valid < 0 {
		return errors.New("make guard: Valid must not be negative")
	}
	if c.Valid == 0 {
		c.Valid = 15 * time.Minute
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	return nil
}

// Guard judges the decisions of one ledger. It is a [ledger.Governor], safe for
// concurrent use.
type Guard struct {
	cfg     Config
	current atomic.Pointer[judge]

	mu       sync.Mutex                  // held while the register is read
	compiled map[string]*control.Control // by digest; guarded by mu
	refused  chan refusal
}

var _ ledger.Governor = (*Guard)(nil)

// New makes a guard that knows the register as it is now. It starts nothing.
func New(ctx context.Context, cfg Config) (*Guard, error) {
	if err := cfg.validate(); err != nil {
		return nil, err
	}
	g := &Guard{cfg: cfg, compiled: map[string]*control.Control{}, refused: make(chan refusal, 1000)}
	if err := g.Refresh(ctx); err != nil {
		return nil, err
	}
	return g, nil
}

// Judge implements [ledger.Governor].
func (g *Guard) Judge() ledger.Judge { return g.current.Load() }

// Refresh implements [ledger.Governor]. Controls that were compiled before are
// not compiled again.
func (g *Guard) Refresh(ctx context.Context) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	reg, err := g.cfg.Load(ctx)
	if err != nil {
		return fmt.Errorf("read register: %w", err)
	}
	if j := g.current.Load(); j != nil && j.reg.Size() >= reg.Size() && reg.Size() > 0 {
		return nil // another was faster
	}
	j := &judge{guard: g, reg: reg, courts: map[string]*court{}}
	kept := map[string]*control.Control{}
	for _, env := range []string{"production", "shadow", "test", "staging"} {
		if j.courts[env], err = g.court(reg.Controls(env), kept); err != nil {
			return err
		}
	}
	g.compiled = kept
	g.current.Store(j)
	return nil
}

// court compiles the controls of an environment. One that does not compile was
// approved by a version of this program that took it: it is kept, and errs.
func (g *Guard) court(controls []Control, kept map[string]*control.Control) (*court, error) {
	c := &court{}
	var before, after []control.Named
	for _, source := range controls {
		k := g.compiled[source.Digest]
		if k == nil {
			var err error
			if k, err = control.Compile(source.Content); err != nil {
				g.cfg.Logger.Error("a control in force can not be run", "control", source.Version, "error", err)
				c.broken = append(c.broken, source.Version)
				continue
			}
		}
		kept[source.Digest] = k
		n := control.Named{Version: source.Version, Control: k}
		if k.At(control.Guard) {
			before = append(before, n)
		}
		if k.At(control.Record) {
			after = append(after, n)
		}
	}
	c.before, c.after = control.NewSet(before, true), control.NewSet(after, false)
	return c, nil
}

// court is what is run in one environment.
type court struct {
	before, after *control.Set
	broken        []string // name@version of what does not compile: it errs on everything
}

func fault(code ledger.Code, hint, format string, args ...any) error {
	return &ledger.Error{Code: code, Message: fmt.Sprintf(format, args...), Hint: hint}
}
