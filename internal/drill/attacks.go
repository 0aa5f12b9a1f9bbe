// SPDX-License-Identifier: Apache-2.0

package drill

import (
	"bytes"
	"context"
	"crypto/rand"
	"fmt"

	"golang.org/x/mod/sumdb/note"

	"github.com/counterfoil/counterfoil/internal/leaf"
	"github.com/counterfoil/counterfoil/record"
)

// attack is one known way to tamper.
type attack struct {
	name, what string
	insider    bool // needs the master key
	do         func(ctx context.Context, v *victim) error
}

// attacks lists them, from clumsy to clever.
func attacks() []attack {
	all := append(leafAttacks(), evidenceAttacks()...)
	all = append(all, lookupAttacks()...)
	all = append(all, treeAttacks()...)
	return append(all, historyAttacks()...)
}

// exec is an attack of one statement.
func exec(query string, args func(v *victim) []any) func(context.Context, *victim) error {
	return func(ctx context.Context, v *victim) error {
		if args == nil {
			return v.change(ctx, query)
		}
		return v.change(ctx, query, args(v)...)
	}
}

func mid(v *victim) []any { return []any{v.mid} }

// backdate moves the record's recorded time by an hour digit.
func backdate(b []byte) []byte {
	out := bytes.Clone(b)
	i := bytes.Index(out, []byte(`"recorded":"`)) + len(`"recorded":"2026-01-02T03:04:0`)
	out[i] = '0' + (out[i]-'0'+1)%10
	return out
}

func leafAttacks() []attack {
	return []attack{
		{name: "leaf-edit", what: "a public value of a leaf is edited", do: func(ctx context.Context, v *victim) error {
			b, err := v.statement(ctx, v.mid)
			if err != nil {
				return err
			}
			return v.change(ctx, `UPDATE entry SET statement = ? WHERE idx = ?`, leaf.Pack(backdate(b)), v.mid)
		}},
		{name: "leaf-edit-covered", what: "a leaf, its lookup row and every tile are edited to agree", do: func(ctx context.Context, v *victim) error {
			if err := v.edit(ctx, v.mid, backdate); err != nil {
				return err
			}
			_, _, err := v.retile(ctx)
			return err
		}},
		{name: "leaf-garbage", what: "a leaf is overwritten with garbage", do: exec(`UPDATE entry SET statement = x'7b7d' WHERE idx = ?`, mid)},
		{name: "leaf-delete-middle", what: "a record is deleted in the middle", do: func(ctx context.Context, v *victim) error { return v.remove(ctx, v.mid) }},
		{name: "leaf-delete-last", what: "the last record is deleted", do: func(ctx context.Context, v *victim) error { return v.remove(ctx, v.size-1) }},
		{name: "leaf-delete-renumber", what: "a record is deleted, those behind it renumbered and the tiles rebuilt", do: func(ctx context.Context, v *victim) error {
			if err := v.remove(ctx, v.mid); err != nil {
				return err
			}
			if err := v.renumber(ctx, v.mid); err != nil {
				return err
			}
			_, _, err := v.retile(ctx)
			return err
		}},
		{name: "leaf-swap", what: "two records change places", do: func(ctx context.Context, v *victim) error {
			for _, table := range []string{"entry", "lookup", "evidence"} {
				for _, step := range [][2]int64{{v.mid, -1}, {v.mid - 1, v.mid}, {-1, v.mid - 1}} {
					if _, err := v.tx.Exec(ctx, `UPDATE `+table+` SET idx = ? WHERE idx = ?`, step[1], step[0]); err != nil {
						return err
					}
				}
			}
			return nil
		}},
		{name: "leaf-insert", what: "a leaf is added behind the end", do: exec(`INSERT INTO entry (idx, statement) SELECT ?, statement FROM entry WHERE idx = 0`,
			func(v *victim) []any { return []any{v.size} })},
	}
}

