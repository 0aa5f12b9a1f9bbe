// SPDX-License-Identifier: Apache-2.0

package dbtest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/counterfoil/counterfoil/internal/db"
)

var errNoBinaries = errors.New("PostgreSQL is not installed (/usr/lib/postgresql/*/bin)")

// patience bounds every wait for the server.
const patience = time.Minute

// Cluster is a temporary PostgreSQL server. Its methods are safe for concurrent
// use.
type Cluster struct {
	bin      string // folder of the binaries
	dir      string // everything; removed at the end
	password string
	port     int

	mu      sync.Mutex
	server  *exec.Cmd      // guarded by mu; nil: not running
	exited  chan struct{}  // guarded by mu; closed when server has ended
	watcher *exec.Cmd      // guarded by mu; removes dir when pipe closes
	pipe    io.WriteCloser // guarded by mu
}

// binaries finds the newest installed version.
func binaries() (string, error) {
	found, err := filepath.Glob("/usr/lib/postgresql/*/bin/initdb")
	if err != nil || len(found) == 0 {
		return "", errNoBinaries
	}
	version := func(path string) int {
		n, _ := strconv.Atoi(strings.Split(path, "/")[4]) // not a number: oldest
		return n
	}
	newest := slices.MaxFunc(found, func(a, b string) int { return version(a) - version(b) })
	return filepath.Dir(newest), nil
}

func newCluster() (c *Cluster, err error) {
	c = &Cluster{password: random()}
	if c.bin, err = binaries(); err != nil {
		return nil, err
	}
	if c.dir, err = os.MkdirTemp("", "cfpg"); err != nil {
		return nil, fmt.Errorf("make folder: %w", err)
	}
	made := c
	defer func() {
		if err != nil {
			err = errors.Join(err, made.Remove())
		}
	}()
	if err := os.WriteFile(filepath.Join(c.dir, "password"), []byte(c.password), 0o600); err != nil {
		return nil, fmt.Errorf("write password: %w", err)
	}
	if err := own(c.dir, filepath.Join(c.dir, "password")); err != nil {
		return nil, fmt.Errorf("hand folder over: %w", err)
	}
	if err := c.watch(); err != nil {
		return nil, fmt.Errorf("start watcher: %w", err)
	}
	if err := c.init(); err != nil {
		return nil, err
	}
	const tries = 5 // another process may take the port that was free
	for range tries {
		if c.port, err = freePort(); err != nil {
			return nil, fmt.Errorf("find port: %w", err)
		}
		if err = c.Start(); err == nil {
			return c, nil
		}
	}
	return nil, err
}

// init makes the data folder. It need not survive a power failure; what the
// server does later is as durable as in production.
func (c *Cluster) init() error {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	cmd := c.command(ctx, "initdb", "--pgdata="+c.data(), "--username=postgres", "--pwfile="+filepath.Join(c.dir, "password"),
		"--auth-local=trust", "--auth-host=scram-sha-256", "--encoding=UTF8", "--locale=C", "--no-sync", "--no-instructions")
	out, err := cmd.CombinedOutput()
	if err != nil {
		return fmt.Errorf("run initdb: %w\n%s", err, out)
	}
	return nil
}

// watch starts the process that cleans up when this one is gone.
func (c *Cluster) watch() error {
	const script = `trap '' HUP INT TERM
cat >/dev/null
pid=$(head -n 1 data/postmaster.pid 2>/dev/null)
if [ -n "$pid" ] && [ "$(cat /proc/$pid/comm)" = postgres ]; then
  kill -QUIT "$pid"
  n=0
  while kill -0 "$pid" 2>/dev/null && [ $n -lt 100 ]; do sleep 0.1; n=$((n+1)); done
fi
cd / && rm -rf "$1"`
	c.watcher = exec.Command("/bin/sh", "-c", script, "sh", c.dir)
	c.watcher.Dir = c.dir
	c.watcher.SysProcAttr = attributes()
	var err error
	if c.pipe, err = c.watcher.StdinPipe(); err != nil {
		return err
	}
	return c.watcher.Start()
}

func (c *Cluster) data() string { return filepath.Join(c.dir, "data") }

