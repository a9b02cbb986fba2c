package identity

import (
	"encoding/base64"
	"go/ast"
	"go/parser"
	"go/token"
	"slices"
	"strings"
	"testing"
)

var key = []byte("a key of the provider, 32 bytes.")

func client(id, sector string, origins ...string) Client {
	return Client{ID: id, Sector: sector, Origins: origins}
}

func TestTheSubjectIsTheSameWithinASectorAndDiffersBetweenSectors(t *testing.T) {
	const account = "account"
	for _, c := range []struct {
		name string
		a, b Client
		same bool
	}{
		{"one client", client("a", ""), client("a", ""), true},
		{"two clients", client("a", ""), client("b", ""), false},
		{"two hosts", client("a", "", "https://a.example"), client("b", "", "https://b.example"), false},
		{"two clients of one host", client("a", "", "https://shop.example"), client("b", "", "https://shop.example"), true},
		{"a second origin", client("a", "", "https://shop.example"), client("a", "", "https://shop.example", "https://b.example"), true},
		{"two clients of one sector", client("a", "shop", "https://a.example"), client("b", "shop", "https://b.example"), true},
		{"a sector named as a host", client("a", "shop.example"), client("b", "", "https://shop.example"), true},
		{"two sectors, one host", client("a", "one", "https://shop.example"), client("a", "two", "https://shop.example"), false},
		{"http and https", client("a", "", "http://shop.example"), client("a", "", "https://shop.example"), true},
		{"what is not said does not matter", Client{ID: "a", Name: "x", Scopes: []string{"openid"}, Policy: Policy{Preset: "relaxed"}}, client("a", ""), true},
	} {
		if same := c.a.Subject(key, account) == c.b.Subject(key, account); same != c.same {
			t.Errorf("%s: the same %t", c.name, same)
		}
	}
}

func TestTheSubjectIsAnAccountsAndAKeysOwn(t *testing.T) {
	shop := client("shop", "shop.example")
	subjects := []string{
		shop.Subject(key, "one"),
		shop.Subject(key, "two"),
		shop.Subject([]byte("another key"), "one"),
		client("shop", "shop.exampl").Subject(key, "eone"), // the border between sector and account counts
		client("shop", "").Subject(key, ""),
	}
	for i, s := range subjects {
		if slices.Index(subjects, s) != i {
			t.Errorf("subject %d is that of another", i)
		}
		if raw, err := base64.RawURLEncoding.DecodeString(s); err != nil || len(raw) != 32 { // at most 255 ASCII characters (OIDC Core §2)
			t.Errorf("subject %q", s)
		}
	}
	if shop.Subject(key, "one") != subjects[0] {
		t.Error("asked twice, told two things")
	}
}

// Sites key accounts on it for ever: were it to change, everybody would be a stranger everywhere.
func TestTheSubjectNeverChanges(t *testing.T) {
	const want = "9s31mRr1aXL3i4MF1Mk8kRfR83H2sDBpkncE_RMnWrk" // HMAC-SHA-256 of "qrlogin sub", the sector and the account, with NUL between
	if got := client("shop", "", "https://shop.example").Subject(key, "account"); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestOnlyTheRightSecretIsTheClients(t *testing.T) {
	confidential := Client{SecretHash: HashSecret("right")}
	public, short := Client{}, Client{SecretHash: HashSecret("right")[:16]}
	for _, c := range []struct {
		name   string
		client Client
		secret string
		want   bool
	}{
		{"the right one", confidential, "right", true},
		{"a wrong one", confidential, "wrong", false},
		{"none", confidential, "", false},
		{"its beginning", confidential, "righ", false},
		{"more than it", confidential, "right ", false},
		{"another case", confidential, "Right", false},
		{"its hash", confidential, string(confidential.SecretHash), false},
		{"none, of a public client", public, "", false},
		{"any, of a public client", public, "right", false},
		{"half a hash", short, "right", false},
	} {
		if got := c.client.HasSecret(c.secret); got != c.want {
			t.Errorf("%s: %t", c.name, got)
		}
	}
	if confidential.Public() || !public.Public() || !(Client{SecretHash: []byte{}}).Public() {
		t.Error("public is who has no secret")
	}
	if !(Client{SecretHash: HashSecret("")}).HasSecret("") || (Client{SecretHash: HashSecret("")}).Public() {
		t.Error("an empty secret is a secret, if a bad one")
	}
}

func TestAnOriginIsTheClientsOnlyAsAWhole(t *testing.T) {
	c := client("shop", "", "https://shop.example", "http://localhost:8080")
	for origin, want := range map[string]bool{
		"https://shop.example": true, "http://localhost:8080": true,
		"http://shop.example": false, "https://shop.example:443": false, "https://shop.example/": false, "https://SHOP.example": false,
		"https://evil.shop.example": false, "https://shop.example.evil": false, "http://localhost": false, "null": false, "": false, "*": false,
	} {
		if got := c.HasOrigin(origin); got != want {
			t.Errorf("%q: %t", origin, got)
		}
	}
}

func TestDomainsAreTheHostsOfTheOrigins(t *testing.T) {
	for _, c := range []struct{ origins, want []string }{
		{nil, nil},
		{[]string{"https://shop.example"}, []string{"shop.example"}},
		{[]string{"https://b.example", "https://a.example"}, []string{"b.example", "a.example"}},
		{[]string{"https://shop.example", "http://shop.example", "https://shop.example"}, []string{"shop.example"}},
		{[]string{"http://localhost:8080", "http://127.0.0.1:8080", "http://[::1]:8080"}, []string{"localhost:8080", "127.0.0.1:8080", "[::1]:8080"}},
		{[]string{"https://xn--fiqs8s.example"}, []string{"xn--fiqs8s.example"}},
		{[]string{"", "null", "shop.example", "https://", "://", "https://a b", "%zz", "mailto:me@shop.example"}, nil},
		{[]string{"https://user:secret@shop.example/path?q#f"}, []string{"shop.example"}},
	} {
		if got := client("c", "", c.origins...).Domains(); !slices.Equal(got, c.want) {
			t.Errorf("%q: %q", c.origins, got)
		}
	}
}

func TestEveryRefusalIsListed(t *testing.T) {
	file, err := parser.ParseFile(token.NewFileSet(), "errors.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	declared := 0
	ast.Inspect(file, func(n ast.Node) bool {
		if v, ok := n.(*ast.ValueSpec); ok && strings.HasPrefix(v.Names[0].Name, "Err") {
			declared++
		}
		return true
	})
	texts := map[string]bool{}
	for _, err := range Refusals {
		texts[err.Error()] = true
	}
	if declared == 0 || len(Refusals) != declared || len(texts) != declared {
		t.Errorf("%d refusals are declared, %d listed, %d different", declared, len(Refusals), len(texts))
	}
}
