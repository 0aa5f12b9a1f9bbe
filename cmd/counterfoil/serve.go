// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/counterfoil/counterfoil/internal/app"
)

func (c *cli) serveCmd() *cobra.Command {
	var (
		listen, config, debug            string
		hosts                            []string
		insecure, unguarded, check, loud bool
	)
	cmd := &cobra.Command{
		Use:   "serve",
		Short: "Serve the HTTP API of every ledger",
		Long: `Serves the HTTP API and the logs (C2SP tlog-tiles) of every ledger of a data
folder or a database, and publishes checkpoints to the configured witnesses and
time-stamp authorities. Who asks must show who they are: with an API key
(counterfoil access key create), a workload's token, a client certificate, or by
signing in at /auth/. On a first start it prints a link, good once and for 30
minutes, for the first administrator. With --open it asks nobody, and listens on
loopback only.

It stops cleanly on SIGTERM and SIGINT; a second signal ends it at once.`,
		Example: `  counterfoil serve --data ./trail
  counterfoil serve --data ./trail --open                 # to try it out
  counterfoil serve --data ./trail --check
  counterfoil serve --database postgres://localhost/trail --keys /etc/counterfoil/keys`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			cfg, err := c.config(config)
			if err != nil {
				return err
			}
			if cmd.Flags().Changed("listen") || cfg.Listen == "" {
				cfg.Listen = listen
			}
			cfg.Hosts = append(cfg.Hosts, hosts...)
			cfg.InsecureListen = insecure
			if debug != "" {
				cfg.Debug = debug
			}
			if cfg.Access == nil && !unguarded {
				cfg.Access = &app.AccessConfig{}
			} else if unguarded {
				cfg.Access = nil
			}
			logger := c.logger(loud)
			a, err := app.New(cmd.Context(), app.Options{Store: c.store, Config: cfg, Logger: logger, Version: buildVersion(), Welcome: c.welcome})
			if err != nil {
				return err
			}
			if check {
				fmt.Fprintln(c.out, "the configuration is good")
				return a.Close()
			}
			if insecure && unguarded {
				logger.Warn("whoever reaches this address can read and write everything", "listen", a.Addr().String())
			}
			logger.Info("serving", "url", "http://"+a.Addr().String(), "ledgers", a.Names())
			return a.Run(cmd.Context())
		},
	}
	f := cmd.Flags()
	f.StringVar(&listen, "listen", "127.0.0.1:8780", "address to listen on")
	f.StringArrayVar(&hosts, "host", nil, "host name that clients may use, beside loopback ones (may be repeated)")
	f.StringVar(&config, "config", "", "configuration file (default: "+app.ConfigName+" in --data)")
	f.StringVar(&debug, "debug", "", "loopback address for pprof")
	f.BoolVar(&unguarded, "open", false, "ask nobody who they are; listen on loopback only")
	f.BoolVar(&insecure, "insecure-listen", false, "with --open: listen on any address")
	f.BoolVar(&check, "check", false, "check configuration and ledgers, and stop")
	f.BoolVarP(&loud, "verbose", "v", false, "log every request")
	return cmd
}

// welcome shows the one-time link for the first administrator.
func (c *cli) welcome(link string) {
	fmt.Fprintf(c.err, "\nThere is no administrator yet. Open this link, once, within 30 minutes:\n\n  %s\n\n", link)
}
