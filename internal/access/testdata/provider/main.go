// SPDX-License-Identifier: Apache-2.0

// Command provider is an OpenID provider on loopback for tests: the certified
// provider of github.com/zitadel/oidc with its login form, in memory, with two
// people, one of whom is in a group, and one confidential client.
package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"

	"github.com/zitadel/oidc/v3/example/server/exampleop"
	"github.com/zitadel/oidc/v3/example/server/storage"
	"github.com/zitadel/oidc/v3/pkg/oidc"
	"github.com/zitadel/oidc/v3/pkg/op"
)

// groups adds a claim to what the example knows of its people.
type groups struct{ *storage.Storage }

// client puts the claims of the scopes into the ID token.
type client struct{ op.Client }

func (client) IDTokenUserinfoClaimsAssertion() bool { return true }

func (g groups) GetClientByClientID(ctx context.Context, id string) (op.Client, error) {
	c, err := g.Storage.GetClientByClientID(ctx, id)
	if err != nil {
		return nil, err
	}
	return client{c}, nil
}

func (g groups) SetUserinfoFromRequest(ctx context.Context, info *oidc.UserInfo, token op.IDTokenRequest, scopes []string) error {
	if err := g.Storage.SetUserinfoFromScopes(ctx, info, token.GetSubject(), token.GetClientID(), scopes); err != nil {
		return err
	}
	if err := g.Storage.SetUserinfoFromRequest(ctx, info, token, scopes); err != nil {
		return err
	}
	if token.GetSubject() == "id1" {
		info.AppendClaims("realm", map[string]any{"groups": []string{"everybody", "auditors"}})
	}
	return nil
}

// usage: provider REDIRECT-URL. It prints its issuer, and ends with its input.
func main() {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	issuer := fmt.Sprintf("http://localhost:%d", l.Addr().(*net.TCPAddr).Port)
	storage.RegisterClients(storage.WebClient("counterfoil", "a secret of the test", os.Args[1]))
	store := groups{storage.NewStorage(storage.NewUserStore(issuer + "/"))}
	handler := exampleop.SetupServer(issuer, store, slog.New(slog.NewTextHandler(os.Stderr, nil)), false)
	fmt.Println(issuer)
	go func() {
		io.Copy(io.Discard, os.Stdin)
		os.Exit(0)
	}()
	fmt.Fprintln(os.Stderr, http.Serve(l, handler))
	os.Exit(1)
}
