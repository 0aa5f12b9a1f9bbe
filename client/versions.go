// SPDX-License-Identifier: Apache-2.0

package client

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/counterfoil/counterfoil/api"
)

// VersionsConfig says how versions are fetched and kept.
type VersionsConfig struct {
	// Folder keeps the last good versions over a restart. They are not secret
	// from who reads the folder. Default: none, they are kept in memory only.
	Folder string
	// Patience is how long an answer is waited for while a version is at hand.
	// Default: 2 seconds.
	Patience time.Duration
	// Now is the clock. Default: time.Now.
	Now func() time.Time
}

// Versions fetches prompts, policies and other versions in force from the
// registry, and goes on with the last good ones when the server is away. It is
// safe for concurrent use.
type Versions struct {
	c   *Client
	cfg VersionsConfig

	mu   sync.Mutex // guards all below
	kept map[string]*kept
}

// kept is a version at hand.
type kept struct {
	Version api.Fetched   `json:"version"`
	Tag     string        `json:"tag"`
	Checked time.Time     `json:"checked"` // when the server last said that it is in force
	MaxAge  time.Duration `json:"max_age"`
}

// VersionInForce is a version with how old the news is that it is in force.
type VersionInForce struct {
	api.Fetched
	// Age is how long ago the server last said so.
	Age time.Duration
	// Away is why the server could not be asked now; nil: it was, or need not be.
	Away error
}

// Versions returns what fetches versions by this client.
func (c *Client) Versions(cfg VersionsConfig) (*Versions, error) {
	if cfg.Folder != "" {
		if err := os.MkdirAll(cfg.Folder, 0o700); err != nil {
			return nil, fmt.Errorf("client: make folder of versions: %w", err)
		}
	}
	if cfg.Patience <= 0 {
		cfg.Patience = 2 * time.Second
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	return &Versions{c: c, cfg: cfg, kept: map[string]*kept{}}, nil
}

// Get returns the version of a name that is in force in an environment (empty:
// production). It asks the server when the max-age of the last answer is over.
// When the server does not answer, it returns the last good version, with Away
// set. When the server says that none is in force, that is the answer.
func (v *Versions) Get(ctx context.Context, kind, name, env string) (*VersionInForce, error) {
	path := "/versions/" + url.PathEscape(kind) + "/" + url.PathEscape(name)
	if env != "" {
		path += "?" + url.Values{"env": {env}}.Encode()
	}
	old := v.last(path)
	now := v.cfg.Now()
	if old != nil && now.Sub(old.Checked) < old.MaxAge {
		return &VersionInForce{Fetched: old.Version, Age: now.Sub(old.Checked)}, nil
	}
	asking, cancel := ctx, context.CancelFunc(func() {})
	if old != nil {
		asking, cancel = context.WithTimeout(ctx, v.cfg.Patience)
	}
	defer cancel()
	fresh, err := v.fetch(asking, path, old)
	if p, ok := errors.AsType[*api.Problem](err); ok && p.Status < 500 && p.Status != http.StatusTooManyRequests {
		v.drop(path)
		return nil, err
	}
	if err != nil && (old == nil || ctx.Err() != nil) {
		return nil, err
	}
	if err != nil {
		return &VersionInForce{Fetched: old.Version, Age: now.Sub(old.Checked), Away: err}, nil
	}
	if err := v.keep(path, fresh); err != nil {
		return nil, err
	}
	return &VersionInForce{Fetched: fresh.Version}, nil
}

// fetch asks the server once.
func (v *Versions) fetch(ctx context.Context, path string, old *kept) (*kept, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, v.c.base+path, nil)
	if err != nil {
		return nil, fmt.Errorf("make request: %w", err)
	}
	if v.c.cfg.Token != "" {
		req.Header.Set("Authorization", "Bearer "+string(v.c.cfg.Token))
	}
	if old != nil {
		req.Header.Set("If-None-Match", old.Tag)
	}
	res, err := v.c.cfg.HTTP.Do(req)
	if err != nil {
		return nil, fmt.Errorf("fetch version: %w", err)
	}
	defer res.Body.Close()
	b, err := io.ReadAll(io.LimitReader(res.Body, maxAnswer))
	if err != nil {
		return nil, fmt.Errorf("fetch version: %w", err)
	}
	out := &kept{Tag: res.Header.Get("ETag"), Checked: v.cfg.Now(), MaxAge: maxAge(res.Header.Get("Cache-Control"))}
	switch {
	case res.StatusCode == http.StatusNotModified && old != nil:
		out.Tag, out.Version = old.Tag, old.Version
		return out, nil
	case res.StatusCode != http.StatusOK:
		return nil, problemOf(res, b)
	}
	if err := json.Unmarshal(b, &out.Version); err != nil {
		return nil, fmt.Errorf("read version: %w", err)
	}
	return out, out.check()
}

// check refuses a content that is not the one of its digest.
func (k *kept) check() error {
	if k.Version.Ref != "" {
		return nil // the caller fetches and checks it
	}
	sum := sha256.Sum256([]byte(k.Version.Content))
	if "sha256:"+hex.EncodeToString(sum[:]) != k.Version.Digest {
		return fmt.Errorf("read version: the content of %s@%s is not that of its digest", k.Version.Name, k.Version.Version)
	}
	return nil
}

// maxAge is the max-age of a Cache-Control header.
func maxAge(header string) time.Duration {
	for part := range strings.SplitSeq(header, ",") {
		if s, ok := strings.CutPrefix(strings.TrimSpace(part), "max-age="); ok {
			n, err := strconv.Atoi(s)
			if err == nil && n > 0 {
				return time.Duration(min(n, 24*3600)) * time.Second
			}
		}
	}
	return 0
}

// last is what is at hand, from memory or the folder. A file that is damaged
// counts for nothing.
func (v *Versions) last(path string) *kept {
	v.mu.Lock()
	defer v.mu.Unlock()
	if k := v.kept[path]; k != nil || v.cfg.Folder == "" {
		return k
	}
	b, err := os.ReadFile(v.file(path))
	if err != nil {
		return nil
	}
	k := &kept{}
	if json.Unmarshal(b, k) != nil || k.Tag == "" || k.check() != nil {
		return nil
	}
	v.kept[path] = k
	return k
}

// file is where a version is kept: its name is a hash, because names of versions
// can be anything.
func (v *Versions) file(path string) string {
	sum := sha256.Sum256([]byte(v.c.base + path))
	return filepath.Join(v.cfg.Folder, "version-"+hex.EncodeToString(sum[:16])+".json")
}

func (v *Versions) keep(path string, k *kept) error {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.kept[path] = k
	if v.cfg.Folder == "" {
		return nil
	}
	b, err := json.Marshal(k)
	if err != nil {
		return fmt.Errorf("keep version: %w", err)
	}
	file := v.file(path)
	if err := os.WriteFile(file+".new", b, 0o600); err != nil {
		return fmt.Errorf("keep version: %w", err)
	}
	if err := os.Rename(file+".new", file); err != nil {
		return fmt.Errorf("keep version: %w", err)
	}
	return nil
}

// drop forgets a version of which the server says that it is not in force.
func (v *Versions) drop(path string) {
	v.mu.Lock()
	defer v.mu.Unlock()
	delete(v.kept, path)
	if v.cfg.Folder != "" {
		_ = os.Remove(v.file(path)) // it may never have been there
	}
}
