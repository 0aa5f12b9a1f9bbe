// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net/url"

	"github.com/spf13/cobra"

	"github.com/counterfoil/counterfoil/api"
	"github.com/counterfoil/counterfoil/internal/app"
)

func (c *cli) getCmd() *cobra.Command {
	var disclose []string
	var why reason
	cmd := &cobra.Command{
		Use:   "get ID",
		Short: "Show one record: its statement, or with private values in place",
		Example: `  counterfoil get --data ./trail 0192f3a4-0001
  counterfoil get --data ./trail 0192f3a4-0001 --disclose /subject --purpose complaint --ticket c-7
  counterfoil get --data ./trail 0192f3a4-0001 --disclose all --purpose complaint`,
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: c.completeIDs,
		RunE: func(cmd *cobra.Command, args []string) error {
			b, err := c.document(cmd.Context(), args[0], disclose, why)
			if err != nil {
				return err
			}
			if !c.json {
				var pretty bytes.Buffer
				if err := json.Indent(&pretty, b, "", "  "); err != nil {
					return err
				}
				b = pretty.Bytes()
			}
			_, err = c.out.Write(append(bytes.TrimSpace(b), '\n'))
			return err
		},
	}
	discloseFlag(cmd, &disclose)
	why.flags(cmd)
	return cmd
}

// document is the statement of a record, with the values in place that were
// asked for. Those come over the API alone, which writes the access down.
func (c *cli) document(ctx context.Context, id string, disclose []string, why reason) (b []byte, err error) {
	if len(disclose) == 0 && c.server == "" {
		err = c.read(ctx, func(o *app.Opened) error {
			e, err := o.Ledger.Get(ctx, id)
			b = e.Statement
			return err
		})
		return b, err
	}
	if err := why.check(disclose); err != nil {
		return nil, err
	}
	err = c.call(ctx, func(a *caller) error {
		a.because(why)
		e, err := ask[api.Entry](ctx, a, "GET", c.at("records", id)+query(disclose), nil)
		if b = e.Record; b == nil {
			b = e.Statement
		}
		return err
	})
	return b, err
}

// check wants a purpose where values are opened.
func (r *reason) check(disclose []string) error {
	if len(disclose) > 0 && r.purpose == "" {
		return &usageError{&hinted{errors.New("private values are opened for a purpose only"), "say it with --purpose, for example --purpose complaint; it stands in the access record"}}
	}
	return nil
}

// query is the part of a URL that asks for private values.
func query(disclose []string) string {
	if len(disclose) == 0 {
		return ""
	}
	return "?" + url.Values{"disclose": disclose}.Encode()
}

func discloseFlag(cmd *cobra.Command, into *[]string) {
	cmd.Flags().StringArrayVar(into, "disclose", nil, "JSON Pointer of a private value to open, or all (may be repeated)")
}
