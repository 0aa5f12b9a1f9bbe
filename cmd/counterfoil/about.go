// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"runtime"
	"runtime/debug"

	"github.com/spf13/cobra"

	"github.com/counterfoil/counterfoil/internal/server"
	"github.com/counterfoil/counterfoil/record"
)

func (c *cli) schemaCmd() *cobra.Command {
	return &cobra.Command{
		Use:     "schema",
		Short:   "Print the JSON Schema of a record; with --json the public/private table",
		Example: `  counterfoil schema > record.schema.json`,
		Args:    cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			if c.json {
				for _, f := range record.Table() {
					if err := c.print(f); err != nil {
						return err
					}
				}
				return nil
			}
			_, err := c.out.Write(record.Schema())
			return err
		},
	}
}

func (c *cli) openapiCmd() *cobra.Command {
	return &cobra.Command{
		Use:     "openapi",
		Short:   "Print the OpenAPI document of the HTTP API",
		Example: `  counterfoil openapi > counterfoil.openapi.json`,
		Args:    cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			b, err := server.OpenAPI(buildVersion())
			if err != nil {
				return err
			}
			_, err = c.out.Write(b)
			return err
		},
	}
}

func (c *cli) versionCmd() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "version",
		Short: "Print the version of the program; add, approve and promote those of models, prompts and policies",
		Long: `Alone it prints the version of this program. Its commands are about the versions in
the register: somebody adds one, others approve it, it is promoted to an
environment, and rolled back when it does harm.`,
		Example: `  counterfoil version --json
  counterfoil version add prompt reply@2 --data ./trail --as person:ann --file reply.txt
  counterfoil version approve prompt reply@2 --data ./trail --as person:bob
  counterfoil version promote prompt reply@2 --data ./trail --as person:ann`,
		Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			if c.json {
				return c.print(map[string]string{"version": buildVersion(), "go": runtime.Version(), "os": runtime.GOOS, "arch": runtime.GOARCH, "format": record.Format})
			}
			_, err := fmt.Fprintf(c.out, "counterfoil %s (%s, %s/%s)\n", buildVersion(), runtime.Version(), runtime.GOOS, runtime.GOARCH)
			return err
		},
	}
	cmd.AddCommand(c.registerCmds()...)
	return cmd
}

// buildVersion is the module version, or the commit that was built.
func buildVersion() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "unknown"
	}
	version, dirty := info.Main.Version, ""
	for _, s := range info.Settings {
		switch s.Key {
		case "vcs.revision":
			if version == "" || version == "(devel)" {
				version = s.Value[:min(12, len(s.Value))]
			}
		case "vcs.modified":
			if s.Value == "true" {
				dirty = "+changes"
			}
		}
	}
	if version == "" {
		version = "devel"
	}
	return version + dirty
}
