// SPDX-License-Identifier: Apache-2.0

package registry

import (
	"context"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"strings"

	"github.com/counterfoil/counterfoil/internal/ledger"
)

// Ed25519 is the algorithm of [Signature].
const Ed25519 = "ed25519"

// SignedText is what a person's own key signs: a fixed first line, then the origin
// of the log, the act, the kind, name@version, the digest, the environment (empty
// for approvals) and the actor, each on a line of its own. None can hold a line
// break.
func SignedText(a *Act) []byte {
	return []byte(strings.Join([]string{"counterfoil/register/v1", a.Origin, a.Act, a.Kind, a.Name + "@" + a.Version, a.Digest, a.Environment, a.Actor, ""}, "\n"))
}

// Sign signs an act with a person's key.
func Sign(a *Act, private ed25519.PrivateKey) *Signature {
	return &Signature{Alg: Ed25519, Key: KeyName(private.Public().(ed25519.PublicKey)), Value: "s" + encoding.EncodeToString(ed25519.Sign(private, SignedText(a)))}
}

// encoding is that of signatures. One may begin with - or _, which no code does:
// so a letter goes first.
var encoding = base64.RawURLEncoding

// KeyName is how the register names a public key: the letter k, and the key
// itself in hex.
func KeyName(public ed25519.PublicKey) string { return "k" + hex.EncodeToString(public) }

// Verify says whether the signature of an act is by the key that it names. The
// register says whose key that is: [Registry.Rebuild] looks at both.
func Verify(a *Act) error {
	s := a.Signature
	if s == nil {
		return fmt.Errorf("verify signature: the act has none")
	}
	public, err := hex.DecodeString(strings.TrimPrefix(s.Key, "k"))
	if s.Alg != Ed25519 || err != nil || len(public) != ed25519.PublicKeySize {
		return fmt.Errorf("verify signature: %q is not an Ed25519 key", s.Key)
	}
	value, err := encoding.DecodeString(strings.TrimPrefix(s.Value, "s"))
	if err != nil || !ed25519.Verify(public, SignedText(a), value) {
		return fmt.Errorf("verify signature: it is not by the key over this act")
	}
	return nil
}

// checkSignature demands a valid signature by a confirmed key of the actor.
func checkSignature(s *state, a *Act) error {
	if err := Verify(a); err != nil {
		return forbidden("sign the act as docs/governance.md shows it", "%v", err)
	}
	if k := s.keys[a.Actor+"/"+a.Signature.Key]; k == nil || k.Status != Approved {
		return forbidden("register the key, and have another person confirm it", "the key is not a confirmed one of %s", a.Actor)
	}
	return nil
}

func checkKey(k *key, a *Act) error {
	switch {
	case a.Kind != kindApprover:
		return invalid("", "a key is of the kind %s", kindApprover)
	case a.Act == ledger.ActAddKey && k != nil:
		return conflict("", "the key is %s", k.Status)
	case a.Act == ledger.ActAddKey && a.Actor != a.Name:
		return forbidden("each person registers their own key", "the key is of %s", a.Name)
	case a.Act == ledger.ActAddKey:
		if a.Signature == nil || a.Signature.Key != a.Version || Verify(a) != nil {
			return invalid("sign the act with the key itself", "the key does not show that its owner has it")
		}
		return nil
	case k == nil:
		return fault(ledger.NotFound, "counterfoil version key list shows the keys", "there is no such key of %s", a.Name)
	case a.Act == ledger.ActConfirmKey && k.Status != Proposed, k.Status == Retired:
		return conflict("", "the key is %s", k.Status)
	case a.Act == ledger.ActConfirmKey && a.Actor == a.Name:
		return forbidden("a second person must do it", "nobody confirms a key of their own")
	}
	return nil
}

// keyAct is an act about a key.
func keyAct(word, owner, name string) *Act {
	sum := sha256.Sum256([]byte(name))
	return &Act{act: act{Act: word, Kind: kindApprover, Name: owner, Version: name, Digest: "sha256:" + hex.EncodeToString(sum[:])}}
}

// NewKeyAct is the act by which a person registers a key, to be signed with it.
func NewKeyAct(origin, actor, name string) *Act {
	a := keyAct(ledger.ActAddKey, actor, name)
	a.Origin, a.Actor = origin, actor
	return a
}

// AddKey registers a public key of who acts. It counts when another person has
// confirmed it.
func (r *Registry) AddKey(ctx context.Context, by By, s Signature) (Key, error) {
	a := keyAct(ledger.ActAddKey, by.Actor, s.Key)
	a.Signature = &s
	return r.changeKey(ctx, by, a)
}

// ConfirmKey says, as another person, that a key is that of its owner.
func (r *Registry) ConfirmKey(ctx context.Context, by By, owner, name string) (Key, error) {
	return r.changeKey(ctx, by, keyAct(ledger.ActConfirmKey, owner, name))
}

// RetireKey ends a key: what it has signed stays signed.
func (r *Registry) RetireKey(ctx context.Context, by By, owner, name string) (Key, error) {
	return r.changeKey(ctx, by, keyAct(ledger.ActDropKey, owner, name))
}

func (r *Registry) changeKey(ctx context.Context, by By, a *Act) (Key, error) {
	if _, err := r.write(ctx, by, a, nil, nil); err != nil {
		return Key{}, err
	}
	k := r.Register().state.keys[a.Name+"/"+a.Version]
	return Key(*k), nil
}

// Key is a person's public key.
type Key key

// NewApproval is the act of an approval, to be signed by the approver's key.
func NewApproval(origin, actor string, v Vote) *Act {
	a := v.act(ledger.ActApprove)
	a.Origin, a.Actor = origin, actor
	return a
}
