// SPDX-License-Identifier: Apache-2.0

package registry

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/counterfoil/counterfoil/internal/ledger"
	"github.com/counterfoil/counterfoil/record"
)

// Act is one change of the register: the public part of its record, from which
// everything in the tables is made.
type Act struct {
	Origin string    `json:"origin"` // of the log that it stands in
	Index  int64     `json:"index"`
	ID     string    `json:"id"` // of the record
	Time   time.Time `json:"time"`
	System string    `json:"system,omitempty"` // that a version is for; empty: any
	act
}

// act are the members of a registry record that are public.
type act struct {
	Act         string     `json:"act"`
	Kind        string     `json:"kind"`
	Name        string     `json:"name"`
	Version     string     `json:"version,omitempty"`
	Digest      string     `json:"digest,omitempty"`
	Parent      string     `json:"parent,omitempty"`
	Environment string     `json:"environment,omitempty"`
	Actor       string     `json:"actor"`
	Risk        string     `json:"risk,omitempty"`
	Status      string     `json:"status,omitempty"`
	Emergency   bool       `json:"emergency,omitempty"`
	Due         time.Time  `json:"due,omitzero"`
	Bytes       int64      `json:"bytes,omitempty"`
	Media       string     `json:"media,omitempty"`
	Request     string     `json:"request,omitempty"`
	Signature   *Signature `json:"signature,omitempty"`
}

// Signature is made by a person's own key over [SignedText].
type Signature struct {
	Alg   string `json:"alg"`   // ed25519
	Key   string `json:"key"`   // the public key: see [KeyName]
	Value string `json:"value"` // the letter s, and the signature as base64url
}

// target names what the act is about.
func (a *Act) target() string {
	if a.Version == "" || a.Kind == kindSystem || a.Kind == kindUseCase {
		return a.Name
	}
	return a.Name + "@" + a.Version
}

// ref names a version.
func (a *Act) ref() string { return a.Kind + "/" + a.Name + "@" + a.Version }

// members are those of the record.
func (a *Act) members(private map[string]any) map[string]any {
	public, err := json.Marshal(a.act)
	if err != nil {
		panic(err) // texts and numbers: programmer error
	}
	inner := map[string]any{}
	if err := json.Unmarshal(public, &inner); err != nil {
		panic(err)
	}
	for k, v := range private {
		if v != nil && v != "" {
			inner[k] = v
		}
	}
	out := map[string]any{"registry": inner}
	if a.System != "" {
		out["system"] = a.System
	}
	return out
}

// ParseAct reads an act back from a statement of the log; nil: the statement is
// not one of an act that changes the register.
func ParseAct(origin string, index int64, statement []byte) (*Act, error) {
	st, err := record.ParseStatement(statement)
	if err != nil {
		return nil, fmt.Errorf("read record at index %d: %w", index, err)
	}
	f := st.Fields()
	if st.Type() != record.Registry || !ledger.ChangesRegister(f.Kind) {
		return nil, nil
	}
	var doc struct {
		Registry act `json:"registry"`
	}
	if err := json.Unmarshal(statement, &doc); err != nil {
		return nil, fmt.Errorf("read registry record at index %d: %w", index, err)
	}
	return &Act{Origin: origin, Index: index, ID: f.ID, Time: f.Time, System: f.System, act: doc.Registry}, nil
}
