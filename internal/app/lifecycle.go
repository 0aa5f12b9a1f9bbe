// SPDX-License-Identifier: Apache-2.0

package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"
)

// stopTime bounds each step of a stop.
const stopTime = 20 * time.Second

// step undoes one thing that was started.
type step struct {
	name string
	do   func(context.Context) error
}

// teardown is a stack of steps, undone in the reverse order, once.
type teardown struct {
	steps  []step
	logger *slog.Logger
}

func (t *teardown) push(name string, do func(context.Context) error) {
	t.steps = append(t.steps, step{name, do})
}

// run undoes everything; a step that fails or takes too long does not keep the
// others from being tried.
func (t *teardown) run(ctx context.Context) error {
	var errs []error
	for _, s := range slices.Backward(t.steps) {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopTime)
		if err := s.do(ctx); err != nil {
			errs = append(errs, fmt.Errorf("stop %s: %w", s.name, err))
		} else {
			t.logger.Debug("stopped", "step", s.name)
		}
		cancel()
	}
	t.steps = nil
	return errors.Join(errs...)
}
