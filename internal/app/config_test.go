// SPDX-License-Identifier: Apache-2.0

package app_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"io/fs"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/note"

	"github.com/counterfoil/counterfoil/internal/app"
	"github.com/counterfoil/counterfoil/internal/ledger"
	"github.com/counterfoil/counterfoil/internal/witness"
	"github.com/counterfoil/counterfoil/proof"
)

// witnessKey is the verifier key of a new witness.
func witnessKey(t *testing.T) string {
	t.Helper()
	s, err := witness.CreateKey(filepath.Join(t.TempDir(), "w.key"), "witness.example.com/w")
	if err != nil {
		t.Fatal(err)
	}
	return s.Verifier().String()
}

// root is a certificate in PEM.
func root(t *testing.T) []byte {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	c := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "root"}, NotBefore: time.Now(), NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true}
	der, err := x509.CreateCertificate(rand.Reader, c, c, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
}

// write puts a configuration into a folder that has roots.pem, too.
func write(t *testing.T, text string) (path string) {
	t.Helper()
	path = filepath.Join(t.TempDir(), app.ConfigName)
	for p, b := range map[string][]byte{path: []byte(text), filepath.Join(filepath.Dir(path), "roots.pem"): root(t)} {
		if err := os.WriteFile(p, b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return path
}

func TestConfig(t *testing.T) {
	t.Parallel()
	k1, k2 := witnessKey(t), witnessKey(t)
	c, err := app.LoadConfig(write(t, `listen: "127.0.0.1:9000"
hosts: [trail.example.com]
publish_every: 1m30s
max_queue: 7
in_flight_mib: 8
quorum: 1
witnesses:
  - {name: w1, url: "https://w1.example.com/x", key: "`+k1+`"}
  - name: w2
    url: http://w2.example.com
    key: `+k2+`
authorities:
  - {name: tsa, url: "http://tsa.example.com", roots: roots.pem}
`), true)
	if err != nil {
		t.Fatal(err)
	}
	if c.Listen != "127.0.0.1:9000" || c.Hosts[0] != "trail.example.com" || time.Duration(c.PublishEvery) != 90*time.Second || c.MaxQueue != 7 || c.InFlightMiB != 8 ||
		c.Witnesses[0] != (app.WitnessConfig{Name: "w1", URL: "https://w1.example.com/x", Key: k1}) || c.Witnesses[1].Key != k2 {
		t.Errorf("%+v", c)
	}
	_, vkey, err := note.GenerateKey(rand.Reader, "example.com/log")
	if err != nil {
		t.Fatal(err)
	}
	file, err := c.Trust(vkey)
	if err != nil {
		t.Fatal(err)
	}
	trust, err := proof.ParseTrust(file)
	if err != nil || len(trust.Witnesses()) != 2 || !trust.NeedsWitnesses() || trust.Roots() == nil || !strings.Contains(string(file), "group witnesses 1 w1 w2") {
		t.Errorf("%v\n%s", err, file)
	}
	c.Quorum = nil // all
	if file, err = c.Trust(vkey); err != nil || !strings.Contains(string(file), "group witnesses 2 w1 w2") {
		t.Errorf("%v\n%s", err, file)
	}
}

func TestConfigMissing(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), app.ConfigName)
	if c, err := app.LoadConfig(path, false); err != nil || c.Listen != "" {
		t.Errorf("%+v, %v", c, err)
	}
	if _, err := app.LoadConfig(path, true); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a required file: %v", err)
	}
	for _, empty := range []string{"", "\n  \n", "# nothing yet\n"} {
		if _, err := app.LoadConfig(write(t, empty), true); err != nil {
			t.Errorf("%q: %v", empty, err)
		}
	}
}

// TestConfigFaults wants each fault named, with its place and a hint.
func TestConfigFaults(t *testing.T) {
	t.Parallel()
	key := witnessKey(t)
	good := "  - {name: w1, url: http://w1.example.com, key: " + key + "}\n"
	for text, says := range map[string][]string{
		"listen: 127.0.0.1:1\nlisen: x\n":                                 {"[2:1]", "lisen"},
		"witnesses:\n" + good + "  - {name: w2, uri: http://x, key: k}\n": {"[3:16]", "uri"},
		"max_queue: many\n":                                               {"[1:12]", "many"},
		"publish_every: 5\n":                                              {"missing unit"},
		"publish_every: soon\n":                                           {"soon"},
		"listen: [\n":                                                     {"[1:"},
		"listen: a\nlisten: b\n":                                          {"[2:1]", "listen"},
		"- a\n- b\n":                                                      {"[1:"},
		"insecure_listen: true\n":                                         {"[1:1]", "insecure_listen"}, // a flag, on purpose
		"witnesses:\n" + good + "  - {name: w2, url: w2.example.com, key: " + key + "}\n": {"witnesses[1]", "w2.example.com"},
		"witnesses:\n" + good + "  - {name: w2, url: \"ftp://x\", key: " + key + "}\n":    {"witnesses[1]", "ftp://x"},
		"witnesses:\n" + good + "  - {name: w2, url: \"http://%zz\", key: " + key + "}\n": {"witnesses[1]", "%zz"},
		"witnesses:\n" + good + good:                                                                  {"witnesses[1]", `"w1" is taken`},
		"witnesses:\n  - {name: w2, url: \"http://x\", key: nonsense}\n":                              {"witnesses[0]", "key"},
		"witnesses:\n  - {url: \"http://x\", key: " + key + "}\n":                                     {"witnesses[0]", "name"},
		"witnesses:\n  - {name: a b, url: \"http://x\", key: " + key + "}\n":                          {"witnesses[0]", "without spaces"},
		"authorities:\n  - {name: tsa, url: nowhere, roots: roots.pem}\n":                             {"authorities[0]", "nowhere"},
		"authorities:\n  - {name: tsa, url: \"http://x\", roots: gone.pem}\n":                         {"authority tsa", "gone.pem"},
		"authorities:\n  - {name: tsa, url: \"http://x\", roots: counterfoil.yaml}\n":                 {"authority tsa", "no PEM certificate"},
		"authorities:\n  - {name: tsa, url: \"http://x\"}\n":                                          {"authority tsa"},
		"witnesses:\n" + good + "authorities:\n  - {name: w1, url: \"http://x\", roots: roots.pem}\n": {"authorities[0]", `"w1" is taken`},
		"quorum: 1\n":                         {"quorum 1 of 0"},
		"quorum: -1\n":                        {"quorum -1"},
		"witnesses:\n" + good + "quorum: 2\n": {"quorum 2 of 1"},
	} {
		_, err := app.LoadConfig(write(t, text), true)
		refused(t, err, ledger.Invalid, append(says, "docs/operations.md")...)
		if t.Failed() {
			t.Fatalf("%s", text)
		}
	}
}
