// SPDX-License-Identifier: Apache-2.0

package main

import (
	"archive/zip"
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/counterfoil/counterfoil/api"
	"github.com/counterfoil/counterfoil/internal/custody"
	"github.com/counterfoil/counterfoil/internal/packer"
	"github.com/counterfoil/counterfoil/pack"
)

func (c *cli) packCmd() *cobra.Command {
	var reason string
	verdict := func(approve bool) func([]string) (string, any) {
		return func(args []string) (string, any) {
			return c.at("packs", args[0], "verdict"), api.Verdict{Approve: approve, Reason: reason}
		}
	}
	why := func(cmd *cobra.Command) { cmd.Flags().StringVar(&reason, "reason", "", "why; it is kept private") }
	approve := &cobra.Command{Use: "approve ID", Short: "Approve a pack, as a second person, and again as a third",
		Example: `  counterfoil pack approve p-0192f3a4 --data ./trail --as person:piet`,
		Args:    cobra.ExactArgs(1), RunE: func(cmd *cobra.Command, args []string) error {
			return c.call(cmd.Context(), func(a *caller) error {
				path, body := verdict(true)(args)
				r, err := ask[custody.Request](cmd.Context(), a, "POST", path, body)
				if err != nil {
					return err
				}
				next := "counterfoil pack make ID -o pack.zip, by " + r.Requester
				if r.Status == custody.StatusSeconded {
					next = "counterfoil pack approve ID, by a third person"
				}
				return c.printRequest(r, next)
			})
		}}
	why(approve)
	return group("pack", "Evidence packs: many records in files that somebody checks without us",
		`An evidence pack holds what the log has about the records that a query selects:
statements, proofs, the private values that a profile discloses, tombstones of what
was erased, and all leaves, so that whoever gets it can see that nothing was left
out. One person orders it, two others approve it, and the first makes it. It is
checked without network by counterfoil verify, by counterfoil-verify, and by the
Python script inside.`,
		`  counterfoil pack order --data ./trail --as person:anna --query 'system:refund-agent time>=2026-01-01' --redact regulator --purpose audit --ticket a-7
  counterfoil pack approve p-0192f3a4 --data ./trail --as person:piet
  counterfoil pack approve p-0192f3a4 --data ./trail --as person:lena
  counterfoil pack make p-0192f3a4 --data ./trail --as person:anna -o pack.zip
  counterfoil verify pack.zip --trust trust.txt`,
		c.packOrderCmd(), approve, c.step("refuse ID", "Refuse a pack", "", verdict(false), why), c.packMakeCmd(), c.requestsCmd(custody.KindPack), c.packProfilesCmd())
}

func (c *cli) packOrderCmd() *cobra.Command {
	var in api.PackOrder
	cmd := &cobra.Command{Use: "order", Short: "Ask for a pack",
		Example: `  counterfoil pack order --data ./trail --as person:anna --query 'use:refunds time>=2026-01-01 time<2027-01-01' --redact regulator --purpose audit --ticket a-7`,
		Args:    cobra.NoArgs, RunE: func(cmd *cobra.Command, _ []string) error {
			return c.call(cmd.Context(), func(a *caller) error {
				r, err := ask[custody.Request](cmd.Context(), a, "POST", c.at("packs"), in)
				if err != nil {
					return err
				}
				return c.printRequest(r, "counterfoil pack approve ID, by a second and a third person")
			})
		}}
	f := cmd.Flags()
	f.StringVar(&in.Query, "query", "", "which records, as counterfoil search has it (default: all)")
	f.StringVar(&in.Profile, "redact", "sealed", "which private values are disclosed: see counterfoil pack profiles")
	f.StringVar(&in.Purpose, "purpose", "", "what for (required)")
	f.StringVar(&in.Ticket, "ticket", "", "the case (required)")
	f.StringVar(&in.Recipient, "recipient", "", "who gets it, as a code")
	f.StringVar(&in.Reason, "reason", "", "why; it is kept private")
	f.BoolVar(&in.Alone, "alone", false, "leave out what is about the records found")
	f.BoolVar(&in.NoLeaves, "no-leaves", false, "leave out the leaves of the log: nobody can see then whether something is missing")
	return cmd
}

