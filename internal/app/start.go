// SPDX-License-Identifier: Apache-2.0

package app

import (
	"context"
	"sync"
)

// Start runs the committer of an opened ledger until the returned function is
// called, which finishes what is queued.
func (o *Opened) Start() (stop func() error) {
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	var err error
	wg.Go(func() { err = o.Ledger.Run(ctx) })
	<-o.Ledger.Running()
	return func() error {
		cancel()
		wg.Wait()
		return err
	}
}
