package main

import (
	"context"
	"errors"
	"fmt"
	"io"

	"qrlogin/provider/app"
)

type copyCommand struct{ databaseFlags }

// Run copies.
func (c *copyCommand) Run(ctx context.Context, out io.Writer) error {
	if c.Database == "" {
		return errors.New("where to? --database names a PostgreSQL database")
	}
	if err := app.Copy(ctx, app.Config{Data: c.Data, Database: c.Database}); err != nil {
		return err
	}
	_, err := fmt.Fprintf(out, "Everything of %s is in the PostgreSQL database. Start the servers with --database, with the same master key and store.\n", c.Data)
	return err
}
