// SPDX-License-Identifier: Apache-2.0

// Counterfoil is the AI audit trail: server and command line in one binary.
//
// Exit status: 0 done, 1 something is wrong (each thing is named), 2 usage.
package main

import (
	"context"
	"os"
	"os/signal"
	"runtime/debug"
	"syscall"
)

func main() {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(200) // a tenth faster for a quarter more memory; docs/performance.md
	}
	os.Exit(realMain())
}

// realMain is main without the exit, for testscript. The first signal asks for
// a clean stop; a second one ends the process.
func realMain() int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop)
	return run(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr)
}
