// SPDX-License-Identifier: Apache-2.0

package blob_test

import (
	"context"
	"errors"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/counterfoil/counterfoil/internal/blob"
)

// each runs a test on a folder and on the model of S3, with a clock to move.
func each(t *testing.T, test func(t *testing.T, s blob.Store, pass func(time.Duration))) {
	t.Setenv("AWS_ACCESS_KEY_ID", "key")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "secret")
	for _, driver := range []string{"folder", "s3"} {
		t.Run(driver, func(t *testing.T) {
			at := time.Now().UTC().Truncate(time.Second)
			now := func() time.Time { return at }
			url := "file://" + t.TempDir()
			if driver == "s3" {
				srv := httptest.NewServer(&s3{now: now, locked: true, versions: map[string][]version{}})
				t.Cleanup(srv.Close)
				url = "s3://vault/copies?insecure=1&region=eu-west-1&endpoint=" + strings.TrimPrefix(srv.URL, "http://")
			}
			s, err := blob.Open(t.Context(), blob.Config{URL: url, Now: now})
			if err != nil {
				t.Fatal(err)
			}
			test(t, s, func(d time.Duration) { at = at.Add(d) })
		})
	}
}

// TestStore is what every store has to keep.
func TestStore(t *testing.T) {
	each(t, func(t *testing.T, s blob.Store, pass func(time.Duration)) {
		ctx, day := t.Context(), 24*time.Hour
		start := time.Now().UTC().Truncate(time.Second)
		must := func(err error) {
			t.Helper()
			if err != nil {
				t.Fatal(err)
			}
		}
		if _, err := s.Get(ctx, "holds/h/r-1"); !errors.Is(err, blob.ErrNotExist) {
			t.Errorf("an object of nothing: %v", err)
		}
		if err := s.Extend(ctx, "holds/h/r-1", start.Add(day)); !errors.Is(err, blob.ErrNotExist) {
			t.Errorf("extended nothing: %v", err)
		}
		must(s.Delete(ctx, "holds/h/r-1"))
		must(s.Put(ctx, "holds/h/r-1", []byte("sealed"), start.Add(10*day)))
		must(s.Put(ctx, "holds/h/r-1", []byte("another"), start.Add(5*day))) // stays as it is
		if b, err := s.Get(ctx, "holds/h/r-1"); err != nil || string(b) != "sealed" {
			t.Errorf("%q, %v", b, err)
		}
		pass(9 * day)
		if err := s.Delete(ctx, "holds/h/r-1"); !errors.Is(err, blob.ErrLocked) {
			t.Errorf("deleted before its date: %v", err)
		}
		must(s.Extend(ctx, "holds/h/r-1", start.Add(20*day)))
		must(s.Extend(ctx, "holds/h/r-1", start.Add(15*day))) // never to an earlier one
		pass(10 * day)
		if err := s.Delete(ctx, "holds/h/r-1"); !errors.Is(err, blob.ErrLocked) {
			t.Errorf("deleted before its new date: %v", err)
		}
		pass(2 * day)
		must(s.Delete(ctx, "holds/h/r-1"))
		if _, err := s.Get(ctx, "holds/h/r-1"); !errors.Is(err, blob.ErrNotExist) {
			t.Errorf("after its end: %v", err)
		}
		must(s.Put(ctx, "b", []byte("b"), start.Add(100*day)))
		must(s.Delete(ctx, "b.until")) // of nothing, and nobody's date
		if err := s.Delete(ctx, "b"); !errors.Is(err, blob.ErrLocked) {
			t.Errorf("deleted after its neighbour: %v", err)
		}
		for _, bad := range []string{".dates/b", ".x", "a/.b", "", "/x", "../x", "a/../b", "a//b", "a b", "a/.", "ä"} {
			if err := s.Put(ctx, bad, nil, start.Add(day)); err == nil {
				t.Errorf("%q is a name", bad)
			}
		}
	})
}

func TestOpen(t *testing.T) {
	t.Setenv("AWS_ACCESS_KEY_ID", "key")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "secret")
	srv := httptest.NewServer(&s3{now: time.Now, versions: map[string][]version{}})
	t.Cleanup(srv.Close)
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for url, want := range map[string]string{
		"s3://vault?insecure=1&region=r&endpoint=" + strings.TrimPrefix(srv.URL, "http://"): "no Object Lock",
		"file://" + file:       "not a folder",
		"file:///nowhere/here": "no such file",
		"ftp://x":              "neither file:///path nor s3://",
	} {
		if _, err := blob.Open(t.Context(), blob.Config{URL: url}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", url, err, want)
		}
	}
}

// TestFolderCrash leaves what a killed Put leaves: it can be repeated.
func TestFolderCrash(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s, err := blob.Open(t.Context(), blob.Config{URL: "file://" + dir})
	if err != nil {
		t.Fatal(err)
	}
	until := time.Now().Add(time.Hour)
	if err := os.WriteFile(filepath.Join(dir, ".new-1"), []byte("half"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(filepath.Join(dir, ".dates"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, ".dates", "a"), []byte(until.UTC().Format(time.RFC3339)+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := s.Put(context.WithoutCancel(t.Context()), "a", []byte("whole"), until); err != nil {
		t.Fatal(err)
	}
	if b, err := s.Get(t.Context(), "a"); err != nil || string(b) != "whole" {
		t.Errorf("%q, %v", b, err)
	}
	if err := os.Remove(filepath.Join(dir, ".dates", "a")); err != nil {
		t.Fatal(err)
	}
	if err := s.Delete(t.Context(), "a"); !errors.Is(err, blob.ErrLocked) {
		t.Errorf("deleted without its date: %v", err)
	}
}
