// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"path/filepath"
	"sync"

	"github.com/spf13/cobra"

	"github.com/counterfoil/counterfoil/internal/db"
	"github.com/counterfoil/counterfoil/internal/server"
	"github.com/counterfoil/counterfoil/internal/witness"
)

func (c *cli) witnessCmd() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "witness",
		Short: "Be a witness for other logs (C2SP tlog-witness)",
		Long: `A witness cosigns the checkpoints of logs that it knows, but only such as extend
what it has cosigned before: so a log can not show different histories to
different people. A witness is worth something when somebody else runs it.`,
		Example: `  counterfoil witness init --data ./witness --name witness.example.org/w1
  counterfoil witness serve --data ./witness --log example.com/trail+1a2b3c4d+AY…`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	var name string
	initCmd := &cobra.Command{
		Use:     "init",
		Short:   "Make the key and the state of a witness",
		Example: `  counterfoil witness init --data ./witness --name witness.example.org/w1`,
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if c.store.Data == "" {
				return usagef("--data DIR is missing")
			}
			s, err := witness.CreateKey(filepath.Join(c.store.Data, "witness.key"), name)
			if err != nil {
				return err
			}
			d, err := db.Create(cmd.Context(), c.witnessDB())
			if err != nil {
				return err
			}
			if err := d.Close(); err != nil {
				return err
			}
			if c.json {
				return c.print(map[string]string{"name": name, "verifier_key": s.Verifier().String()})
			}
			_, err = fmt.Fprintf(c.out, "witness key  %s\n", s.Verifier().String())
			return err
		},
	}
	initCmd.Flags().StringVar(&name, "name", "", "name of the witness, a URL without scheme")
	if err := initCmd.MarkFlagRequired("name"); err != nil {
		panic(err) // the flag is defined above
	}
	cmd.AddCommand(initCmd, c.witnessServeCmd())
	return cmd
}

func (c *cli) witnessDB() db.Config {
	return db.Config{URL: "sqlite:" + filepath.Join(c.store.Data, "witness.db")}
}

func (c *cli) witnessServeCmd() *cobra.Command {
	var listen string
	var logs []string
	cmd := &cobra.Command{
		Use:   "serve",
		Short: "Serve POST /add-checkpoint",
		Long: `Serves the C2SP tlog-witness protocol. The protocol needs no log-in: requests
carry the log's signature. The address may therefore be a public one.`,
		Example: `  counterfoil witness serve --data ./witness --listen 127.0.0.1:8790 --log example.com/trail+1a2b3c4d+AY…`,
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if c.store.Data == "" {
				return usagef("--data DIR is missing")
			}
			return c.serveWitness(cmd.Context(), listen, logs)
		},
	}
	cmd.Flags().StringVar(&listen, "listen", "127.0.0.1:8790", "address to listen on")
	cmd.Flags().StringArrayVar(&logs, "log", nil, "verifier key of a log to witness (may be repeated)")
	return cmd
}

func (c *cli) serveWitness(ctx context.Context, listen string, logs []string) (err error) {
	logger := c.logger(false)
	key, err := witness.OpenKey(filepath.Join(c.store.Data, "witness.key"))
	if err != nil {
		return &hinted{err, "counterfoil witness init makes one"}
	}
	d, err := db.Open(ctx, c.witnessDB())
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, d.Close()) }()
	w, err := witness.New(ctx, witness.Config{DB: d, Signer: key, Logs: logs, Logger: logger})
	if err != nil {
		return &usageError{err}
	}
	l, err := net.Listen("tcp", listen)
	if err != nil {
		return err
	}
	srv := server.HTTPServer(w.Handler(), logger)
	logger.Info("witnessing", "url", "http://"+l.Addr().String(), "key", w.Key(), "logs", len(logs))
	var wg sync.WaitGroup
	defer wg.Wait()
	failed := make(chan error, 1)
	wg.Go(func() {
		if err := srv.Serve(l); !errors.Is(err, http.ErrServerClosed) {
			failed <- err
		}
	})
	select {
	case err = <-failed:
	case <-ctx.Done():
	}
	return errors.Join(err, srv.Shutdown(context.WithoutCancel(ctx)))
}
