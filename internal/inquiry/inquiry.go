// SPDX-License-Identifier: Apache-2.0

package inquiry

import (
	"errors"
	"fmt"
	"time"

	"github.com/counterfoil/counterfoil/internal/ledger"
)

// Config says what an inquirer works with.
type Config struct {
	// Ledger is what is asked; its earlier shards are asked as well. Required.
	Ledger *ledger.Ledger
	// Now is the clock, by which reviews are overdue. Default: time.Now.
	Now func() time.Time
	// Most is how many entries a list of an answer has at most. Default: 10,000.
	Most int
}

func (c *Config) validate() error {
	if c.Ledger == nil {
		return errors.New("make inquirer: Ledger is required")
	}
	if c.Most < 0 {
		return errors.New("make inquirer: Most must not be negative")
	}
	if c.Most == 0 {
		c.Most = 10_000
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	return nil
}

// Inquirer answers questions about one ledger. It keeps nothing between two of
// them, and is safe for concurrent use.
type Inquirer struct{ cfg Config }

// New makes an inquirer.
func New(cfg Config) (*Inquirer, error) {
	if err := cfg.validate(); err != nil {
		return nil, err
	}
	return &Inquirer{cfg: cfg}, nil
}

func fault(code ledger.Code, hint, format string, args ...any) error {
	return &ledger.Error{Code: code, Message: fmt.Sprintf(format, args...), Hint: hint}
}
