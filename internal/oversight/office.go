// SPDX-License-Identifier: Apache-2.0

package oversight

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"github.com/counterfoil/counterfoil/internal/db"
	"github.com/counterfoil/counterfoil/internal/ledger"
)

// DefaultReasons are why a reviewer changes or refuses something.
var DefaultReasons = []string{"wrong_facts", "missing_information", "policy_exception", "customer_circumstances", "amount_corrected", "tone", "unfair", "safety", "other"}

// Config says what an office works with.
type Config struct {
	// Ledger is running, with its keys. Required.
	Ledger *ledger.Ledger
	// Floor is how long a reviewer of a system must look at least; below it an
	// approval is a finding. Default: never.
	Floor func(system string) time.Duration
	// Stop suspends a system, after the act stop is recorded. Default: nothing.
	Stop func(ctx context.Context, by By, system, reason string) error
	// Reasons are the reason codes. Default: [DefaultReasons].
	Reasons []string
	// Hook is where outcomes are sent. Default: nowhere.
	Hook *Hook
	// Now is the clock. Default: time.Now.
	Now func() time.Time
	// Lease is how long a claim holds. Default: 15 minutes.
	Lease time.Duration
	// Poll is how often a wait looks at the queue. Default: 200 ms.
	Poll time.Duration
	// Logger receives what only an operator needs to know. Default: none.
	Logger *slog.Logger
}

