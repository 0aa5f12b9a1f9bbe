// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"regexp"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/counterfoil/counterfoil/api"
	"github.com/counterfoil/counterfoil/internal/app"
	"github.com/counterfoil/counterfoil/internal/keyring/kms"
	"github.com/counterfoil/counterfoil/internal/ledger"
	"github.com/counterfoil/counterfoil/record"
)

// cli is what all commands share: where ledgers are, and where output goes.
type cli struct {
	store  app.Store
	ledger string
	json   bool
	server string // URL of a running server, instead of a store
	actor  string // who acts, on the machine itself

	in  io.Reader
	out io.Writer
	err io.Writer
}

// errWrong ends a command with status 1 after it has said why itself.
var errWrong = errors.New("something is wrong")

// usageError ends a command with status 2.
type usageError struct{ err error }

func (e *usageError) Error() string { return e.err.Error() }
func (e *usageError) Unwrap() error { return e.err }

func usagef(format string, args ...any) error { return &usageError{fmt.Errorf(format, args...)} }

// hinted adds a hint to an error.
type hinted struct {
	error
	hint string
}

func (e *hinted) Hint() string  { return e.hint }
func (e *hinted) Unwrap() error { return e.error }

func run(ctx context.Context, args []string, in io.Reader, out, errw io.Writer) int {
	c := &cli{in: in, out: out, err: errw}
	root := c.root()
	root.SetArgs(args)
	root.SetIn(in)
	root.SetOut(out)
	root.SetErr(errw)
	return c.status(root.ExecuteContext(ctx))
}

// status prints an error, one line and a hint, and gives the exit status.
func (c *cli) status(err error) int {
	switch {
	case err == nil:
		return 0
	case errors.Is(err, errWrong):
		return 1
	}
	fmt.Fprintf(c.err, "counterfoil: %s\n", oneLine(err))
	if h := hintOf(err); h != "" {
		fmt.Fprintf(c.err, "hint: %s\n", h)
	}
	if isUsage(err) {
		return 2
	}
	return 1
}

// isUsage says whether the command line was wrong; cobra's own errors of that
// kind have no type.
func isUsage(err error) bool {
	_, ok := errors.AsType[*usageError](err)
	return ok || strings.HasPrefix(err.Error(), "unknown command") || strings.HasPrefix(err.Error(), "required flag")
}

func oneLine(err error) string { return strings.Join(strings.Fields(err.Error()), " ") }

// reasonHeader is a header that a flag of the same name stands for.
var reasonHeader = regexp.MustCompile(`(?:the header )?Counterfoil-(Purpose|Ticket|Warrant):?`)

// hintOf looks for the hint of an error, whoever made it.
func hintOf(err error) string {
	if e, ok := errors.AsType[*ledger.Error](err); ok {
		return e.Hint
	}
	if e, ok := errors.AsType[*record.Error](err); ok {
		return e.Hint()
	}
	if e, ok := errors.AsType[*api.Problem](err); ok {
		return reasonHeader.ReplaceAllStringFunc(e.Hint, func(h string) string {
			return "--" + strings.ToLower(reasonHeader.FindStringSubmatch(h)[1])
		})
	}
	var h interface{ Hint() string }
	if errors.As(err, &h) {
		return h.Hint()
	}
	if isUsage(err) {
		return "run with --help to see an example"
	}
	return ""
}

// root builds the command tree anew for each run: commands keep state.
func (c *cli) root() *cobra.Command {
	root := &cobra.Command{
		Use:   "counterfoil",
		Short: "The AI audit trail: record, seal, commit, prove, verify",
		Long: `Counterfoil keeps a tamper-evident record of what an AI system decided, why, on
which data and under which version, and hands out receipts that anyone can check
without trusting the one who keeps the record.

Exit status: 0 done, 1 something is wrong (each thing is named), 2 usage.`,
		Example: `  counterfoil demo                                  # an enterprise to look at
  counterfoil init --data ./trail                   # a ledger of your own
  counterfoil append --data ./trail decisions.ndjson
  counterfoil verify --data ./trail`,
		SilenceUsage: true, SilenceErrors: true,
	}
	root.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return &usageError{err} })
	c.store.KMS = kmsConfig().Open
	c.store.MasterKey = app.Secret(os.Getenv("COUNTERFOIL_MASTER_KEY"))
	f := root.PersistentFlags()
	f.StringVar(&c.store.Data, "data", os.Getenv("COUNTERFOIL_DATA"), "data folder of embedded ledgers (COUNTERFOIL_DATA)")
	f.StringVar(&c.store.Database, "database", os.Getenv("COUNTERFOIL_DATABASE"), "PostgreSQL URL, instead of --data (COUNTERFOIL_DATABASE)")
	f.StringVar(&c.store.Keys, "keys", os.Getenv("COUNTERFOIL_KEYS"), "folder of the master keys (COUNTERFOIL_KEYS; default: keys in --data)")
	f.StringVar(&c.ledger, "ledger", "main", "name of the ledger")
	f.StringVar(&c.server, "server", os.Getenv("COUNTERFOIL_SERVER"), "URL of a running server, instead of --data (COUNTERFOIL_SERVER; the API key is taken from COUNTERFOIL_TOKEN)")
	f.StringVar(&c.actor, "as", "", "who acts, as a code such as person:lena, where nobody is asked to prove it: on the data folder itself")
	f.BoolVar(&c.json, "json", false, "write JSON")
	root.AddCommand(c.initCmd(), c.serveCmd(), c.demoCmd(), c.appendCmd(), c.getCmd(), c.listCmd(), c.receiptCmd(), c.verifyCmd(),
		c.drillCmd(), c.doctorCmd(), c.logCmd(), c.checkpointCmd(), c.witnessCmd(), c.benchCmd(), c.keyCmd(), c.accessCmd(), c.holdCmd(), c.subjectCmd(), c.erasureCmd(), c.warrantCmd(), c.glassCmd(), c.retentionCmd(), c.searchCmd(), c.reconstructCmd(), c.packCmd(), c.replayCmd(), c.sampleCmd(), c.challengeCmd(), c.schemaCmd(), c.openapiCmd(), c.systemCmd(), c.versionsCmd(), c.rebuildCmd(), c.versionCmd())
	root.AddCommand(c.decisionsCmd(), c.changesCmd(), c.guardCmd(), c.controlCmd(), c.reviewCmd(), c.shardCmd(), c.askCmd(), c.reportCmd(), c.explainCmd(), c.compareCmd())
	wrapArgs(root)
	if err := root.RegisterFlagCompletionFunc("ledger", c.completeLedgers); err != nil {
		panic(err) // the flag is defined above
	}
	return root
}

