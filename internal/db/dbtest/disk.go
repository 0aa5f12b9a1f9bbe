// SPDX-License-Identifier: Apache-2.0

package dbtest

import (
	"errors"
	"path/filepath"
	"sync"
	"syscall"
	"testing"
	"unsafe"

	"modernc.org/libc"
	sqlite3 "modernc.org/sqlite/lib"

	"github.com/counterfoil/counterfoil/internal/db"
)

// Disk is a disk that fails on demand, under SQLite: a VFS that hands every
// call to the real one, unless its rule says otherwise. It is safe for
// concurrent use.
type Disk struct {
	vfs  uintptr // *sqlite3.Tsqlite3_vfs, ours
	name string
	base *sqlite3.Tsqlite3_vfs // SQLite's own

	mu   sync.Mutex
	rule Rule // guarded by mu
}

// Rule says which calls fail. op is "open", "read", "write", "truncate", "sync"
// or "delete"; file is the base name of the file, which for SQLite's log ends in
// "-wal". ENOSPC is a full disk, EROFS one that can not be written, anything
// else an I/O error; nil lets the call through. A write that fails has written
// the first half.
type Rule func(op, file string) error

// NewDisk makes a disk that works. It ends with the test, as must all databases
// on it.
func NewDisk(t testing.TB) *Disk {
	t.Helper()
	tls := libc.NewTLS()
	defer tls.Close()
	d := &Disk{name: "faulty-" + random(), base: pointer[sqlite3.Tsqlite3_vfs](sqlite3.Xsqlite3_vfs_find(tls, 0))}
	name, err := libc.CString(d.name)
	if err != nil {
		t.Fatalf("dbtest: name disk: %v", err)
	}
	d.vfs = libc.Xmalloc(tls, libc.Tsize_t(unsafe.Sizeof(*d.base)))
	vfs := pointer[sqlite3.Tsqlite3_vfs](d.vfs)
	*vfs = *d.base
	vfs.FzName = name
	vfs.FxOpen = function(openFile)
	vfs.FxDelete = function(deleteFile)
	disks.Store(d.vfs, d)
	if rc := sqlite3.Xsqlite3_vfs_register(tls, d.vfs, 0); rc != 0 {
		t.Fatalf("dbtest: register disk: code %d", rc)
	}
	t.Cleanup(func() {
		tls := libc.NewTLS()
		defer tls.Close()
		sqlite3.Xsqlite3_vfs_unregister(tls, d.vfs)
		disks.Delete(d.vfs)
		libc.Xfree(tls, d.vfs)
		libc.Xfree(tls, name)
	})
	return d
}

// Config puts a SQLite database on the disk.
func (d *Disk) Config(cfg db.Config) db.Config {
	cfg.VFS = d.name
	return cfg
}

// Set replaces the rule; nil: the disk works.
func (d *Disk) Set(rule Rule) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.rule = rule
}

func (d *Disk) fails(op, file string) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.rule == nil {
		return nil
	}
	return d.rule(op, file)
}

// C code finds Go values by its own addresses: SQLite can only call functions
// that close over nothing.
var (
	disks   sync.Map // address of a VFS → *Disk
	files   sync.Map // address of a sqlite3_file → *file
	methods sync.Map // address of real I/O methods → address of ours; never freed, there are few
)

type file struct {
	disk *Disk
	name string
	real *sqlite3.Tsqlite3_io_methods
}

func pointer[T any](address uintptr) *T { return *(**T)(unsafe.Pointer(&address)) }

// function is the address by which SQLite calls f, a function that is not a
// closure; call is the reverse.
func function[F any](f F) uintptr { return *(*uintptr)(unsafe.Pointer(&f)) }
func call[F any](address uintptr) F {
	return *(*F)(unsafe.Pointer(&address))
}

// code is SQLite's for an error: op is the extended code of an I/O error.
func code(err error, op int32) int32 {
	switch {
	case err == nil:
		return sqlite3.SQLITE_OK
	case errors.Is(err, syscall.ENOSPC):
		return sqlite3.SQLITE_FULL
	case errors.Is(err, syscall.EROFS):
		return sqlite3.SQLITE_READONLY
	}
	return op
}

