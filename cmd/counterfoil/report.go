// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/counterfoil/counterfoil/api"
	"github.com/counterfoil/counterfoil/internal/obligation"
)

// reporting are the flags of the command report.
type reporting struct {
	packs, quarter string
	when           span
	failOnly, note bool
	html, oscal    string
}

func (c *cli) reportCmd() *cobra.Command {
	var r reporting
	cmd := &cobra.Command{
		Use: "report", Short: "For which obligations of laws and standards there is evidence in the log",
		Long: `Evaluates rules over the records of a period, and says for each obligation of the
packs whether the log holds evidence: how many records were tested, how many
passed, which failed, which failures somebody accepted, and what a rule does not
show. A rule with nothing to test never passes. The report does not say that a
law is met.

With --record the report is noted in the log, with the digest of its JSON, which
is what --json writes.`,
		Example: `  counterfoil report --data ./trail --pack eu-ai-act,uk-gdpr --quarter 2026Q2
  counterfoil report --data ./trail --quarter 2026Q2 --fail-only
  counterfoil report --data ./trail --quarter 2026Q2 --html report.html --oscal report.oscal.json --record --as person:cora`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return c.reportObligations(cmd, &r) },
	}
	f := cmd.Flags()
	f.StringVar(&r.packs, "pack", "", "names of packs, with commas between (default: all): eu-ai-act, iso-42001, nist-ai-rmf, record-keeping, uk-gdpr, us-colorado-california")
	f.StringVar(&r.quarter, "quarter", "", "the period, such as 2026Q2 (default: the quarter before this one, or --from and --to)")
	r.when.flags(cmd)
	f.BoolVar(&r.failOnly, "fail-only", false, "only the rules that failed, and their obligations")
	f.BoolVar(&r.note, "record", false, "note the report in the log")
	f.StringVar(&r.html, "html", "", "write a page to this file")
	f.StringVar(&r.oscal, "oscal", "", "write OSCAL assessment results (JSON) to this file")
	return cmd
}

func (c *cli) reportObligations(cmd *cobra.Command, r *reporting) error {
	q := url.Values{}
	for name, v := range map[string]string{"packs": r.packs, "quarter": r.quarter} {
		if v != "" {
			q.Set(name, v)
		}
	}
	if err := r.when.set(q); err != nil {
		return err
	}
	if r.failOnly {
		q.Set("fail_only", "true")
	}
	return c.call(cmd.Context(), func(a *caller) error {
		method, path, in := "GET", c.at("reports", "obligations")+"?"+q.Encode(), any(nil)
		if r.note {
			method, path, in = "POST", c.at("reports", "obligations"), r.request(q)
		}
		out, err := ask[api.ObligationReport](cmd.Context(), a, method, path, in)
		if err != nil {
			return err
		}
		return c.showReport(&out, r)
	})
}

// request is the body that asks for a report to be noted.
func (r *reporting) request(q url.Values) api.ObligationsRequest {
	in := api.ObligationsRequest{Quarter: r.quarter, FailOnly: r.failOnly}
	if r.packs != "" {
		in.Packs = strings.Split(r.packs, ",")
	}
	in.From, _ = time.Parse(time.RFC3339Nano, q.Get("from")) // written by span, or absent
	in.To, _ = time.Parse(time.RFC3339Nano, q.Get("to"))
	return in
}

// showReport writes the files that are wanted, and prints the report.
func (c *cli) showReport(o *api.ObligationReport, r *reporting) error {
	for _, w := range []struct {
		path  string
		write func(io.Writer, *api.ObligationReport) error
	}{{r.html, obligation.HTML}, {r.oscal, obligation.OSCAL}} {
		if w.path == "" {
			continue
		}
		var b bytes.Buffer
		if err := w.write(&b, o); err != nil {
			return err
		}
		if err := os.WriteFile(w.path, b.Bytes(), 0o600); err != nil {
			return fmt.Errorf("write report: %w", err)
		}
		fmt.Fprintf(c.err, "wrote %s\n", w.path)
	}
	if m := o.Made; m != nil {
		fmt.Fprintf(c.err, "noted in the log as %s, digest %s\n", m.ID, m.Digest)
	}
	if c.json {
		text, err := obligation.Encode(o)
		if err != nil {
			return err
		}
		_, err = c.out.Write(text)
		return err
	}
	return errors.Join(c.printObligations(o), c.printRules(o), c.rests(&o.Basis))
}

func (c *cli) printObligations(o *api.ObligationReport) error {
	name := o.Quarter
	if name == "" {
		name = o.From.Format(stamp) + " up to " + o.To.Format(stamp)
	}
	fmt.Fprintf(c.out, "evidence for obligations, %s, as of %s\n", name, o.AsOf.Format(stamp))
	fmt.Fprintf(c.out, "obligations: %s\nrules:       %s\n", byStatus(o.Count), byStatus(o.Tally))
	w := c.table()
	for _, p := range o.Packs {
		fmt.Fprintf(w, "\n%s\t\t\t\n", p.Name)
		for _, b := range p.Obligations {
			from := ""
			if !b.InForce {
				from = ", applies from " + b.Applies[0].From
			}
			fmt.Fprintf(w, "  %s\t%s\t%s%s\n", b.Status, b.ID, b.Summary, from)
		}
		if len(p.Obligations) == 0 {
			fmt.Fprintf(w, "  no obligation is listed\t\t\n")
		}
	}
	return w.Flush()
}

// byStatus prints counts in a fixed order.
func byStatus(count map[string]int) string {
	var out []string
	for _, s := range []string{obligation.Pass, obligation.Partial, obligation.Fail, obligation.Attested, obligation.NoPopulation, obligation.NotApplicable} {
		if count[s] > 0 {
			out = append(out, fmt.Sprintf("%d %s", count[s], s))
		}
	}
	return strings.Join(out, ", ")
}

// listed is how many failed ids are printed for a person.
const listed = 5

func (c *cli) printRules(o *api.ObligationReport) error {
	w := c.table()
	fmt.Fprintln(w, "\nRULE\tSTATUS\tTESTED\tFAILED\tEXCEPTED\tNAME")
	for _, r := range o.Rules {
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\n", r.ID, r.Status, thousands(r.Population), thousands(r.Failed), thousands(r.Excepted), r.Name)
	}
	if err := w.Flush(); err != nil {
		return err
	}
	for _, r := range o.Rules {
		if r.Failed == 0 {
			continue
		}
		ids := r.FailedIDs[:min(listed, len(r.FailedIDs))]
		fmt.Fprintf(c.out, "%s: no evidence found for %s", r.ID, strings.Join(ids, ", "))
		if int64(len(ids)) < r.Failed {
			fmt.Fprint(c.out, ", …")
		}
		fmt.Fprintln(c.out)
	}
	fmt.Fprintln(c.out)
	for _, line := range o.Limits {
		fmt.Fprintln(c.out, line)
	}
	return nil
}
