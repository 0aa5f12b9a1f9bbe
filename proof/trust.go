// SPDX-License-Identifier: Apache-2.0

package proof

import (
	"bytes"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"strings"

	"filippo.io/torchwood"
	"golang.org/x/mod/sumdb/note"
)

// Trust is a trust policy: which log keys a verifier believes, which witnesses
// and how many of them must have cosigned, and which roots time stamps may
// chain to. It is immutable and safe for concurrent use.
//
// The file is text in the syntax of torchwood.ParsePolicy (log, witness, group
// and quorum lines, # comments), followed by PEM certificates, if any. With
// more than one log line, any of them will do; the witnesses are asked of each.
type Trust struct {
	policies  []torchwood.Policy // one for each log line
	logs      []string           // verifier keys
	witnesses []Witness
	quorum    string
	roots     []*x509.Certificate
}

// Witness is a witness that a policy names.
type Witness struct {
	Name, Key string
}

// ParseTrust reads a trust policy. A policy without a log line would believe
// everybody, and is refused.
func ParseTrust(data []byte) (*Trust, error) {
	t := &Trust{}
	text, err := t.splitRoots(data)
	if err != nil {
		return nil, fmt.Errorf("read trust policy: %w", err)
	}
	var logs, others []string
	for line := range strings.Lines(string(text)) {
		code, _, _ := strings.Cut(line, "#")
		fields := strings.Fields(code)
		switch {
		case len(fields) == 0:
		case fields[0] == "log":
			logs = append(logs, strings.TrimSpace(code))
			if len(fields) > 1 {
				t.logs = append(t.logs, fields[1])
			}
		default:
			others = append(others, strings.TrimSpace(code))
			switch {
			case fields[0] == "witness" && len(fields) > 2:
				t.witnesses = append(t.witnesses, Witness{Name: fields[1], Key: fields[2]})
			case fields[0] == "quorum" && len(fields) > 1:
				t.quorum = fields[1]
			}
		}
	}
	if len(logs) == 0 {
		return nil, errors.New("read trust policy: it names no log: add a line \"log <verifier key>\", as counterfoil key trust prints it")
	}
	for _, log := range logs {
		p, err := torchwood.ParsePolicy([]byte(log + "\n" + strings.Join(others, "\n") + "\n"))
		if err != nil {
			return nil, fmt.Errorf("read trust policy: %w", err)
		}
		t.policies = append(t.policies, p)
	}
	return t, nil
}

// splitRoots takes the certificates off the end and returns the rest.
func (t *Trust) splitRoots(data []byte) ([]byte, error) {
	i := bytes.Index(data, []byte("-----BEGIN "))
	if i < 0 {
		return data, nil
	}
	for rest := data[i:]; len(bytes.TrimSpace(rest)) > 0; {
		var block *pem.Block
		if block, rest = pem.Decode(rest); block == nil || block.Type != "CERTIFICATE" {
			return nil, errors.New("only PEM certificates may follow the policy lines")
		}
		cert, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return nil, fmt.Errorf("certificate %d: %w", len(t.roots)+1, err)
		}
		t.roots = append(t.roots, cert)
	}
	return data[:i], nil
}

// FormatTrust writes a policy: log keys, witnesses of which quorum must have
// cosigned (0: none), and the PEM of roots.
func FormatTrust(logs []string, witnesses []Witness, quorum int, roots []byte) ([]byte, error) {
	var b bytes.Buffer
	b.WriteString("# Counterfoil trust policy. Compare it with one that you got another way.\n")
	for _, l := range logs {
		fmt.Fprintf(&b, "log %s\n", l)
	}
	names := make([]string, len(witnesses))
	for i, w := range witnesses {
		names[i] = w.Name
		fmt.Fprintf(&b, "witness %s %s\n", w.Name, w.Key)
	}
	if quorum > 0 {
		fmt.Fprintf(&b, "group witnesses %d %s\nquorum witnesses\n", quorum, strings.Join(names, " "))
	} else {
		b.WriteString("quorum none\n")
	}
	b.Write(roots)
	if _, err := ParseTrust(b.Bytes()); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}

// Logs are the verifier keys of the logs.
func (t *Trust) Logs() []string { return t.logs }

// Witnesses are the witnesses that the policy knows.
func (t *Trust) Witnesses() []Witness { return t.witnesses }

// NeedsWitnesses reports whether a checkpoint must be cosigned.
func (t *Trust) NeedsWitnesses() bool { return t.quorum != "none" }

// Roots are the certificates that time stamps may chain to, or nil.
func (t *Trust) Roots() *x509.CertPool {
	if len(t.roots) == 0 {
		return nil
	}
	pool := x509.NewCertPool()
	for _, c := range t.roots {
		pool.AddCert(c)
	}
	return pool
}

// OpenCheckpoint checks a signed checkpoint against the policy. It returns the
// checkpoint and the names of the known keys that signed it, the log's among
// them; unknown signatures are ignored, as C2SP says.
func (t *Trust) OpenCheckpoint(signed []byte) (Checkpoint, []string, error) {
	cp, err := ParseCheckpoint(signed)
	if err != nil {
		return Checkpoint{}, nil, err
	}
	err = errors.New("no log key fits")
	for _, p := range t.policies {
		n, oerr := note.Open(signed, p)
		if oerr != nil {
			err = oerr
			continue
		}
		if cerr := p.Check(cp.Origin, n.Sigs); cerr != nil {
			err = cerr
			continue
		}
		var names []string
		for _, s := range n.Sigs {
			names = append(names, s.Name)
		}
		return cp, names, nil
	}
	return Checkpoint{}, nil, fmt.Errorf("checkpoint %s of size %d: %w", cp.Origin, cp.Size, err)
}