func openFile(tls *libc.TLS, vfs, name, f uintptr, flags int32, out uintptr) int32 {
	d, _ := disks.Load(vfs)
	disk := d.(*Disk)
	base := "temporary"
	if name != 0 {
		base = filepath.Base(libc.GoString(name))
	}
	if err := disk.fails("open", base); err != nil {
		pointer[sqlite3.Tsqlite3_file](f).FpMethods = 0
		return code(err, sqlite3.SQLITE_CANTOPEN)
	}
	open := call[func(*libc.TLS, uintptr, uintptr, uintptr, int32, uintptr) int32](disk.base.FxOpen)
	rc := open(tls, vfs, name, f, flags, out)
	opened := pointer[sqlite3.Tsqlite3_file](f)
	if rc != sqlite3.SQLITE_OK || opened.FpMethods == 0 {
		return rc
	}
	files.Store(f, &file{disk: disk, name: base, real: pointer[sqlite3.Tsqlite3_io_methods](opened.FpMethods)})
	opened.FpMethods = shim(tls, opened.FpMethods)
	return rc
}

// shim returns our methods in front of the real ones.
func shim(tls *libc.TLS, address uintptr) uintptr {
	if ours, ok := methods.Load(address); ok {
		return ours.(uintptr)
	}
	m := *pointer[sqlite3.Tsqlite3_io_methods](address)
	m.FxClose = function(closeFile)
	m.FxRead = function(readFile)
	m.FxWrite = function(writeFile)
	m.FxTruncate = function(truncateFile)
	m.FxSync = function(syncFile)
	ours := libc.Xmalloc(tls, libc.Tsize_t(unsafe.Sizeof(m)))
	*pointer[sqlite3.Tsqlite3_io_methods](ours) = m
	first, _ := methods.LoadOrStore(address, ours)
	return first.(uintptr)
}

func find(f uintptr) *file {
	v, _ := files.Load(f)
	return v.(*file)
}

func closeFile(tls *libc.TLS, f uintptr) int32 {
	v, _ := files.LoadAndDelete(f)
	return call[func(*libc.TLS, uintptr) int32](v.(*file).real.FxClose)(tls, f)
}

func readFile(tls *libc.TLS, f, buf uintptr, n int32, at int64) int32 {
	v := find(f)
	if err := v.disk.fails("read", v.name); err != nil {
		return code(err, sqlite3.SQLITE_IOERR_READ)
	}
	return call[func(*libc.TLS, uintptr, uintptr, int32, int64) int32](v.real.FxRead)(tls, f, buf, n, at)
}

func writeFile(tls *libc.TLS, f, buf uintptr, n int32, at int64) int32 {
	v := find(f)
	write := call[func(*libc.TLS, uintptr, uintptr, int32, int64) int32](v.real.FxWrite)
	if err := v.disk.fails("write", v.name); err != nil {
		write(tls, f, buf, n/2, at)
		return code(err, sqlite3.SQLITE_IOERR_WRITE)
	}
	return write(tls, f, buf, n, at)
}

func truncateFile(tls *libc.TLS, f uintptr, size int64) int32 {
	v := find(f)
	if err := v.disk.fails("truncate", v.name); err != nil {
		return code(err, sqlite3.SQLITE_IOERR_TRUNCATE)
	}
	return call[func(*libc.TLS, uintptr, int64) int32](v.real.FxTruncate)(tls, f, size)
}

func syncFile(tls *libc.TLS, f uintptr, flags int32) int32 {
	v := find(f)
	if err := v.disk.fails("sync", v.name); err != nil {
		return code(err, sqlite3.SQLITE_IOERR_FSYNC)
	}
	return call[func(*libc.TLS, uintptr, int32) int32](v.real.FxSync)(tls, f, flags)
}

func deleteFile(tls *libc.TLS, vfs, name uintptr, dir int32) int32 {
	d, _ := disks.Load(vfs)
	disk := d.(*Disk)
	if err := disk.fails("delete", filepath.Base(libc.GoString(name))); err != nil {
		return code(err, sqlite3.SQLITE_IOERR_DELETE)
	}
	return call[func(*libc.TLS, uintptr, uintptr, int32) int32](disk.base.FxDelete)(tls, vfs, name, dir)
}
