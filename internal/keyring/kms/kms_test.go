// SPDX-License-Identifier: Apache-2.0

package kms_test

import (
	"context"
	"strings"
	"testing"

	"github.com/counterfoil/counterfoil/internal/keyring/kms"
)

// TestOpenRefuses asserts that bad URLs and addresses are refused before
// anything is sent, in one line, and without what may be secret in them.
func TestOpenRefuses(t *testing.T) {
	t.Parallel()
	token := func(context.Context) (string, error) { return credential, nil }
	for _, c := range []struct{ url, addr, want string }{
		{"hashivault://", "https://vault", "names no key"},
		{"hashivault:one", "https://vault", "names no key"},
		{"hashivault://one/two", "https://vault", "want hashivault://KEY"},
		{"hashivault://one/../two", "https://vault", "names no key"},
		{"hashivault://one?engine=../sys", "https://vault", "not a Vault key"},
		{"hashivault://one?token=" + credential, "https://vault", "unknown parameter"},
		{"hashivault://me:" + credential + "@one", "https://vault", "not a KMS URL"},
		{"hashivault://one", "", "not an address"},
		{"hashivault://one", "vault:8200", "not an address"},
		{"hashivault://one", "https://me:" + credential + "@vault", "not an address"},
		{"hashivault://one", "http://vault:8200", "want https://vault:8200"},
		{"awskms://one?region=r", "http://10.0.0.1", "want https://10.0.0.1"},
		{"awskms://one?endpoint=https://evil", "https://kms", "unknown parameter"},
		{"gcpkms://projects/p", "https://kms", "cryptoKeys/K"},
		{"gcpkms://projects/p/locations/l/keyRings/r/cryptoKeys/k", "http://kms", "want https://kms"},
		{"gcpkms://projects/p/locations/l/keyRings/r/cryptoKeys/k?x=1", "https://kms", "unknown parameter"},
		{"azurekeyvault://one", "https://kms", "no KMS driver for azurekeyvault"},
		{"one", "https://kms", "no KMS driver"},
		{"%zz", "https://kms", "not a KMS URL"},
	} {
		cfg := kms.Config{VaultAddr: c.addr, VaultToken: token, AWSEndpoint: c.addr, GCPEndpoint: c.addr, GCPToken: token}
		_, err := cfg.Open(t.Context(), c.url)
		if err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), credential) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s at %s: %v", c.url, c.addr, err)
		}
	}
}
