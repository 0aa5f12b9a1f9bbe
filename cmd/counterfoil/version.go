// SPDX-License-Identifier: Apache-2.0

package main

import (
	"cmp"
	"fmt"
	"io"
	"net/url"
	"os"
	"strings"
	"text/tabwriter"
	"time"
	"unicode"

	"github.com/spf13/cobra"

	"github.com/counterfoil/counterfoil/api"
	"github.com/counterfoil/counterfoil/internal/registry"
)

// registerCmds are the subcommands of version that are about the register.
func (c *cli) registerCmds() []*cobra.Command {
	return []*cobra.Command{c.versionAddCmd(), c.versionListCmd(), c.versionShowCmd(), c.versionDiffCmd(), c.versionApproveCmd(), c.versionPromoteCmd(),
		c.versionStepCmd("refuse KIND NAME@VERSION", "Refuse a proposed version", "verdict", func(reason string, v registry.Content) any {
			return api.VersionVerdict{Digest: v.Digest, Reason: reason}
		}),
		c.versionStepCmd("retire KIND NAME@VERSION", "Retire a version that is in force nowhere", "retire", func(reason string, _ registry.Content) any {
			return api.Review{Reason: reason}
		}),
		c.versionReviewCmd(), c.versionRollbackCmd(), c.versionHistoryCmd(), c.keygenCmd(), c.personKeyCmd()}
}

// text reads a file, or standard input for "-".
func (c *cli) text(file string) (string, error) {
	in := c.in
	if file != "-" {
		f, err := os.Open(file)
		if err != nil {
			return "", fmt.Errorf("read content: %w", err)
		}
		defer f.Close()
		in = f
	}
	b, err := io.ReadAll(io.LimitReader(in, registry.MaxContent+1))
	if err != nil {
		return "", fmt.Errorf("read content: %w", err)
	}
	if len(b) > registry.MaxContent {
		return "", &hinted{fmt.Errorf("the content is larger than %d bytes", registry.MaxContent), "keep it elsewhere, and name it with --ref and --digest"}
	}
	return string(b), nil
}

// named splits name@version.
func named(s string) (name, version string, err error) {
	name, version, ok := strings.Cut(s, "@")
	if !ok || name == "" || version == "" {
		return "", "", usagef("%q is not like reply@12", s)
	}
	return name, version, nil
}

// ofVersion is the path of a version, and of what is done with it.
func (c *cli) ofVersion(kind, ref string, more ...string) (string, error) {
	name, version, err := named(ref)
	return c.at(append([]string{"versions", kind, name, version}, more...)...), err
}

func (c *cli) printVersion(v registry.Version) error {
	if c.json {
		return c.print(v)
	}
	where := ""
	if len(v.InForce) > 0 {
		where = ", in force in " + strings.Join(v.InForce, ", ")
	}
	_, err := fmt.Fprintf(c.out, "%s %s@%s: %s, %d of %d approvals%s\n%s\n", v.Kind, v.Name, v.Number(), v.Status, len(v.Approvals), v.Needed, where, v.Digest)
	if e := v.Emergency; e != nil && e.Verdict == "" && err == nil {
		_, err = fmt.Fprintf(c.out, "an emergency: another person must review it by %s\n", e.Due.Format(time.DateOnly))
	}
	return err
}

func (c *cli) versionAddCmd() *cobra.Command {
	in := api.NewVersion{}
	var file string
	cmd := &cobra.Command{
		Use: "add KIND NAME@VERSION", Short: "Propose a version of a model, prompt, policy, config, control, dataset or tool",
		Example: `  counterfoil version add prompt reply@2 --data ./trail --as person:ann --file reply.txt --note "shorter" --parent 1`,
		Args:    cobra.ExactArgs(2),
		RunE: func(cmd *cobra.Command, args []string) (err error) {
			in.Kind = args[0]
			if in.Name, in.Version, err = named(args[1]); err != nil {
				return err
			}
			if in.Ref == "" {
				if in.Content, err = c.text(file); err != nil {
					return err
				}
			}
			return c.call(cmd.Context(), func(a *caller) error {
				v, err := ask[registry.Version](cmd.Context(), a, "POST", c.at("versions"), in)
				if err != nil {
					return err
				}
				return c.printVersion(v)
			})
		},
	}
	f := cmd.Flags()
	f.StringVar(&file, "file", "-", "the content; - is standard input")
	f.StringVar(&in.System, "system", "", "the system that it is for (default: any)")
	f.StringVar(&in.Parent, "parent", "", "the version that it was made from")
	f.StringVar(&in.Note, "note", "", "what changed; it is kept private")
	f.StringVar(&in.Media, "media", "", "media type")
	f.StringVar(&in.Ref, "ref", "", "where the content is, when it is too large to be kept here")
	f.StringVar(&in.Digest, "digest", "", "its SHA-256, with --ref")
	return cmd
}

func (c *cli) versionListCmd() *cobra.Command {
	q := map[string]*string{"kind": new(string), "name": new(string), "system": new(string), "status": new(string)}
	cmd := &cobra.Command{Use: "list", Short: "List versions", Args: cobra.NoArgs, RunE: func(cmd *cobra.Command, _ []string) error {
		values := url.Values{}
		for k, v := range q {
			if *v != "" {
				values.Set(k, *v)
			}
		}
		return c.call(cmd.Context(), func(a *caller) error {
			l, err := ask[items[registry.Version]](cmd.Context(), a, "GET", c.at("versions")+"?"+values.Encode(), nil)
			if err != nil || c.json {
				return orPrint(c, err, l)
			}
			if len(l.Items) == 0 {
				_, err := fmt.Fprintln(c.out, "there are no such versions; counterfoil version add proposes one")
				return err
			}
			w := tabwriter.NewWriter(c.out, 0, 4, 2, ' ', 0)
			fmt.Fprintln(w, "KIND\tVERSION\tSTATUS\tAPPROVED\tADDED\tAUTHOR\tSYSTEM\tIN FORCE")
			for _, v := range l.Items {
				fmt.Fprintf(w, "%s\t%s@%s\t%s\t%d of %d\t%s\t%s\t%s\t%s\n", v.Kind, v.Name, v.Number(), v.Status, len(v.Approvals), v.Needed, v.Added.Format(time.DateOnly), v.Author, v.System, strings.Join(v.InForce, ","))
			}
			return w.Flush()
		})
	}}
	for k, v := range q {
		cmd.Flags().StringVar(v, k, "", "only those of this "+k)
	}
	return cmd
}

