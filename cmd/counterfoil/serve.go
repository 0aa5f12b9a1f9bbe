// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/counterfoil/counterfoil/internal/app"
)

func (c *cli) serveCmd() *cobra.Command {
	var (
		listen, config, debug string
		hosts                 []string
		insecure, check, loud bool
	)
	cmd := &cobra.Command{
		Use:   "serve",
		Short: "Serve the HTTP API of every ledger",
		Long: `Serves the HTTP API and the logs (C2SP tlog-tiles) of every ledger of a data
folder or a database, and publishes checkpoints to the configured witnesses and
time-stamp authorities. There is no access control yet: the server listens on
loopback only, unless --insecure-listen is given.

It stops cleanly on SIGTERM and SIGINT; a second signal ends it at once.`,
		Example: `  counterfoil serve --data ./trail
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
			logger := c.logger(loud)
			a, err := app.New(cmd.Context(), app.Options{Store: c.store, Config: cfg, Logger: logger, Version: buildVersion()})
			if err != nil {
				return err
			}
			if check {
				fmt.Fprintln(c.out, "the configuration is good")
				return a.Close()
			}
			if insecure {
				logger.Warn("there is no access control: whoever reaches this address can read and write everything", "listen", a.Addr().String())
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
	f.BoolVar(&insecure, "insecure-listen", false, "listen on any address, without access control")
	f.BoolVar(&check, "check", false, "check configuration and ledgers, and stop")
	f.BoolVarP(&loud, "verbose", "v", false, "log every request")
	return cmd
}
