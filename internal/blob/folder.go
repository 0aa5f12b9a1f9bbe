// SPDX-License-Identifier: Apache-2.0

package blob

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"
)

// folder keeps each object in a file that nobody writes to, and its date in a file
// of the same name below dates, which is no name of an object. One process uses
// it at a time.
type folder struct {
	dir string
	now func() time.Time
	mu  sync.Mutex // held while an object or its date is changed
}

var _ Store = (*folder)(nil)

const dates = ".dates"

func openFolder(dir string, now func() time.Time) (*folder, error) {
	info, err := os.Stat(dir)
	if err != nil {
		return nil, fmt.Errorf("open vault: %w", err)
	}
	if !info.IsDir() {
		return nil, fmt.Errorf("open vault: %s is not a folder", dir)
	}
	return &folder{dir: dir, now: now}, nil
}

func (f *folder) datePath(name string) string {
	return filepath.Join(f.dir, dates, filepath.FromSlash(name))
}

func (f *folder) path(name string) string { return filepath.Join(f.dir, filepath.FromSlash(name)) }

func (f *folder) Put(_ context.Context, name string, data []byte, until time.Time) error {
	if err := checkName(name); err != nil {
		return err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := os.MkdirAll(filepath.Dir(f.path(name)), 0o700); err != nil {
		return fmt.Errorf("put object: %w", err)
	}
	// The date first: an object without one could be deleted at once.
	if err := f.extend(name, until); err != nil {
		return err
	}
	if _, err := os.Stat(f.path(name)); err == nil {
		return nil
	}
	return write(f.path(name), data, 0o400)
}

// write makes a file whole or not at all, durably.
func write(path string, data []byte, mode fs.FileMode) (err error) {
	t, err := os.CreateTemp(filepath.Dir(path), ".new-*")
	if err != nil {
		return fmt.Errorf("put object: %w", err)
	}
	defer func() {
		if err != nil {
			err = errors.Join(fmt.Errorf("put object: %w", err), os.Remove(t.Name()))
		}
	}()
	_, err = t.Write(data)
	if err = errors.Join(err, t.Chmod(mode), t.Sync(), t.Close()); err != nil {
		return err
	}
	if err = os.Rename(t.Name(), path); err != nil {
		return err
	}
	dir, err := os.Open(filepath.Dir(path))
	if err != nil {
		return err
	}
	return errors.Join(dir.Sync(), dir.Close())
}

func (f *folder) Get(_ context.Context, name string) ([]byte, error) {
	if err := checkName(name); err != nil {
		return nil, err
	}
	b, err := os.ReadFile(f.path(name))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, ErrNotExist
	}
	return b, err
}

func (f *folder) Extend(_ context.Context, name string, until time.Time) error {
	if err := checkName(name); err != nil {
		return err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if _, err := os.Stat(f.path(name)); err != nil {
		return ErrNotExist
	}
	return f.extend(name, until)
}

// extend needs mu.
func (f *folder) extend(name string, until time.Time) error {
	have, err := f.date(name)
	if err != nil || !until.After(have) {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(f.datePath(name)), 0o700); err != nil {
		return fmt.Errorf("put date of object: %w", err)
	}
	return write(f.datePath(name), []byte(until.UTC().Format(time.RFC3339)+"\n"), 0o600)
}

// date is until when an object is locked; zero: there is no date.
func (f *folder) date(name string) (time.Time, error) {
	b, err := os.ReadFile(f.datePath(name))
	if errors.Is(err, fs.ErrNotExist) {
		return time.Time{}, nil
	}
	if err != nil {
		return time.Time{}, fmt.Errorf("read date of object: %w", err)
	}
	return time.Parse(time.RFC3339, strings.TrimSpace(string(b)))
}

func (f *folder) Delete(_ context.Context, name string) error {
	if err := checkName(name); err != nil {
		return err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	until, err := f.date(name)
	if err != nil {
		return err
	}
	if _, err := os.Stat(f.path(name)); err == nil && until.IsZero() {
		return fmt.Errorf("%w: its date is lost", ErrLocked)
	}
	if f.now().Before(until) {
		return fmt.Errorf("%w until %s", ErrLocked, until.Format(time.RFC3339))
	}
	for _, path := range []string{f.path(name), f.datePath(name)} {
		if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("delete object: %w", err)
		}
	}
	return nil
}
