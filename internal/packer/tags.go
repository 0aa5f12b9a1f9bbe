// SPDX-License-Identifier: Apache-2.0

package packer

import (
	"bytes"
	"context"
	"crypto/sha256"
	_ "embed" // the texts
	"fmt"
	"io/fs"
	"text/template"

	"github.com/counterfoil/counterfoil/docs"
)

var (
	//go:embed limits.md
	limits []byte
	//go:embed certificate.md.tmpl
	certificateText string
	//go:embed readme.md.tmpl
	readmeText string

	certificatePage = template.Must(template.New("certificate").Parse(certificateText))
	readmePage      = template.Must(template.New("readme").Parse(readmeText))
)

// program is a verifier that goes along.
type program struct{ Name, Sum string }

// writeTags writes what is about the pack and not of it: how to check it, with
// what, and the draft of a certificate.
func (m *making) writeTags(context.Context) error {
	files := map[string][]byte{"verifier/ALGORITHM.md": docs.Format, "verifier/verify.py": docs.Verifier}
	var programs []program
	if m.cfg.Verifiers != nil {
		entries, err := fs.ReadDir(m.cfg.Verifiers, ".")
		if err != nil {
			return fmt.Errorf("read verifiers: %w", err)
		}
		for _, e := range entries {
			if !e.Type().IsRegular() {
				continue
			}
			b, err := fs.ReadFile(m.cfg.Verifiers, e.Name())
			if err != nil {
				return fmt.Errorf("read verifier: %w", err)
			}
			files["verifier/bin/"+e.Name()] = b
			programs = append(programs, program{e.Name(), fmt.Sprintf("%x", sha256.Sum256(b))})
		}
	}
	facts := struct {
		report
		Programs []program
	}{m.view(), programs}
	for name, page := range map[string]*template.Template{"verifier/README.md": readmePage, "certificate-902-13-14.draft.md": certificatePage} {
		var b bytes.Buffer
		if err := page.Execute(&b, facts); err != nil {
			return fmt.Errorf("write %s: %w", name, err)
		}
		files[name] = b.Bytes()
	}
	return m.put(files)
}
