package main

import (
	"context"
	"errors"
	"fmt"
	"io"

	"qrlogin/provider/app"
)

type backupCommand struct {
	databaseFlags
	To string `required:"" placeholder:"FILE" help:"The copy, for its owner alone. It must not be there yet, and is there only once it is whole. As secret as the database."`
}

// Run copies.
func (b *backupCommand) Run(ctx context.Context, out io.Writer) error {
	if b.Database != "" {
		return errors.New("a PostgreSQL database is backed up by its own means: pg_dump --format=custom; docs/deploy.md has more")
	}
	if err := app.Backup(ctx, app.Config{Data: b.Data}, b.To); err != nil {
		return err
	}
	_, err := fmt.Fprintf(out, "%s has the database. With a master key, keep that elsewhere: the copy opens with it alone.\n", b.To)
	return err
}