func (c *cli) versionShowCmd() *cobra.Command {
	return &cobra.Command{Use: "show KIND NAME@VERSION", Short: "Show a version with its content", Args: cobra.ExactArgs(2), RunE: func(cmd *cobra.Command, args []string) error {
		path, err := c.ofVersion(args[0], args[1])
		if err != nil {
			return err
		}
		return c.call(cmd.Context(), func(a *caller) error {
			v, err := ask[registry.Content](cmd.Context(), a, "GET", path, nil)
			if err != nil || c.json {
				return orPrint(c, err, v)
			}
			if err := c.printVersion(v.Version); err != nil {
				return err
			}
			fmt.Fprintf(c.out, "by %s on %s: %s\n\n", v.Author, v.Added.Format(time.DateOnly), cmp.Or(clean(v.Note), "no note"))
			switch {
			case v.Gone:
				_, err = fmt.Fprintln(c.out, "the content was erased, or its time was over")
			case v.Ref != "":
				_, err = fmt.Fprintf(c.out, "the content is at %s\n", clean(v.Ref))
			default:
				err = c.printText(v.Content)
			}
			return err
		})
	}}
}

// clean shows a text that somebody else wrote: what could steer a terminal is
// shown as ?.
func clean(s string) string {
	return strings.Map(func(r rune) rune {
		if r != '\t' && !unicode.IsPrint(r) {
			return '?'
		}
		return r
	}, s)
}

// printText prints a content that somebody else wrote, line by line.
func (c *cli) printText(s string) error {
	for line := range strings.SplitSeq(strings.TrimSuffix(s, "\n"), "\n") {
		if _, err := fmt.Fprintln(c.out, clean(line)); err != nil {
			return err
		}
	}
	return nil
}

func (c *cli) versionDiffCmd() *cobra.Command {
	return &cobra.Command{
		Use: "diff KIND NAME@VERSION VERSION", Short: "Show how another version differs from one",
		Example: `  counterfoil version diff prompt reply@1 2 --data ./trail`,
		Args:    cobra.ExactArgs(3),
		RunE: func(cmd *cobra.Command, args []string) error {
			path, err := c.ofVersion(args[0], args[1], "diff")
			if err != nil {
				return err
			}
			return c.call(cmd.Context(), func(a *caller) error {
				d, err := ask[registry.Difference](cmd.Context(), a, "GET", path+"?to="+url.QueryEscape(args[2]), nil)
				if err != nil || c.json {
					return orPrint(c, err, d)
				}
				if d.Text == "" {
					_, err := fmt.Fprintln(c.out, "the contents are the same")
					return err
				}
				if err := c.printText(d.Text); err != nil {
					return err
				}
				for _, ch := range d.Changes {
					fmt.Fprintf(c.out, "%s %s\n", ch.Op, clean(ch.Pointer))
				}
				return nil
			})
		},
	}
}

// versionStepCmd sends one word about a version that is looked up first.
func (c *cli) versionStepCmd(use, short, word string, body func(reason string, v registry.Content) any) *cobra.Command {
	var reason string
	cmd := &cobra.Command{Use: use, Short: short, Args: cobra.ExactArgs(2), RunE: func(cmd *cobra.Command, args []string) error {
		return c.call(cmd.Context(), func(a *caller) error {
			return c.versionStep(cmd, a, args, word, func(v registry.Content) (any, error) { return body(reason, v), nil })
		})
	}}
	cmd.Flags().StringVar(&reason, "reason", "", "why; it is kept private")
	return cmd
}

func (c *cli) versionStep(cmd *cobra.Command, a *caller, args []string, word string, body func(registry.Content) (any, error)) error {
	path, err := c.ofVersion(args[0], args[1])
	if err != nil {
		return err
	}
	known, err := ask[registry.Content](cmd.Context(), a, "GET", path, nil)
	if err != nil {
		return err
	}
	in, err := body(known)
	if err != nil {
		return err
	}
	v, err := ask[registry.Version](cmd.Context(), a, "POST", path+"/"+word, in)
	if err != nil {
		return err
	}
	return c.printVersion(v)
}

func (c *cli) versionReviewCmd() *cobra.Command {
	var in api.EmergencyReview
	var reject bool
	cmd := &cobra.Command{Use: "review KIND NAME@VERSION", Short: "Judge a promotion in an emergency, as another person", Args: cobra.ExactArgs(2), RunE: func(cmd *cobra.Command, args []string) error {
		if in.Accept == reject {
			return usagef("say either --accept or --reject")
		}
		return c.call(cmd.Context(), func(a *caller) error {
			return c.versionStep(cmd, a, args, "review", func(registry.Content) (any, error) { return in, nil })
		})
	}}
	cmd.Flags().BoolVar(&in.Accept, "accept", false, "the promotion was right")
	cmd.Flags().BoolVar(&reject, "reject", false, "the promotion was wrong: roll it back")
	cmd.Flags().StringVar(&in.Reason, "reason", "", "why; it is kept private")
	return cmd
}
