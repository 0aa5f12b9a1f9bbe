// SPDX-License-Identifier: Apache-2.0

package access_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/subtle"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"math/big"
	"net/http"
	"net/http/httptest"
	"net/url"
	"sync"
	"testing"
	"time"
)

// idp is a strict model of an OpenID provider: codes work once, for the client
// and redirect URL they were made for, and only with the PKCE verifier. What it
// puts into tokens can be spoilt.
type idp struct {
	*httptest.Server
	t   testing.TB
	now func() time.Time

	mu    sync.Mutex
	down  bool                               // guarded by mu, like all below
	calls map[string]int                     // by path
	codes map[string]url.Values              // authorization requests, by code
	spoil func(claims map[string]any) string // of the next tokens; returns the algorithm, "" for RS256
	iss   bool                               // advertises RFC 9207
	sub   string
}

var keys = sync.OnceValue(func() (k struct {
	rsa   *rsa.PrivateKey
	other *rsa.PrivateKey
	ec    *ecdsa.PrivateKey
	ed    ed25519.PrivateKey
}) {
	k.rsa, _ = rsa.GenerateKey(rand.Reader, 2048)
	k.other, _ = rsa.GenerateKey(rand.Reader, 2048)
	k.ec, _ = ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	_, k.ed, _ = ed25519.GenerateKey(rand.Reader)
	return k
})

func newIDP(t testing.TB) *idp {
	p := &idp{t: t, calls: map[string]int{}, codes: map[string]url.Values{}, sub: "ada", now: func() time.Time { return start }}
	p.Server = httptest.NewServer(p)
	t.Cleanup(p.Close)
	return p
}

func b64(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }

func (p *idp) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.calls[r.URL.Path]++
	if p.down {
		http.Error(w, "down", http.StatusBadGateway)
		return
	}
	var out any
	switch r.URL.Path {
	case "/.well-known/openid-configuration":
		out = map[string]any{"issuer": p.URL, "authorization_endpoint": p.URL + "/auth", "token_endpoint": p.URL + "/token", "jwks_uri": p.URL + "/keys",
			"id_token_signing_alg_values_supported": []string{"RS256", "HS256", "none"}, "authorization_response_iss_parameter_supported": p.iss}
	case "/keys":
		k := keys()
		pub := k.ec.PublicKey
		x, y := make([]byte, 32), make([]byte, 32)
		pub.X.FillBytes(x)
		pub.Y.FillBytes(y)
		out = map[string]any{"keys": []any{
			map[string]any{"kty": "RSA", "kid": "RS256", "use": "sig", "n": b64(k.rsa.N.Bytes()), "e": b64(big.NewInt(int64(k.rsa.E)).Bytes())},
			map[string]any{"kty": "EC", "kid": "ES256", "use": "sig", "crv": "P-256", "x": b64(x), "y": b64(y)},
			map[string]any{"kty": "OKP", "kid": "EdDSA", "use": "sig", "crv": "Ed25519", "x": b64(k.ed.Public().(ed25519.PublicKey))},
		}}
	case "/token":
		out = p.token(w, r)
	default:
		http.NotFound(w, r)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	if out == nil {
		w.WriteHeader(http.StatusBadRequest)
		out = map[string]any{"error": "invalid_grant"}
	}
	json.NewEncoder(w).Encode(out)
}

func (p *idp) token(_ http.ResponseWriter, r *http.Request) any {
	r.ParseForm()
	id, secret, _ := r.BasicAuth()
	asked := p.codes[r.Form.Get("code")]
	delete(p.codes, r.Form.Get("code"))
	sum := sha256.Sum256([]byte(r.Form.Get("code_verifier")))
	if asked == nil || id != asked.Get("client_id") || secret != "hush" || r.Form.Get("redirect_uri") != asked.Get("redirect_uri") ||
		r.Form.Get("grant_type") != "authorization_code" || len(r.Form.Get("code_verifier")) < 43 ||
		subtle.ConstantTimeCompare([]byte(b64(sum[:])), []byte(asked.Get("code_challenge"))) != 1 {
		return nil
	}
	claims := map[string]any{"iss": p.URL, "aud": id, "sub": p.sub, "nonce": asked.Get("nonce"), "name": "Ada Lovelace",
		"iat": p.now().Unix(), "exp": p.now().Add(5 * time.Minute).Unix(), "realm": map[string]any{"groups": []string{"all", "auditors"}}}
	out := map[string]any{"access_token": "opaque", "token_type": "Bearer"}
	alg := ""
	if p.spoil != nil {
		alg = p.spoil(claims)
	}
	if alg != "missing" {
		out["id_token"] = sign(p.t, alg, claims)
	}
	return out
}

// authorize is the person agreeing: it checks the request as a provider must, and
// returns the response's parameters.
func (p *idp) authorize(to string) url.Values {
	p.t.Helper()
	u, err := url.Parse(to)
	if err != nil {
		p.t.Fatal(err)
	}
	q := u.Query()
	if q.Get("response_type") != "code" || q.Get("code_challenge_method") != "S256" || len(q.Get("code_challenge")) != 43 || len(q.Get("state")) < 43 ||
		len(q.Get("nonce")) < 43 || q.Get("client_id") != "counterfoil" || q.Get("scope") != "openid profile" || u.Scheme+"://"+u.Host+u.Path != p.URL+"/auth" {
		p.t.Fatalf("the request is not as it must be: %v", u)
	}
	code := rand.Text()
	p.mu.Lock()
	p.codes[code] = q
	p.mu.Unlock()
	return url.Values{"code": {code}, "state": q["state"]}
}

// sign makes a JWT; alg may be a trick.
func sign(t testing.TB, alg string, claims map[string]any) string {
	t.Helper()
	kid := alg
	if alg == "" {
		alg, kid = "RS256", "RS256"
	}
	trick := alg
	switch alg {
	case "stranger":
		alg, kid = "RS256", "RS256"
	case "PS256":
		kid = "RS256"
	case "HS256 with public key":
		alg, kid = "HS256", "RS256"
	}
	header, _ := json.Marshal(map[string]any{"alg": alg, "kid": kid, "typ": "JWT"})
	body, err := json.Marshal(claims)
	if err != nil {
		t.Fatal(err)
	}
	text := b64(header) + "." + b64(body)
	sum := sha256.Sum256([]byte(text))
	var sig []byte
	switch k := keys(); trick {
	case "RS256":
		sig, err = rsa.SignPKCS1v15(rand.Reader, k.rsa, crypto.SHA256, sum[:])
	case "stranger":
		sig, err = rsa.SignPKCS1v15(rand.Reader, k.other, crypto.SHA256, sum[:])
	case "PS256":
		sig, err = rsa.SignPSS(rand.Reader, k.rsa, crypto.SHA256, sum[:], nil)
	case "ES256":
		r, s, e := ecdsa.Sign(rand.Reader, k.ec, sum[:])
		sig, err = append(r.FillBytes(make([]byte, 32)), s.FillBytes(make([]byte, 32))...), e
	case "EdDSA":
		sig = ed25519.Sign(k.ed, []byte(text))
	case "HS256 with public key":
		der, _ := x509.MarshalPKIXPublicKey(k.rsa.Public())
		m := hmac.New(sha256.New, pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}))
		m.Write([]byte(text))
		sig = m.Sum(nil)
	case "none":
	default:
		t.Fatalf("no algorithm %q", alg)
	}
	if err != nil {
		t.Fatal(err)
	}
	return text + "." + b64(sig)
}
