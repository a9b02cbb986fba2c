package identity

import (
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"testing"
)

// site is a confidential client that has nothing wrong with it, app a public one.
var (
	site = Client{ID: "shop", Name: "The Shop", SecretHash: HashSecret("secret")}
	app  = Client{ID: "app", Name: "The App"}
)

func TestARegistrationMayBe(t *testing.T) {
	for name, c := range map[string]Client{
		"the least": {ID: "a", Name: "a"},
		"all that a site can have": {
			ID: "shop", Name: "The Shop", SecretHash: HashSecret("secret"),
			Origins:                []string{"https://shop.example", "http://localhost:8080"},
			RedirectURIs:           []string{"https://shop.example/cb?from=qrlogin", "http://127.0.0.1/cb"},
			PostLogoutRedirectURIs: []string{"https://shop.example/"}, BackchannelLogoutURI: "https://shop.example/logout",
			LogoURI: "https://shop.example/logo.png", Scopes: []string{"openid", "phone", "offline_access"},
			Resources: []string{"https://api.shop.example/v1", "urn:example:orders"}, Sector: "shop.example", SigningAlg: "RS256",
			PKCEOptional: true, RequirePAR: true, Policy: Policy{Preset: "strict", Rotation: "optional", Networks: []string{"192.0.2.0/24", "2001:db8::/32"}},
		},
		"with keys":               {ID: "a", Name: "a", JWKS: []byte(`{"keys":[{"kty":"EC"}]}`), PKCEOptional: true},
		"with keys to be fetched": {ID: "a", Name: "a", JWKSURI: "https://shop.example/jwks", SigningAlg: "ES256"},
		"an app":                  {ID: "a", Name: "a", RedirectURIs: []string{"com.example.app:/cb"}, PostLogoutRedirectURIs: []string{"com.example.app:/bye"}},
		"as long as may be":       {ID: strings.Repeat("a", 128), Name: "a", RedirectURIs: slices.Repeat([]string{"https://a.example/" + strings.Repeat("a", 1982)}, 32)},
		"logging out on loopback": {ID: "a", Name: "a", SecretHash: HashSecret("x"), BackchannelLogoutURI: "http://localhost:3000/logout"},
	} {
		if err := c.Check(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestARegistrationMayNotBe(t *testing.T) {
	keys := []byte(`{"keys":[{"kty":"EC"}]}`)
	tooMany := slices.Repeat([]string{"https://a.example"}, 33)
	for name, spoil := range map[string]func(*Client){
		"without an id":                    func(c *Client) { c.ID = "" },
		"of an id with a space":            func(c *Client) { c.ID = "a b" },
		"of an id that is too long":        func(c *Client) { c.ID = strings.Repeat("a", 129) },
		"of an id that is not ASCII":       func(c *Client) { c.ID = "é" },
		"without a name":                   func(c *Client) { c.Name = "" },
		"of a name that turns text around": func(c *Client) { c.Name = "a\u202eb" },
		"of another client's own sector":   func(c *Client) { c.Sector = "client app" },
		"of a sector that is too long":     func(c *Client) { c.Sector = strings.Repeat("a", 256) },
		"with a secret and keys":           func(c *Client) { c.JWKS = keys },
		"with a secret and a jwks_uri":     func(c *Client) { c.JWKSURI = "https://shop.example/jwks" },
		"with both sorts of keys":          func(c *Client) { c.SecretHash, c.JWKS, c.JWKSURI = nil, keys, "https://shop.example/jwks" },
		"with keys that are none":          func(c *Client) { c.SecretHash, c.JWKS = nil, []byte(`{"kty":"EC"}`) },
		"with no keys in its JWKS":         func(c *Client) { c.SecretHash, c.JWKS = nil, []byte(`{"keys":[]}`) },
		"with keys that are no JSON":       func(c *Client) { c.SecretHash, c.JWKS = nil, []byte("-----BEGIN") },
		"with a heap of keys":              func(c *Client) { c.SecretHash, c.JWKS = nil, []byte(`{"keys":["`+strings.Repeat("a", 32<<10)+`"]}`) },
		"with a jwks_uri by http":          func(c *Client) { c.SecretHash, c.JWKSURI = nil, "http://shop.example/jwks" },
		"public, and PKCE optional":        func(c *Client) { c.SecretHash, c.PKCEOptional = nil, true },
		"of an origin by http":             func(c *Client) { c.Origins = []string{"http://shop.example"} },
		"of an origin with a path":         func(c *Client) { c.Origins = []string{"https://shop.example/"} },
		"of an origin with a user":         func(c *Client) { c.Origins = []string{"https://me@shop.example"} },
		"of an origin that is a pattern":   func(c *Client) { c.Origins = []string{"https://*.shop.example"} },
		"of an origin that is no site":     func(c *Client) { c.Origins = []string{"null"} },
		"of origins without end":           func(c *Client) { c.Origins = tooMany },
		"of logout pages without end":      func(c *Client) { c.PostLogoutRedirectURIs = tooMany },
		"of a logout page by http":         func(c *Client) { c.PostLogoutRedirectURIs = []string{"http://shop.example/"} },
		"of a logout page that is script":  func(c *Client) { c.PostLogoutRedirectURIs = []string{"javascript:alert(1)"} },
		"of a logout endpoint by http":     func(c *Client) { c.BackchannelLogoutURI = "http://shop.example/logout" },
		"of a logout endpoint, fragment":   func(c *Client) { c.BackchannelLogoutURI = "https://shop.example/logout#x" },
		"of a logout endpoint in a file":   func(c *Client) { c.BackchannelLogoutURI = "file:///etc/passwd" },
		"of a logo by http":                func(c *Client) { c.LogoURI = "http://shop.example/logo.png" },
		"of a logo within itself":          func(c *Client) { c.LogoURI = "data:image/png;base64,AAAA" },
		"of a scope that means nothing":    func(c *Client) { c.Scopes = []string{"openid", "admin"} },
		"of an empty scope":                func(c *Client) { c.Scopes = []string{""} },
		"of details that mean nothing":     func(c *Client) { c.DetailTypes = []string{"payment"} },
		"of details, and public":           func(c *Client) { c.SecretHash, c.DetailTypes = nil, []string{"order"} },
		"of details that are repeated":     func(c *Client) { c.DetailTypes = []string{"order", "order", "handoff"} },
		"of a resource that is relative":   func(c *Client) { c.Resources = []string{"/api"} },
		"of a resource with a fragment":    func(c *Client) { c.Resources = []string{"https://shop.example/#api"} },
		"of a resource with a space":       func(c *Client) { c.Resources = []string{"https://shop.example/a b"} },
		"of resources without end":         func(c *Client) { c.Resources = tooMany },
		"signed by nothing":                func(c *Client) { c.SigningAlg = "none" },
		"signed by its secret":             func(c *Client) { c.SigningAlg = "HS256" },
	} {
		c := site
		spoil(&c)
		err, ok := errors.AsType[Invalid](c.Check())
		if !ok || err.Redirect || err.Reason == "" || strings.Contains(err.Reason, "\n") {
			t.Errorf("%s: %+v", name, err)
		}
	}
}

func TestARedirectURIMayBe(t *testing.T) {
	for _, uri := range []string{
		"https://shop.example", "https://shop.example/", "https://shop.example/cb?a=b&c=d", "https://shop.example:8443/cb", "https://SHOP.example/cb",
		"https://192.0.2.7/cb", "https://[2001:db8::1]:8443/cb", "https://xn--fiqs8s.example/", "https://a_b.shop.example/~x/(y)", "https://shop.example/a%20b",
		"https://localhost/cb", "http://localhost/cb", "http://localhost:3000", "http://127.0.0.1:8080/cb?x", "http://[::1]/cb", "http://[::1]:1/cb",
	} {
		for _, c := range []Client{site, app} {
			c.RedirectURIs = []string{uri}
			if err := c.Check(); err != nil {
				t.Errorf("%s: %v", uri, err)
			}
		}
	}
	for _, uri := range []string{"com.example.app:/cb", "com.example.app://cb", "com.example.app:///cb", "com.example.app:/cb?a=b"} {
		public, confidential := app, site
		public.RedirectURIs, confidential.RedirectURIs = []string{uri}, []string{uri}
		if err := public.Check(); err != nil {
			t.Errorf("%s, a public client: %v", uri, err)
		}
		if err, ok := errors.AsType[Invalid](confidential.Check()); !ok || !err.Redirect {
			t.Errorf("%s, a confidential client: %v", uri, err)
		}
	}
}

// RFC 9700 §4.1, §4.11: what a browser must never be sent to with a code.
func TestARedirectURIMayNotBe(t *testing.T) {
	for _, uri := range []string{
		"", "/", "/cb", "cb", "//shop.example/cb", "shop.example/cb", "?a", "#", "https:", "https://", "https:///cb", "https:/cb", "https:shop.example",
		"https://:443/cb", "https://?a", // no host
		"http://shop.example/cb", "HTTP://shop.example/cb", "http://localhost.evil.example/", "http://127.0.0.1.evil.example/", "http://127.0.0.2/cb",
		"http://0.0.0.0/cb", "http://[::]/cb", "http://[::ffff:127.0.0.1]/cb", "http://10.0.0.1/cb", "http://2130706433/", "http://0x7f.1/", "http://LOCALHOST/cb",
		"https://shop.example/#f", "https://shop.example/cb#", "https://shop.example#@evil.example", // a fragment
		"https://me@shop.example/", "https://me:pw@shop.example/", "https://@shop.example/", "https://shop.example@evil.example/",
		"http://localhost@evil.example/", "http://localhost:80@evil.example/", "com.example.app://me@cb", // a user
		"javascript:alert(1)", "JavaScript:alert(1)", "javascript://shop.example/%0aalert(1)", "data:text/html,x", "vbscript:x", "blob:https://shop.example/x",
		"file:///etc/passwd", "about:blank", "view-source:https://shop.example", "ws://shop.example", "ftp://shop.example/", "mailto:me@shop.example",
		"myapp:/cb", "myapp://cb", "intent://cb#Intent;end", "urn:ietf:wg:oauth:2.0:oob", "android-app:/x", "x-a:/b", // schemes that anybody may have
		"com.example.app:cb", "com.example.app:", ".:", "a.b:javascript", "com.example.app://a;b/",
		"https://*.shop.example/", "https://shop.example/*", "https://shop.example/cb?*", "https://*/", "com.example.app:/*", "*",
		"https://shop.example\\@evil.example/", "https:\\\\evil.example/", "https://evil.example\\.shop.example/", "https://shop.example/\\evil",
		"https://shop.example/a b", " https://shop.example/", "https://shop.example/ ", "https://shop.example/\n", "https://shop.example/\r\nSet-Cookie:a=b",
		"https://shop.example/\x00", "\thttps://shop.example/", "https://shop.example/\x7f", "https://shop.example/\"><script>", "https://shop.example/{x}",
		"https://shop.example/\u00e9", "https://sh\u00f6p.example/", "https://shop\u3002example/", "https://shop.example/\u202e", "https://shop.example/\xff",
		"https://shop.example;script-src/", "https://shop.example,evil.example/", "https://'none'/", "https://shop.example$/", "https://shop.ex%61mple/",
		"https://[fe80::1%25eth0]/", "https://[::1/", "https://[v1.x]/", "https://shop.example:x/", "https://shop.example/%zz", "https://a.example/" + strings.Repeat("a", 1983),
	} {
		for _, c := range []Client{site, app} {
			c.RedirectURIs = []string{"https://shop.example/cb", uri}
			err, ok := errors.AsType[Invalid](c.Check())
			if !ok || !err.Redirect || err.Reason == "" || strings.ContainsAny(err.Reason, "\r\n\x00") || len(err.Reason) > 100+len(uri)*4 {
				t.Errorf("%.100q: %+v", uri, err)
			}
		}
	}
	many := site
	many.RedirectURIs = slices.Repeat([]string{"https://shop.example/cb"}, 33)
	if err, ok := errors.AsType[Invalid](many.Check()); !ok || !err.Redirect {
		t.Errorf("33 of them: %v", err)
	}
}

func TestARedirectURIIsComparedToTheLetter(t *testing.T) {
	c := Client{RedirectURIs: []string{
		"https://shop.example/cb", "https://shop.example:8443/cb?a=b", "https://localhost/cb", "com.example.app:/cb",
		"http://127.0.0.1:8080/cb", "http://[::1]/cb?a=b", "http://localhost", "http://localhost:0/zero",
	}}
	for _, uri := range c.RedirectURIs {
		if !c.Redirects(uri) {
			t.Errorf("%s is not what it is", uri)
		}
	}
	for _, uri := range []string{ // RFC 8252 §7.3: any port of the loopback
		"http://127.0.0.1/cb", "http://127.0.0.1:1/cb", "http://127.0.0.1:65535/cb", "http://[::1]:51234/cb?a=b", "http://localhost:3000",
	} {
		if !c.Redirects(uri) {
			t.Errorf("%s is refused", uri)
		}
	}
	for _, uri := range []string{
		"", "https://shop.example", "https://shop.example/", "https://shop.example/cb/", "https://shop.example/cb?", "https://shop.example/cb?a=b", "https://shop.example/cb#",
		"https://shop.example/CB", "https://SHOP.example/cb", "https://shop.example:443/cb", "https://shop.example:8443/cb", "http://shop.example/cb",
		"https://shop.example/%63b", "https://shop.example/./cb", "https://shop.example/x/../cb", "https://shop.example//cb", "https://shop.example\\cb",
		"https://evil.example/cb", "https://shop.example.evil.example/cb", "https://evil.shop.example/cb", "https://shop.example@evil.example/cb", "https://me@shop.example/cb",
		" https://shop.example/cb", "https://shop.example/cb ", "https://shop.example/cb\n", "https://shop.example/c", "ttps://shop.example/cb",
		"https://shop.example:9443/cb?a=b", "https://localhost:3000/cb", "https://localhost:443/cb", "com.example.app:/cb2", "com.example.app://cb", "com.example.app:1/cb",
		"http://127.0.0.1:8080/cb/", "http://127.0.0.1:8080/", "http://127.0.0.1:8080", "http://127.0.0.1:8080/cb?a", "http://127.0.0.1:8080/cb#", "https://127.0.0.1:8080/cb",
		"http://localhost:8080/cb", "http://[::1]:8080/cb", "http://127.0.0.2:8080/cb", "http://127.0.0.1.evil.example/cb", "http://127.0.0.1:80@evil.example/cb",
		"http://127.0.0.1@evil.example/cb", "http://127.0.0.1:/cb", "http://127.0.0.1:0/cb", "http://127.0.0.1:080/cb", "http://127.0.0.1:65536/cb", "http://127.0.0.1:+80/cb",
		"http://127.0.0.1:8_0/cb", "http://127.0.0.1:8x/cb", "http://127.0.0.1:80:80/cb", "http://127.0.0.1: 80/cb", "http://me@127.0.0.1:80/cb", "HTTP://127.0.0.1:80/cb",
		"http://[::1]:1/cb", "http://[0:0:0:0:0:0:0:1]/cb?a=b", "http://::1/cb?a=b", "http://localhost/", "http://localhost:80/", "http://localhost.:80", "http://localhost80",
		"http://localhost:1/zero", "http://localhost/zero", "http://localhost:80.evil.example", "http://localhost:80?", "http://localhostx:80",
	} {
		if c.Redirects(uri) {
			t.Errorf("%q is let through", uri)
		}
	}
	if (Client{}).Redirects("") || (Client{}).Redirects("http://localhost") {
		t.Error("a client with no redirect URI has one")
	}
}

// Whatever is asked, the browser goes to a registered URI, or on the loopback to another port of the same.
func FuzzRedirects(f *testing.F) {
	for _, registered := range []string{
		"https://shop.example/cb", "http://127.0.0.1/cb", "http://127.0.0.1:80/cb?a=b", "http://[::1]:80", "http://localhost/", "com.example.app:/cb",
	} {
		for _, uri := range []string{
			registered, registered + "/", "http://127.0.0.1:1/cb", "http://127.0.0.1:80@evil.example/cb", "http://[::1]:2", "http://localhost:99999/", "https://evil.example/cb",
		} {
			f.Add(registered, uri)
		}
	}
	f.Fuzz(func(t *testing.T, registered, uri string) {
		c := Client{ID: "a", Name: "a", RedirectURIs: []string{registered}}
		if !c.Redirects(uri) {
			if uri == registered {
				t.Fatalf("%q is not what it is", uri)
			}
			return
		}
		if uri == registered || c.Check() != nil {
			return
		}
		was, err := url.Parse(registered)
		if err != nil {
			t.Fatalf("%q was registered: %v", registered, err)
		}
		is, err := url.Parse(uri)
		if err != nil {
			t.Fatalf("%q for %q: %v", uri, registered, err)
		}
		if was.Scheme != "http" || !slices.Contains([]string{"127.0.0.1", "::1", "localhost"}, was.Hostname()) {
			t.Fatalf("%q for %q, which is not on the loopback", uri, registered)
		}
		if is.Host == was.Host {
			t.Fatalf("%q for %q: the same host and port, and another URI", uri, registered)
		}
		for _, u := range []*url.URL{is, was} { // all but the port is the same
			u.Host = fmt.Sprintf("[%s]", u.Hostname())
		}
		if *is != *was {
			t.Fatalf("%q for %q", uri, registered)
		}
	})
}
