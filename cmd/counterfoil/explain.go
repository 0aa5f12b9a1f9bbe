// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"net/url"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/counterfoil/counterfoil/api"
	"github.com/counterfoil/counterfoil/internal/explain"
)

// telling are the flags that explain and compare share.
type telling struct {
	audience, lang, html string
	text                 bool
	why                  reason
}

func (t *telling) flags(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringVar(&t.audience, "audience", explain.Subject, "who it is for: subject, reviewer or auditor")
	f.StringVar(&t.lang, "lang", "en", "the language: en or de")
	f.StringVar(&t.html, "html", "", "write a page into this file")
	f.BoolVar(&t.text, "text", false, "print plain text (the default)")
	cmd.MarkFlagsMutuallyExclusive("html", "text")
	t.why.flags(cmd)
}

// query says what is wanted; values are opened if it is said why.
func (t *telling) query() url.Values {
	v := url.Values{"audience": {t.audience}, "lang": {t.lang}}
	if t.why.purpose != "" {
		v.Set("disclose", "all")
	}
	return v
}

// show writes an explanation as the flags say. What was left out goes to the
// other stream: it is no part of what the person reads.
func (c *cli) show(t *telling, e *explain.Explanation, v any) error {
	if c.json {
		return c.print(v)
	}
	if t.html != "" {
		b, err := e.Page()
		if err != nil {
			return err
		}
		if err := os.WriteFile(t.html, b, 0o600); err != nil {
			return fmt.Errorf("write page: %w", err)
		}
		_, err = fmt.Fprintf(c.out, "written to %s\n", t.html)
		return err
	}
	text := e.Text()
	if text == "" {
		text = "there is no evidence from which this can be explained\n"
	}
	if _, err := fmt.Fprint(c.out, text); err != nil || t.audience != explain.Subject {
		return err
	}
	return e.Notes(c.err)
}

func (c *cli) explainCmd() *cobra.Command {
	var t telling
	var asDelivered, deliver bool
	var channel, messages string
	cmd := &cobra.Command{
		Use:   "explain ID",
		Short: "Explain a decision to the person, the reviewer or the auditor",
		Long: `Explains a decision in plain words, from recorded evidence only: why, who is
responsible, which data, fairness, checks, and what it means. A sentence whose
evidence is missing is left out, and said to be. The private values that it needs
are opened if --purpose is given. --deliver makes the exact text a record and prints
it for you to send; --as-delivered prints it again, held against its digest.`,
		Example: `  counterfoil explain --data ./trail 0192f3a4-0001 --purpose complaint
  counterfoil explain --data ./trail 0192f3a4-0001 --audience auditor --lang de --purpose audit --json
  counterfoil explain --data ./trail 0192f3a4-0001 --purpose complaint --deliver --channel email --as person:zoe
  counterfoil explain --data ./trail 0192f3a4-0001 --as-delivered --purpose complaint
  counterfoil explain --messages ./trail/words`,
		Args:              cobra.MaximumNArgs(1),
		ValidArgsFunction: c.completeIDs,
		RunE: func(cmd *cobra.Command, args []string) error {
			if messages != "" {
				return c.writeMessages(messages)
			}
			if len(args) == 0 {
				return usagef("give the id of a decision")
			}
			if !deliver && channel != "" {
				return usagef("--channel is for --deliver")
			}
			v, path := t.query(), c.at("decisions", args[0], "explanation")
			return c.call(cmd.Context(), func(a *caller) error {
				a.because(t.why)
				switch {
				case deliver:
					d, err := ask[*explain.Delivery](cmd.Context(), a, "POST", path+"s", api.ExplanationRequest{Audience: t.audience, Language: t.lang, Channel: channel})
					return c.showDelivery(&t, d, err)
				case asDelivered:
					v.Set("delivered", "true")
					for _, name := range []string{"audience", "lang"} { // any will do
						if !cmd.Flags().Changed(name) {
							v.Del(name)
						}
					}
					d, err := ask[*explain.Delivery](cmd.Context(), a, "GET", path+"?"+v.Encode(), nil)
					return c.showDelivery(&t, d, err)
				}
				e, err := ask[*explain.Explanation](cmd.Context(), a, "GET", path+"?"+v.Encode(), nil)
				if err != nil {
					return err
				}
				return c.show(&t, e, e)
			})
		},
	}
	f := cmd.Flags()
	f.BoolVar(&deliver, "deliver", false, "record the exact text as delivered, and print it")
	f.StringVar(&channel, "channel", "", "how it is delivered: "+strings.Join(explain.Channels, ", "))
	f.BoolVar(&asDelivered, "as-delivered", false, "print what was last delivered, exactly, and check its digest")
	f.StringVar(&messages, "messages", "", "write the message files of the program into this new folder, and do nothing else")
	cmd.MarkFlagsMutuallyExclusive("deliver", "as-delivered", "messages")
	cmd.MarkFlagsRequiredTogether("deliver", "channel")
	t.flags(cmd)
	return cmd
}

// writeMessages writes the files that a company begins its own words with.
func (c *cli) writeMessages(dir string) error {
	if err := os.CopyFS(dir, explain.Embedded()); err != nil {
		return fmt.Errorf("write messages: %w", err)
	}
	_, err := fmt.Fprintf(c.out, "written to %s; name it in counterfoil.yaml as messages, relative to that file\n", dir)
	return err
}

// showDelivery prints a delivered text exactly, after a look at its digest, and
// on the other stream which record it is of.
func (c *cli) showDelivery(t *telling, d *explain.Delivery, err error) error {
	if err == nil {
		err = d.Check()
	}
	if err != nil || c.json {
		return orPrint(c, err, d)
	}
	if t.html != "" {
		b, err := d.Page()
		if err != nil {
			return err
		}
		if err := os.WriteFile(t.html, b, 0o600); err != nil {
			return fmt.Errorf("write page: %w", err)
		}
	} else if _, err := fmt.Fprint(c.out, d.Printable()); err != nil {
		return err
	}
	_, err = fmt.Fprintf(c.err, "record %s at index %d, delivered %s, %s\n", d.Record, d.Index, d.Delivered.Format("2006-01-02 15:04:05 MST"), d.Digest)
	return err
}

func (c *cli) compareCmd() *cobra.Command {
	var t telling
	cmd := &cobra.Command{
		Use:   "compare ID OTHER",
		Short: "Explain a decision beside another one, without telling of that one",
		Long: `Explains why decision ID went as it did, beside OTHER. The person of ID learns
nothing of OTHER but how many versions of rules the two do not share: no value of it
is opened. Reviewers and auditors see where the two differ.`,
		Example: `  counterfoil compare --data ./trail 0192f3a4-0001 0192f3a4-0002 --purpose complaint
  counterfoil compare --data ./trail 0192f3a4-0001 0192f3a4-0002 --audience auditor --purpose audit`,
		Args:              cobra.ExactArgs(2),
		ValidArgsFunction: c.completeIDs,
		RunE: func(cmd *cobra.Command, args []string) error {
			v := t.query()
			v.Set("with", args[1])
			return c.call(cmd.Context(), func(a *caller) error {
				a.because(t.why)
				cmp, err := ask[*explain.Comparison](cmd.Context(), a, "GET", c.at("decisions", args[0], "comparison")+"?"+v.Encode(), nil)
				if err != nil {
					return err
				}
				return c.show(&t, cmp.Explanation, cmp)
			})
		},
	}
	t.flags(cmd)
	return cmd
}
