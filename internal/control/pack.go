// SPDX-License-Identifier: Apache-2.0

package control

import (
	"embed"
	"io/fs"
	"strings"
)

//go:embed pack/*.yaml
var pack embed.FS

// Packed is a control of the standard pack.
type Packed struct {
	Name string
	Text []byte // the document
}

// Pack returns the controls that come with the program, sorted by name. They are
// drafts: somebody has to review their limits and approve them.
func Pack() []Packed {
	files, err := fs.Glob(pack, "pack/*.yaml")
	if err != nil {
		panic(err) // the pattern is right: programmer error
	}
	out := make([]Packed, 0, len(files))
	for _, f := range files {
		text, err := pack.ReadFile(f)
		if err != nil {
			panic(err) // it is embedded: programmer error
		}
		out = append(out, Packed{strings.TrimSuffix(strings.TrimPrefix(f, "pack/"), ".yaml"), text})
	}
	return out
}
