// SPDX-License-Identifier: Apache-2.0

package packer

import (
	_ "embed" // the profiles
	"slices"
	"strings"
	"sync"

	"github.com/goccy/go-yaml"
)

//go:embed profiles.yaml
var profilesText []byte

// Profile says which private values a pack discloses.
type Profile struct {
	Name     string   `yaml:"name" json:"name"`
	About    string   `yaml:"about" json:"about"`
	Disclose []string `yaml:"disclose" json:"disclose,omitempty"`
	Withhold []string `yaml:"withhold" json:"withhold,omitempty"`
}

var profiles = sync.OnceValue(func() (all []Profile) {
	if err := yaml.UnmarshalWithOptions(profilesText, &all, yaml.DisallowUnknownField()); err != nil {
		panic("packer: profiles: " + err.Error()) // they are part of the program
	}
	return all
})

// Profiles lists the profiles that there are.
func Profiles() []Profile { return slices.Clone(profiles()) }

func profileOf(name string) (Profile, bool) {
	i := slices.IndexFunc(profiles(), func(p Profile) bool { return p.Name == name })
	if i < 0 {
		return Profile{}, false
	}
	return profiles()[i], true
}

// discloses says whether a value at a pointer is disclosed.
func (p *Profile) discloses(pointer string) bool {
	matches := func(pattern string) bool { return covers(pattern, pointer) }
	return slices.ContainsFunc(p.Disclose, matches) && !slices.ContainsFunc(p.Withhold, matches)
}

func covers(pattern, pointer string) bool {
	want, have := strings.Split(pattern, "/"), strings.Split(pointer, "/")
	for i, w := range want {
		switch {
		case w == "**" && i == len(want)-1:
			return len(have) > i
		case i >= len(have) || w != "*" && w != have[i]:
			return false
		}
	}
	return len(want) == len(have)
}
