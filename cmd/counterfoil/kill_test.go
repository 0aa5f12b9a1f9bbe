// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	sumdb "golang.org/x/mod/sumdb/tlog"

	"github.com/counterfoil/counterfoil/api"
	"github.com/counterfoil/counterfoil/internal/app"
	"github.com/counterfoil/counterfoil/internal/audit"
	"github.com/counterfoil/counterfoil/internal/db/dbtest"
	"github.com/counterfoil/counterfoil/proof"
	"github.com/counterfoil/counterfoil/record"
	"github.com/counterfoil/counterfoil/verify"
)

// kills is how often the server is killed on each database.
const kills = 50

// TestKill kills a server under load again and again, and then looks whether
// everything that was acknowledged is there, once, and proven.
func TestKill(t *testing.T) {
	if testing.Short() {
		t.Skip("takes half a minute")
	}
	t.Parallel()
	t.Run("sqlite", func(t *testing.T) {
		t.Parallel()
		killAndLook(t, app.Store{Data: t.TempDir()}, nil)
	})
	t.Run("postgres", func(t *testing.T) {
		t.Parallel()
		cluster := dbtest.New(t)
		killAndLook(t, app.Store{Database: cluster.URL(), Keys: t.TempDir()}, cluster)
	})
}

// killAndLook is the test; of a cluster every tenth round kills the database
// server, too.
func killAndLook(t *testing.T, store app.Store, cluster *dbtest.Cluster) {
	if err := store.Create(t.Context(), "main", "kill.example.org", ""); err != nil {
		t.Fatal(err)
	}
	seen := &witnessed{acked: map[string]int64{}, checkpoints: map[string]bool{}}
	seen.more.L = &seen.mu
	for round := range kills {
		srv := startServer(t, store)
		var load sync.WaitGroup
		for w := range 4 {
			load.Go(func() { sendUntilDead(t.Context(), srv.url, fmt.Sprintf("r%d-w%d", round, w), seen) })
		}
		if round%5 == 0 { // something must happen, however slow the machine is
			seen.await(round/5 + 1)
		}
		pause := time.NewTimer(time.Duration(rand.IntN(120)) * time.Millisecond)
		<-pause.C
		if cluster != nil && round%10 == 9 {
			if err := cluster.Kill(); err != nil {
				t.Fatal(err)
			}
		}
		srv.kill(t)
		load.Wait()
		if cluster != nil && round%10 == 9 {
			if err := cluster.Start(); err != nil {
				t.Fatal(err)
			}
		}
	}
	look(t, store, seen)
}

// witnessed is what clients were told. Its methods are safe for concurrent use.
type witnessed struct {
	mu          sync.Mutex
	acked       map[string]int64 // id → index; guarded by mu
	checkpoints map[string]bool  // every one that was answered; guarded by mu
	refused     []string         // ids; guarded by mu
	more        sync.Cond        // of mu: there are more refused ones
}

// await waits until so many batches have been refused.
func (s *witnessed) await(batches int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for len(s.refused) < batches {
		s.more.Wait()
	}
}

func (s *witnessed) keep(a *api.Appended) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, r := range a.Records {
		s.acked[r.ID] = r.Index
	}
	s.checkpoints[a.Checkpoint] = true
}

func (s *witnessed) refuse(id string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.refused = append(s.refused, id)
	s.more.Broadcast()
}

// child is a server process.
type child struct {
	url  string
	cmd  *exec.Cmd
	done chan struct{} // its output has ended
}

var servingURL = regexp.MustCompile(`url=(http://\S+)`)

func startServer(t *testing.T, store app.Store) *child {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), exe, "serve", "--open", "--listen", "127.0.0.1:0", "--data", store.Data, "--database", store.Database, "--keys", store.Keys)
	cmd.Args[0] = "counterfoil" // what makes the test binary the real one
	errs, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	c := &child{cmd: cmd, done: make(chan struct{})}
	lines, said := bufio.NewScanner(errs), strings.Builder{}
	for c.url == "" && lines.Scan() {
		said.WriteString(lines.Text() + "\n")
		if m := servingURL.FindStringSubmatch(lines.Text()); m != nil {
			c.url = m[1]
		}
	}
	if c.url == "" {
		t.Fatalf("the server did not start: %v\n%s", cmd.Wait(), said.String())
	}
	go func() {
		defer close(c.done)
		_, _ = io.Copy(io.Discard, errs) // until it is killed
	}()
	return c
}

func (c *child) kill(t *testing.T) {
	t.Helper()
	if err := c.cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	<-c.done
	_ = c.cmd.Wait() // killed
}

