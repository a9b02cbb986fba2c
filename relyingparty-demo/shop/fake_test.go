package shop

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"image"
	"image/png"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/golang-jwt/jwt/v5"

	"qrlogin/api"
	signed "qrlogin/api/proof"
)

// fakeProvider is a provider as small as the shop's tests need it. Its fields make it hostile; set them before it is used.
type fakeProvider struct {
	*httptest.Server
	claims   func(map[string]any)                              // changes the claims of the ID token
	token    func(w http.ResponseWriter, r *http.Request) bool // may answer POST /token itself
	device   func(w http.ResponseWriter, r *http.Request) bool // may answer POST /device_authorization itself
	metadata func(map[string]any)                              // changes the discovery document
	jwks     func(w http.ResponseWriter, r *http.Request) bool // may answer GET /jwks itself
	noHold   bool                                              // does not know `Prefer: wait`
	picture  func(w http.ResponseWriter, r *http.Request)      // answers GET …/qr.png in place of the fake

	answers func(order *api.Order, shown *api.Order) // changes the order that the token response has, and the one in the receipt
	site    string                                   // whom the receipt is for; "" for the shop
	receipt func(string) string                      // changes the receipt

	key        *ecdsa.PrivateKey
	phone      *ecdsa.PrivateKey // signs the receipts
	mu         sync.Mutex
	challenges map[string]*fakeChallenge // by id
	made       []string                  // the ids, in order
	polls      int
	redeemed   int
	codes      map[string]url.Values // of the code flow: the request that each is the answer to
	pushed     []url.Values          // the requests that were left here, each named by its place
}

type fakeChallenge struct {
	id, deviceCode, watch, nonce string
	hint                         string
	order                        *api.Order
	decided                      chan struct{}
	verdict                      string // "", "approve", or an OAuth error
	answer                       []byte // as redeemed
}

const fakeClient, fakeSecret = "demo shop", "s3cret:/%"

func newFakeProvider() *fakeProvider {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		panic(err)
	}
	phone, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		panic(err)
	}
	f := &fakeProvider{key: key, phone: phone, challenges: map[string]*fakeChallenge{}, codes: map[string]url.Values{}}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /.well-known/openid-configuration", f.serveMetadata)
	mux.HandleFunc("GET /jwks", f.serveJWKS)
	mux.HandleFunc("POST /device_authorization", f.serveDevice)
	mux.HandleFunc("POST /token", f.serveToken)
	mux.HandleFunc("POST /par", f.servePushed)
	mux.HandleFunc("GET /challenges/{id}/qr.png", f.servePicture)
	mux.HandleFunc("DELETE /challenges/{id}", f.serveCancel)
	f.Server = httptest.NewServer(mux)
	return f
}

// decide is the phone: "approve", or the OAuth error that the site is to get.
func (f *fakeProvider) decide(id, verdict string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	c := f.challenges[id]
	if c.verdict == "" { // the first word is the last
		c.verdict = verdict
		close(c.decided)
	}
}

func (f *fakeProvider) newest() *fakeChallenge {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.challenges[f.made[len(f.made)-1]]
}

func (f *fakeProvider) counted() (polls, redeemed int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.polls, f.redeemed
}

func (f *fakeProvider) serveMetadata(w http.ResponseWriter, _ *http.Request) {
	m := map[string]any{
		"issuer": f.URL, "token_endpoint": f.URL + "/token", "device_authorization_endpoint": f.URL + "/device_authorization",
		"authorization_endpoint": f.URL + "/authorize", "pushed_authorization_request_endpoint": f.URL + "/par",
		"authorization_response_iss_parameter_supported": true,
		"jwks_uri": f.URL + "/jwks", "id_token_signing_alg_values_supported": []string{"ES256"},
	}
	if f.metadata != nil {
		f.metadata(m)
	}
	answer(w, http.StatusOK, m)
}

func (f *fakeProvider) serveJWKS(w http.ResponseWriter, r *http.Request) {
	if f.jwks != nil && f.jwks(w, r) {
		return
	}
	answer(w, http.StatusOK, jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: f.key.Public(), KeyID: "k1", Algorithm: "ES256", Use: "sig"}}})
}

