package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"qrlogin/provider/app"
)

type clientCommand struct {
	Add    clientAdd    `cmd:"" help:"Register a site and print its secret, once."`
	List   clientList   `cmd:"" help:"List the registered sites."`
	Remove clientRemove `cmd:"" help:"Forget a site."`
}

// clientFlags is what all of them take.
type clientFlags struct {
	Data string `default:"qrlogin-data" placeholder:"DIR" help:"Folder of the database, as for serve (${default})."`
	JSON bool   `name:"json" help:"Print JSON, for programs."`
}

func (f clientFlags) with(ctx context.Context, use func(*app.Registry) error) error {
	registry, err := app.OpenRegistry(ctx, f.Data)
	if err != nil {
		return err
	}
	return errors.Join(use(registry), registry.Close())
}

type clientAdd struct {
	clientFlags
	ID       string   `name:"id" required:"" placeholder:"ID" help:"client_id: printable ASCII without spaces."`
	Name     string   `placeholder:"TEXT" help:"What the phone shows (the id)."`
	Origin   []string `placeholder:"URL" help:"Whose pages show the code, as https://shop.example; may be repeated."`
	Scope    []string `default:"openid,phone" help:"What the site may ask for (${default})."`
	Sector   string   `placeholder:"NAME" help:"Sites of one sector see the same sub for a person (the first origin's host)."`
	Public   bool     `help:"A client without a secret: a program on a person's own machine."`
	StaticQR bool     `name:"static-qr" help:"Allow a code that does not rotate, and a typed one: for terminals and TVs. A copied picture then works for five minutes."`
}

func (a *clientAdd) Run(ctx context.Context, out io.Writer) error {
	return a.with(ctx, func(r *app.Registry) error {
		secret, err := r.Add(ctx, app.Client{
			ID: a.ID, Name: a.Name, Origins: a.Origin, Scopes: a.Scope, Sector: a.Sector, StaticQR: a.StaticQR,
		}, a.Public)
		if err != nil {
			return err
		}
		if a.JSON {
			answer := map[string]string{"client_id": a.ID}
			if secret != "" {
				answer["client_secret"] = secret
			}
			return json.NewEncoder(out).Encode(answer)
		}
		fmt.Fprintf(out, "client_id:     %s\n", a.ID)
		if secret != "" {
			fmt.Fprintf(out, "client_secret: %s\nKeep the secret now: it is stored as a hash and cannot be shown again.\n", secret)
		}
		return nil
	})
}

type clientList struct{ clientFlags }

func (l *clientList) Run(ctx context.Context, out io.Writer) error {
	return l.with(ctx, func(r *app.Registry) error {
		clients, err := r.List(ctx)
		if err != nil {
			return err
		}
		if l.JSON {
			type row struct {
				ID       string   `json:"client_id"`
				Name     string   `json:"client_name"`
				Origins  []string `json:"origins"`
				Scopes   []string `json:"scopes"`
				StaticQR bool     `json:"static_qr"`
			}
			rows := make([]row, 0, len(clients))
			for _, c := range clients {
				rows = append(rows, row{c.ID, c.Name, c.Origins, c.Scopes, c.StaticQR})
			}
			return json.NewEncoder(out).Encode(rows)
		}
		table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
		fmt.Fprintln(table, "ID\tNAME\tORIGINS\tSCOPES")
		for _, c := range clients {
			fmt.Fprintf(table, "%s\t%s\t%s\t%s\n", c.ID, c.Name, strings.Join(c.Origins, " "), strings.Join(c.Scopes, " "))
		}
		return table.Flush()
	})
}

type clientRemove struct {
	clientFlags
	ID string `name:"id" required:"" placeholder:"ID" help:"client_id of the site to forget."`
}

func (c *clientRemove) Run(ctx context.Context, out io.Writer) error {
	return c.with(ctx, func(r *app.Registry) error {
		if err := r.Remove(ctx, c.ID); err != nil {
			return fmt.Errorf("client %s: %w", c.ID, err)
		}
		if c.JSON {
			return json.NewEncoder(out).Encode(map[string]string{"removed": c.ID})
		}
		_, err := fmt.Fprintf(out, "removed %s\n", c.ID)
		return err
	})
}
