// SPDX-License-Identifier: Apache-2.0

package main

import (
	"errors"
	"fmt"
	"os"
	"runtime/pprof"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"github.com/counterfoil/counterfoil/internal/bench"
)

func (c *cli) benchCmd() *cobra.Command {
	cfg := bench.Config{Version: buildVersion()}
	var profile string
	cmd := &cobra.Command{
		Use:   "bench",
		Short: "Measure this machine: rates, latencies, memory, size",
		Long: `Makes a ledger in a scratch folder, serves it on loopback and loads it from the
same process: 2 KB records with 8 private values, durable commits, a proof in
every answer. It takes about three minutes and some gigabytes of the scratch
folder's disk, and leaves nothing behind.`,
		Example: `  counterfoil bench
  counterfoil bench --json --only append_http_batch --duration 10s
  counterfoil bench --scratch /var/lib/counterfoil --curve 1000000`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			cfg.Database = c.store.Database
			return profiled(profile, func() error { return c.bench(cmd, cfg) })
		},
	}
	f := cmd.Flags()
	f.StringArrayVar(&cfg.Only, "only", nil, "name of a measurement (may be repeated; default: all)")
	f.DurationVar(&cfg.Duration, "duration", time.Minute, "how long each load lasts (single records: at most 30s)")
	f.IntVar(&cfg.Batch, "batch", 500, "records in a request")
	f.IntVar(&cfg.Senders, "senders", 4, "connections that send batches")
	f.IntVar(&cfg.Clients, "clients", 64, "connections that send single records")
	f.Int64Var(&cfg.Curve, "curve", 0, "instead: let a ledger grow to so many records, and show the rate on the way")
	f.StringVar(&cfg.Scratch, "scratch", "", "where to make the folder (default: the system's temporary folder)")
	f.StringVar(&profile, "cpuprofile", "", "write a profile for go tool pprof to this file")
	if err := cmd.RegisterFlagCompletionFunc("only", func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
		return bench.Names(), cobra.ShellCompDirectiveNoFileComp
	}); err != nil {
		panic(err) // the flag is defined above
	}
	return cmd
}

func (c *cli) bench(cmd *cobra.Command, cfg bench.Config) error {
	for _, name := range cfg.Only {
		if !slices.Contains(bench.Names(), name) {
			return &usageError{&hinted{fmt.Errorf("there is no measurement %q", name), "there are: " + strings.Join(bench.Names(), ", ")}}
		}
	}
	if cfg.Duration <= 0 || cfg.Batch <= 0 || cfg.Senders <= 0 || cfg.Clients <= 0 || cfg.Curve < 0 {
		return usagef("durations and counts must be positive")
	}
	p := &stage{c: c}
	cfg.Progress = p.show
	if !c.json {
		fmt.Fprintf(c.out, "%s\n2 KB records, 8 private values each; SQLite with synchronous=FULL unless --database is given; load generator included\n\n", bench.Machine())
	}
	err := bench.Run(cmd.Context(), cfg, func(m bench.Measurement) error {
		p.end()
		if c.json {
			return c.print(m)
		}
		_, err := fmt.Fprintf(c.out, "%-24s %10s %-12s %s\n", m.Name, figure(m.Value), m.Unit, m.Of)
		return err
	})
	p.end()
	return err
}

// profiled runs fn, and profiles it if a file is named.
func profiled(file string, fn func() error) (err error) {
	if file == "" {
		return fn()
	}
	f, err := os.Create(file)
	if err != nil {
		return fmt.Errorf("create profile: %w", err)
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	if err := pprof.StartCPUProfile(f); err != nil {
		return fmt.Errorf("start profile: %w", err)
	}
	defer pprof.StopCPUProfile()
	return fn()
}

// stage draws a bar for each thing that is done in turn.
type stage struct {
	c    *cli
	mu   sync.Mutex
	what string // guarded by mu
	bar  *bar   // guarded by mu; nil: none
}

func (s *stage) show(what string, done, total int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.bar == nil || s.what != what {
		if s.bar != nil {
			s.bar.done()
		}
		s.what, s.bar = what, s.c.newBar(total, what, false)
	}
	s.bar.set(min(done, total))
}

func (s *stage) end() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.bar != nil {
		s.bar.done()
		s.bar = nil
	}
}

// figure writes a value as precisely as it is worth.
func figure(v float64) string {
	if v >= 100 {
		return thousands(int64(v + 0.5))
	}
	return strconv.FormatFloat(v, 'f', 2, 64)
}
