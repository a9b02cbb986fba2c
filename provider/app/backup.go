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
