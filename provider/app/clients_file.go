package app

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/goccy/go-yaml"
)

// listed is a client as the clients file says it. docs/clients.example.yaml shows all of it.
type listed struct {
	ID                     string   `yaml:"id"`
	Name                   string   `yaml:"name"`
	Secret                 string   `yaml:"secret"`
	SecretEnv              string   `yaml:"secret_env"`
	SecretFile             string   `yaml:"secret_file"`
	JWKSFile               string   `yaml:"jwks_file"`
	JWKSURI                string   `yaml:"jwks_uri"`
	Public                 bool     `yaml:"public"`
	Origins                []string `yaml:"origins"`
	RedirectURIs           []string `yaml:"redirect_uris"`
	PostLogoutRedirectURIs []string `yaml:"post_logout_redirect_uris"`
	BackchannelLogoutURI   string   `yaml:"backchannel_logout_uri"`
	LogoURI                string   `yaml:"logo_uri"`
	Scopes                 []string `yaml:"scopes"`
	Resources              []string `yaml:"resources"`
	DetailTypes            []string `yaml:"authorization_details_types"`
	Sector                 string   `yaml:"sector"`
	SigningAlg             string   `yaml:"signing_alg"`
	Policy                 string   `yaml:"policy"`
	Rotation               string   `yaml:"rotation"`
	Proximity              string   `yaml:"proximity"`
	Confirmation           string   `yaml:"confirmation"`
	Networks               []string `yaml:"networks"`
	RefreshTokens          string   `yaml:"refresh_tokens"`
	Orders                 string   `yaml:"orders"`
	PKCEOptional           bool     `yaml:"pkce_optional"`
	RequirePAR             bool     `yaml:"require_par"`
}

// readClients reads a clients file. A key that it does not know is refused, so that a misspelt one is not a default.
func readClients(path string) ([]Client, error) {
	content, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("clients file: %w", err)
	}
	var file struct {
		Clients []listed `yaml:"clients"`
	}
	document := yaml.NewDecoder(bytes.NewReader(content), yaml.Strict())
	if err := document.Decode(&file); errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("clients file %s: there is nothing in it", path)
	} else if err != nil {
		return nil, fmt.Errorf("clients file %s: %s", path, complaint(err))
	}
	if err := document.Decode(new(any)); !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("clients file %s: there is a second document in it", path)
	}
	seen := map[string]bool{}
	clients := make([]Client, 0, len(file.Clients))
	for _, entry := range file.Clients {
		if seen[entry.ID] {
			return nil, fmt.Errorf("clients file %s: client %q is there twice", path, entry.ID)
		}
		seen[entry.ID] = true
		c, err := entry.client(filepath.Dir(path))
		if err != nil {
			return nil, fmt.Errorf("clients file %s: client %q: %w", path, entry.ID, err)
		}
		clients = append(clients, c)
	}
	return clients, nil
}

// complaint is a YAML error with the line's number, and without a word of the file that may be a secret: the lines around it
// and what it quotes, but for the name of an unknown key.
func complaint(err error) string {
	text := yaml.FormatError(err, false, false)
	if _, ok := errors.AsType[*yaml.UnknownFieldError](err); !ok {
		text, _, _ = strings.Cut(text, ` "`)
	}
	return text
}

// client reads what the entry names in files, by paths from the folder, and in the environment.
func (l listed) client(folder string) (Client, error) {
	ways := 0
	for _, way := range []bool{l.Secret != "", l.SecretEnv != "", l.SecretFile != "", l.JWKSFile != "", l.JWKSURI != "", l.Public} {
		if way {
			ways++
		}
	}
	if ways != 1 { // one without a secret is public only if it says so
		return Client{}, errors.New("it has not exactly one of secret, secret_env, secret_file, jwks_file, jwks_uri and public")
	}
	c := Client{
		ID: l.ID, Name: l.Name, Secret: l.Secret, JWKSURI: l.JWKSURI,
		Origins: l.Origins, RedirectURIs: l.RedirectURIs, PostLogoutRedirectURIs: l.PostLogoutRedirectURIs,
		BackchannelLogoutURI: l.BackchannelLogoutURI, LogoURI: l.LogoURI,
		Scopes: l.Scopes, Resources: l.Resources, DetailTypes: l.DetailTypes, Sector: l.Sector, SigningAlg: l.SigningAlg,
		Policy: Policy{
			Preset: l.Policy, Rotation: l.Rotation, Proximity: l.Proximity, Confirmation: l.Confirmation, Networks: l.Networks,
			RefreshTokens: l.RefreshTokens, Orders: l.Orders,
		},
		PKCEOptional: l.PKCEOptional, RequirePAR: l.RequirePAR,
	}
	read := func(path string) ([]byte, error) {
		if !filepath.IsAbs(path) {
			path = filepath.Join(folder, path)
		}
		return os.ReadFile(path)
	}
	switch {
	case l.SecretEnv != "":
		if c.Secret = os.Getenv(l.SecretEnv); c.Secret == "" {
			return Client{}, fmt.Errorf("the environment has no %s", l.SecretEnv)
		}
	case l.SecretFile != "":
		content, err := read(l.SecretFile)
		if err != nil {
			return Client{}, err
		}
		if c.Secret = strings.TrimSpace(string(content)); c.Secret == "" {
			return Client{}, fmt.Errorf("%s is empty", l.SecretFile)
		}
	case l.JWKSFile != "":
		content, err := read(l.JWKSFile)
		if err != nil {
			return Client{}, err
		}
		if c.JWKS = content; len(content) == 0 {
			return Client{}, fmt.Errorf("%s is empty", l.JWKSFile)
		}
	}
	return c, nil
}
