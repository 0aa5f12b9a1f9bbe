// SPDX-License-Identifier: Apache-2.0

package kms

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/counterfoil/counterfoil/internal/keyring"
)

// vault is a key of a transit engine: two calls of Vault's HTTP API, for which
// its SDK would be a hundred times the code.
type vault struct {
	rest
	base, key string // base ends in the engine's mount
}

func (c Config) openVault(ctx context.Context, key string, q url.Values) (keyring.KMS, error) {
	if err := options(q, "engine"); err != nil {
		return nil, err
	}
	engine := strings.Trim(q.Get("engine"), "/")
	if engine == "" {
		engine = "transit"
	}
	if strings.Contains(key, "/") || strings.Contains("/"+engine+"/", "/../") {
		return nil, errors.New("not a Vault key: want hashivault://KEY, or hashivault://KEY?engine=MOUNT")
	}
	base, err := address("the address of Vault", c.VaultAddr)
	if err != nil {
		return nil, err
	}
	if c.VaultToken == nil {
		return nil, errors.New("open Vault: no token is configured: set one")
	}
	token, err := c.VaultToken(ctx)
	if err != nil {
		return nil, fmt.Errorf("get Vault token: %w", err)
	}
	if token = strings.TrimSpace(token); token == "" || strings.ContainsAny(token, "\r\n") {
		return nil, errors.New("open Vault: the token is empty, or not one line: set it")
	}
	h := http.Header{"X-Vault-Token": {token}, "X-Vault-Request": {"true"}}
	if c.VaultNamespace != "" {
		h.Set("X-Vault-Namespace", c.VaultNamespace)
	}
	return &vault{
		rest: rest{name: "Vault", client: c.client(), header: h, token: token},
		base: base + "/v1/" + engine, key: url.PathEscape(key),
	}, nil
}

// vaultText is the body of both calls and, under data, of both answers.
type vaultText struct {
	Plaintext      string `json:"plaintext,omitempty"`
	Ciphertext     string `json:"ciphertext,omitempty"`
	AssociatedData string `json:"associated_data,omitempty"`
}

// Encrypt returns Vault's ciphertext, a text like vault:v1:….
func (v *vault) Encrypt(ctx context.Context, plaintext, aad []byte) ([]byte, error) {
	in := vaultText{Plaintext: base64.StdEncoding.EncodeToString(plaintext), AssociatedData: base64.StdEncoding.EncodeToString(aad)}
	out, err := v.call(ctx, "encrypt", in)
	if err != nil {
		return nil, err
	}
	if out.Ciphertext == "" {
		return nil, errors.New("Vault: the answer has no ciphertext: check the address")
	}
	return []byte(out.Ciphertext), nil
}

// Decrypt returns what Encrypt was given.
func (v *vault) Decrypt(ctx context.Context, ciphertext, aad []byte) ([]byte, error) {
	in := vaultText{Ciphertext: string(ciphertext), AssociatedData: base64.StdEncoding.EncodeToString(aad)}
	out, err := v.call(ctx, "decrypt", in)
	if err != nil {
		return nil, err
	}
	plain, err := base64.StdEncoding.DecodeString(out.Plaintext)
	if err != nil || len(plain) == 0 {
		return nil, errors.New("Vault: the answer has no plaintext: check the address")
	}
	return plain, nil
}

// Close does nothing: the token is its owner's to revoke.
func (v *vault) Close() error { return nil }

func (v *vault) call(ctx context.Context, verb string, in vaultText) (vaultText, error) {
	var out struct {
		Data vaultText `json:"data"`
	}
	err := v.post(ctx, v.base+"/"+verb+"/"+v.key, in, &out, vaultErrors, in.Plaintext)
	return out.Data, err
}

func vaultErrors(body []byte) string {
	var e struct {
		Errors []string `json:"errors"`
	}
	if json.Unmarshal(body, &e) != nil || len(e.Errors) == 0 {
		return "refused: check the token, the key's name and the engine's mount"
	}
	return strings.Join(e.Errors, "; ")
}
