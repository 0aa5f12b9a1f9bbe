// SPDX-License-Identifier: Apache-2.0

package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/counterfoil/counterfoil/internal/control"
)

func (c *cli) controlCmd() *cobra.Command {
	return group("control", "Rules about decisions: write, check, try on what was recorded",
		`A control is a rule in CEL with an owner, a severity, what follows when it fails, and
test cases. It is checked here, proposed and approved as a version of the register
(counterfoil version add control NAME …), and runs on every decision once promoted.`,
		`  counterfoil control pack --export ./controls
  counterfoil control check ./controls/refund-over-limit.yaml
  counterfoil control test --data ./trail --file ./controls/refund-over-limit.yaml --since 30d
  counterfoil version add control refund-over-limit@1 --file ./controls/refund-over-limit.yaml --data ./trail --as person:ann`,
		c.controlCheckCmd(), c.controlPackCmd(), c.controlSchemaCmd(), c.controlTestCmd())
}

// checked is what a check of one file came to.
type checked struct {
	File     string            `json:"file"`
	Name     string            `json:"name,omitempty"`
	Cases    []control.Outcome `json:"cases,omitempty"`
	Problems []control.Problem `json:"problems,omitempty"`
}

func (c *cli) controlCheckCmd() *cobra.Command {
	return &cobra.Command{
		Use: "check FILE...", Short: "Compile controls and run their test cases",
		Example: `  counterfoil control check ./controls/*.yaml`,
		Args:    cobra.MinimumNArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			wrong := false
			var all []checked
			for _, file := range args {
				text, err := os.ReadFile(file)
				if err != nil {
					return &hinted{err, "counterfoil control pack --export DIR writes examples"}
				}
				r := checked{File: file}
				k, err := control.Compile(text)
				if bad, ok := errors.AsType[*control.Invalid](err); ok {
					r.Problems, wrong = bad.Problems, true
				} else if err != nil {
					return err
				} else {
					r.Name, r.Cases = k.Name, k.Cases()
				}
				for _, o := range r.Cases {
					wrong = wrong || !o.Holds()
				}
				all = append(all, r)
			}
			if err := c.printChecked(all); err != nil {
				return err
			}
			if wrong {
				return errWrong
			}
			return nil
		},
	}
}

func (c *cli) printChecked(all []checked) (err error) {
	if c.json {
		return c.print(all)
	}
	for _, r := range all {
		if len(r.Problems) > 0 {
			fmt.Fprintf(c.out, "%s: does not compile\n", r.File)
		} else {
			fmt.Fprintf(c.out, "%s: %s, %s\n", r.File, r.Name, plural(int64(len(r.Cases)), "case"))
		}
		for _, p := range r.Problems {
			fmt.Fprintf(c.out, "  %s: %s\n", p.Where, clean(p.Detail))
			if p.Fix != "" {
				fmt.Fprintf(c.out, "    hint: %s\n", p.Fix)
			}
		}
		for _, o := range r.Cases {
			if o.Holds() {
				_, err = fmt.Fprintf(c.out, "  ok    %s: %s\n", clean(o.Case), o.Have)
			} else {
				_, err = fmt.Fprintf(c.out, "  FAIL  %s: %s, should be %s (%s)\n", clean(o.Case), o.Have, o.Want, clean(o.Reason))
			}
		}
	}
	return err
}

func (c *cli) controlPackCmd() *cobra.Command {
	var export string
	cmd := &cobra.Command{
		Use: "pack", Short: "List the controls that come with the program, or write them to a folder",
		Long: `The standard pack is a beginning: each control has a limit, a list or an owner that
somebody has to review. Nothing of it is in force until it is approved and promoted.`,
		Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			if export != "" {
				return c.exportPack(export)
			}
			var docs []*control.Document
			for _, p := range control.Pack() {
				d, err := control.Parse(p.Text)
				if err != nil {
					return err
				}
				docs = append(docs, d)
			}
			if c.json {
				return c.print(docs)
			}
			w := tabwriter.NewWriter(c.out, 0, 4, 2, ' ', 0)
			fmt.Fprintln(w, "NAME\tSEVERITY\tACTION\tMOMENTS\tTITLE")
			for _, d := range docs {
				fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\n", d.Name, d.Severity, d.Action, strings.Join(d.Moments, ","), d.Title)
			}
			return w.Flush()
		},
	}
	cmd.Flags().StringVar(&export, "export", "", "folder to write them to, one file each; files that are there stay")
	return cmd
}

func (c *cli) exportPack(dir string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("make folder: %w", err)
	}
	n := int64(0)
	for _, p := range control.Pack() {
		f, err := os.OpenFile(filepath.Join(dir, p.Name+".yaml"), os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
		if errors.Is(err, fs.ErrExist) {
			continue
		}
		if err != nil {
			return fmt.Errorf("write control: %w", err)
		}
		_, err = f.Write(p.Text)
		if err = errors.Join(err, f.Close()); err != nil {
			return fmt.Errorf("write control: %w", err)
		}
		n++
	}
	_, err := fmt.Fprintf(c.out, "%s written to %s\n", plural(n, "control"), dir)
	return err
}

func (c *cli) controlSchemaCmd() *cobra.Command {
	return &cobra.Command{Use: "schema", Short: "List what expressions can see of a decision", Args: cobra.NoArgs, RunE: func(*cobra.Command, []string) error {
		all := control.Schema()
		if c.json {
			return c.print(all)
		}
		w := tabwriter.NewWriter(c.out, 0, 4, 2, ' ', 0)
		for _, m := range append([]control.Member{{Path: "now", Type: "timestamp"}, {Path: "params", Type: "map(string, dyn)"}}, all...) {
			fmt.Fprintf(w, "%s\t%s\n", m.Path, m.Type)
		}
		return w.Flush()
	}}
}
