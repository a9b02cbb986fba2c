package sqlstore

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

// Each table gets a row, with something in each column, whatever tables and columns there come to be.
func TestACopyInPostgresHasEveryColumnOfEveryTable(t *testing.T) {
	if postgres == nil {
		return
	}
	dir, url := t.TempDir(), newPostgres(t)
	db := mustOpen(t, dir)
	id, err := db.ID(t.Context())
	must(t, err)
	tx, err := db.write.Begin()
	must(t, err)
	names, err := tables(t.Context(), tx)
	must(t, err)
	if !slices.Contains(names, "accounts") || len(names) < 10 {
		t.Fatalf("tables: %v", names)
	}
	for _, name := range names {
		rows, err := tx.Query(`SELECT name, type FROM pragma_table_info($1)`, name)
		columns, err := all(rows, err, func(r row) (c [2]string, err error) { return c, r.Scan(&c[0], &c[1]) })
		must(t, err)
		var into, values []string
		for _, c := range columns {
			into = append(into, c[0])
			values = append(values, map[string]string{"TEXT": "'x'", "BYTEA": "x'00ff01'", "BIGINT": "1764400000000", "INTEGER": "7", "BOOLEAN": "TRUE"}[c[1]])
		}
		_, err = tx.Exec(`INSERT INTO ` + name + ` (` + strings.Join(into, ", ") + `) VALUES (` + strings.Join(values, ", ") + `)`)
		must(t, err)
	}
	must(t, tx.Commit())

	must(t, Copy(t.Context(), dir, url))

	copied, err := OpenPostgres(t.Context(), url)
	must(t, err)
	defer copied.Close()
	for _, name := range names {
		if was, is := contents(t, db, name), contents(t, copied, name); len(was) == 0 || !slices.Equal(was, is) {
			t.Errorf("%s has\n%s\nand not\n%s", name, strings.Join(is, "\n"), strings.Join(was, "\n"))
		}
	}
	is, err := copied.ID(t.Context())
	must(t, err)
	same(t, is, id)

	// A second copy would mix two databases.
	if err := Copy(t.Context(), dir, url); err == nil || !strings.Contains(err.Error(), "is not empty") {
		t.Errorf("copied over what is there: %v", err)
	}
}

func TestACopyThatCannotBeMadeLeavesNothing(t *testing.T) {
	if postgres == nil {
		return
	}
	dir, url := t.TempDir(), newPostgres(t)
	if err := Copy(t.Context(), dir, url); err == nil {
		t.Error("there is nothing to copy")
	}
	db := mustOpen(t, dir)
	enrolled(t, db, distinct, "first", at(0))
	target, err := OpenPostgres(t.Context(), url)
	must(t, err)
	defer target.Close()
	_, err = target.write.Exec(`INSERT INTO signing_keys (id, private_key, active_at) VALUES ('x', '', 0)`)
	must(t, err)
	if err := Copy(t.Context(), dir, url); err == nil {
		t.Error("copied over a key")
	}
	if rows := contents(t, target, "accounts"); len(rows) != 0 {
		t.Errorf("accounts were left: %v", rows)
	}
}

// contents is the rows of a table, each as text, in an order of their own.
func contents(t *testing.T, db *DB, name string) (lines []string) {
	t.Helper()
	rows, err := db.read.Query(`SELECT * FROM ` + name)
	must(t, err)
	defer rows.Close()
	columns, err := rows.Columns()
	must(t, err)
	for rows.Next() {
		values, into := make([]any, len(columns)), make([]any, len(columns))
		for i := range values {
			into[i] = &values[i]
		}
		must(t, rows.Scan(into...))
		var cells []string
		for i, column := range columns {
			if values[i] == true { // which is a number in SQLite
				values[i] = 1
			}
			cells = append(cells, fmt.Sprintf("%s=%v", column, values[i]))
		}
		slices.Sort(cells)
		lines = append(lines, strings.Join(cells, " "))
	}
	must(t, rows.Err())
	slices.Sort(lines)
	return lines
}
