package token

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"maps"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

func decode(t *testing.T, text string) []byte {
	t.Helper()
	raw, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

func TestAnAccessTokenOfOursIsRead(t *testing.T) {
	m := newMint(t)
	g := grant("openid", "phone")
	g.Resources, g.Thumbprint = []string{"https://api.example"}, "thumbprint"
	raw := tokens(t, m, g).AccessToken
	_, claims := headerOf(t, raw)
	got, err := m.Access(raw, now)
	want := Access{
		ID: claims["jti"].(string), ClientID: "shop", Subject: m.Subject(g.Client, "account-1"), LoginID: "login-1",
		Scopes: []string{"openid", "phone"}, Audience: []string{"https://api.example", issuer}, Thumbprint: "thumbprint",
		AuthTime: time.Unix(approved.Unix(), 0), IssuedAt: time.Unix(now.Unix(), 0), ExpiresAt: time.Unix(now.Unix()+600, 0),
	}
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("%+v, %v", got, err)
	}
	got, err = m.Access(tokens(t, m, grant()).AccessToken, now)
	if err != nil || len(got.Scopes) != 0 || got.Thumbprint != "" || !reflect.DeepEqual(got.Audience, []string{issuer}) {
		t.Errorf("%+v, %v", got, err)
	}
}

func TestAnAccessTokenEndsAfterTenMinutes(t *testing.T) {
	m := newMint(t)
	raw := tokens(t, m, grant("openid")).AccessToken
	for after, want := range map[time.Duration]error{0: nil, 599 * time.Second: nil, 10 * time.Minute: ErrInvalidToken, time.Hour: ErrInvalidToken} {
		if _, err := m.Access(raw, now.Truncate(time.Second).Add(after)); !errors.Is(err, want) {
			t.Errorf("after %s: %v", after, err)
		}
	}
}

func TestAnIDTokenIsAHintEvenWhenItIsOver(t *testing.T) {
	m := newMint(t, newKey(t, at(-60)), oneRSAKey())
	for _, alg := range []string{ES256, RS256} {
		g := grant("openid")
		g.Client.SigningAlg, g.Now = alg, approved
		got, err := m.Hint(*tokens(t, m, g).IdToken)
		if want := (Hint{"shop", m.Subject(g.Client, "account-1"), "login-1"}); err != nil || got != want {
			t.Errorf("%+v, %v", got, err)
		}
	}
}

// RFC 8725 §3.12: one kind of token is not taken for another.
func TestOneKindOfTokenDoesNotPassForAnother(t *testing.T) {
	m := newMint(t)
	answer := tokens(t, m, grant("openid"))
	logout, err := m.LogoutToken(grant().Client, "account-1", "login-1", now)
	if err != nil {
		t.Fatal(err)
	}
	for name, raw := range map[string]string{"ID token": *answer.IdToken, "logout token": logout} {
		if _, err := m.Access(raw, now); !errors.Is(err, ErrInvalidToken) {
			t.Errorf("%s passes for an access token: %v", name, err)
		}
	}
	for name, raw := range map[string]string{"access token": answer.AccessToken, "logout token": logout} {
		if _, err := m.Hint(raw); !errors.Is(err, ErrInvalidToken) {
			t.Errorf("%s passes for an ID token: %v", name, err)
		}
	}
}

