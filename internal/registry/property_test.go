// SPDX-License-Identifier: Apache-2.0

package registry_test

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/counterfoil/counterfoil/internal/db"
	"github.com/counterfoil/counterfoil/internal/db/dbtest"
	"github.com/counterfoil/counterfoil/internal/ledger"
	"github.com/counterfoil/counterfoil/internal/registry"
)

// move is one thing that somebody tries.
type move struct {
	what, version, env string
	by                 registry.By
	node               int
}

// play tries a move on the system and prompt of a round. What is refused, is.
func (r *rig) play(nodes []*registry.Registry, round string, m move) error {
	n, ctx := nodes[m.node], r.ctx()
	digest := digests[m.version]
	v := registry.Vote{Kind: "prompt", Name: "p" + round, Version: m.version, Digest: digest, Reason: "r"}
	var err error
	switch m.what {
	case "describe high", "describe minimal":
		text := strings.ReplaceAll(described, "limited", strings.Fields(m.what)[1])
		_, err = n.Describe(ctx, m.by, "system", "s"+round, []byte(text), "")
	case "in_service", "suspended", "retired":
		waiting := ""
		if y, ok := n.Register().System("s" + round); ok && y.Pending != nil {
			waiting = y.Pending.Version
		}
		_, err = n.SetStatus(ctx, m.by, "s"+round, m.what, waiting, "r")
	case "add":
		_, err = n.Add(ctx, m.by, registry.Spec{Kind: "prompt", Name: v.Name, Version: v.Version, System: "s" + round, Content: "content " + v.Version})
	case "approve":
		_, err = n.Approve(ctx, m.by, v)
	case "approve another":
		v.Digest = digests["other"]
		_, err = n.Approve(ctx, m.by, v)
	case "refuse":
		_, err = n.Refuse(ctx, m.by, v)
	case "promote", "emergency":
		_, err = n.Promote(ctx, m.by, v, m.env, m.what == "emergency")
	case "review", "reject":
		_, err = n.Review(ctx, m.by, v, m.what == "review")
	case "rollback":
		_, err = n.Rollback(ctx, m.by, v.Kind, v.Name, m.env, "r")
	case "retire":
		_, err = n.Retire(ctx, m.by, v)
	}
	if code(err) == "" && err != nil || code(err) == ledger.Internal || code(err) == ledger.Busy {
		return fmt.Errorf("%+v: %w", m, err)
	}
	return nil
}

var digests = map[string]string{"1": registry.Digest([]byte("content 1")), "2": registry.Digest([]byte("content 2")), "3": registry.Digest([]byte("content 3")),
	"other": registry.Digest([]byte("other"))}