func evidenceAttacks() []attack {
	return []attack{
		{name: "evidence-flip", what: "one byte of sealed evidence is flipped", do: func(ctx context.Context, v *victim) error {
			index, _, row, err := v.sealed(ctx, 0)
			if err != nil {
				return err
			}
			row[len(row)/2] ^= 1
			return v.change(ctx, `UPDATE evidence SET sealed = ? WHERE idx = ?`, row, index)
		}},
		{name: "evidence-value", insider: true, what: "a private value is replaced and sealed again with the right key", do: func(ctx context.Context, v *victim) error {
			return v.reseal(ctx, func(o []record.Opening) { o[0].Value = []byte(`"somebody else"`) })
		}},
		{name: "evidence-salt", insider: true, what: "a salt is replaced and sealed again with the right key", do: func(ctx context.Context, v *victim) error {
			return v.reseal(ctx, func(o []record.Opening) { o[0].Salt[0] ^= 1 })
		}},
		{name: "evidence-swap", what: "the evidence of two records is exchanged", do: func(ctx context.Context, v *victim) error {
			a, _, rowA, err := v.sealed(ctx, 0)
			if err != nil {
				return err
			}
			b, _, rowB, err := v.sealed(ctx, 1)
			if err != nil {
				return err
			}
			if err := v.change(ctx, `UPDATE evidence SET sealed = ? WHERE idx = ?`, rowB, a); err != nil {
				return err
			}
			return v.change(ctx, `UPDATE evidence SET sealed = ? WHERE idx = ?`, rowA, b)
		}},
		{name: "evidence-delete", what: "evidence is deleted without a tombstone", do: func(ctx context.Context, v *victim) error {
			index, _, _, err := v.sealed(ctx, 0)
			if err != nil {
				return err
			}
			return v.change(ctx, `DELETE FROM evidence WHERE idx = ?`, index)
		}},
		{name: "evidence-key", what: "the wrapped evidence key is overwritten", do: exec(`UPDATE evidence_key SET wrapped = zeroblob(60)`, nil)},
		{name: "subject-key", what: "the key of a person is taken away, without an erasure", do: exec(`DELETE FROM subject`, nil)},
	}
}

func lookupAttacks() []attack {
	return []attack{
		{name: "lookup-edit", what: "an indexed column is edited so that a search misses the record", do: exec(`UPDATE lookup SET system = 'another-system' WHERE idx = ?`, mid)},
		{name: "lookup-time", what: "an indexed time is edited so that a report of the period misses the record", do: exec(`UPDATE lookup SET time = time + 86400000000000 WHERE idx = ?`, mid)},
		{name: "lookup-delete", what: "a lookup row is deleted", do: exec(`DELETE FROM lookup WHERE idx = ?`, mid)},
		{name: "lookup-content", what: "a content mark is edited, so that the record could be sent again with other content", do: exec(`UPDATE lookup SET content = zeroblob(16) WHERE idx = ?`, mid)},
		{name: "lookup-swap", what: "two lookup rows are exchanged", do: func(ctx context.Context, v *victim) error {
			for _, step := range [][2]int64{{v.mid, -1}, {v.mid - 1, v.mid}, {-1, v.mid - 1}} {
				if err := v.change(ctx, `UPDATE lookup SET idx = ? WHERE idx = ?`, step[1], step[0]); err != nil {
					return err
				}
			}
			return nil
		}},
	}
}

