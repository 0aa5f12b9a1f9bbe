// SPDX-License-Identifier: Apache-2.0

package main

import (
	"crypto/ed25519"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/counterfoil/counterfoil/api"
	"github.com/counterfoil/counterfoil/internal/registry"
)

// origin is the name of the log, as its newest checkpoint has it.
func (c *cli) origin(cmd *cobra.Command, a *caller) (string, error) {
	b, err := a.raw(cmd.Context(), "GET", "/log/"+c.ledger+"/checkpoint", nil)
	if err != nil {
		return "", err
	}
	first, _, _ := strings.Cut(string(b), "\n")
	return first, nil
}

// actorOf is who acts, as the server knows them.
func actorOf(cmd *cobra.Command, a *caller) (string, error) {
	me, err := ask[struct {
		ID string `json:"actor"`
	}](cmd.Context(), a, "GET", "/v1/access/me", nil)
	return me.ID, err
}

func (c *cli) versionApproveCmd() *cobra.Command {
	var reason, file string
	cmd := &cobra.Command{
		Use: "approve KIND NAME@VERSION", Short: "Approve a version that somebody else wrote",
		Example: `  counterfoil version approve prompt reply@2 --data ./trail --as person:bob --reason "read and tried"
  counterfoil version approve prompt reply@2 --sign bob.pem --server https://audit.example.com`,
		Args: cobra.ExactArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			return c.call(cmd.Context(), func(a *caller) error {
				return c.versionStep(cmd, a, args, "verdict", func(v registry.Content) (any, error) {
					in := api.VersionVerdict{Approve: true, Digest: v.Digest, Reason: reason}
					if file == "" {
						return in, nil
					}
					private, err := readPrivate(file)
					if err != nil {
						return nil, err
					}
					origin, err := c.origin(cmd, a)
					if err != nil {
						return nil, err
					}
					who, err := actorOf(cmd, a)
					if err != nil {
						return nil, err
					}
					s := registry.Sign(registry.NewApproval(origin, who, registry.Vote{Kind: v.Kind, Name: v.Name, Version: v.Number(), Digest: v.Digest}), private)
					in.Signature = &api.ActSignature{Alg: s.Alg, Key: s.Key, Value: s.Value}
					return in, nil
				})
			})
		},
	}
	cmd.Flags().StringVar(&reason, "reason", "", "why; it is kept private")
	cmd.Flags().StringVar(&file, "sign", "", "sign with the private key in this file")
	return cmd
}

const pemType = "PRIVATE KEY"

func readPrivate(file string) (ed25519.PrivateKey, error) {
	b, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("read key: %w", err)
	}
	block, _ := pem.Decode(b)
	if block == nil || block.Type != pemType {
		return nil, &hinted{fmt.Errorf("%s holds no private key", file), "counterfoil version keygen makes one"}
	}
	k, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		return nil, fmt.Errorf("read key: %w", err)
	}
	private, ok := k.(ed25519.PrivateKey)
	if !ok {
		return nil, errors.New("read key: it is not an Ed25519 key")
	}
	return private, nil
}

func writePrivate(file string, k ed25519.PrivateKey) error {
	der, err := x509.MarshalPKCS8PrivateKey(k)
	if err != nil {
		return fmt.Errorf("write key: %w", err)
	}
	f, err := os.OpenFile(file, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return fmt.Errorf("write key: %w", err)
	}
	return errors.Join(pem.Encode(f, &pem.Block{Type: pemType, Bytes: der}), f.Close())
}

func (c *cli) keygenCmd() *cobra.Command {
	var file string
	cmd := &cobra.Command{
		Use: "keygen", Short: "Make a key of your own for approvals, and register its public part",
		Long: `The private key stays in the file; whoever has the file can approve as you. The
public key counts when another person has confirmed that it is yours.`,
		Example: `  counterfoil version keygen --out bob.pem --data ./trail --as person:bob`,
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			_, private, err := ed25519.GenerateKey(rand.Reader)
			if err != nil {
				return fmt.Errorf("draw key: %w", err)
			}
			return c.call(cmd.Context(), func(a *caller) error {
				origin, err := c.origin(cmd, a)
				if err != nil {
					return err
				}
				who, err := actorOf(cmd, a)
				if err != nil {
					return err
				}
				if err := writePrivate(file, private); err != nil {
					return err
				}
				name := registry.KeyName(private.Public().(ed25519.PublicKey))
				s := registry.Sign(registry.NewKeyAct(origin, who, name), private)
				k, err := ask[registry.Key](cmd.Context(), a, "POST", c.at("register", "keys"), api.ActSignature{Alg: s.Alg, Key: s.Key, Value: s.Value})
				if err != nil || c.json {
					return orPrint(c, err, k)
				}
				_, err = fmt.Fprintf(c.out, "key of %s: %s\nnext: counterfoil version key confirm %s %s, by another person\n", k.Actor, k.Status, k.Actor, k.Key)
				return err
			})
		},
	}
	cmd.Flags().StringVar(&file, "out", "approver.pem", "file for the private key; one that is there is not overwritten")
	return cmd
}

func (c *cli) personKeyCmd() *cobra.Command {
	list := &cobra.Command{Use: "list", Short: "List the public keys of approvers", Args: cobra.NoArgs, RunE: func(cmd *cobra.Command, _ []string) error {
		return c.call(cmd.Context(), func(a *caller) error {
			l, err := ask[items[registry.Key]](cmd.Context(), a, "GET", c.at("register", "keys"), nil)
			if err != nil || c.json {
				return orPrint(c, err, l)
			}
			if len(l.Items) == 0 {
				_, err := fmt.Fprintln(c.out, "nobody has registered a key; counterfoil version keygen makes one")
				return err
			}
			for _, k := range l.Items {
				fmt.Fprintf(c.out, "%s %s %s\n", k.Actor, k.Status, k.Key)
			}
			return nil
		})
	}}
	step := func(word, short string) *cobra.Command {
		return &cobra.Command{Use: word + " PERSON KEY", Short: short, Args: cobra.ExactArgs(2), RunE: func(cmd *cobra.Command, args []string) error {
			return c.call(cmd.Context(), func(a *caller) error {
				k, err := ask[registry.Key](cmd.Context(), a, "POST", c.at("register", "keys", args[0], args[1], word), struct{}{})
				if err != nil || c.json {
					return orPrint(c, err, k)
				}
				_, err = fmt.Fprintf(c.out, "key of %s: %s\n", k.Actor, k.Status)
				return err
			})
		}}
	}
	return group("key", "The keys by which people sign approvals", "", `  counterfoil version key list --data ./trail`, list,
		step("confirm", "Say, as another person, that a key is that of its owner"), step("retire", "End a key; what it has signed stays signed"))
}
