// SPDX-License-Identifier: Apache-2.0

package doctor

import (
	"context"
	"errors"
	"os"
	"slices"
	"time"

	"github.com/counterfoil/counterfoil/internal/app"
	"github.com/counterfoil/counterfoil/internal/audit"
	"github.com/counterfoil/counterfoil/internal/ledger"
)

// Limits beyond which a line is a warning.
const (
	maxLag      = time.Minute        // of a witness or an authority behind new records
	maxUnseen   = 7 * 24 * time.Hour // since the last verification here
	maxAhead    = 2 * time.Second    // of the newest record before this clock
	manyRecords = int64(1_000_000)   // beyond that, counting takes a while
)

func (v *visit) look(ctx context.Context, name string) {
	o, err := v.cfg.Store.Open(ctx, name, false, nil)
	if err != nil {
		fix := "restore the ledger from a backup"
		if e, ok := errors.AsType[*ledger.Error](err); ok && e.Hint != "" {
			fix = e.Hint
		}
		v.fail("open", fix, "%v", err)
		return
	}
	defer o.Close() // opened for reading: nothing can be lost
	v.key(o)
	v.database(ctx, o)
	v.writer()
	v.edge(ctx, o)
	v.attested(ctx, o)
	v.records(ctx, o)
	v.verified(ctx, o)
}

func (v *visit) key(o *app.Opened) {
	if o.Keys == nil {
		v.fail("master key", "restore it, or name its folder with --keys", "%s is not there: no private value can be read, and nothing written", v.cfg.Store.KeyFile(o.Name))
		return
	}
	v.ok("master key", "%s opens, and only its owner can read it", v.cfg.Store.KeyFile(o.Name))
}

func (v *visit) database(ctx context.Context, o *app.Opened) {
	version, err := o.DB.Version(ctx)
	if err != nil {
		v.fail("database", "check that the database runs", "%v", err)
		return
	}
	size, err := o.DB.Size(ctx)
	if err != nil {
		v.fail("database", "check that the database runs", "%v", err)
		return
	}
	v.ok("database", "%s, schema %d, %.1f MB", o.DB.Dialect(), version, float64(size)/1e6)
}

func (v *visit) writer() {
	pid, held, err := v.cfg.Store.Writer(v.ledger)
	switch {
	case err != nil:
		v.warn("writer", "check who may write to the data folder", "%v", err)
	case held:
		v.ok("writer", "process %s is writing", pid)
	default:
		v.ok("writer", "none at the moment")
	}
}

func (v *visit) edge(ctx context.Context, o *app.Opened) {
	if err := o.Ledger.CheckEdge(ctx); err != nil {
		v.fail("right edge", "counterfoil verify says what was changed; stop writing until it is understood", "%v", err)
		return
	}
	size, err := o.Ledger.Size(ctx)
	if err != nil {
		v.fail("right edge", "check that the database runs", "%v", err)
		return
	}
	v.ok("right edge", "the stored tree of %d records has the signed root", size)
}

// attested compares what peers have signed with what there is to sign.
func (v *visit) attested(ctx context.Context, o *app.Opened) {
	size, err := o.Ledger.Size(ctx)
	var witnesses, authorities []ledger.Attested
	if err == nil {
		witnesses, authorities, err = o.Ledger.Attested(ctx)
	}
	if err != nil {
		v.fail("witnesses", "check that the database runs", "%v", err)
		return
	}
	if len(v.cfg.App.Witnesses) == 0 {
		v.warn("witnesses", "name witnesses in "+app.ConfigName+", and run one with counterfoil witness serve",
			"none is configured: nobody else would notice if the operator rewrote the log")
	}
	for _, w := range v.cfg.App.Witnesses {
		v.lag("witness "+w.Name, witnesses, w.Name, size)
	}
	if len(v.cfg.App.Authorities) == 0 {
		v.warn("time stamps", "name an RFC 3161 authority in "+app.ConfigName, "no authority is configured: times are this machine's own word")
	}
	for _, a := range v.cfg.App.Authorities {
		v.lag("authority "+a.Name, authorities, a.Name, size)
	}
}

func (v *visit) lag(check string, all []ledger.Attested, peer string, size int64) {
	i := slices.IndexFunc(all, func(a ledger.Attested) bool { return a.Peer == peer })
	if i < 0 {
		v.warn(check, "is the server running, and does the peer know this log? Its log says why it fails", "it has signed nothing yet")
		return
	}
	since := v.cfg.Now().Sub(all[i].Time).Round(time.Second)
	if behind := size - all[i].Size; behind > 0 && since > maxLag {
		v.warn(check, "is the server running, and the peer reachable? The server's log says why it fails", "%d records behind, last signed %s ago", behind, since)
		return
	}
	v.ok(check, "signed size %d of %d, %s ago", all[i].Size, size, since)
}

// records looks at the newest time and at the sources' numbers.
func (v *visit) records(ctx context.Context, o *app.Opened) {
	s, err := o.Ledger.Stats(ctx)
	if err != nil {
		v.fail("sources", "check that the database runs", "%v", err)
		return
	}
	if s.Last != nil {
		if ahead := s.Last.Sub(v.cfg.Now()); ahead > maxAhead {
			v.fail("clock", "set the clock; run chrony or systemd-timesyncd", "the newest record is from %s in the future: the clock was set back", ahead.Round(time.Second))
		} else {
			v.ok("clock", "%s, the newest record is %s old", v.cfg.Now().UTC().Format(time.RFC3339), (-ahead).Round(time.Second))
		}
	}
	gaps := 0
	for _, src := range s.Sources {
		if src.Missing > 0 {
			gaps++
			v.warn("source "+src.Source, "have the source send them again; what is lost for good belongs in a reconciliation record",
				"%d of its numbers from %d to %d never arrived", src.Missing, src.First, src.Last)
		}
	}
	if gaps == 0 {
		v.ok("sources", "%d, without a gap in their numbers", len(s.Sources))
	}
}

func (v *visit) verified(ctx context.Context, o *app.Opened) {
	seen, err := audit.Dir(v.cfg.Store.VerifierDir()).Load(ctx, o.Ledger.Origin())
	switch {
	case err != nil && !errors.Is(err, os.ErrPermission):
		v.warn("verification", "move the file away and run counterfoil verify", "%v", err)
	case err != nil:
		v.warn("verification", "run as the user who verifies", "%v", err)
	case seen == nil:
		v.warn("verification", "run counterfoil verify, and then every day", "the whole ledger was never verified here")
	case v.cfg.Now().Sub(seen.Time) > maxUnseen:
		v.warn("verification", "run counterfoil verify, best every day", "the whole ledger was last verified %.0f days ago", v.cfg.Now().Sub(seen.Time).Hours()/24)
	default:
		v.ok("verification", "the whole ledger was verified at %s", seen.Time.UTC().Format(time.RFC3339))
	}
}