func (f *fakeProvider) serveDevice(w http.ResponseWriter, r *http.Request) {
	if f.device != nil && f.device(w, r) {
		return
	}
	if id, secret, _ := r.BasicAuth(); id != "demo+shop" || secret != "s3cret%3A%2F%25" {
		answer(w, http.StatusUnauthorized, map[string]string{"error": "invalid_client"})
		return
	}
	if r.PostFormValue("scope") != "openid phone" || len(r.PostFormValue("nonce")) < 32 {
		answer(w, http.StatusBadRequest, map[string]string{"error": "invalid_request"})
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	id := fmt.Sprintf("CHALLENGE%d", len(f.made)+1)
	c := &fakeChallenge{id: id, deviceCode: id + ".device", watch: id + ".watch", nonce: r.PostFormValue("nonce"), decided: make(chan struct{}),
		hint: r.PostFormValue("id_token_hint")}
	if details := r.PostFormValue("authorization_details"); details != "" {
		if c.order = orderIn(details); c.order == nil {
			answer(w, http.StatusBadRequest, map[string]string{"error": "invalid_authorization_details"})
			return
		}
	}
	f.challenges[id], f.made = c, append(f.made, id)
	answer(w, http.StatusOK, map[string]any{
		"device_code": c.deviceCode, "user_code": "WDJB-MJHT", "verification_uri": f.URL + "/q",
		"expires_in": 300, "interval": 1, "challenge_id": id, "watch": c.watch,
	})
}

func (f *fakeProvider) serveToken(w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	f.polls++
	f.mu.Unlock()
	if f.token != nil && f.token(w, r) {
		return
	}
	if r.PostFormValue("grant_type") == "authorization_code" {
		f.serveCode(w, r)
		return
	}
	id, _, _ := strings.Cut(r.PostFormValue("device_code"), ".")
	f.mu.Lock()
	c := f.challenges[id]
	f.mu.Unlock()
	if c == nil || c.deviceCode != r.PostFormValue("device_code") || r.PostFormValue("grant_type") != grantDeviceCode {
		answer(w, http.StatusBadRequest, map[string]string{"error": "invalid_grant"})
		return
	}
	if wait, ok := strings.CutPrefix(r.Header.Get("Prefer"), "wait="); ok && !f.noHold {
		seconds, _ := strconv.Atoi(wait)
		w.Header().Set("Preference-Applied", "wait="+wait)
		select {
		case <-c.decided:
		case <-time.After(time.Duration(seconds) * time.Second):
		case <-r.Context().Done():
			return
		}
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	switch {
	case c.verdict == "":
		answer(w, http.StatusBadRequest, map[string]string{"error": "authorization_pending"})
	case c.verdict != "approve":
		answer(w, http.StatusBadRequest, map[string]string{"error": c.verdict})
	default:
		if c.answer == nil {
			f.redeemed++
			given := map[string]any{"access_token": "at", "token_type": "Bearer", "expires_in": 600, "id_token": f.idToken(c.nonce)}
			if c.order != nil {
				given["authorization_details"] = []api.Order{f.signed(c)}
			}
			c.answer, _ = json.Marshal(given)
		}
		w.Header().Set("Content-Type", "application/json")
		w.Write(c.answer)
	}
}

// orderIn reads authorization details; nil for none, and for what is no order.
func orderIn(details string) *api.Order {
	var orders []*api.Order
	if json.Unmarshal([]byte(details), &orders) != nil || len(orders) != 1 {
		return nil
	}
	return orders[0]
}

// signed is the order as the provider gives it back, with the phone's receipt.
func (f *fakeProvider) signed(c *fakeChallenge) api.Order {
	order, shown := *c.order, *c.order
	if f.answers != nil {
		f.answers(&order, &shown)
	}
	consented := api.Consent{Challenge: c.id, Order: &shown}
	consented.Client.Id = fakeClient
	if f.site != "" {
		consented.Client.Id = f.site
	}
	consent, _ := json.Marshal(consented)
	receipt, err := signed.SignDecision(f.phone, signed.Statement{Audience: f.URL, Challenge: c.id, Verdict: signed.Approve, Consent: consent, PIN: true}, time.Now())
	if err != nil {
		panic(err)
	}
	if f.receipt != nil {
		receipt = f.receipt(receipt)
	}
	order.Receipt = &receipt
	return order
}

const pushedName = "urn:ietf:params:oauth:request_uri:"

// servePushed keeps a request of the client's (RFC 9126 §2).
func (f *fakeProvider) servePushed(w http.ResponseWriter, r *http.Request) {
	if id, secret, _ := r.BasicAuth(); id != "demo+shop" || secret != "s3cret%3A%2F%25" || r.ParseForm() != nil {
		answer(w, http.StatusUnauthorized, map[string]string{"error": "invalid_client"})
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.pushed = append(f.pushed, r.PostForm)
	answer(w, http.StatusCreated, map[string]any{"request_uri": fmt.Sprint(pushedName, len(f.pushed)-1), "expires_in": 60})
}

// request is what a link to /authorize asks for: what it says itself, which may not be an order, or what was left here before.
func (f *fakeProvider) request(u *url.URL) url.Values {
	asked := u.Query()
	if name, pushed := strings.CutPrefix(asked.Get("request_uri"), pushedName); pushed && len(asked) == 2 && asked.Get("client_id") == fakeClient {
		if i, err := strconv.Atoi(name); err == nil && i < len(f.pushed) {
			return f.pushed[i]
		}
	}
	if asked.Has("request_uri") || asked.Has("authorization_details") {
		panic("refused: " + u.String())
	}
	return asked
}

// approve answers a request to /authorize, as a browser that was sent there brings the answer back.
func (f *fakeProvider) approve(to string) (callback string) {
	u, err := url.Parse(to)
	if err != nil {
		panic(err)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	code := fmt.Sprintf("CODE%d", len(f.codes)+1)
	f.codes[code] = f.request(u)
	return "/login/callback?" + url.Values{"code": {code}, "state": f.codes[code]["state"], "iss": {f.URL}}.Encode()
}

// serveCode redeems a code once, for the client, the callback and the verifier that the request named (RFC 6749 §4.1.3, RFC 7636 §4.6).
func (f *fakeProvider) serveCode(w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	defer f.mu.Unlock()
	asked, known := f.codes[r.PostFormValue("code")]
	id, secret, _ := r.BasicAuth()
	sum := sha256.Sum256([]byte(r.PostFormValue("code_verifier")))
	if !known || id != "demo+shop" || secret != "s3cret%3A%2F%25" || r.PostFormValue("redirect_uri") != asked.Get("redirect_uri") ||
		asked.Get("code_challenge_method") != "S256" || asked.Get("code_challenge") != base64.RawURLEncoding.EncodeToString(sum[:]) {
		answer(w, http.StatusBadRequest, map[string]string{"error": "invalid_grant"})
		return
	}
	f.codes[r.PostFormValue("code")] = nil
	f.redeemed++
	given := map[string]any{"access_token": "at", "token_type": "Bearer", "expires_in": 600, "id_token": f.idToken(asked.Get("nonce"))}
	if order := orderIn(asked.Get("authorization_details")); order != nil {
		given["authorization_details"] = []api.Order{f.signed(&fakeChallenge{id: "C", order: order})}
	}
	answer(w, http.StatusOK, given)
}

func (f *fakeProvider) idToken(nonce string) string {
	now := time.Now()
	claims := jwt.MapClaims{
		"iss": f.URL, "sub": "pairwise-1", "aud": fakeClient, "iat": now.Unix(), "exp": now.Add(time.Hour).Unix(),
		"auth_time": now.Unix(), "nonce": nonce, "acr": "urn:qrlogin:acr:qr", "amr": []string{"hwk", "user"},
		"phone_number": "+8613800138000", "phone_number_verified": true, "device_jkt": signed.Thumbprint(&f.phone.PublicKey),
	}
	if f.claims != nil {
		f.claims(claims)
	}
	token := jwt.NewWithClaims(jwt.SigningMethodES256, claims)
	token.Header["kid"] = "k1"
	signed, err := token.SignedString(f.key)
	if err != nil {
		panic(err)
	}
	return signed
}

// serveCancel ends a challenge for who has its watch.
func (f *fakeProvider) serveCancel(w http.ResponseWriter, r *http.Request) {
	id := r.PathValue("id")
	if r.Header.Get("Authorization") != "Bearer "+id+".watch" {
		answer(w, http.StatusUnauthorized, map[string]string{"code": "watch-invalid"})
		return
	}
	f.decide(id, "expired_token")
	w.WriteHeader(http.StatusNoContent)
}

func (f *fakeProvider) servePicture(w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	c := f.challenges[r.PathValue("id")]
	f.mu.Unlock()
	allowed := c != nil && r.Header.Get("Authorization") == "Bearer "+c.watch && r.URL.RawQuery == ""
	switch {
	case f.picture != nil:
		f.picture(w, r)
	case !allowed:
		answer(w, http.StatusUnauthorized, map[string]string{"code": "watch-invalid"})
	default:
		var b bytes.Buffer
		png.Encode(&b, image.NewGray(image.Rect(0, 0, 8, 8)))
		w.Header().Set("Content-Type", "image/png")
		w.Write(b.Bytes())
	}
}

func answer(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	json.NewEncoder(w).Encode(body)
}
