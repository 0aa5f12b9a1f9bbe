// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"github.com/counterfoil/counterfoil/internal/app"
	"github.com/counterfoil/counterfoil/internal/demo"
	"github.com/counterfoil/counterfoil/internal/drill"
)

// demoMark is the file that says that a data folder is the demo's to replace.
const demoMark = "this-is-a-demo"

func (c *cli) demoCmd() *cobra.Command {
	var listen string
	var records int
	var seed uint64
	var noServe, noDrill bool
	cmd := &cobra.Command{
		Use:   "demo",
		Short: "Make an example enterprise, look at it, tamper with it, serve it",
		Long: `Makes a ledger in a new folder and fills it with thirty days of a synthetic
enterprise: a virtual agent, a routing model, a fraud score and a reply drafter,
with what people did about their decisions, and with planted defects. Then it
verifies the ledger, tampers with copies of it, says what to try next and serves
the API on loopback. A folder of an earlier demo is replaced; any other is not
touched.`,
		Example: `  counterfoil demo
  counterfoil demo --data /tmp/demo --no-serve --records 1000`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if c.store.Data == "" {
				c.store.Data = "counterfoil-demo"
			}
			if records < 1000 {
				return usagef("--records %d: the enterprise needs at least 1000", records)
			}
			d := &demonstration{c: c}
			if err := d.fill(cmd.Context(), records, seed); err != nil {
				return err
			}
			if err := d.show(cmd, !noDrill); err != nil {
				return err
			}
			if noServe {
				return nil
			}
			return d.serve(cmd.Context(), listen)
		},
	}
	f := cmd.Flags()
	f.StringVar(&listen, "listen", "127.0.0.1:8780", "address to serve on")
	f.IntVar(&records, "records", 5000, "about how many records")
	f.Uint64Var(&seed, "seed", 1, "another seed makes another enterprise")
	f.BoolVar(&noServe, "no-serve", false, "stop before serving")
	f.BoolVar(&noDrill, "no-drill", false, "do not tamper with copies")
	return cmd
}

// demonstration is one run of the demo.
type demonstration struct {
	c          *cli
	enterprise *demo.Enterprise
}

// clear makes room for a new demo, and only for that.
func (d *demonstration) clear() error {
	dir := d.c.store.Data
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) || err == nil && len(entries) == 0 {
		return nil
	}
	if err != nil {
		return err
	}
	if _, err := os.Stat(filepath.Join(dir, demoMark)); err != nil {
		return &hinted{fmt.Errorf("%s is there and is not a demo", dir), "name another folder with --data"}
	}
	return os.RemoveAll(dir)
}

func (d *demonstration) fill(ctx context.Context, records int, seed uint64) error {
	if err := d.clear(); err != nil {
		return err
	}
	if err := os.MkdirAll(d.c.store.Data, 0o700); err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(d.c.store.Data, demoMark), []byte("counterfoil demo replaces this folder\n"), 0o600); err != nil {
		return err
	}
	e, err := demo.Generate(demo.Config{Now: time.Now(), Seed: seed, Records: records})
	if err != nil {
		return err
	}
	d.enterprise = e
	if err := d.c.store.Create(ctx, d.c.ledger, "demo.counterfoil.local/"+d.c.ledger, ""); err != nil {
		return err
	}
	start := time.Now()
	err = d.c.write(ctx, func(o *app.Opened) error {
		b := d.c.newBar(int64(e.Len()), "recording", false)
		defer b.done()
		a := &appender{c: d.c, sink: &embedded{o.Ledger}}
		for it := range e.Items() {
			a.chunk, a.places = append(a.chunk, it.JSON), append(a.places, "demo")
			if len(a.chunk) == 100 {
				if err := a.flush(ctx); err != nil {
					return err
				}
				b.add(100)
			}
		}
		return a.flush(ctx)
	})
	if err == nil {
		fmt.Fprintf(d.c.out, "%s recorded, sealed and proven in %s.\n\n", plural(int64(e.Len()), "record"), seconds(time.Since(start)))
	}
	return err
}

// show verifies, tampers, and says what to try.
func (d *demonstration) show(cmd *cobra.Command, tamper bool) error {
	c := d.c
	if err := c.verifyLedgers(cmd, verifyFlags{}); err != nil {
		return err
	}
	if tamper {
		fmt.Fprintln(c.out, "\nNow an attacker edits copies of the database:")
		err := c.read(cmd.Context(), func(o *app.Opened) error {
			return c.drill(cmd.Context(), drill.Config{DB: o.DB, Keys: o.Keys, Only: []string{"leaf-edit", "evidence-value", "leaf-delete-middle", "rollback", "fork-omit"}})
		})
		if err != nil {
			return err
		}
	}
	fmt.Fprintln(c.out, "\nPlanted defects to look for:")
	for _, defect := range d.enterprise.Defects() {
		fmt.Fprintf(c.out, "  %-28s %s\n", defect.Name, defect.Title)
	}
	self := "counterfoil"
	if exe, err := os.Executable(); err == nil {
		self = exe
		if wd, err := os.Getwd(); err == nil {
			if rel, err := filepath.Rel(wd, exe); err == nil && len(rel) < len(exe) {
				self = "./" + rel
			}
		}
	}
	data, id := "--data "+c.store.Data, d.enterprise.Highlight()
	_, err := fmt.Fprintf(c.out, `
Try next, in another terminal:

  # a refund that a fraud score denied, and a person overrode
  %[1]s get %[2]s %[3]s --disclose all --purpose complaint
  %[1]s list %[2]s --about %[3]s

  # its receipt, for somebody who trusts nobody here: as a file, and as a page
  %[1]s receipt %[2]s %[3]s --disclose /decision/reason --purpose complaint > refund.receipt.json
  %[1]s receipt %[2]s %[3]s --html --disclose all --purpose complaint -o refund.html

  # check it with nothing but the receipt and the trust policy
  %[1]s key trust %[2]s > trust.txt
  %[1]s verify --trust trust.txt refund.receipt.json

  # every known way of tampering, and what finds it
  %[1]s drill %[2]s

`, self, data, id)
	return err
}

func (d *demonstration) serve(ctx context.Context, listen string) error {
	a, err := app.New(ctx, app.Options{Store: d.c.store, Config: app.Config{Listen: listen}, Logger: d.c.logger(false), Version: buildVersion()})
	if err != nil {
		return err
	}
	fmt.Fprintf(d.c.out, "Serving on http://%s, Ctrl-C stops.\n", a.Addr())
	return a.Run(ctx)
}