// sendUntilDead sends batches of one to twenty records, some of them such as
// must be refused, until the server is gone.
func sendUntilDead(ctx context.Context, url, name string, seen *witnessed) {
	client := &http.Client{Timeout: 20 * time.Second}
	defer client.CloseIdleConnections()
	last := ""
	for n := 0; ; n++ {
		var body bytes.Buffer
		ids := make([]string, 1+rand.IntN(20))
		for i := range ids {
			ids[i] = fmt.Sprintf("%s-%d-%d", name, n, i)
			fmt.Fprintf(&body, `{"type":"decision","id":%q,"time":"2026-01-01T00:00:00Z","system":"s","subject":"customer","decision":{"kind":"k","status":"made","outcome":"original"}}`+"\n", ids[i])
		}
		spoilt := n%5 == 4 && last != ""
		if spoilt { // the whole batch must go
			fmt.Fprintf(&body, `{"type":"decision","id":%q,"time":"2026-01-01T00:00:00Z","system":"s","decision":{"kind":"k","status":"made","outcome":"forged"}}`, last)
		}
		status, answer, err := post(ctx, client, url, &body)
		if err != nil {
			return // whether it is stored is not known, and nobody was told that it is
		}
		if status >= http.StatusInternalServerError {
			continue // the database is gone: try again is not the same as no
		}
		if status >= http.StatusBadRequest {
			for _, id := range ids {
				seen.refuse(id)
			}
			continue
		}
		seen.keep(answer)
		last = ids[0]
	}
}

func post(ctx context.Context, client *http.Client, url string, body io.Reader) (int, *api.Appended, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, url+"/v1/ledgers/main/records", body)
	if err != nil {
		return 0, nil, err
	}
	req.Header.Set("Content-Type", "application/x-ndjson")
	res, err := client.Do(req)
	if err != nil {
		return 0, nil, err
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		return 0, nil, err
	}
	var answer api.Appended
	if res.StatusCode < 300 {
		err = json.Unmarshal(b, &answer)
	}
	return res.StatusCode, &answer, err
}

// look compares the ledger with what clients were told.
func look(t *testing.T, store app.Store, seen *witnessed) {
	o, err := store.Open(t.Context(), "main", true, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer o.Close()
	report, err := audit.Run(t.Context(), audit.Config{DB: o.DB, Keys: o.Keys})
	if err != nil || !report.Whole() {
		t.Fatalf("the ledger is not whole: %v, %v", report.Findings, err)
	}
	stored := map[string]int64{}
	for e, err := range o.Ledger.Entries(t.Context(), 0, -1) {
		if err != nil {
			t.Fatal(err)
		}
		st, err := record.ParseStatement(e.Statement)
		if err != nil {
			t.Fatal(err)
		}
		if _, twice := stored[st.ID()]; twice || st.Fields().Outcome != "original" {
			t.Errorf("record %s stands twice, or with what was refused", st.ID())
		}
		stored[st.ID()] = e.Index
	}
	for id, index := range seen.acked {
		if at, ok := stored[id]; !ok || at != index {
			t.Errorf("record %s was acknowledged at %d, and is at %d (%v)", id, index, at, ok)
		}
	}
	for _, id := range seen.refused {
		if at, ok := stored[id]; ok {
			t.Errorf("record %s was refused, and is at %d", id, at)
		}
	}
	newest := lookAtCheckpoints(t, o, seen)
	lookAtReceipts(t, o, seen, newest)
	t.Logf("%d kills: %d records acknowledged, %d refused, %d stored, %d checkpoints seen", kills, len(seen.acked), len(seen.refused), len(stored), len(seen.checkpoints))
	if len(seen.acked) < kills || len(seen.refused) == 0 {
		t.Errorf("too little happened: %d acknowledged, %d refused", len(seen.acked), len(seen.refused))
	}
}

// lookAtCheckpoints proves that the newest checkpoint extends every one that a
// client has ever been given.
func lookAtCheckpoints(t *testing.T, o *app.Opened, seen *witnessed) proof.Checkpoint {
	trust := trustOf(t, o)
	signed, _, err := o.Ledger.Newest(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	newest, _, err := trust.OpenCheckpoint(signed)
	if err != nil {
		t.Fatal(err)
	}
	for text := range seen.checkpoints {
		old, _, err := trust.OpenCheckpoint([]byte(text))
		if err != nil {
			t.Fatal(err)
		}
		path, err := o.Ledger.Consistency(t.Context(), old.Size, newest.Size)
		if err == nil && old.Size < newest.Size {
			err = sumdb.CheckTree(path, newest.Size, newest.Root, old.Size, old.Root)
		}
		if err != nil {
			t.Errorf("the checkpoint of %d records is not a beginning of the log: %v", old.Size, err)
		}
	}
	return newest
}

func lookAtReceipts(t *testing.T, o *app.Opened, seen *witnessed, newest proof.Checkpoint) {
	judge := verify.New(trustOf(t, o))
	for id := range seen.acked {
		rc, err := o.Ledger.Receipt(t.Context(), id, nil)
		if err != nil {
			t.Fatal(err)
		}
		file, err := rc.Marshal()
		if err != nil {
			t.Fatal(err)
		}
		if r := judge.Receipt(file); !r.Valid || r.Size != newest.Size || r.ID != id {
			t.Errorf("the receipt of %s is not valid for the newest checkpoint: %+v", id, r.Faults)
		}
	}
}

func trustOf(t *testing.T, o *app.Opened) *proof.Trust {
	t.Helper()
	policy, err := proof.FormatTrust([]string{o.Ledger.VerifierKey()}, nil, 0, nil)
	if err != nil {
		t.Fatal(err)
	}
	trust, err := proof.ParseTrust(policy)
	if err != nil {
		t.Fatal(err)
	}
	return trust
}
