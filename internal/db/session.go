// SPDX-License-Identifier: Apache-2.0

package db

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"sync"
)

// errClosed is that the database was closed.
var errClosed = errors.New("database is closed")

// maxStatements bounds the prepared statements that a connection keeps.
const maxStatements = 256

// session is one connection while a transaction runs on it.
type session struct {
	conn   *sql.Conn
	write  bool
	begun  bool                 // between BEGIN and COMMIT or ROLLBACK
	text   func(string) string  // from ? to the dialect's placeholders
	steady bool                 // prepared statements are kept (SQLite)
	stmts  map[string]*sql.Stmt // kept while the connection lives
}

func (s *session) exec(ctx context.Context, query string, args []any) (sql.Result, error) {
	if !s.steady {
		return s.conn.ExecContext(ctx, s.text(query), args...)
	}
	ctx = s.calm(ctx)
	stmt, err := s.prepare(ctx, query)
	if err != nil {
		return nil, err
	}
	return stmt.ExecContext(ctx, args...)
}

func (s *session) query(ctx context.Context, query string, args []any) (*sql.Rows, error) {
	if !s.steady {
		return s.conn.QueryContext(ctx, s.text(query), args...)
	}
	ctx = s.calm(ctx)
	stmt, err := s.prepare(ctx, query)
	if err != nil {
		return nil, err
	}
	return stmt.QueryContext(ctx, args...)
}

// calm is the context for one statement. SQLite's driver interrupts a statement
// when its context ends, which costs a goroutine each time and the connection
// when it happens. Statements of the writer are short: they run to their end,
// and the next one does not start.
func (s *session) calm(ctx context.Context) context.Context {
	if s.steady && s.write {
		return context.WithoutCancel(ctx)
	}
	return ctx
}

func (s *session) prepare(ctx context.Context, query string) (*sql.Stmt, error) {
	if stmt := s.stmts[query]; stmt != nil {
		return stmt, nil
	}
	stmt, err := s.conn.PrepareContext(ctx, s.text(query))
	if err != nil {
		return nil, err
	}
	if len(s.stmts) >= maxStatements {
		for _, old := range s.stmts {
			old.Close()
		}
		clear(s.stmts)
	}
	if s.stmts == nil {
		s.stmts = map[string]*sql.Stmt{}
	}
	s.stmts[query] = stmt
	return stmt, nil
}

// discard closes the connection for good.
func (s *session) discard() {
	for _, stmt := range s.stmts {
		stmt.Close()
	}
	s.stmts = nil
	if s.conn != nil {
		_ = s.conn.Raw(func(any) error { return driver.ErrBadConn }) // tells the pool
		s.conn.Close()
	}
	s.conn, s.begun = nil, false
}

// pool lends a fixed number of sessions, the one used last first. A session
// without a connection is to be connected by who gets it.
type pool struct {
	free chan struct{} // one token per session in idle
	done chan struct{} // closed by close

	mu     sync.Mutex
	idle   []*session // guarded by mu
	closed bool       // guarded by mu
	n      int
}

func newPool(n int, fresh func() *session) *pool {
	p := &pool{free: make(chan struct{}, n), done: make(chan struct{}), n: n}
	for range n {
		p.idle = append(p.idle, fresh())
		p.free <- struct{}{}
	}
	return p
}

func (p *pool) get(ctx context.Context) (*session, error) {
	select {
	case <-p.done:
		return nil, errClosed
	default:
	}
	select {
	case <-p.free:
	case <-p.done:
		return nil, errClosed
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	s := p.idle[len(p.idle)-1]
	p.idle = p.idle[:len(p.idle)-1]
	return s, nil
}

func (p *pool) put(s *session) {
	p.mu.Lock()
	p.idle = append(p.idle, s)
	p.mu.Unlock()
	p.free <- struct{}{}
}

// close waits until all sessions are back and disconnects them. Once.
func (p *pool) close() {
	p.mu.Lock()
	closed := p.closed
	p.closed = true
	p.mu.Unlock()
	if closed {
		return
	}
	close(p.done)
	for range p.n {
		<-p.free
	}
	for _, s := range p.idle {
		for _, stmt := range s.stmts {
			stmt.Close()
		}
		if s.conn != nil {
			s.conn.Close()
		}
	}
}
