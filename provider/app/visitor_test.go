package app_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"image"
	"image/draw"
	"image/png"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"qrlogin/api"
	"qrlogin/mobile-sim/phone"
)

// The wiki is a site of the code flow, as any program with an OpenID Connect log-in: an issuer, an id, a secret.
const (
	wikiSecret   = "d2lraS1zZWNyZXQtd2lraS1zZWNyZXQtd2lraS1zZWM"
	wikiCallback = "https://wiki.example/callback"
	verifier     = "a-code-verifier-of-forty-three-characters-or-more"
)

func s256(verifier string) string {
	digest := sha256.Sum256([]byte(verifier))
	return base64.RawURLEncoding.EncodeToString(digest[:])
}

// asking is a good authorization request of the wiki's; changes come in pairs, "" leaves one out.
func asking(changes ...string) url.Values {
	q := url.Values{
		"client_id": {"wiki"}, "response_type": {"code"}, "redirect_uri": {wikiCallback}, "scope": {"openid phone"},
		"state": {"s-1"}, "nonce": {"n-1"}, "code_challenge": {s256(verifier)}, "code_challenge_method": {"S256"},
	}
	for i := 0; i < len(changes); i += 2 {
		q.Del(changes[i])
		if changes[i+1] != "" {
			q.Set(changes[i], changes[i+1])
		}
	}
	return q
}

// visitor is a person's browser: it keeps cookies, says where it is, and does not follow redirects by itself.
type visitor struct {
	*world
	http *http.Client
}

func (w *world) visitor() *visitor {
	w.t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		w.t.Fatal(err)
	}
	return &visitor{w, &http.Client{
		Transport: w.http.Transport, Timeout: w.http.Timeout, Jar: jar, CheckRedirect: noRedirect,
	}}
}

func (v *visitor) do(r *http.Request) answer {
	v.t.Helper()
	r.Header.Set("User-Agent", "Browser/1.0")
	other := *v.world
	other.http = v.http
	return other.do(r)
}

func (v *visitor) get(path string) answer {
	v.t.Helper()
	return v.do(v.request(http.MethodGet, path, nil))
}

// post sends what a page of the provider's own sends.
func (v *visitor) post(path, contentType, body string) answer {
	v.t.Helper()
	r := v.request(http.MethodPost, path, strings.NewReader(body))
	r.Header.Set("Content-Type", contentType)
	r.Header.Set("Sec-Fetch-Site", "same-origin")
	return v.do(r)
}

// authorize goes where a site sends its visitor.
func (v *visitor) authorize(q url.Values) answer {
	v.t.Helper()
	return v.get("/authorize?" + q.Encode())
}

// hosted goes on to the hosted page, and answers its path.
func (v *visitor) hosted(q url.Values) string {
	v.t.Helper()
	a := v.authorize(q)
	path := a.Header.Get("Location")
	if a.Status != http.StatusSeeOther || !strings.HasPrefix(path, "/authorize/") {
		v.t.Fatalf("authorize: %d %s %s", a.Status, path, a.Body)
	}
	return path
}

// challenge does what the widget does first.
func (v *visitor) challenge(path string) api.DeviceAuthorization {
	v.t.Helper()
	var started api.HostedChallenge
	a := v.post(path+"/challenge", "", "")
	if a.Status != http.StatusOK {
		v.t.Fatalf("challenge: %d %s", a.Status, a.Body)
	}
	a.decode(v.t, &started)
	return api.DeviceAuthorization{ChallengeId: started.ChallengeId, Watch: started.Watch}
}

func (v *visitor) finish(path string, started api.DeviceAuthorization) answer {
	v.t.Helper()
	return v.post(path+"/finish", "application/json", `{"challenge_id":"`+started.ChallengeId+`"}`)
}

// scanned logs in at the hosted page, and answers what the site is told.
func (v *visitor) scanned(p *phone.Phone, path string, decide func(*phone.Claim) error) url.Values {
	v.t.Helper()
	started := v.challenge(path)
	claim, err := p.Scan(v.t.Context(), v.frame(started))
	if err == nil {
		err = decide(claim)
	}
	if err != nil {
		v.t.Fatal(err)
	}
	var outcome api.HostedOutcome
	a := v.finish(path, started)
	if a.decode(v.t, &outcome); a.Status != http.StatusOK || outcome.Location == nil {
		v.t.Fatalf("finish: %d %s", a.Status, a.Body)
	}
	return v.told(v.get(*outcome.Location))
}

