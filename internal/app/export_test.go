// SPDX-License-Identifier: Apache-2.0

package app

import (
	"context"
	"log/slog"
	"net"
)

// Teardown is the stack of a stop.
type Teardown struct{ t teardown }

// NewTeardown makes an empty stack.
func NewTeardown() *Teardown { return &Teardown{teardown{logger: slog.New(slog.DiscardHandler)}} }

// Push adds a step.
func (t *Teardown) Push(name string, do func(context.Context) error) { t.t.push(name, do) }

// Run undoes all steps.
func (t *Teardown) Run(ctx context.Context) error { return t.t.run(ctx) }

// Listener is what the API server accepts from.
func (a *App) Listener() net.Listener { return a.listener }