// kmsConfig takes from the environment where key management services are and
// what opens them; AWS and Google have ways of their own.
func kmsConfig() kms.Config {
	return kms.Config{VaultAddr: os.Getenv("VAULT_ADDR"), VaultNamespace: os.Getenv("VAULT_NAMESPACE"), VaultToken: func(context.Context) (string, error) {
		if token := os.Getenv("VAULT_TOKEN"); token != "" {
			return token, nil
		}
		return "", errors.New("VAULT_TOKEN is not set")
	}}
}

// wrapArgs makes wrong arguments a usage error.
func wrapArgs(cmd *cobra.Command) {
	if check := cmd.Args; check != nil {
		cmd.Args = func(cmd *cobra.Command, args []string) error {
			if err := check(cmd, args); err != nil {
				return &usageError{err}
			}
			return nil
		}
	}
	for _, sub := range cmd.Commands() {
		wrapArgs(sub)
	}
}

func (c *cli) completeLedgers(cmd *cobra.Command, _ []string, _ string) ([]string, cobra.ShellCompDirective) {
	names, err := c.store.Names(cmd.Context())
	if err != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	return names, cobra.ShellCompDirectiveNoFileComp
}

// completeIDs completes a record id from the newest records.
func (c *cli) completeIDs(cmd *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
	if len(args) > 0 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	var ids []string
	err := c.read(cmd.Context(), func(o *app.Opened) error {
		p, err := o.Ledger.List(cmd.Context(), ledger.Query{Limit: 50})
		for _, e := range p.Entries {
			if st, err := record.ParseStatement(e.Statement); err == nil {
				ids = append(ids, st.ID())
			}
		}
		return err
	})
	if err != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	return ids, cobra.ShellCompDirectiveNoFileComp
}

// read opens the ledger for reading, beside whoever writes it.
func (c *cli) read(ctx context.Context, fn func(*app.Opened) error) error {
	o, err := c.store.Open(ctx, c.ledger, false, nil)
	if err != nil {
		return err
	}
	return errors.Join(fn(o), o.Close())
}

// write opens the ledger for writing and runs its committer around fn.
func (c *cli) write(ctx context.Context, fn func(*app.Opened) error) error {
	o, err := c.store.Open(ctx, c.ledger, true, nil)
	if err != nil {
		return err
	}
	stop := o.Start()
	unguard, err := o.Govern(ctx, c.logger(false))
	if err == nil {
		err = errors.Join(fn(o), unguard())
	}
	return errors.Join(err, stop(), o.Close())
}

// config reads the configuration file of the data folder.
func (c *cli) config(path string) (app.Config, error) {
	if path != "" {
		return app.LoadConfig(path, true)
	}
	if c.store.Data == "" {
		return app.Config{}, nil
	}
	return app.LoadConfig(c.store.Data+"/"+app.ConfigName, false)
}

// print writes v as one line of JSON.
func (c *cli) print(v any) error {
	enc := json.NewEncoder(c.out)
	enc.SetEscapeHTML(false)
	return enc.Encode(v)
}

// logger writes text for a person, or JSON with --json.
func (c *cli) logger(verbose bool) *slog.Logger {
	opts := &slog.HandlerOptions{Level: slog.LevelInfo}
	if verbose {
		opts.Level = slog.LevelDebug
	}
	if c.json {
		return slog.New(slog.NewJSONHandler(c.err, opts))
	}
	return slog.New(slog.NewTextHandler(c.err, opts))
}

// isTerminal says whether progress may be drawn.
func isTerminal(w any) bool {
	f, ok := w.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

func seconds(d time.Duration) string { return fmt.Sprintf("%.1f s", d.Seconds()) }

// thousands writes 12345 as 12,345.
func thousands(n int64) string {
	s := fmt.Sprint(n)
	for i := len(s) - 3; i > 0 && s[i-1] != '-'; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

// plural writes "1 record" and "2 records".
func plural(n int64, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return thousands(n) + " " + what + "s"
}
