// SPDX-License-Identifier: Apache-2.0

package keyring

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/gofrs/flock"
)

// maxFile is far more than a key file has; what is longer is none.
const maxFile = 1 << 20

// ErrExposed is wrapped when a key file can be read by others.
var ErrExposed = errors.New("key file is readable by others")

// source is where a keyring was read from.
type source struct {
	path string
	o    Options
}

// Create draws a new master key and writes it, plain, to path, which must not
// exist: if it does, the error wraps [fs.ErrExist]. The folder is made if it is
// missing (0700). The file (0600) is durable on return. Of two concurrent calls
// one fails.
func Create(path string) (*Keyring, error) {
	return create(context.Background(), path, "", Options{})
}

// CreateWrapped is [Create] with a master key that the KMS key at url wraps:
// the file does not have it in plain. It fails if the options lack a ledger or
// an opener, and if the KMS can not decrypt what it has encrypted; no file is
// left then. The context bounds the calls to the KMS.
func CreateWrapped(ctx context.Context, path, url string, o Options) (*Keyring, error) {
	if url == "" {
		return nil, errors.New("create master key: name the KMS key that wraps it, like hashivault://KEY")
	}
	return create(ctx, path, url, o)
}

func create(ctx context.Context, path, url string, o Options) (*Keyring, error) {
	if _, err := os.Lstat(path); err == nil { // before a KMS is asked for nothing
		return nil, fmt.Errorf("create master key: %w", &fs.PathError{Op: "create", Path: path, Err: fs.ErrExist})
	}
	text, m, err := draw(ctx, url, o)
	if err != nil {
		return nil, fmt.Errorf("create master key: %w", err)
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, fmt.Errorf("make key folder: %w", err)
	}
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return nil, fmt.Errorf("create master key: %w", err)
	}
	_, err = f.WriteString(text + "\n")
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		os.Remove(path)
		return nil, fmt.Errorf("write master key: %w", err)
	}
	if err := syncDir(filepath.Dir(path)); err != nil {
		os.Remove(path)
		return nil, fmt.Errorf("write master key: %w", err)
	}
	return newKeyring(&source{path, o}, []master{m}), nil
}

// Open reads a key file of plain lines. It refuses a file that group or others
// may read, wrapping [ErrExposed], and one with a line that a KMS wraps,
// wrapping [ErrNoKMS]; it never creates a file. Symbolic links are followed.
func Open(path string) (*Keyring, error) {
	return OpenWith(context.Background(), path, Options{})
}

// OpenWith is [Open] for a file that may have lines wrapped by a KMS. Every
// line has to open: an older one that does not is an error too. The context
// bounds the calls to the KMS; the options are kept, to read the file again.
func OpenWith(ctx context.Context, path string, o Options) (*Keyring, error) {
	src := &source{path, o}
	masters, _, err := src.read(ctx, nil)
	if err != nil {
		return nil, err
	}
	return newKeyring(src, masters), nil
}

// read opens every line of the file, other than those known.
func (s *source) read(ctx context.Context, known []master) ([]master, []line, error) {
	text, err := s.text()
	if err != nil {
		return nil, nil, err
	}
	lines, err := parse(text)
	if err != nil {
		return nil, nil, fmt.Errorf("read master key %s: %w", s.path, err)
	}
	masters, err := openLines(ctx, lines, known, s.o)
	if err != nil {
		return nil, nil, fmt.Errorf("read master key %s: %w", s.path, err)
	}
	return masters, lines, nil
}

func (s *source) text() (string, error) {
	f, err := os.Open(s.path)
	if err != nil {
		return "", fmt.Errorf("open master key: %w", err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return "", fmt.Errorf("open master key: %w", err)
	}
	if exposed(info) {
		return "", fmt.Errorf("open master key %s (mode %04o): %w: chmod 600 it, and think about who could read it", s.path, info.Mode().Perm(), ErrExposed)
	}
	b, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err != nil {
		return "", fmt.Errorf("read master key: %w", err)
	}
	if len(b) > maxFile {
		return "", fmt.Errorf("read master key %s: not a key file: it is longer than 1 MiB; name the right one", s.path)
	}
	return string(b), nil
}

func exposed(info fs.FileInfo) bool {
	return os.PathSeparator == '/' && info.Mode().Perm()&0o077 != 0
}

// replace puts lines in the place of the file's, at once: whoever opens the
// file, also after a crash, finds the old lines or the new ones. The caller
// holds the file's lock. The temporary file has a fixed name, so that a crash
// leaves one at most, and the next call replaces it.
func (s *source) replace(lines []string) error {
	path, err := filepath.EvalSymlinks(s.path) // replace the file, not a link to it
	if err != nil {
		return fmt.Errorf("find key file: %w", err)
	}
	info, err := os.Stat(path)
	if err != nil {
		return fmt.Errorf("find key file: %w", err)
	}
	temp := path + ".new"
	os.Remove(temp)
	f, err := os.OpenFile(temp, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return fmt.Errorf("write key file: %w", err)
	}
	_, err = f.WriteString(strings.Join(lines, "\n") + "\n")
	if err = errors.Join(err, keepOwner(f, info), f.Sync(), f.Close()); err == nil {
		err = os.Rename(temp, path)
	}
	if err != nil {
		os.Remove(temp)
		return fmt.Errorf("write key file: %w", err)
	}
	if err := syncDir(filepath.Dir(path)); err != nil {
		return fmt.Errorf("write key file: %w", err)
	}
	return nil
}

// lock keeps other processes of this host from changing the file, and returns
// the function that ends it. Readers need no lock. The lock file stays.
func (s *source) lock(ctx context.Context) (unlock func(), err error) {
	path, err := filepath.EvalSymlinks(s.path)
	if err != nil {
		return nil, fmt.Errorf("find key file: %w", err)
	}
	info, err := os.Stat(path)
	if err != nil {
		return nil, fmt.Errorf("find key file: %w", err)
	}
	f, err := os.OpenFile(path+".lock", os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("lock key file: %w", err)
	}
	if err := errors.Join(keepOwner(f, info), f.Close()); err != nil {
		return nil, fmt.Errorf("lock key file: %w", err)
	}
	l := flock.New(path+".lock", flock.SetFlag(os.O_RDWR))
	if _, err := l.TryLockContext(ctx, lockPoll); err != nil {
		return nil, fmt.Errorf("lock key file (does another process rotate it?): %w", err)
	}
	return func() { l.Unlock() }, nil //nolint:errcheck // the process's end unlocks as well
}

// syncDir makes a rename or a new name in a folder durable.
func syncDir(dir string) error {
	if os.PathSeparator != '/' {
		return nil // Windows has no such call
	}
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