func (c *Config) validate() error {
	if c.Ledger == nil {
		return errors.New("make review office: Ledger is required")
	}
	if c.Lease < 0 || c.Poll < 0 {
		return errors.New("make review office: durations must not be negative")
	}
	if c.Floor == nil {
		c.Floor = func(string) time.Duration { return 0 }
	}
	if c.Stop == nil {
		c.Stop = func(context.Context, By, string, string) error { return nil }
	}
	if c.Reasons == nil {
		c.Reasons = DefaultReasons
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Lease == 0 {
		c.Lease = 15 * time.Minute
	}
	if c.Poll == 0 {
		c.Poll = 200 * time.Millisecond
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	return nil
}

// Office keeps the queue of one ledger. It is safe for concurrent use.
type Office struct {
	cfg Config
	l   *ledger.Ledger
}

// New makes an office. It starts nothing.
func New(cfg Config) (*Office, error) {
	if err := cfg.validate(); err != nil {
		return nil, err
	}
	if cfg.Hook != nil {
		if err := cfg.Hook.validate(); err != nil {
			return nil, err
		}
	}
	return &Office{cfg: cfg, l: cfg.Ledger}, nil
}

// By is who acts: pseudonymous codes. Principal is the authenticated writer
// where that is not the actor.
type By struct{ Actor, Role, Team, Principal string }

func (b By) principal() string {
	if b.Principal == "" {
		return b.Actor
	}
	return b.Principal
}

// Item is a decision that enters the queue.
type Item struct {
	ID, System, Kind, Env string
	Index                 int64
	Why                   []string
	Created, Due          time.Time
	Second                bool // two reviewers
}

// Enqueue puts a decision into the queue, in the transaction that records it.
func Enqueue(ctx context.Context, tx *db.Tx, it Item) error {
	wanted := 1
	if it.Second {
		wanted = 2
	}
	_, err := tx.Exec(ctx, `INSERT INTO review (idx, id, system, kind, env, why, created, due, wanted) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`,
		it.Index, it.ID, it.System, it.Kind, it.Env, strings.Join(it.Why, ","), it.Created.UnixNano(), it.Due.UnixNano(), wanted)
	if err != nil {
		return fmt.Errorf("queue review: %w", err)
	}
	return nil
}

// Review is a decision in the queue.
type Review struct {
	ID     string   `json:"id"`
	Index  int64    `json:"index"`
	System string   `json:"system"`
	Kind   string   `json:"kind"`
	Env    string   `json:"env"`
	Why    []string `json:"why"`
	// State is waiting, claimed or done.
	State   string    `json:"state"`
	Created time.Time `json:"created"`
	Due     time.Time `json:"due"`
	Overdue bool      `json:"overdue,omitempty"`
	// Reviewers is how many there must be, Acted how many have.
	Reviewers int       `json:"reviewers"`
	Acted     int       `json:"acted"`
	Escalated bool      `json:"escalated,omitempty"`
	Assignee  string    `json:"assignee,omitempty"`
	Holder    string    `json:"holder,omitempty"`
	Lease     time.Time `json:"lease,omitzero"`
	Act       string    `json:"act,omitempty"` // the last one
	Outcome   string    `json:"outcome,omitempty"`
	// Token vouches that a person let it go ahead; only in the answer to who waits.
	Token string `json:"token,omitempty"`

	first, shown     string
	claimed, shownAt time.Time
}

const columns = `idx, id, system, kind, env, why, created, due, wanted, rank, first, act, outcome, done, escalated, assignee, holder, claimed, lease, shown, shown_at`

func (o *Office) scan(row interface{ Scan(...any) error }) (Review, error) {
	var r Review
	var why string
	var created, due, done, escalated, claimed, lease, shownAt int64
	err := row.Scan(&r.Index, &r.ID, &r.System, &r.Kind, &r.Env, &why, &created, &due, &r.Reviewers, &r.Acted, &r.first, &r.Act, &r.Outcome, &done, &escalated, &r.Assignee, &r.Holder, &claimed, &lease, &r.shown, &shownAt)
	if err != nil {
		return r, err
	}
	now := o.cfg.Now()
	at := func(n int64) time.Time {
		if n == 0 {
			return time.Time{}
		}
		return time.Unix(0, n).UTC()
	}
	r.Created, r.Due, r.Lease, r.claimed, r.shownAt = at(created), at(due), at(lease), at(claimed), at(shownAt)
	r.Why, r.Escalated = strings.FieldsFunc(why, func(c rune) bool { return c == ',' }), escalated != 0
	switch {
	case done != 0:
		r.State, r.Holder, r.Lease = "done", "", time.Time{}
	case r.Holder != "" && now.Before(r.Lease):
		r.State = "claimed"
	default:
		r.State, r.Holder, r.Lease = "waiting", "", time.Time{}
	}
	r.Overdue = done == 0 && now.After(r.Due)
	return r, nil
}

// Filter selects reviews; the zero value selects those that are not done.
type Filter struct {
	State    string // waiting, claimed, done or all
	System   string
	Holder   string
	Overdue  bool
	Within   []string // systems that are seen; nil: all
	MaxItems int      // default: 200
}

// List lists reviews, the most urgent first.
func (o *Office) List(ctx context.Context, f Filter) ([]Review, error) {
	if f.MaxItems <= 0 {
		f.MaxItems = 200
	}
	out := []Review{}
	err := o.l.DB().Read(ctx, func(ctx context.Context, tx *db.Tx) error {
		done := 0
		if f.State == "done" {
			done = 1
		}
		where, args := ` WHERE done = ?`, []any{done}
		if f.State == "all" {
			where, args = ` WHERE 1 = 1`, nil
		}
		if f.System != "" {
			where, args = where+` AND system = ?`, append(args, f.System)
		}
		if f.Within != nil {
			where += ` AND system IN (` + db.Marks(len(f.Within)) + `)`
			for _, s := range f.Within {
				args = append(args, s)
			}
		}
		rows, err := tx.Query(ctx, `SELECT `+columns+` FROM review`+where+` ORDER BY done, escalated DESC, due, idx LIMIT 5000`, args...)
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() && len(out) < f.MaxItems {
			r, err := o.scan(rows)
			if err != nil {
				return err
			}
			if (f.State == "waiting" || f.State == "claimed") && r.State != f.State || f.Holder != "" && r.Holder != f.Holder || f.Overdue && !r.Overdue {
				continue
			}
			out = append(out, r)
		}
		return rows.Err()
	})
	return out, ledger.Storage("list reviews", err)
}

// Get returns a review.
func (o *Office) Get(ctx context.Context, id string) (r Review, err error) {
	err = o.l.DB().Read(ctx, func(ctx context.Context, tx *db.Tx) error {
		r, err = o.get(ctx, tx, id)
		return err
	})
	return r, ledger.Storage("read review", err)
}

func (o *Office) get(ctx context.Context, tx *db.Tx, id string) (Review, error) {
	return o.find(ctx, tx, id, "")
}

// lock is get for a transaction that is about to change the row: another waits.
func (o *Office) lock(ctx context.Context, tx *db.Tx, id string) (Review, error) {
	return o.find(ctx, tx, id, tx.ForUpdate())
}

func (o *Office) find(ctx context.Context, tx *db.Tx, id, lock string) (Review, error) {
	r, err := o.scan(tx.QueryRow(ctx, `SELECT `+columns+` FROM review WHERE id = ?`+lock, id))
	if errors.Is(err, sql.ErrNoRows) {
		return r, fault(ledger.NotFound, "counterfoil review list shows those that do", "the decision %q does not need a person", id)
	}
	return r, err
}

// Wait returns a review when it is done, or as it is when ctx ends.
func (o *Office) Wait(ctx context.Context, id string) (Review, error) {
	tick := time.NewTicker(o.cfg.Poll)
	defer tick.Stop()
	for {
		r, err := o.Get(context.WithoutCancel(ctx), id)
		if err != nil || r.State == "done" {
			return r, err
		}
		select {
		case <-ctx.Done():
			return r, nil
		case <-tick.C:
		}
	}
}

func fault(code ledger.Code, hint, format string, args ...any) error {
	return &ledger.Error{Code: code, Message: fmt.Sprintf(format, args...), Hint: hint}
}