// TestAnySequence tries moves of several people on two nodes, some at once. The
// tables stay what the log says, and the log keeps to the rules about people,
// which a second, simpler reading of it decides.
func TestAnySequence(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, cfg db.Config) {
		r := newRig(t, cfg, nil)
		nodes := []*registry.Registry{r.r, r.another(nil)}
		moves := []string{"describe high", "describe minimal", "in_service", "suspended", "retired", "add", "approve", "approve", "approve", "approve", "approve", "approve", "approve another",
			"refuse", "promote", "promote", "promote", "emergency", "review", "reject", "rollback", "retire"}
		round, taken := 0, 0
		rapid.Check(t, func(rt *rapid.T) {
			round++
			name := fmt.Sprint(round)
			plan := []move{{what: "describe high", by: ann}, {what: "add", by: ann, version: "1"}, {what: "add", by: bob, version: "2"}}
			for range rapid.IntRange(6, 24).Draw(rt, "moves") {
				plan = append(plan, move{what: rapid.SampledFrom(moves).Draw(rt, "what"), version: rapid.SampledFrom([]string{"1", "2", "3"}).Draw(rt, "version"),
					env: rapid.SampledFrom(registry.Environments[:2]).Draw(rt, "env"), by: rapid.SampledFrom([]registry.By{ann, bob, cid, dee}).Draw(rt, "by"), node: rapid.IntRange(0, 1).Draw(rt, "node")})
			}
			atOnce := rapid.IntRange(1, 3).Draw(rt, "at once")
			for some := range slices.Chunk(plan, atOnce) {
				r.pass(time.Minute)
				errs := make([]error, len(some))
				var wg sync.WaitGroup
				for i, m := range some {
					wg.Go(func() { errs[i] = r.play(nodes, name, m) })
				}
				wg.Wait()
				for _, err := range errs {
					if err != nil {
						rt.Fatal(err)
					}
				}
			}
			acts, err := r.r.History(r.ctx(), "prompt", "p"+name)
			if err != nil {
				rt.Fatal(err)
			}
			about, err := r.r.History(r.ctx(), "system", "s"+name)
			if err != nil {
				rt.Fatal(err)
			}
			taken += len(acts) + len(about)
			all := append(about, acts...)
			slices.SortFunc(all, func(a, b registry.Act) int { return int(a.Index - b.Index) })
			if broken := judge(all); broken != "" {
				rt.Fatal(broken)
			}
			if _, err := r.reg().At("", r.clock(), registry.Span(time.Hour)); err != nil {
				rt.Fatal(err)
			}
			rep, err := r.r.Rebuild(r.ctx(), false)
			if err != nil || len(rep.Findings) > 0 {
				rt.Fatalf("the tables are not what the log says: %v %v", rep, err)
			}
		})
		if taken < 4*round {
			t.Errorf("%d acts in %d rounds", taken, round)
		}
	})
}

// told is what the acts so far say of one version.
type told struct {
	author, digest, state string
	yes                   map[string]bool
	promoter              string // of the emergency that waits for review
}

// judge reads the acts of one round and says which rule about people they break.
func judge(acts []registry.Act) string {
	versions := map[string]*told{}
	risks := map[string]bool{}
	var describer, suspender, status string
	shown := map[string][]string{} // versions promoted, by environment
	for _, a := range acts {
		v := versions[a.Version]
		bad := func(why string) string { return fmt.Sprintf("%s of %s by %s: %s", a.Act, a.Version, a.Actor, why) }
		switch a.Act {
		case ledger.ActDescribe:
			if status == "" || status == registry.Draft {
				risks, status = map[string]bool{}, registry.Draft
			}
			risks[a.Risk], describer = true, a.Actor
		case ledger.ActStatus:
			if a.Status == registry.InService && (status == registry.Draft && a.Actor == describer || status == registry.Suspended && a.Actor == suspender) {
				return bad("the same person")
			}
			if a.Status == registry.Suspended {
				suspender = a.Actor
			}
			status = a.Status
		case ledger.ActAdd:
			if v != nil {
				return bad("twice")
			}
			versions[a.Version] = &told{author: a.Actor, digest: a.Digest, yes: map[string]bool{}}
		case ledger.ActApprove:
			if a.Actor == v.author || v.yes[a.Actor] || a.Digest != v.digest || v.state != "" {
				return bad("the vote does not count")
			}
			v.yes[a.Actor] = true
		case ledger.ActRefuse, ledger.ActRetire:
			v.state = a.Act
		case ledger.ActPromote:
			// While a description waits, the higher class counts. Which of them is in
			// force is not followed here: one approval is needed in any case.
			least := 1
			if len(risks) == 1 && risks["high"] && status != registry.Retired {
				least = 2
			}
			if v.state != "" || a.Digest != v.digest || !a.Emergency && len(v.yes) < least || a.Emergency && a.Actor == v.author {
				return bad("not approved")
			}
			if a.Emergency {
				v.promoter = a.Actor
			}
			shown[a.Environment] = append(shown[a.Environment], a.Version)
		case ledger.ActReview:
			if v.promoter == "" || a.Actor == v.promoter || a.Actor == v.author {
				return bad("own emergency")
			}
			if a.Status == "accepted" {
				v.yes[a.Actor], v.yes[v.promoter] = true, true
			}
			v.promoter = ""
		case ledger.ActRollback:
			if v.state != "" || !slices.Contains(shown[a.Environment], a.Version) {
				return bad("it was never there")
			}
		}
	}
	return ""
}
