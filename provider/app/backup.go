package app

import (
	"context"
	"errors"

	"qrlogin/provider/internal/sqlstore"
)

// Backup copies a provider's SQLite database into a file that is not there yet, while it runs: of its configuration, Data counts.
func Backup(ctx context.Context, c Config, file string) error {
	if c.Data == "" {
		return errors.New("no data folder: what is in memory cannot be copied")
	}
	return sqlstore.Backup(ctx, c.Data, file)
}

// Copy copies the SQLite database of a configuration's Data into its Database, a PostgreSQL that holds nothing yet. No server should run on
// either.
func Copy(ctx context.Context, c Config) error {
	if c.Data == "" || c.Database == "" {
		return errors.New("a copy is from a data folder into a database")
	}
	url, err := secretOf("database", c.Database)
	if err != nil {
		return err
	}
	return sqlstore.Copy(ctx, c.Data, url)
}
