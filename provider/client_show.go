package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"qrlogin/provider/app"
)

type clientShow struct {
	clientFlags
	ID string `name:"id" required:"" placeholder:"ID" help:"client_id of the site."`
}

// shown is a client as programs read it. Members that RFC 7591 has are named as there.
type shown struct {
	ID                     string          `json:"client_id"`
	Name                   string          `json:"client_name"`
	CreatedAt              time.Time       `json:"created_at"`
	Authentication         string          `json:"authentication"`
	JWKS                   json.RawMessage `json:"jwks,omitempty"`
	JWKSURI                string          `json:"jwks_uri,omitempty"`
	Origins                []string        `json:"origins"`
	RedirectURIs           []string        `json:"redirect_uris"`
	PostLogoutRedirectURIs []string        `json:"post_logout_redirect_uris"`
	BackchannelLogoutURI   string          `json:"backchannel_logout_uri,omitempty"`
	LogoURI                string          `json:"logo_uri,omitempty"`
	Scopes                 []string        `json:"scopes"`
	Resources              []string        `json:"resources"`
	DetailTypes            []string        `json:"authorization_details_types"`
	Sector                 string          `json:"sector,omitempty"`
	SigningAlg             string          `json:"id_token_signed_response_alg"`
	PKCEOptional           bool            `json:"pkce_optional"`
	RequirePAR             bool            `json:"require_pushed_authorization_requests"`
	Policy                 app.Policy      `json:"policy"`
}

func (s *clientShow) Run(ctx context.Context, out io.Writer) error {
	return s.with(ctx, func(r *app.Registry) error {
		c, err := r.Client(ctx, s.ID)
		if err != nil {
			return fmt.Errorf("client %s: %w", s.ID, err)
		}
		if s.JSON {
			return json.NewEncoder(out).Encode(shown{
				ID: c.ID, Name: c.Name, CreatedAt: c.CreatedAt.UTC(), Authentication: c.Authentication, JWKS: c.JWKS, JWKSURI: c.JWKSURI,
				Origins: orNone(c.Origins), RedirectURIs: orNone(c.RedirectURIs), PostLogoutRedirectURIs: orNone(c.PostLogoutRedirectURIs),
				BackchannelLogoutURI: c.BackchannelLogoutURI, LogoURI: c.LogoURI,
				Scopes: orNone(c.Scopes), Resources: orNone(c.Resources), DetailTypes: orNone(c.DetailTypes), Sector: c.Sector, SigningAlg: c.SigningAlg,
				PKCEOptional: c.PKCEOptional, RequirePAR: c.RequirePAR, Policy: c.Policy.Effective(),
			})
		}
		var jwks bytes.Buffer
		if len(c.JWKS) > 0 && json.Compact(&jwks, c.JWKS) != nil {
			return fmt.Errorf("client %s: its jwks is not JSON", s.ID)
		}
		policy := c.Policy.Effective()
		table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
		for _, row := range []struct{ name, value string }{
			{"client_id", c.ID},
			{"name", c.Name},
			{"created", c.CreatedAt.UTC().Format(time.RFC3339)},
			{"authentication", c.Authentication},
			{"jwks", jwks.String()},
			{"jwks-uri", c.JWKSURI},
			{"origins", strings.Join(c.Origins, " ")},
			{"redirect-uris", strings.Join(c.RedirectURIs, " ")},
			{"post-logout-redirect-uris", strings.Join(c.PostLogoutRedirectURIs, " ")},
			{"backchannel-logout-uri", c.BackchannelLogoutURI},
			{"logo-uri", c.LogoURI},
			{"scopes", strings.Join(c.Scopes, " ")},
			{"resources", strings.Join(c.Resources, " ")},
			{"authorization-details-types", strings.Join(c.DetailTypes, " ")},
			{"sector", c.Sector},
			{"signing-alg", c.SigningAlg},
			{"pkce-optional", yes(c.PKCEOptional)},
			{"require-par", yes(c.RequirePAR)},
			{"policy", policy.Preset},
			{"rotation", policy.Rotation},
			{"proximity", policy.Proximity},
			{"confirmation", policy.Confirmation},
			{"networks", strings.Join(policy.Networks, " ")},
			{"refresh-tokens", policy.RefreshTokens},
			{"orders", policy.Orders},
		} {
			if row.value != "" {
				fmt.Fprintf(table, "%s\t%s\n", row.name, row.value)
			}
		}
		return table.Flush()
	})
}

// orNone is the list, and [] in JSON for none.
func orNone(list []string) []string { return append([]string{}, list...) }

func yes(b bool) string {
	if b {
		return "yes"
	}
	return ""
}
