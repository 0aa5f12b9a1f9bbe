// SPDX-License-Identifier: Apache-2.0

package app

import (
	"bytes"
	"context"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"
	"unicode"

	"filippo.io/torchwood"
	"github.com/goccy/go-yaml"

	"github.com/counterfoil/counterfoil/internal/blob"
	"github.com/counterfoil/counterfoil/internal/custody"
	"github.com/counterfoil/counterfoil/internal/explain"
	"github.com/counterfoil/counterfoil/internal/ledger"
	"github.com/counterfoil/counterfoil/proof"
)

// ConfigName is the configuration file in a data folder. It may be missing.
const ConfigName = "counterfoil.yaml"

// Config is what a server is told. The YAML file has the same names.
type Config struct {
	// Listen is where the API listens. Default: 127.0.0.1:8780.
	Listen string `yaml:"listen"`
	// Hosts are names, beside loopback ones, by which clients may address it.
	Hosts []string `yaml:"hosts"`
	// Debug is a loopback address for pprof. Default: none.
	Debug string `yaml:"debug"`
	// Witnesses cosign checkpoints (c2sp.org/tlog-witness).
	Witnesses []WitnessConfig `yaml:"witnesses"`
	// Quorum is how many of them the trust policy asks for. Default: all.
	Quorum *int `yaml:"quorum"`
	// Authorities time-stamp checkpoints (RFC 3161).
	Authorities []AuthorityConfig `yaml:"authorities"`
	// PublishEvery is how often the newest checkpoint goes to both. Default: 5s.
	PublishEvery Duration `yaml:"publish_every"`
	// MaxQueue is how many records may wait for a commit. Default: 20000.
	MaxQueue int `yaml:"max_queue"`
	// InFlightMiB bounds the bodies held in memory. Default: 96.
	InFlightMiB int64 `yaml:"in_flight_mib"`
	// RetentionEvery is how often the retention job runs. Default: 24h.
	RetentionEvery Duration `yaml:"retention_every"`
	// Vault is where copies of held evidence go: file:///path, or s3://bucket/prefix
	// of a bucket with Object Lock. Default: none are made.
	Vault string `yaml:"vault"`
	// Verifiers is a folder of programs that go along with evidence packs: builds of
	// counterfoil-verify. Default: none, and a pack says how to build one.
	Verifiers string `yaml:"verifiers"`
	// AlertURL is sent what somebody must look at now, such as a broken glass, as
	// JSON {"text": …} by POST. Default: alarms stand in the log and the metrics.
	AlertURL string `yaml:"alert_url"`
	// ReviewReasons are the reason codes of reviewers. Default: those of package
	// oversight.
	ReviewReasons []string `yaml:"review_reasons"`
	// ReviewHook is where the outcomes of reviews are sent. Default: nowhere.
	ReviewHook *HookConfig `yaml:"review_hook"`
	// Messages is a folder of message files for explanations, one a language,
	// relative to the configuration file. Default: those of the program.
	Messages string `yaml:"messages"`
	// PublicLog serves the tiles of the logs to everybody. Default: false.
	PublicLog bool `yaml:"public_log"`
	// Access is who may enter. Nil: everybody who reaches the server, which is for
	// loopback only.
	Access *AccessConfig `yaml:"access"`
	// TLS makes the server speak TLS itself. Default: plain HTTP, for loopback or
	// behind a proxy that does.
	TLS *TLSConfig `yaml:"tls"`
	// InsecureListen allows an address that is not loopback. Only a flag sets it.
	InsecureListen bool `yaml:"-"`

	messages *explain.Messages `yaml:"-"`
}

// WitnessConfig is one witness.
type WitnessConfig struct {
	Name string `yaml:"name"`
	URL  string `yaml:"url"`
	Key  string `yaml:"key"`
}

// AuthorityConfig is one time-stamp authority. Roots is a PEM file, relative to
// the configuration file.
type AuthorityConfig struct {
	Name  string `yaml:"name"`
	URL   string `yaml:"url"`
	Roots string `yaml:"roots"`

	pem  []byte
	pool *x509.CertPool
}

// Duration is a time.Duration that YAML writes like 5s.
type Duration time.Duration

// UnmarshalText reads a duration like 5s or 1m30s.
func (d *Duration) UnmarshalText(b []byte) error {
	v, err := time.ParseDuration(string(b))
	*d = Duration(v)
	return err
}

// LoadConfig reads a configuration file strictly. A file that is not there is
// an empty one, unless required.
func LoadConfig(path string, required bool) (Config, error) {
	var c Config
	b, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) && !required {
		return c, nil
	}
	if err != nil {
		return c, fmt.Errorf("read configuration: %w", err)
	}
	if len(bytes.TrimSpace(b)) > 0 {
		if err := yaml.UnmarshalWithOptions(b, &c, yaml.Strict()); err != nil {
			return c, &ledger.Error{Code: ledger.Invalid, Message: path + " can not be read", Hint: "docs/operations.md lists every setting", Cause: errors.New(yaml.FormatError(err, false, true))}
		}
	}
	for i := range c.Authorities {
		if err := c.Authorities[i].load(filepath.Dir(path)); err != nil {
			return c, &ledger.Error{Code: ledger.Invalid, Message: path + " is not right", Hint: "roots names a PEM file beside the configuration; docs/operations.md lists every setting", Cause: err}
		}
	}
	if err := c.loadFiles(filepath.Dir(path)); err != nil {
		return c, &ledger.Error{Code: ledger.Invalid, Message: path + " is not right", Hint: "files are named relative to the configuration; docs/operations.md lists every setting", Cause: err}
	}
	return c, c.validate()
}