func treeAttacks() []attack {
	return []attack{
		{name: "tile-leaf", what: "a leaf hash in a tile is edited", do: exec(`UPDATE tile SET hashes = CAST(zeroblob(32) || substr(hashes, 33) AS BLOB) WHERE level = 0 AND n = 0`, nil)},
		{name: "tile-upper", what: "a hash in an upper tile is edited", do: exec(`UPDATE tile SET hashes = CAST(zeroblob(32) || substr(hashes, 33) AS BLOB) WHERE level = 1 AND n = 0`, nil)},
		{name: "tile-delete", what: "a tile is deleted", do: exec(`DELETE FROM tile WHERE level = 0 AND n = 0`, nil)},
		{name: "checkpoint-edit", what: "the text of a stored checkpoint is edited", do: func(ctx context.Context, v *victim) error {
			var cp []byte
			var size int64
			if err := v.tx.QueryRow(ctx, `SELECT size, note FROM checkpoint WHERE size > 0 ORDER BY size LIMIT 1`).Scan(&size, &cp); err != nil {
				return err
			}
			cp[bytes.IndexByte(cp, '\n')+1] ^= 1
			return v.change(ctx, `UPDATE checkpoint SET note = ? WHERE size = ?`, cp, size)
		}},
		{name: "checkpoint-moved", what: "a checkpoint is stored under another size", do: exec(`UPDATE checkpoint SET size = size + 1 WHERE size = (SELECT MAX(size) FROM checkpoint)`, nil)},
		{name: "checkpoint-delete", what: "the newest checkpoint is deleted", do: exec(`DELETE FROM checkpoint WHERE size = (SELECT MAX(size) FROM checkpoint)`, nil)},
	}
}

func historyAttacks() []attack {
	return []attack{
		{name: "rollback", what: "the newest records are cut off and the head is put back to an older, genuine checkpoint", do: func(ctx context.Context, v *victim) error {
			var size int64
			var cp []byte
			if err := v.tx.QueryRow(ctx, `SELECT size, note FROM checkpoint WHERE size < ? ORDER BY size DESC LIMIT 1`, v.size).Scan(&size, &cp); err != nil {
				return err
			}
			for _, table := range []string{"entry", "lookup", "evidence"} {
				if _, err := v.tx.Exec(ctx, `DELETE FROM `+table+` WHERE idx >= ?`, size); err != nil {
					return err
				}
			}
			if _, err := v.tx.Exec(ctx, `DELETE FROM checkpoint WHERE size > ?`, size); err != nil {
				return err
			}
			if _, _, err := v.retile(ctx); err != nil {
				return err
			}
			return v.change(ctx, `UPDATE head SET size = ?, checkpoint = ? WHERE one = 1`, size, cp)
		}},
		{name: "truncate-resigned", insider: true, what: "the last record is cut off and the shorter log is signed with the real key", do: func(ctx context.Context, v *victim) error {
			if err := v.remove(ctx, v.size-1); err != nil {
				return err
			}
			return v.resignOwn(ctx)
		}},
		{name: "fork-edit", insider: true, what: "a record is changed and the whole history is signed again with the real key", do: func(ctx context.Context, v *victim) error {
			if err := v.edit(ctx, v.mid, backdate); err != nil {
				return err
			}
			return v.resignOwn(ctx)
		}},
		{name: "fork-omit", insider: true, what: "a record is left out, the rest renumbered, and all is signed again with the real key", do: func(ctx context.Context, v *victim) error {
			if err := v.remove(ctx, v.mid); err != nil {
				return err
			}
			if err := v.renumber(ctx, v.mid); err != nil {
				return err
			}
			return v.resignOwn(ctx)
		}},
		{name: "new-key", insider: true, what: "a record is changed, and all is signed again under a new log key", do: func(ctx context.Context, v *victim) error {
			skey, vkey, err := note.GenerateKey(rand.Reader, v.origin)
			if err != nil {
				return err
			}
			signer, err := note.NewSigner(skey)
			if err != nil {
				return err
			}
			if err := v.edit(ctx, v.mid, backdate); err != nil {
				return err
			}
			if err := v.change(ctx, `UPDATE meta SET value = ? WHERE name = 'vkey'`, []byte(vkey)); err != nil {
				return err
			}
			return v.resign(ctx, signer)
		}},
	}
}

// resignOwn signs with the ledger's own key.
func (v *victim) resignOwn(ctx context.Context) error {
	signer, err := v.signer(ctx)
	if err != nil {
		return fmt.Errorf("open signing key: %w", err)
	}
	return v.resign(ctx, signer)
}
