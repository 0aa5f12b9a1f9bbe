// SPDX-License-Identifier: Apache-2.0

package db

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"
)

// Schemas lists the schemas of a PostgreSQL database whose names start with
// prefix, in order. It opens a connection of its own.
func Schemas(ctx context.Context, databaseURL, prefix string) ([]string, error) {
	conn, err := pgx.Connect(ctx, databaseURL)
	if err != nil {
		return nil, fmt.Errorf("list schemas: %w", classify(ctx, err))
	}
	defer conn.Close(ctx)
	rows, err := conn.Query(ctx, `SELECT nspname::text FROM pg_namespace WHERE starts_with(nspname, $1) ORDER BY 1`, prefix)
	if err != nil {
		return nil, fmt.Errorf("list schemas: %w", classify(ctx, err))
	}
	names, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return nil, fmt.Errorf("list schemas: %w", classify(ctx, err))
	}
	return names, nil
}