// forge signs a changed token, with any key.
func forge(t *testing.T, key any, method jwt.SigningMethod, header, claims map[string]any) string {
	t.Helper()
	token := jwt.NewWithClaims(method, jwt.MapClaims(claims))
	token.Header = with(header, "alg", method.Alg())
	raw, err := token.SignedString(key)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

func with(m map[string]any, name string, value any) map[string]any {
	changed := maps.Clone(m)
	changed[name] = value
	if value == nil {
		delete(changed, name)
	}
	return changed
}

func TestATokenIsRefusedFor(t *testing.T) {
	key, stranger := newKey(t, at(-60)), newKey(t, at(-60))
	m := newMint(t, key, oneRSAKey())
	answer := tokens(t, m, grant("openid"))
	public, err := json.Marshal(key.public())
	if err != nil {
		t.Fatal(err)
	}
	for kind, raw := range map[string]string{"access token": answer.AccessToken, "ID token": *answer.IdToken} {
		header, claims := headerOf(t, raw)
		read := func(raw string) error {
			if kind == "ID token" {
				_, err := m.Hint(raw)
				return err
			}
			_, err := m.Access(raw, now)
			return err
		}
		if err := read(forge(t, key.Private, jwt.SigningMethodES256, header, claims)); err != nil {
			t.Fatalf("%s unchanged: %v", kind, err)
		}
		for name, raw := range map[string]string{
			"nothing":            "",
			"no JWT":             "x.y.z",
			"another key":        forge(t, stranger.Private, jwt.SigningMethodES256, header, claims),
			"an unknown kid":     forge(t, stranger.Private, jwt.SigningMethodES256, with(header, "kid", stranger.ID), claims),
			"no kid":             forge(t, key.Private, jwt.SigningMethodES256, with(header, "kid", nil), claims),
			"a kid of a number":  forge(t, key.Private, jwt.SigningMethodES256, with(header, "kid", 1), claims),
			"an RSA key's kid":   forge(t, key.Private, jwt.SigningMethodES256, with(header, "kid", oneRSAKey().ID), claims),
			"alg none":           forge(t, jwt.UnsafeAllowNoneSignatureType, jwt.SigningMethodNone, header, claims),
			"a MAC under a key":  forge(t, public, jwt.SigningMethodHS256, header, claims),
			"another algorithm":  forge(t, oneRSAKey().Private, jwt.SigningMethodPS256, with(header, "kid", oneRSAKey().ID), claims),
			"no typ":             forge(t, key.Private, jwt.SigningMethodES256, with(header, "typ", nil), claims),
			"another typ":        forge(t, key.Private, jwt.SigningMethodES256, with(header, "typ", "dpop+jwt"), claims),
			"crit":               forge(t, key.Private, jwt.SigningMethodES256, with(header, "crit", []string{"b64"}), claims),
			"another issuer":     forge(t, key.Private, jwt.SigningMethodES256, header, with(claims, "iss", "https://other.example")),
			"no issuer":          forge(t, key.Private, jwt.SigningMethodES256, header, with(claims, "iss", nil)),
			"a line break":       raw + "\n",
			"a cut signature":    raw[:len(raw)-2],
			"a signature's zero": raw[:strings.LastIndexByte(raw, '.')+1],
			"16 kB and more":     forge(t, key.Private, jwt.SigningMethodES256, header, with(claims, "x", strings.Repeat("x", 16<<10))),
		} {
			if err := read(raw); !errors.Is(err, ErrInvalidToken) {
				t.Errorf("%s, %s: %v", kind, name, err)
			}
		}
	}
	header, claims := headerOf(t, answer.AccessToken)
	for name, raw := range map[string]string{
		"no end": forge(t, key.Private, jwt.SigningMethodES256, header, with(claims, "exp", nil)),
		"RS256":  forge(t, oneRSAKey().Private, jwt.SigningMethodRS256, with(header, "kid", oneRSAKey().ID), claims),
	} {
		if _, err := m.Access(raw, now); !errors.Is(err, ErrInvalidToken) {
			t.Errorf("access token, %s: %v", name, err)
		}
	}
}

// Whoever comes by a key that is past can make no tokens with it.
func TestATokenOfAKeyThatIsPastIsRefused(t *testing.T) {
	old, successor := newKey(t, at(0)), newKey(t, at(60))
	forger, m := newMint(t, old), newMint(t, old, successor)
	for minute, want := range map[int]error{61: nil, 60 + 489: nil, 60 + 490: ErrInvalidToken} {
		g := grant("openid")
		g.Now = at(minute)
		if _, err := m.Access(tokens(t, forger, g).AccessToken, g.Now); !errors.Is(err, want) {
			t.Errorf("minute %d: %v", minute, err)
		}
	}
}

func TestATokenByAKeyThatAnotherNodeHasMadeIsReadAfterALook(t *testing.T) {
	first, second := newKey(t, at(-60)), newKey(t, at(-1))
	other, m := newMint(t, second), newMint(t, first)
	k := &keeper{mint: m, reload: []Key{first, second}}
	m.Keeper = k
	answer := tokens(t, other, grant("openid"))
	for range 2 {
		if _, err := m.Access(answer.AccessToken, now); err != nil {
			t.Error(err)
		}
		if _, err := m.Hint(*answer.IdToken); err != nil {
			t.Error(err)
		}
	}
	if k.looked != 1 {
		t.Errorf("it looked %d times", k.looked)
	}
	if _, err := m.Access(tokens(t, newMint(t), grant("openid")).AccessToken, now); !errors.Is(err, ErrInvalidToken) {
		t.Errorf("a stranger's: %v", err)
	}
	if _, err := m.Access("x.y.z", now); !errors.Is(err, ErrInvalidToken) || k.looked != 2 {
		t.Errorf("%v; it looked %d times", err, k.looked)
	}
}

func FuzzOnlyWhatWeSignedIsRead(f *testing.F) {
	m := newMint(f)
	answer := tokens(f, m, grant("openid"))
	f.Add(answer.AccessToken)
	f.Add(*answer.IdToken)
	f.Add("a.b.c")
	signed := func(raw string) string { return raw[:max(0, strings.LastIndexByte(raw, '.'))] } // the signature has a twin (r, -s)
	f.Fuzz(func(t *testing.T, raw string) {
		if _, err := m.Access(raw, now); err == nil && signed(raw) != signed(answer.AccessToken) {
			t.Errorf("%q is read as an access token", raw)
		}
		if _, err := m.Hint(raw); err == nil && signed(raw) != signed(*answer.IdToken) {
			t.Errorf("%q is read as an ID token", raw)
		}
	})
}
