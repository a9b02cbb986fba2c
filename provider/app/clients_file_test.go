package app_test

import (
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"qrlogin/provider/app"
)

// startWith starts and stops a provider with this clients file, and answers what is registered then.
func startWith(t *testing.T, data, file string, clients ...app.Client) (map[string]app.Registered, error) {
	t.Helper()
	provider, err := app.New(t.Context(), app.Config{Issuer: "http://localhost:9000", Data: data, Clients: clients, ClientsFile: file})
	if err == nil {
		err = provider.Close()
	}
	registry, openErr := app.OpenRegistry(t.Context(), app.Config{Data: data})
	if openErr != nil {
		t.Fatal(openErr)
	}
	defer registry.Close()
	list, listErr := registry.List(t.Context())
	if listErr != nil {
		t.Fatal(listErr)
	}
	registered := map[string]app.Registered{}
	for _, c := range list {
		registered[c.ID] = c
	}
	return registered, err
}

// write puts files into a new folder.
func write(t *testing.T, files map[string]string) (folder string) {
	t.Helper()
	folder = t.TempDir()
	for name, content := range files {
		if err := os.WriteFile(filepath.Join(folder, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return folder
}

func TestTheExampleOfAClientsFileIsRegistered(t *testing.T) {
	example, err := os.ReadFile("../../docs/clients.example.yaml")
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv("SHOP_SECRET", shopSecret)
	folder := write(t, map[string]string{"clients.yaml": string(example), "wiki.secret": wikiSecret + "\n"})
	registered, err := startWith(t, t.TempDir(), filepath.Join(folder, "clients.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	secret, keys, none := "secret", "keys", "none"
	wants := map[string]app.Registered{
		"shop": {Authentication: secret, Client: app.Client{
			ID: "shop", Name: "The Shop", Origins: []string{"https://shop.example"}, Scopes: []string{"openid", "phone"}, SigningAlg: "ES256",
			DetailTypes: []string{"order", "handoff"},
		}},
		"wiki": {Authentication: secret, Client: app.Client{
			ID: "wiki", Name: "The Wiki", RedirectURIs: []string{"https://wiki.example/oidc/callback"}, PostLogoutRedirectURIs: []string{"https://wiki.example/"},
			BackchannelLogoutURI: "https://wiki.example/oidc/logout", LogoURI: "https://wiki.example/logo.png", Scopes: []string{"openid", "phone", "offline_access"},
			Resources: []string{"https://api.wiki.example"}, Sector: "wiki.example", SigningAlg: "RS256", PKCEOptional: true,
		}},
		"bank": {Authentication: keys, Client: app.Client{
			ID: "bank", Name: "The Bank", JWKSURI: "https://bank.example/jwks.json", RedirectURIs: []string{"https://bank.example/callback"},
			Scopes: []string{"openid", "phone"}, SigningAlg: "ES256", RequirePAR: true,
		}},
		"cli": {Authentication: none, Client: app.Client{
			ID: "cli", Name: "The Tool", RedirectURIs: []string{"http://127.0.0.1/callback", "com.example.tool:/callback"}, Scopes: []string{"openid", "phone"}, SigningAlg: "ES256",
		}},
		"tv": {Authentication: none, Client: app.Client{ID: "tv", Name: "The Television", Scopes: []string{"openid", "phone"}, SigningAlg: "ES256", Policy: app.Policy{Rotation: "optional"}}},
	}
	if len(registered) != len(wants) {
		t.Errorf("%d are registered, not %d", len(registered), len(wants))
	}
	for id, want := range wants {
		got := registered[id]
		want.CreatedAt = got.CreatedAt
		if got, want := fmt.Sprintf("%+v", got), fmt.Sprintf("%+v", want); got != want {
			t.Errorf("%s:\ngot  %s\nwant %s", id, got, want)
		}
	}
}

func TestAClientsFileReplacesWhatItNamesAndKeepsTheRest(t *testing.T) {
	data := t.TempDir()
	folder := write(t, map[string]string{
		"one.yaml": "clients:\n  - {id: shop, name: Old, secret: " + shopSecret + "}\n  - {id: gone, public: true}\n",
		"two.yaml": "clients:\n  - {id: shop, name: New, public: true}\n",
		"none.yml": "clients: []\n",
	})
	first, err := startWith(t, data, filepath.Join(folder, "one.yaml"), app.Client{ID: "config"})
	if err != nil || len(first) != 3 || first["shop"].Name != "Old" || first["shop"].Authentication != "secret" {
		t.Fatalf("%+v, %v", first, err)
	}
	second, err := startWith(t, data, filepath.Join(folder, "two.yaml"))
	if err != nil || len(second) != 3 || second["shop"].Name != "New" || second["shop"].Authentication != "none" || !second["shop"].CreatedAt.Equal(first["shop"].CreatedAt) {
		t.Errorf("%+v, %v", second, err)
	}
	if third, err := startWith(t, data, filepath.Join(folder, "none.yml")); err != nil || !reflect.DeepEqual(third, second) {
		t.Errorf("%+v, %v", third, err)
	}
}

func TestAClientsFileIsRefused(t *testing.T) {
	t.Setenv("SHORT_SECRET", "hunter2")
	const secret = "hunter2hunter2hunter2hunter2"
	for name, c := range map[string]struct{ file, want string }{
		"when it is empty":               {"", "there is nothing in it"},
		"when it is no YAML":             {"clients:\n  - id: [", "[2:"},
		"when it is a list":              {"- id: shop\n", "[1:"},
		"for an unknown key":             {"client:\n  - id: shop\n", `[1:1] unknown field "client"`},
		"for an unknown key of a client": {"clients:\n  - id: shop\n    secret: " + secret + "\n    redirect_uri: x\n", `[4:5] unknown field "redirect_uri"`},
		"for a key in another case":      {"clients:\n  - ID: shop\n", `[2:5] unknown field "ID"`},
		"for a key that is there twice":  {"clients:\n  - id: shop\n    public: true\n    id: other\n", "[4:5]"},
		"for a value of another type":    {"clients:\n  - id: shop\n    public: " + secret + "\n", "[3:13]"},
		"for a list that is none":        {"clients:\n  - id: shop\n    public: true\n    origins: https://shop.example\n", "[4:14]"},
		"for an alias that is a secret":  {"clients:\n  - {id: shop, secret: *" + secret + "}\n", "[2:"},
		"for a block that is a secret":   {"clients:\n  - id: shop\n    secret: |" + secret + "\n", "[3:13]"},
		"for a second document":          {"clients: []\n---\nclients: []\n", "second document"},
		"for a client that is twice":     {"clients:\n  - {id: shop, public: true}\n  - {id: shop, public: true}\n", `client "shop" is there twice`},
		"for a client without a secret":  {"clients:\n  - id: shop\n", "exactly one of secret"},
		"for a client with an empty one": {"clients:\n  - {id: shop, secret: ''}\n", "exactly one of secret"},
		"for a client with two secrets":  {"clients:\n  - {id: shop, secret: " + secret + ", secret_env: SHOP}\n", "exactly one of secret"},
		"for a public one with a secret": {"clients:\n  - {id: shop, secret: " + secret + ", public: true}\n", "exactly one of secret"},
		"for a secret with keys":         {"clients:\n  - {id: shop, secret: " + secret + ", jwks_uri: https://shop.example/}\n", "exactly one of secret"},
		"for a short secret":             {"clients:\n  - {id: shop, secret: hunter2}\n", "make a random one with openssl rand"},
		"for a short secret from afar":   {"clients:\n  - {id: shop, secret_env: SHORT_SECRET}\n", "make a random one with openssl rand"},
		"for a secret that is not there": {"clients:\n  - {id: shop, secret_env: NO_SUCH_SECRET}\n", "the environment has no NO_SUCH_SECRET"},
		"for a file that is not there":   {"clients:\n  - {id: shop, secret_file: missing}\n", "missing: no such file"},
		"for a file that is empty":       {"clients:\n  - {id: shop, secret_file: empty}\n", "empty is empty"},
		"for keys that are not there":    {"clients:\n  - {id: shop, jwks_file: missing}\n", "missing: no such file"},
		"for keys that are empty":        {"clients:\n  - {id: shop, jwks_file: empty}\n", "empty is empty"},
		"for keys that are none":         {"clients:\n  - {id: shop, jwks_file: clients.yaml}\n", "jwks is not"},
		"for a client without an id":     {"clients:\n  - {public: true}\n", "client id"},
		"for what may not be registered": {"clients:\n  - {id: good, public: true}\n  - {id: shop, public: true, redirect_uris: ['http://shop.example/']}\n", "is not https"},
	} {
		folder := write(t, map[string]string{"clients.yaml": c.file, "empty": "\n"})
		if name == "for keys that are empty" {
			folder = write(t, map[string]string{"clients.yaml": c.file, "empty": ""})
		}
		registered, err := startWith(t, t.TempDir(), filepath.Join(folder, "clients.yaml"))
		switch {
		case err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "\n"):
			t.Errorf("%s: %v, want %q", name, err, c.want)
		case strings.Contains(err.Error(), "hunter2"):
			t.Errorf("%s: a secret is told: %v", name, err)
		case len(registered) > 0:
			t.Errorf("%s: %+v is registered", name, registered)
		}
	}
	if _, err := startWith(t, t.TempDir(), "no/such/file"); err == nil || !strings.Contains(err.Error(), "no/such/file") {
		t.Errorf("no file: %v", err)
	}
}

func TestSecretsOfAClientsFileAreTheClients(t *testing.T) {
	t.Setenv("SHOP_SECRET", shopSecret)
	folder := write(t, map[string]string{
		"clients.yaml": "clients:\n  - {id: by-env, secret_env: SHOP_SECRET}\n  - {id: by-file, secret_file: wiki.secret}\n  - {id: written, secret: " + otherSecret + "}\n",
		"wiki.secret":  wikiSecret + "\r\n",
	})
	w := newWorld(t, func(c *app.Config) { c.ClientsFile = filepath.Join(folder, "clients.yaml") })
	for id, secret := range map[string]string{"by-env": shopSecret, "by-file": wikiSecret, "written": otherSecret, "shop": shopSecret} {
		w.startAs(id, secret)
	}
}
