package sqlstore

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// Copy copies all that is in the SQLite database in the folder dir into the PostgreSQL database of a URL, whose tables must be empty: the
// database's name too, so that it stays the one that a Redis knows. Both are brought up to date. All of it is copied, or nothing.
//
// While it copies nobody can write to the SQLite file. What is written there later is not in the copy.
func Copy(ctx context.Context, dir, url string) error {
	if _, err := os.Stat(filepath.Join(dir, fileName)); err != nil { // Open would make one
		return fmt.Errorf("sqlstore: copy: %w", err)
	}
	from, err := Open(ctx, dir)
	if err != nil {
		return err
	}
	defer func() { _ = from.Close() }()
	to, err := OpenPostgres(ctx, url)
	if err != nil {
		return err
	}
	defer func() { _ = to.Close() }()
	return failure("copy", from.within(ctx, func(source *sql.Tx) error {
		names, err := tables(ctx, source)
		if err != nil {
			return err
		}
		return to.within(ctx, func(target *sql.Tx) error {
			for _, name := range names {
				if err := copyTable(ctx, name, source, target); err != nil {
					return fmt.Errorf("%s: %w", name, err)
				}
			}
			return nil
		})
	}))
}

// tables is the names of all tables, each after those that it refers to.
func tables(ctx context.Context, source *sql.Tx) (names []string, err error) {
	rows, err := source.QueryContext(ctx, `SELECT t.name, coalesce(group_concat(f."table", ' '), '')
		FROM sqlite_master t LEFT JOIN pragma_foreign_key_list(t.name) f
		WHERE t.type = 'table' AND t.name NOT LIKE 'sqlite@_%' ESCAPE '@' AND t.name <> 'goose_db_version' GROUP BY t.name`)
	type table struct{ name, refers string }
	left, err := all(rows, err, func(r row) (t table, err error) { return t, r.Scan(&t.name, &t.refers) })
	if err != nil {
		return nil, err
	}
	for before := -1; len(left) > 0; {
		if before == len(left) {
			return nil, fmt.Errorf("tables refer to each other: %v", left)
		}
		before = len(left)
		left = slices.DeleteFunc(left, func(t table) bool {
			for other := range strings.FieldsSeq(t.refers) {
				if other != t.name && !slices.Contains(names, other) {
					return false
				}
			}
			names = append(names, t.name)
			return true
		})
	}
	return names, nil
}

func copyTable(ctx context.Context, name string, source, target *sql.Tx) (err error) {
	var there bool
	if err := target.QueryRowContext(ctx, `SELECT EXISTS (SELECT 1 FROM `+name+`)`).Scan(&there); err != nil {
		return err
	}
	if there {
		return errors.New("the PostgreSQL database is not empty")
	}
	rows, err := source.QueryContext(ctx, `SELECT * FROM `+name) //nolint:gosec // the name is a table's own
	if err != nil {
		return err
	}
	defer func() { _ = rows.Close() }()
	types, err := rows.ColumnTypes()
	if err != nil {
		return err
	}
	columns, places := make([]string, len(types)), make([]string, len(types))
	values, into := make([]any, len(types)), make([]any, len(types))
	for i, t := range types {
		columns[i], places[i], into[i] = t.Name(), fmt.Sprintf("$%d", i+1), &values[i]
	}
	statement := fmt.Sprintf(`INSERT INTO %s (%s) VALUES (%s)`, name, strings.Join(columns, ", "), strings.Join(places, ", ")) //nolint:gosec // the same
	insert, err := target.PrepareContext(ctx, statement)
	if err != nil {
		return err
	}
	defer func() { _ = insert.Close() }()
	for rows.Next() {
		if err := rows.Scan(into...); err != nil {
			return err
		}
		for i, t := range types {
			if n, is := values[i].(int64); is && t.DatabaseTypeName() == "BOOLEAN" { // which are numbers in SQLite
				values[i] = n != 0
			}
		}
		if _, err := insert.ExecContext(ctx, values...); err != nil {
			return err
		}
	}
	return rows.Err()
}
