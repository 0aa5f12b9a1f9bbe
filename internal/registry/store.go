// SPDX-License-Identifier: Apache-2.0

package registry

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"

	"github.com/counterfoil/counterfoil/internal/db"
	"github.com/counterfoil/counterfoil/internal/ledger"
)

// project writes what an act changes, in the transaction that appends it.
func project(ctx context.Context, tx *db.Tx, s *state, a *Act) error {
	var n int64
	if err := tx.QueryRow(ctx, `SELECT COALESCE(MAX(n), 0) + 1 FROM register_act`).Scan(&n); err != nil {
		return fmt.Errorf("number act: %w", err)
	}
	if err := insertAct(ctx, tx, n, a); err != nil {
		return err
	}
	for _, c := range apply(s, a) {
		doc, err := json.Marshal(c.doc)
		if err != nil {
			return fmt.Errorf("write register: %w", err)
		}
		if err := putRow(ctx, tx, c.topic, c.name, doc); err != nil {
			return err
		}
	}
	return nil
}

func insertAct(ctx context.Context, tx *db.Tx, n int64, a *Act) error {
	doc, err := json.Marshal(a)
	if err != nil {
		return fmt.Errorf("write act: %w", err)
	}
	if _, err := tx.Exec(ctx, `INSERT INTO register_act (n, origin, idx, id, kind, name, doc) VALUES (?, ?, ?, ?, ?, ?, ?)`,
		n, a.Origin, a.Index, a.ID, a.Kind, a.Name, string(doc)); err != nil {
		return fmt.Errorf("write act: %w", err)
	}
	return nil
}

func putRow(ctx context.Context, tx *db.Tx, topic, name string, doc []byte) error {
	if _, err := tx.Exec(ctx, `INSERT INTO register_state (topic, name, doc) VALUES (?, ?, ?)
		ON CONFLICT (topic, name) DO UPDATE SET doc = excluded.doc`, topic, name, string(doc)); err != nil {
		return fmt.Errorf("write register: %w", err)
	}
	return nil
}

// topics makes an empty thing of each topic.
var topics = map[string]func() any{
	"system":  func() any { return &system{} },
	"version": func() any { return &version{} },
	"place":   func() any { return &place{} },
	"key":     func() any { return &key{} },
}

// load reads the register and its size, in one snapshot.
func load(ctx context.Context, tx *db.Tx) (*state, int64, error) {
	size, err := ledger.ReadRegister(ctx, tx)
	if err != nil {
		return nil, 0, err
	}
	rows, err := tx.Query(ctx, `SELECT topic, name, doc FROM register_state`)
	if err != nil {
		return nil, 0, err
	}
	defer rows.Close()
	s := newState()
	for rows.Next() {
		var topic, name string
		var doc []byte
		if err := rows.Scan(&topic, &name, &doc); err != nil {
			return nil, 0, err
		}
		fresh, ok := topics[topic]
		if !ok {
			return nil, 0, fmt.Errorf("read register: %q is not a topic", topic)
		}
		c := change{topic, name, fresh()}
		if err := json.Unmarshal(doc, c.doc); err != nil {
			return nil, 0, fmt.Errorf("read register: %w", err)
		}
		s.put(c)
	}
	return s, size, rows.Err()
}

// History lists the acts about one name of a kind, oldest first; empty: all.
func (r *Registry) History(ctx context.Context, kind, name string) ([]Act, error) {
	out := []Act{}
	err := r.l.DB().Read(ctx, func(ctx context.Context, tx *db.Tx) error {
		rows, err := tx.Query(ctx, `SELECT doc FROM register_act WHERE (? = '' OR kind = ?) AND (? = '' OR name = ?) ORDER BY n`, kind, kind, name, name)
		if err != nil {
			return err
		}
		out, err = scanActs(rows, out)
		return err
	})
	return out, ledger.Storage("read acts of the register", err)
}

func scanActs(rows *sql.Rows, out []Act) ([]Act, error) {
	defer rows.Close()
	for rows.Next() {
		var doc []byte
		var a Act
		if err := rows.Scan(&doc); err != nil {
			return nil, err
		}
		if err := json.Unmarshal(doc, &a); err != nil {
			return nil, err
		}
		out = append(out, a)
	}
	return out, rows.Err()
}

// Refresh reads the register again if it has changed.
func (r *Registry) Refresh(ctx context.Context) error {
	var s *state
	var size int64
	old := r.Register()
	err := r.l.DB().Read(ctx, func(ctx context.Context, tx *db.Tx) (err error) {
		if size, err = ledger.ReadRegister(ctx, tx); err != nil || size == old.size && old.read {
			return err
		}
		s, size, err = load(ctx, tx)
		return err
	})
	if err != nil || s == nil {
		return ledger.Storage("read register", err)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if now := r.Register(); now.read && now.size >= size {
		return nil // another was quicker
	}
	next, err := r.newRegister(ctx, s, size)
	if err != nil {
		return err
	}
	r.now.Store(next)
	return nil
}
