package archtest

import "testing"

// The rules are held to their words: what they say of made-up packages.
func TestTheRulesRefuseWhatTheySayAndNothingElse(t *testing.T) {
	const in = "provider/internal/"
	for _, c := range []struct {
		of, imports string
		refused     bool
	}{
		{"provider", "provider/app", false},
		{"provider", "github.com/alecthomas/kong", false},
		{"provider", in + "sqlstore", true},
		{"provider", in + "identity", true},
		{"provider/app", in + "sqlstore", false},
		{"provider/app", "relyingparty-demo/shop", true},
		{"provider/app", in + "storetest", true},
		{"provider/app", in + "contracttest", true},

		{in + "oauth", in + "challenge", false},
		{in + "oauth", in + "web", false},
		{in + "oauth", in + "token", false},
		{in + "oauth", "github.com/gin-gonic/gin", false},
		{in + "oauth", in + "phone", true},
		{in + "phone", in + "browser", true},
		{in + "browser", in + "oauth", true},
		{in + "browser", in + "browser/widget", false},
		{in + "browser", in + "qr", false},
		{in + "oauth", in + "qr", false},
		{in + "qr", in + "challenge", true},
		{in + "oauth", in + "oauth/pages", false},
		{in + "oauth/pages", in + "web", false},
		{in + "oauth/pages", in + "identity", true},
		{in + "browser", in + "oauth/pages", true},
		{in + "browser/widget", in + "phone", true},
		{in + "phone", "api/picture", false},
		{in + "oauth", "api/picture", true},
		{in + "phone", "github.com/makiuchi-d/gozxing", true},
		{"api/picture", "net/http", true},
		{"api/picture", "github.com/makiuchi-d/gozxing/qrcode/detector", false},
		{in + "phone", in + "browser/widget", true},
		{in + "browser", in + "token", true},
		{in + "phone", in + "token", true},
		{in + "oauth", in + "memstore", true},
		{in + "phone", in + "sqlstore", true},
		{in + "phone", "database/sql", true},
		{in + "oauth", "github.com/redis/go-redis/v9", true},
		{in + "web", in + "oauth", true},
		{in + "web", in + "identity", false},

		{in + "memstore", in + "redisstore", true},
		{in + "redisstore", in + "sqlstore", true},
		{in + "redisstore", "github.com/redis/go-redis/v9", false},
		{in + "sqlstore", in + "oauth", true},
		{in + "sqlstore", "modernc.org/sqlite/lib", false},
		{in + "memstore", in + "storetest", true},
		{in + "phone", in + "dpop", false},
		{in + "oauth", in + "dpop", false},
		{in + "browser", in + "dpop", true},
		{in + "dpop", "net/http", false},
		{in + "dpop", "api/proof", false},
		{in + "dpop", in + "web", true},
		{in + "dpop", in + "identity", true},
		{in + "dpop", in + "memstore", true},
		{in + "token", in + "sqlstore", true},
		{in + "token", "github.com/golang-jwt/jwt/v5", false},

		{in + "challenge", "crypto/hmac", false},
		{in + "challenge", "net/netip", false},
		{in + "challenge", "net", true},
		{in + "challenge", "net/http", true},
		{in + "challenge", "net/http/httptest", true},
		{in + "challenge", "database/sql", true},
		{in + "challenge", "database/sql/driver", true},
		{in + "challenge", "github.com/golang-jwt/jwt/v5", true},
		{in + "challenge", "golang.org/x/sync/errgroup", true},
		{in + "challenge", in + "identity", true},
		{in + "challenge", "api", true},
		{in + "identity", "net/url", false},
		{in + "identity", "net/http", true},
		{in + "identity", "github.com/nyaruka/phonenumbers", true},
		{in + "identity", in + "challenge", true},

		{"api", "github.com/oapi-codegen/runtime", false},
		{"api", "github.com/gin-gonic/gin", true},
		{"api/proof", "github.com/redis/go-redis/v9", true},
		{"api/proof", "api", false},
		{"api/proof", in + "identity", true},
		{"api", "provider/app", true},

		{"relyingparty-demo", "provider/app", false},
		{"relyingparty-demo", "mobile-sim/phone", false},
		{"relyingparty-demo", "provider", true},
		{"relyingparty-demo/shop", in + "challenge", true},
		{"relyingparty-demo/shop", "database/sql", false},
		{"mobile-sim", "mobile-sim/phone", false},
		{"mobile-sim/phone", "api/proof", false},
		{"mobile-sim/phone", "provider/app", true},
		{"mobile-sim", in + "identity", true},
		{"mobile-sim", "relyingparty-demo/shop", true},
		{"docs/sites/go", "github.com/coreos/go-oidc/v3/oidc", false},
		{"docs/sites/go", "api", true},

		{in + "unheard-of", "fmt", true},
		{"unheard-of", "fmt", true},
	} {
		got := complaints(pkg{path: c.of, imports: []string{c.imports}})
		if (len(got) > 0) != c.refused {
			t.Errorf("%s imports %s: refused %t, want %t: %q", c.of, c.imports, len(got) > 0, c.refused, got)
		}
	}
}

func TestTheRulesLetTestFilesImportMore(t *testing.T) {
	for _, c := range []struct {
		of, imports string
		refused     bool
	}{
		{"provider/internal/memstore", "provider/internal/storetest", false},
		{"provider/internal/challenge", "provider/internal/memstore", false},
		{"provider/internal/oauth", "net/http/httptest", false},
		{"relyingparty-demo", "provider/app", false},
		{"relyingparty-demo/shop", "mobile-sim/phone", false},
		{"relyingparty-demo", "provider/internal/testenv", true},
		{"api/typescript", "provider/app", false},
		{"api/typescript", "provider/internal/token", true},
		{"mobile-sim", "provider/app", false},
		{"mobile-sim/phone", "provider/internal/memstore", true},
		{"mobile-sim", "relyingparty-demo/shop", true},
		{"docs/sites", "provider/app", false},
		{"docs/sites", "mobile-sim", true},
		{"docs/sites", "provider/internal/testenv", true},
	} {
		got := complaints(pkg{path: c.of, testImports: []string{c.imports}})
		if (len(got) > 0) != c.refused {
			t.Errorf("a test of %s imports %s: refused %t, want %t: %q", c.of, c.imports, len(got) > 0, c.refused, got)
		}
	}
}
