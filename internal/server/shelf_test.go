// SPDX-License-Identifier: Apache-2.0

package server_test

import (
	"bytes"
	"context"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/counterfoil/counterfoil/internal/challenge"
	"github.com/counterfoil/counterfoil/internal/custody"
	"github.com/counterfoil/counterfoil/internal/guard"
	"github.com/counterfoil/counterfoil/internal/ledger"
	"github.com/counterfoil/counterfoil/internal/oversight"
	"github.com/counterfoil/counterfoil/internal/packer"
	"github.com/counterfoil/counterfoil/internal/registry"
	"github.com/counterfoil/counterfoil/internal/search"
	"github.com/counterfoil/counterfoil/internal/server"
	"github.com/counterfoil/counterfoil/proof"
)

// shelf is a set of ledgers. It is safe for concurrent use.
type shelf struct {
	mu       sync.Mutex // guards all below
	ledgers  map[string]*ledger.Ledger
	custody  map[string]*custody.Custodian
	register map[string]*registry.Registry
	ready    map[string]string
	governs  guard.Register // nil: there is no register
	trust    error          // of Trust
	panics   bool           // on every look-up
}

var _ server.Ledgers = (*shelf)(nil)

// change runs f while nobody looks.
func (s *shelf) change(f func(s *shelf)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f(s)
}

func (s *shelf) Ledger(name string) (*ledger.Ledger, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.panics {
		panic("the shelf fell down")
	}
	l, ok := s.ledgers[name]
	return l, ok
}

func (s *shelf) Custodian(name string) (*custody.Custodian, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	c, ok := s.custody[name]
	return c, ok
}

func (s *shelf) Registry(name string) (*registry.Registry, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	r, ok := s.register[name]
	return r, ok
}

// ungoverned is the register of the guard on the shelf: there is none.
type ungoverned struct{}

func (ungoverned) Size() int64                                     { return 0 }
func (ungoverned) System(string) (guard.System, bool)              { return guard.System{}, false }
func (ungoverned) Resolve(string, string, string) (string, string) { return "", "unknown" }
func (ungoverned) Controls(string) []guard.Control                 { return nil }

// governed is one with a system in service, and nothing else.
type governed struct{ ungoverned }

func (governed) Size() int64 { return 1 }
func (governed) System(name string) (guard.System, bool) {
	return guard.System{State: "in_service", OnFailure: "fail_closed", Strict: name == "strict-agent"}, name == "refund-agent" || name == "strict-agent"
}

func (s *shelf) Guard(name string) (*guard.Guard, bool) {
	l, ok := s.Ledger(name)
	if !ok {
		return nil, false
	}
	s.mu.Lock()
	reg := s.governs
	s.mu.Unlock()
	if reg == nil {
		reg = ungoverned{}
	}
	g, err := guard.New(context.Background(), guard.Config{Ledger: l, Load: func(context.Context) (guard.Register, error) { return reg, nil }})
	if err == nil {
		l.Govern(g)
	}
	return g, err == nil
}

func (s *shelf) Office(name string) (*oversight.Office, bool) {
	l, ok := s.Ledger(name)
	if !ok {
		return nil, false
	}
	o, err := oversight.New(oversight.Config{Ledger: l, Poll: time.Millisecond})
	return o, err == nil
}

func (s *shelf) Desk(name string) (*challenge.Desk, bool) {
	l, ok := s.Ledger(name)
	if !ok {
		return nil, false
	}
	d, err := challenge.New(challenge.Config{Ledger: l})
	return d, err == nil
}

func (s *shelf) Search(name string) (*search.Index, bool) {
	l, ok := s.Ledger(name)
	if !ok {
		return nil, false
	}
	x, err := search.New(search.Config{Ledger: l})
	return x, err == nil
}

func (s *shelf) Packer(name string) (*packer.Packer, bool) {
	l, ok := s.Ledger(name)
	c, has := s.Custodian(name)
	if !ok || !has {
		return nil, false
	}
	p, err := packer.New(packer.Config{Ledger: l, Custodian: c, Trust: func() ([]byte, error) { return s.Trust(name) }})
	return p, err == nil
}

func (s *shelf) Names() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Sorted(maps.Keys(s.ledgers))
}

func (s *shelf) Trust(name string) ([]byte, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.trust != nil {
		return nil, s.trust
	}
	return proof.FormatTrust([]string{s.ledgers[name].VerifierKey()}, nil, 0, nil)
}

func (s *shelf) Ready(context.Context) map[string]string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return maps.Clone(s.ready)
}

// safeBuffer is a buffer for several goroutines.
type safeBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer // guarded by mu
}

func (s *safeBuffer) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

func (s *safeBuffer) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}
