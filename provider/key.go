package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"text/tabwriter"
	"time"

	"qrlogin/provider/app"
)

type keyCommand struct {
	List   keyList   `cmd:"" help:"List the signing keys."`
	Rotate keyRotate `cmd:"" help:"Make new signing keys."`
}

// keyFlags is what all of them take.
type keyFlags struct {
	databaseFlags
	MasterKey string `placeholder:"KEY" help:"As for serve. Put it into a file (file:PATH) or the environment, not on a command line."`
	JSON      bool   `name:"json" help:"Print JSON, for programs."`
}

func (f keyFlags) with(ctx context.Context, use func(*app.Keyring) error) error {
	keyring, err := app.OpenKeyring(ctx, app.Config{Database: f.Database, Data: f.Data, MasterKey: f.MasterKey})
	if err != nil {
		return err
	}
	return errors.Join(use(keyring), keyring.Close())
}

// print prints what keys there are.
func (f keyFlags) print(ctx context.Context, r *app.Keyring, out io.Writer) error {
	keys, err := r.List(ctx)
	if err != nil {
		return err
	}
	stamp := func(t time.Time) string { return t.UTC().Format(time.RFC3339) }
	if f.JSON {
		type row struct {
			ID    string `json:"kid"`
			Alg   string `json:"alg"`
			State string `json:"state"`
			From  string `json:"from"`
			Until string `json:"published_until,omitempty"`
		}
		rows := make([]row, 0, len(keys))
		for _, k := range keys {
			r := row{ID: k.ID, Alg: k.Alg, State: k.State, From: stamp(k.From)}
			if !k.Until.IsZero() {
				r.Until = stamp(k.Until)
			}
			rows = append(rows, r)
		}
		return json.NewEncoder(out).Encode(rows)
	}
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "ID\tALG\tSTATE\tSIGNS FROM\tPUBLISHED UNTIL")
	for _, k := range keys {
		until := "-"
		if !k.Until.IsZero() {
			until = stamp(k.Until)
		}
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\n", k.ID, k.Alg, k.State, stamp(k.From), until)
	}
	return table.Flush()
}

type keyList struct{ keyFlags }

func (l *keyList) Run(ctx context.Context, out io.Writer) error {
	return l.with(ctx, func(r *app.Keyring) error { return l.print(ctx, r, out) })
}

type keyRotate struct {
	keyFlags
	After       *time.Duration `placeholder:"1h" xor:"when" help:"How long the new key is published before it signs, so that every site knows it by then; at least 10m (1h)."`
	Alg         []string       `placeholder:"ALG" help:"ES256 or RS256; each that has a key, unless named."`
	Compromised bool           `xor:"when" help:"Somebody else may have the keys: the new ones sign at once and the old ones are withdrawn."`
}

const (
	saysRotated   = "The new keys are published within a minute. Old ones stay published until nothing matters any more that they have signed."
	saysWithdrawn = `The new keys sign from now on and the old ones are withdrawn: tokens signed by them stop verifying, here within a minute and at
sites within five more. Who is logged in at a site stays logged in there.`
)

func (k *keyRotate) Run(ctx context.Context, out io.Writer) error {
	return k.with(ctx, func(r *app.Keyring) error {
		says, rotate := saysRotated, func() error {
			after := time.Hour
			if k.After != nil {
				after = *k.After
			}
			return r.Rotate(ctx, after, k.Alg...)
		}
		if k.Compromised {
			says, rotate = saysWithdrawn, func() error { return r.Withdraw(ctx, k.Alg...) }
		}
		if err := rotate(); err != nil {
			return err
		}
		if !k.JSON {
			fmt.Fprintln(out, says)
		}
		return k.print(ctx, r, out)
	})
}
