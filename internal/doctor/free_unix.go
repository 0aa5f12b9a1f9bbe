// SPDX-License-Identifier: Apache-2.0

//go:build unix

package doctor

import "golang.org/x/sys/unix"

// freeBytes is the space that an unprivileged user may still fill.
func freeBytes(dir string) (uint64, error) {
	var s unix.Statfs_t
	if err := unix.Statfs(dir, &s); err != nil {
		return 0, err
	}
	return uint64(s.Bavail) * uint64(s.Bsize), nil
}