// told reads a redirect back to a site.
func (v *visitor) told(a answer) url.Values {
	v.t.Helper()
	to, err := url.Parse(a.Header.Get("Location"))
	if err != nil || a.Status != http.StatusSeeOther || to.Scheme != "https" || to.Path != "/callback" {
		v.t.Fatalf("not sent back: %d %q %s", a.Status, to, a.Body)
	}
	if a.Header.Get("Cache-Control") != "no-store" {
		v.t.Error("a redirect with a code may be cached")
	}
	return to.Query()
}

// code logs in anew and answers the code.
func (v *visitor) code(p *phone.Phone, changes ...string) string {
	v.t.Helper()
	said := v.scanned(p, v.hosted(asking(changes...)), approving(v, p))
	if said.Get("code") == "" || said.Get("state") != "s-1" || said.Get("iss") != v.issuer {
		v.t.Fatalf("told %v", said)
	}
	return said.Get("code")
}

// redeem redeems a code as the wiki; changes as for asking.
func (w *world) redeem(code string, changes ...string) answer {
	w.t.Helper()
	return w.do(w.redeemRequest(code, changes...))
}

func (w *world) redeemRequest(code string, changes ...string) *http.Request {
	values := url.Values{
		"grant_type": {"authorization_code"}, "code": {code}, "redirect_uri": {wikiCallback}, "code_verifier": {verifier},
	}
	for i := 0; i < len(changes); i += 2 {
		values.Del(changes[i])
		if changes[i+1] != "" {
			values.Set(changes[i], changes[i+1])
		}
	}
	return w.formRequest("/token", "wiki", wikiSecret, values)
}

// tokens logs in anew, as far as tokens.
func (v *visitor) tokens(p *phone.Phone, changes ...string) api.TokenResponse {
	v.t.Helper()
	return v.read(v.redeem(v.code(p, changes...)))
}

func (w *world) read(a answer) api.TokenResponse {
	w.t.Helper()
	var tokens api.TokenResponse
	if a.Status != http.StatusOK {
		w.t.Fatalf("token: %d %s", a.Status, a.Body)
	}
	a.decode(w.t, &tokens)
	return tokens
}

// active asks the provider about a token, as the wiki.
func (w *world) active(token string) bool {
	w.t.Helper()
	var said api.Introspection
	a := w.form("/introspect", "wiki", wikiSecret, url.Values{"token": {token}})
	if a.decode(w.t, &said); a.Status != http.StatusOK {
		w.t.Fatalf("introspect: %d %s", a.Status, a.Body)
	}
	return said.Active
}

func (w *world) refresh(token string, changes ...string) answer {
	w.t.Helper()
	values := url.Values{"grant_type": {"refresh_token"}, "refresh_token": {token}}
	for i := 0; i < len(changes); i += 2 {
		values.Set(changes[i], changes[i+1])
	}
	return w.form("/token", "wiki", wikiSecret, values)
}

// payload is what a JWT says.
func payload(t testing.TB, jwt string) []byte {
	t.Helper()
	parts := strings.Split(jwt, ".")
	if len(parts) != 3 {
		t.Fatalf("%q is no JWT", jwt)
	}
	raw, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

var svgRun = regexp.MustCompile(`M(\d+) (\d+)h(\d+)v1`)

// readSVG reads the code in a picture that the provider drew.
func readSVG(t testing.TB, svg []byte) string {
	t.Helper()
	number := func(s string) int {
		n, err := strconv.Atoi(s)
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	size := number(regexp.MustCompile(`viewBox="0 0 (\d+) `).FindStringSubmatch(string(svg))[1])
	const scale = 4
	picture := image.NewGray(image.Rect(0, 0, size*scale, size*scale))
	draw.Draw(picture, picture.Bounds(), image.White, image.Point{}, draw.Src)
	for _, run := range svgRun.FindAllStringSubmatch(string(svg), -1) {
		x, y, n := number(run[1]), number(run[2]), number(run[3])
		draw.Draw(picture, image.Rect(x*scale, y*scale, (x+n)*scale, (y+1)*scale), image.Black, image.Point{}, draw.Src)
	}
	var b bytes.Buffer
	if err := png.Encode(&b, picture); err != nil {
		t.Fatal(err)
	}
	code, err := phone.ReadPicture(&b)
	if err != nil {
		t.Fatal(err)
	}
	return code
}
