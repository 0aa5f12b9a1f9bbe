// SPDX-License-Identifier: Apache-2.0

package doctor

import (
	"context"
	"errors"
	"net/http"
	"os"
	"time"
)

// Limits of the machine.
const (
	scarce   = 1 << 30               // bytes free: warn
	critical = 100 << 20             // bytes free: fail
	slow     = 50 * time.Millisecond // for one durable write
	maxSkew  = 30 * time.Second      // between this clock and a peer's
)

// disk looks at the data folder: free space, and how long a durable write takes.
func (v *visit) disk() {
	dir := v.cfg.Store.Data
	if dir == "" {
		return // the database server's disk is not ours to look at
	}
	if free, err := freeBytes(dir); err == nil {
		switch {
		case free < critical:
			v.fail("disk", "free space now: the next records will be refused", "%.0f MB are free", float64(free)/1e6)
		case free < scarce:
			v.warn("disk", "free space, or move the data folder", "%.0f MB are free", float64(free)/1e6)
		default:
			v.ok("disk", "%.1f GB are free", float64(free)/1e9)
		}
	}
	took, err := probe(dir)
	switch {
	case errors.Is(err, os.ErrNotExist): // said with the ledgers
	case err != nil:
		v.fail("durable write", "is the folder writable, and the disk well?", "%v", err)
	case took > slow:
		v.warn("durable write", "use a local disk with a safe write cache: every commit waits for this", "took %s", took.Round(time.Millisecond))
	default:
		v.ok("durable write", "took %s", took.Round(10*time.Microsecond))
	}
}

// probe writes a small file through to the disk and removes it.
func probe(dir string) (took time.Duration, err error) {
	f, err := os.CreateTemp(dir, ".doctor-*")
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, os.Remove(f.Name())) }()
	start := time.Now()
	_, err = f.Write(make([]byte, 4096))
	err = errors.Join(err, f.Sync())
	took = time.Since(start)
	return took, errors.Join(err, f.Close())
}

// peers asks whether witnesses and authorities are there, and what time it is.
func (v *visit) peers(ctx context.Context) {
	for _, w := range v.cfg.App.Witnesses {
		v.peer(ctx, "reach witness "+w.Name, w.URL)
	}
	for _, a := range v.cfg.App.Authorities {
		v.peer(ctx, "reach authority "+a.Name, a.URL)
	}
}

func (v *visit) peer(ctx context.Context, check, url string) {
	req, err := http.NewRequestWithContext(ctx, http.MethodHead, url, nil)
	if err != nil {
		v.fail(check, "correct its url in the configuration", "%v", err)
		return
	}
	res, err := v.cfg.HTTP.Do(req)
	if err != nil {
		v.warn(check, "is it running, and may this machine reach it?", "%v", err)
		return
	}
	if err := res.Body.Close(); err != nil {
		v.warn(check, "is a proxy in between?", "%v", err)
		return
	}
	date, err := http.ParseTime(res.Header.Get("Date"))
	if skew := v.cfg.Now().Sub(date).Abs(); err == nil && skew > maxSkew {
		v.warn(check, "set the clock; run chrony or systemd-timesyncd", "it answers, but its clock is %s away from this one", skew.Round(time.Second))
		return
	}
	v.ok(check, "it answers")
}
