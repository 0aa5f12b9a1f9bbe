// SPDX-License-Identifier: Apache-2.0

package server_test

import (
	"fmt"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/counterfoil/counterfoil/api"
	"github.com/counterfoil/counterfoil/internal/db"
	"github.com/counterfoil/counterfoil/internal/db/dbtest"
)

// TestDiskFull fills the disk under the server, step by step, frees it and goes
// on. What was acknowledged is there, what was refused is not, and the whole
// ledger verifies.
func TestDiskFull(t *testing.T) {
	t.Parallel()
	disk := dbtest.NewDisk(t)
	r := newRig(t, options{db: func(c *db.Config) { *c = disk.Config(*c) }})
	var mu sync.Mutex
	stored := r.post(decisions("start", 5)).want(201)
	acknowledged := len(into[api.Appended](stored).Records)
	full := 0
	for _, room := range []int{0, 1, 2, 5, 11, 23, 60} {
		left := room
		disk.Set(func(op, file string) error {
			mu.Lock()
			defer mu.Unlock()
			if op != "write" || strings.HasSuffix(file, "-shm") {
				return nil
			}
			if left--; left < 0 {
				return syscall.ENOSPC
			}
			return nil
		})
		var last string
		for i := 0; ; i++ {
			last = decisions(fmt.Sprintf("room%d-%d", room, i), 20)
			p := r.post(last)
			if p.status != 201 {
				p.problem(507, "full")
				break
			}
			acknowledged += 20
		}
		full++
		r.post(decision("while-full")).problem(507, "full")
		if n := r.size(); n != int64(acknowledged) { // reading goes on
			t.Fatalf("room %d: %d records, %d acknowledged", room, n, acknowledged)
		}
		r.get(records + "/start-1/receipt").want(200)
		disk.Set(nil)
		if a := r.verified(r.post(last).want(201)); a.Size != int64(acknowledged+20) {
			t.Errorf("room %d: size %d", room, a.Size)
		}
		acknowledged += 20
		if rep := r.audit(); rep.Size != int64(acknowledged) {
			t.Errorf("room %d: audit of %d", room, rep.Size)
		}
	}
	r.get(records+"/while-full").problem(404, "not_found")
	if full != 7 {
		t.Errorf("the disk was full %d times", full)
	}
}

// TestDiskFails breaks writing and syncing of the disk under the server.
func TestDiskFails(t *testing.T) {
	t.Parallel()
	disk := dbtest.NewDisk(t)
	r := newRig(t, options{db: func(c *db.Config) { *c = disk.Config(*c) }})
	r.post(decision("first")).want(201)
	for i, c := range []struct {
		op  string
		err error
	}{{"write", syscall.EIO}, {"sync", syscall.EIO}, {"write", syscall.EROFS}} {
		disk.Set(func(op, file string) error {
			if op == c.op && strings.HasSuffix(file, "-wal") {
				return c.err
			}
			return nil
		})
		body := decisions(fmt.Sprint("d", i), 10)
		for range 3 {
			r.post(body).problem(503, "unavailable")
		}
		disk.Set(nil)
		a := r.verified(r.post(body).want(201))
		if a.Size != int64(11+10*i) {
			t.Errorf("%s: size %d", c.op, a.Size)
		}
		r.audit()
	}
}
