// SPDX-License-Identifier: Apache-2.0

package dbtest

import (
	"errors"
	"os"
	"os/user"
	"strconv"
	"syscall"
)

// unprivileged is the user that the server runs as: nil, unless we are root,
// as which PostgreSQL refuses to run.
func unprivileged() *syscall.Credential {
	if os.Getuid() != 0 {
		return nil
	}
	for _, name := range []string{"postgres", "nobody"} {
		u, err := user.Lookup(name)
		if err != nil {
			continue
		}
		uid, err1 := strconv.ParseUint(u.Uid, 10, 32)
		gid, err2 := strconv.ParseUint(u.Gid, 10, 32)
		if err1 == nil && err2 == nil {
			return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
		}
	}
	return nil
}

// attributes put a process under that user, and out of reach of the terminal's
// signals.
func attributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Credential: unprivileged(), Setpgid: true}
}

// own gives files to that user.
func own(paths ...string) error {
	cred := unprivileged()
	if cred == nil {
		return nil
	}
	var errs []error
	for _, path := range paths {
		errs = append(errs, os.Chown(path, int(cred.Uid), int(cred.Gid)))
	}
	return errors.Join(errs...)
}
