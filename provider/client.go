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
	Show   clientShow   `cmd:"" help:"Show all that is registered of a site."`
	List   clientList   `cmd:"" help:"List the registered sites."`
	Remove clientRemove `cmd:"" help:"Forget a site."`
}

// clientFlags is what all of them take.
type clientFlags struct {
	databaseFlags
	JSON bool `name:"json" help:"Print JSON, for programs."`
}

func (f clientFlags) with(ctx context.Context, use func(*app.Registry) error) error {
	registry, err := app.OpenRegistry(ctx, app.Config{Database: f.Database, Data: f.Data})
	if err != nil {
		return err
	}
	return errors.Join(use(registry), registry.Close())
}

type clientAdd struct {
	clientFlags
	ID                    string   `name:"id" required:"" placeholder:"ID" help:"client_id: printable ASCII without spaces."`
	Name                  string   `placeholder:"TEXT" help:"What the phone shows (the id)."`
	Origin                []string `placeholder:"URL" help:"Whose pages show the code, as https://shop.example; may be repeated."`
	RedirectURI           []string `name:"redirect-uri" sep:"none" placeholder:"URI" help:"Where a code of the code flow may go, compared exactly; on the loopback the port is free; may be repeated."`
	PostLogoutRedirectURI []string `name:"post-logout-redirect-uri" sep:"none" placeholder:"URI" help:"Where the browser may go after a logout; may be repeated."`
	BackchannelLogoutURI  string   `name:"backchannel-logout-uri" placeholder:"URI" help:"Where the site is told that a login has ended."`
	LogoURI               string   `name:"logo-uri" placeholder:"URI" help:"A picture for the hosted page."`
	Scope                 []string `default:"openid,phone" help:"What the site may ask for; offline_access lets it have refresh tokens (${default})."`
	Resource              []string `sep:"none" placeholder:"URI" help:"An audience that it may ask access tokens for; may be repeated."`
	DetailTypes           []string `name:"authorization-details-types" placeholder:"TYPE" help:"What the site may ask for beyond a login (RFC 9396): order, handoff."`
	Sector                string   `placeholder:"NAME" help:"Sites of one sector see the same sub for a person (the first page's host)."`
	SigningAlg            string   `name:"signing-alg" default:"ES256" placeholder:"ALG" help:"How its ID tokens are signed: ES256, or RS256 for a site that can do no other (${default})."`
	JWKS                  []byte   `name:"jwks" type:"filecontent" placeholder:"FILE" help:"The site's public keys, for private_key_jwt instead of a secret."`
	JWKSURI               string   `name:"jwks-uri" placeholder:"URI" help:"Where the site publishes them."`
	Public                bool     `help:"A client without a secret: a program on a person's own machine."`
	PKCEOptional          bool     `name:"pkce-optional" help:"Let the site do without PKCE: for one that does not know it, and never for a public one."`
	RequirePAR            bool     `name:"require-par" help:"Take its authorization requests from its backend alone (RFC 9126)."`
	policyFlags
}

func (a *clientAdd) Run(ctx context.Context, out io.Writer) error {
	return a.with(ctx, func(r *app.Registry) error {
		secret, err := r.Add(ctx, app.Client{
			ID: a.ID, Name: a.Name, JWKS: a.JWKS, JWKSURI: a.JWKSURI,
			Origins: a.Origin, RedirectURIs: a.RedirectURI, PostLogoutRedirectURIs: a.PostLogoutRedirectURI,
			BackchannelLogoutURI: a.BackchannelLogoutURI, LogoURI: a.LogoURI,
			Scopes: a.Scope, Resources: a.Resource, DetailTypes: a.DetailTypes, Sector: a.Sector, SigningAlg: a.SigningAlg,
			Policy: a.policy(), PKCEOptional: a.PKCEOptional, RequirePAR: a.RequirePAR,
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

// policyFlags is how strict the site is. What is not said is as the preset has it.
type policyFlags struct {
	Policy        string   `default:"standard" enum:"relaxed,standard,strict" placeholder:"PRESET" help:"relaxed: any code, nothing compared. standard: a code that moves; the phone warns when it is elsewhere. strict: a code good for 10 s, the phone near the screen, its digits typed into the page, no refresh tokens (${default})."`
	Rotation      string   `default:"" enum:",required,optional" placeholder:"HOW" help:"required, or optional: a code that stands still and a typed one work too, for terminals and TVs; a copied picture then works for five minutes."`
	Proximity     string   `default:"" enum:",off,warn,require" placeholder:"HOW" help:"Phone and browser in one network or place: off, warn, or require."`
	Confirmation  string   `default:"" enum:",none,code" placeholder:"HOW" help:"none, or code: the login counts once the digits on the phone are typed into the page."`
	Network       []string `placeholder:"CIDR" help:"Where the browser that shows the code must be; may be repeated."`
	RefreshTokens string   `name:"refresh-tokens" default:"" enum:",allowed,refused" placeholder:"HOW" help:"allowed or refused, whatever the scopes."`
	Orders        string   `default:"" enum:",anybody,signed-in" placeholder:"WHO" help:"Who may order: anybody, or signed-in: whom the site names by id_token_hint."`
}

func (f policyFlags) policy() app.Policy {
	return app.Policy{
		Preset: f.Policy, Rotation: f.Rotation, Proximity: f.Proximity, Confirmation: f.Confirmation, Networks: f.Network,
		RefreshTokens: f.RefreshTokens, Orders: f.Orders,
	}
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
				ID      string   `json:"client_id"`
				Name    string   `json:"client_name"`
				Origins []string `json:"origins"`
				Scopes  []string `json:"scopes"`
				Policy  string   `json:"policy"`
			}
			rows := make([]row, 0, len(clients))
			for _, c := range clients {
				rows = append(rows, row{c.ID, c.Name, c.Origins, c.Scopes, c.Policy.Effective().Preset})
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