func (c *cli) packMakeCmd() *cobra.Command {
	var output string
	var size int64
	cmd := &cobra.Command{Use: "make ID", Short: "Make a pack that two others have approved",
		Long: `Makes a pack as a zip file, or as a folder if the name does not end in .zip. An
access record is written first. The same order at the same --size gives the same
bytes, unless something was erased since.`,
		Example: `  counterfoil pack make p-0192f3a4 --data ./trail --as person:anna -o pack.zip`,
		Args:    cobra.ExactArgs(1), RunE: func(cmd *cobra.Command, args []string) error {
			if output == "" {
				output = "pack-" + args[0] + ".zip"
			}
			if _, err := os.Stat(output); err == nil {
				return usagef("%s is there already", output)
			}
			return c.call(cmd.Context(), func(a *caller) error {
				path := c.at("packs", args[0], "make")
				if size > 0 {
					path += "?" + url.Values{"size": {strconv.FormatInt(size, 10)}}.Encode()
				}
				b, err := a.raw(cmd.Context(), "POST", path, struct{}{})
				if err != nil {
					return err
				}
				return c.savePack(output, b)
			})
		}}
	cmd.Flags().StringVarP(&output, "output", "o", "", "zip file, or folder, to write (default: pack-ID.zip)")
	cmd.Flags().Int64Var(&size, "size", 0, "the size of the log, as an earlier pack has it (default: the newest that others have signed)")
	return cmd
}

// savePack writes a pack where it belongs, and says what stands for all of it.
func (c *cli) savePack(output string, b []byte) error {
	z, err := zip.NewReader(bytes.NewReader(b), int64(len(b)))
	if err != nil || len(z.File) == 0 {
		return fmt.Errorf("read pack: %w", errors.Join(err, fs.ErrInvalid))
	}
	top, _, _ := strings.Cut(z.File[0].Name, "/")
	folder, err := fs.Sub(z, top)
	if err != nil {
		return fmt.Errorf("read pack: %w", err)
	}
	if strings.HasSuffix(output, ".zip") {
		err = os.WriteFile(output, b, 0o600)
	} else {
		err = os.CopyFS(output, folder)
	}
	if err != nil {
		return fmt.Errorf("write pack: %w", err)
	}
	tags, err := fs.ReadFile(folder, "tagmanifest-sha256.txt")
	if err != nil {
		return fmt.Errorf("read pack: %w", err)
	}
	sum := fmt.Sprintf("%x", sha256.Sum256(tags))
	if c.json {
		return c.print(map[string]any{"file": output, "files": len(z.File), "bytes": len(b), "tagmanifest_sha256": sum})
	}
	fmt.Fprintf(c.out, "wrote %s: %d files, %s bytes\nSHA-256 of its tag manifest, which stands for all of it: %s\n", output, len(z.File), thousands(int64(len(b))), sum)
	_, err = fmt.Fprintf(c.out, "next: counterfoil verify %s --trust FILE\n", output)
	return err
}

func (c *cli) packProfilesCmd() *cobra.Command {
	return &cobra.Command{Use: "profiles", Short: "List which private values a pack may disclose",
		Example: `  counterfoil pack profiles`,
		Args:    cobra.NoArgs, RunE: func(*cobra.Command, []string) error {
			all := packer.Profiles()
			if c.json {
				return c.print(items[packer.Profile]{all})
			}
			for _, p := range all {
				fmt.Fprintf(c.out, "%-10s %s\n", p.Name, p.About)
			}
			return nil
		}}
}

// verifyPack judges a pack.
func (c *cli) verifyPack(name, trustFile string) (bool, error) {
	trust, err := readTrust(trustFile)
	if err != nil {
		return false, err
	}
	fsys, closer, err := pack.Open(name)
	if err != nil {
		return false, &usageError{err}
	}
	r := pack.Verify(fsys, trust, nil)
	if err := closer.Close(); err != nil {
		return false, err
	}
	if c.json {
		return r.Valid, c.print(struct {
			File string `json:"file"`
			*pack.Report
		}{name, r})
	}
	return r.Valid, pack.Print(c.out, name, r)
}
