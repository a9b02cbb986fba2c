package sqlstore

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
)

// Backup copies the SQLite database in the folder dir into a file, as it is at one moment, while any number of processes use it: none
// of them waits. A copy of the file by other means lacks what is in the WAL still, or has half of a transaction.
//
// The file (0600) must not be there yet, and has its name only once it is whole and on the disk. Tables are copied as they are, and
// not brought up to date.
func Backup(ctx context.Context, dir, file string) (err error) {
	source := filepath.Join(dir, fileName)
	defer func() {
		if err != nil {
			err = fmt.Errorf("sqlstore: backup of %s: %w", source, err)
		}
	}()
	if _, err := os.Stat(source); err != nil { // SQLite would make one
		return err
	}
	if _, err := os.Lstat(file); !errors.Is(err, fs.ErrNotExist) {
		if err == nil {
			err = &fs.PathError{Op: "create", Path: file, Err: fs.ErrExist}
		}
		return err
	}
	// Beside it, so that a rename is one step; SQLite takes a file that is there if it is empty, and would make it readable by everybody.
	partial, err := os.CreateTemp(filepath.Dir(file), filepath.Base(file)+".partial-*") // 0600
	if err != nil {
		return err
	}
	defer func() {
		_ = partial.Close()
		if err != nil {
			_ = os.Remove(partial.Name())
		}
	}()
	if err := vacuumInto(ctx, source, partial.Name()); err != nil {
		return err
	}
	if err := partial.Sync(); err != nil {
		return err
	}
	return os.Rename(partial.Name(), file)
}

func vacuumInto(ctx context.Context, source, file string) error {
	from, err := filepath.Abs(source)
	if err != nil {
		return err
	}
	db, err := pool(from, 1, url.Values{"mode": {"rw"}}) // ro could not make the WAL's index where no process has the database open
	if err != nil {
		return err
	}
	defer func() { _ = db.Close() }()
	_, err = db.ExecContext(ctx, `VACUUM INTO $1`, file)
	return err
}