// loadFiles reads the files that the configuration names.
func (c *Config) loadFiles(dir string) error {
	var errs []error
	if c.Access != nil {
		errs = append(errs, c.Access.load(dir))
	}
	if c.TLS != nil {
		errs = append(errs, c.TLS.load(dir))
	}
	if c.Messages != "" {
		if !filepath.IsAbs(c.Messages) {
			c.Messages = filepath.Join(dir, c.Messages)
		}
		m, err := explain.ReadMessages(os.DirFS(c.Messages), ".")
		if err != nil {
			err = fmt.Errorf("messages in %s (explain --messages FOLDER writes files to begin with): %w", c.Messages, err)
		}
		c.messages = m
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

func (a *AuthorityConfig) load(dir string) error {
	path := a.Roots
	if !filepath.IsAbs(path) {
		path = filepath.Join(dir, path)
	}
	b, err := os.ReadFile(path)
	if err != nil {
		return fmt.Errorf("read roots of authority %s: %w", a.Name, err)
	}
	a.pool = x509.NewCertPool()
	for rest := b; ; {
		var block *pem.Block
		if block, rest = pem.Decode(rest); block == nil {
			break
		}
		cert, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return fmt.Errorf("read roots of authority %s: %w", a.Name, err)
		}
		a.pool.AddCert(cert)
		a.pem = append(a.pem, pem.EncodeToMemory(block)...)
	}
	if len(a.pem) == 0 {
		return fmt.Errorf("read roots of authority %s: %s holds no PEM certificate", a.Name, path)
	}
	return nil
}

func (c *Config) validate() error {
	var errs []error
	names := map[string]bool{} // of both: lags are told apart by name
	for i, w := range c.Witnesses {
		at := fmt.Sprintf("witnesses[%d]", i)
		if _, err := torchwood.NewCosignatureVerifier(w.Key); err != nil {
			errs = append(errs, fmt.Errorf("%s: key: %w", at, err))
		}
		errs = append(errs, checkPeer(at, w.Name, w.URL, names))
	}
	for i, a := range c.Authorities {
		errs = append(errs, checkPeer(fmt.Sprintf("authorities[%d]", i), a.Name, a.URL, names))
	}
	if c.Quorum != nil && (*c.Quorum < 0 || *c.Quorum > len(c.Witnesses)) {
		errs = append(errs, fmt.Errorf("quorum %d of %d witnesses", *c.Quorum, len(c.Witnesses)))
	}
	if err := errors.Join(errs...); err != nil {
		return &ledger.Error{Code: ledger.Invalid, Message: "the configuration is not right", Hint: "docs/operations.md lists every setting", Cause: err}
	}
	return nil
}

func checkPeer(at, name, raw string, names map[string]bool) error {
	u, err := url.Parse(raw)
	if name == "" || strings.ContainsFunc(name, unicode.IsSpace) || err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		return fmt.Errorf("%s: needs a name without spaces and an http or https URL, has %q and %q", at, name, raw)
	}
	if names[name] {
		return fmt.Errorf("%s: the name %q is taken", at, name)
	}
	names[name] = true
	return nil
}

// listenAddress refuses to listen to the world without being told so.
func (c *Config) listenAddress() (string, error) {
	addr := c.Listen
	if addr == "" {
		addr = "127.0.0.1:8780"
	}
	host, _, err := net.SplitHostPort(addr)
	if err != nil {
		return "", fault(ledger.Invalid, "write it like 127.0.0.1:8780", "--listen %q is not an address", addr)
	}
	if ip := net.ParseIP(host); c.InsecureListen || c.Access != nil && (c.TLS != nil || c.Access.TLS) || host == "localhost" || ip != nil && ip.IsLoopback() {
		return addr, nil
	}
	if c.Access != nil {
		return "", fault(ledger.Invalid, "configure tls, or set access.tls when a proxy in front speaks it (docs/operations.md)", "on %s keys and sessions would travel in clear", addr)
	}
	return "", fault(ledger.Invalid, "leave --open out, or listen on loopback",
		"without access control, %s would give everybody on the network full access", addr)
}

// openVault opens the vault for copies of held evidence; nil: there is none.
func (c *Config) openVault(ctx context.Context) (custody.Vault, error) {
	if c.Vault == "" {
		return nil, nil
	}
	v, err := blob.Open(ctx, blob.Config{URL: c.Vault})
	if err != nil {
		return nil, fault(ledger.Unavailable, "docs/operations.md says what vault takes", "%v", err)
	}
	return v, nil
}

// Trust writes the trust policy of a log for outsiders, with every key that it
// has had.
func (c *Config) Trust(vkeys ...string) ([]byte, error) {
	var witnesses []proof.Witness
	for _, w := range c.Witnesses {
		witnesses = append(witnesses, proof.Witness{Name: w.Name, Key: w.Key})
	}
	quorum := len(witnesses)
	if c.Quorum != nil {
		quorum = *c.Quorum
	}
	var roots []byte
	for _, a := range c.Authorities {
		roots = append(roots, a.pem...)
	}
	return proof.FormatTrust(vkeys, witnesses, quorum, roots)
}

// HookConfig is an address that outcomes of reviews are sent to.
type HookConfig struct {
	URL string `yaml:"url"`
	// Secret signs them: whsec_ and base64 of 24 to 64 bytes.
	Secret Secret `yaml:"secret"`
}