func (c *Cluster) command(ctx context.Context, name string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, filepath.Join(c.bin, name), args...)
	cmd.Dir = c.dir
	cmd.Env = []string{"LC_ALL=C", "PATH=/usr/bin:/bin"}
	cmd.SysProcAttr = attributes()
	return cmd
}

// Start starts the server, which must not be running, and waits until it
// answers: after a Kill that includes its recovery.
func (c *Cluster) Start() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.server != nil {
		return errors.New("start server: it is running")
	}
	// A process of a killed server may hold its shared memory for a moment
	// longer; then the new one exits at once.
	var err error
	for range 25 {
		if err = c.start(); err == nil || !errors.Is(err, errExited) {
			return err
		}
		<-time.After(200 * time.Millisecond)
	}
	return err
}

// errExited is that a server ended while it was waited for.
var errExited = errors.New("it exited")

// start needs mu.
func (c *Cluster) start() error {
	log, err := os.OpenFile(c.dir+"/log", os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return fmt.Errorf("open server log: %w", err)
	}
	defer log.Close()
	cmd := c.command(context.Background(), "postgres", "-D", c.data(), "-p", strconv.Itoa(c.port), "-c", "listen_addresses=127.0.0.1",
		"-c", "unix_socket_directories="+c.sockets(), "-c", "fsync=on", "-c", "max_connections=200", "-c", "shared_buffers=64MB",
		"-c", "log_min_messages=warning")
	cmd.Stdout, cmd.Stderr = log, log
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("start server: %w", err)
	}
	exited := make(chan struct{})
	go func() {
		_ = cmd.Wait() // how it ended stands in its log
		close(exited)
	}()
	c.server, c.exited = cmd, exited
	if err := c.await(exited); err != nil {
		_ = cmd.Process.Kill()
		<-exited
		c.server = nil
		return fmt.Errorf("start server: %w\n%s", err, c.Log())
	}
	return nil
}

// sockets is the folder for Unix sockets; none if its name is too long for one.
func (c *Cluster) sockets() string {
	if len(c.dir) > 80 {
		return ""
	}
	return c.dir
}

// await waits until the server answers, or has exited.
func (c *Cluster) await(exited <-chan struct{}) error {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		conn, err := pgx.Connect(ctx, c.URL())
		if err == nil {
			return conn.Close(ctx)
		}
		select {
		case <-exited:
			return errExited
		case <-ctx.Done():
			return err
		case <-tick.C:
		}
	}
}

// Stop shuts the server down in order: open transactions are rolled back.
func (c *Cluster) Stop() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.end(func(pid int) error { return syscall.Kill(pid, syscall.SIGINT) })
}

// Kill ends all processes of the server with SIGKILL: a crash.
func (c *Cluster) Kill() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.end(killTree)
}

// end needs mu.
func (c *Cluster) end(how func(pid int) error) error {
	if c.server == nil {
		return nil
	}
	if err := how(c.server.Process.Pid); err != nil && !errors.Is(err, syscall.ESRCH) {
		return fmt.Errorf("end server: %w", err)
	}
	select {
	case <-c.exited:
	case <-time.After(patience):
		return errors.New("end server: it does not")
	}
	c.server = nil
	return nil
}

// Remove kills the server and removes its data.
func (c *Cluster) Remove() error {
	err := c.Kill()
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.pipe == nil {
		return errors.Join(err, os.RemoveAll(c.dir))
	}
	err = errors.Join(err, c.pipe.Close(), c.watcher.Wait())
	c.pipe = nil
	return err
}

// URL is the server's database postgres, for its superuser.
func (c *Cluster) URL() string { return c.url("postgres") }

func (c *Cluster) url(database string) string {
	return fmt.Sprintf("postgres://postgres:%s@127.0.0.1:%d/%s?sslmode=disable", c.password, c.port, database)
}

// Config is the configuration of a schema that does not exist yet.
func (c *Cluster) Config() db.Config {
	return db.Config{URL: c.URL(), Schema: "t_" + random()}
}

// Log is what the server has logged.
func (c *Cluster) Log() string {
	log, err := os.ReadFile(filepath.Join(c.dir, "log"))
	if err != nil {
		return err.Error()
	}
	return string(log)
}
