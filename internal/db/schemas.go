// SPDX-License-Identifier: Apache-2.0

package db

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"
)

// Schemas lists the schemas of a PostgreSQL database whose names start with
// prefix and that [Create] made, sorted. It opens a connection of its own.
func Schemas(ctx context.Context, databaseURL, prefix string) ([]string, error) {
	conn, err := pgx.Connect(ctx, databaseURL)
	if err != nil {
		return nil, fmt.Errorf("list schemas: %w", classify(ctx, err))
	}
	defer conn.Close(ctx)
	rows, err := conn.Query(ctx, `SELECT n.nspname::text FROM pg_namespace n JOIN pg_class c ON c.relnamespace = n.oid
		WHERE starts_with(n.nspname, $1) AND c.relname = 'schema_migrations' ORDER BY 1`, prefix)
	if err != nil {
		return nil, fmt.Errorf("list schemas: %w", classify(ctx, err))
	}
	names, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return nil, fmt.Errorf("list schemas: %w", classify(ctx, err))
	}
	return names, nil
}
