package widget_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/go-jose/go-jose/v4"

	"qrlogin/api"
	"qrlogin/api/handoff"
)

// receiving is a site's page that asks for a handoff, and what the provider has for it.
type receiving struct {
	*provider
	site *site
	tab  *tab

	mu       sync.Mutex
	key      api.HandoffKey // that the page sent, last
	content  string         // what the provider answers; "" for 410
	receipts int
}

// receives opens a page that asks for a handoff. onReceived is what the page does with the event e.
func receives(t *testing.T, onReceived string) *receiving {
	t.Helper()
	p, s, b := setup(t)
	r := &receiving{provider: p, site: s, tab: b}
	s.show("en", `<qr-login purpose="handoff" challenge="/login/challenge" finish="/login/finish"></qr-login>`)
	s.challengeBy(func(w http.ResponseWriter, req *http.Request) {
		var body struct {
			JWK api.HandoffKey `json:"jwk"`
		}
		if err := json.NewDecoder(req.Body).Decode(&body); err != nil || req.Header.Get("Content-Type") != "application/json" {
			t.Errorf("the page's key: %v, as %q", err, req.Header.Get("Content-Type"))
		}
		r.mu.Lock()
		r.key = body.JWK
		r.mu.Unlock()
		s.newChallenge(w)
	})
	p.answerBy(func(w http.ResponseWriter, req *http.Request) bool {
		r.mu.Lock()
		defer r.mu.Unlock()
		switch {
		case strings.HasSuffix(req.URL.Path, "/handoff") && r.content == "":
			problem(w, http.StatusGone, "gone", "redeemed")
		case strings.HasSuffix(req.URL.Path, "/handoff"):
			w.Header().Set("Content-Type", "application/jose")
			fmt.Fprint(w, r.content)
		case strings.HasSuffix(req.URL.Path, "/receipt"):
			r.receipts++
			w.WriteHeader(http.StatusNoContent)
		default:
			return false
		}
		return true
	})
	b.before(`addEventListener('qr-received', async (e) => {
		const tell = (detail) => report({ number: ++reports, name: 'qr-received', detail, whole: e.bubbles && e.composed && !e.cancelable });
		tell({ type: e.detail.content.type, size: e.detail.content.size, text: (await e.detail.content.text()).slice(0, 100) });
		` + onReceived + `
	});`)
	b.visit()
	b.awaitPhase("pending")
	return r
}

// sends has the phone send something for the page's key, and the site redeem.
func (r *receiving) sends(t *testing.T, mediaType, plain string) {
	t.Helper()
	recipient := jose.Recipient{Algorithm: jose.ECDH_ES, Key: r.public(t)}
	e, err := jose.NewEncrypter(jose.A256GCM, recipient, (&jose.EncrypterOptions{}).WithContentType(jose.ContentType(mediaType)))
	if err != nil {
		t.Fatal(err)
	}
	sealed, err := e.Encrypt([]byte(plain))
	if err != nil {
		t.Fatal(err)
	}
	compact, err := sealed.CompactSerialize()
	if err != nil {
		t.Fatal(err)
	}
	r.has(compact)
}

func (r *receiving) has(content string) {
	r.mu.Lock()
	r.content = content
	r.mu.Unlock()
	c := r.challenge(0)
	r.set(c, "claimed")
	r.tab.awaitStatus("Scanned. Confirm on your phone.")
	r.set(c, "approved")
}

func (r *receiving) public(t *testing.T) any {
	t.Helper()
	r.mu.Lock()
	defer r.mu.Unlock()
	raw, err := json.Marshal(r.key)
	if err != nil {
		t.Fatal(err)
	}
	var jwk jose.JSONWebKey
	if err := jwk.UnmarshalJSON(raw); err != nil {
		t.Fatal(err)
	}
	return jwk.Key
}

func (r *receiving) receipted() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.receipts
}

func TestWidgetDrawsTheThumbprintOfItsOwnKey(t *testing.T) {
	r := receives(t, "")
	c := r.challenge(0)
	r.mu.Lock()
	thumbprint, err := handoff.Thumbprint(r.key)
	r.mu.Unlock()
	if err != nil {
		t.Fatal(err)
	}
	r.tab.awaitStatus("Scan with your phone to send it here")
	r.tab.awaitCode(r.code(c, 0) + "#" + thumbprint)
	r.tab.close(false)
}

func TestWidgetHandsThePageWhatThePhoneSentAndHasItForgotten(t *testing.T) {
	r := receives(t, "await e.detail.forget();")
	plain := strings.Repeat("书签 – bookmarks\n", 200_000)
	r.sends(t, "text/html", plain)
	got := r.tab.awaitEvent("qr-received")
	if got.Detail["type"] != "text/html" || int(got.Detail["size"].(float64)) != len(plain) || !strings.HasPrefix(got.Detail["text"].(string), "书签 – bookmarks\n") {
		t.Errorf("the page received %v", got.Detail)
	}
	r.tab.await("location.pathname === '/account'") // the finish's location, once nobody keeps it any more
	if n := r.receipted(); n != 1 {
		t.Errorf("%d receipts", n)
	}
	if got := r.tab.names(); got != "qr-scanned qr-received qr-approved" {
		t.Errorf("events: %s", got)
	}
	r.tab.close(false)
}

func TestWidgetStaysOnThePageWhenTheSiteSaysDone(t *testing.T) {
	r := receives(t, "await e.detail.forget(); window.__forgotten = true;")
	r.site.finishBy(func(w http.ResponseWriter, req *http.Request, c *challenge) {
		for { // as a backend does that waits
			r.provider.mu.Lock()
			state, changed := c.state, c.changed
			r.provider.mu.Unlock()
			if state == "approved" {
				break
			}
			<-changed
		}
		r.set(c, "redeemed")
		writeJSON(w, map[string]any{"status": "done"})
	})
	r.sends(t, "text/plain", "hello")
	r.tab.await("window.__forgotten")
	r.tab.awaitStatus("Received")
	if path := js[string](r.tab, "location.pathname"); path != "/" || r.receipted() != 1 {
		t.Errorf("the page is at %s after %d receipts", path, r.receipted())
	}
	r.tab.close(false)
}

func TestWidgetSaysThatWhatCameCannotBeReadAndHasItForgotten(t *testing.T) {
	for name, of := range map[string]func(t *testing.T, r *receiving){
		"for another key": func(t *testing.T, r *receiving) {
			other, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
			if err != nil {
				t.Fatal(err)
			}
			raw, err := (&jose.JSONWebKey{Key: other.Public()}).MarshalJSON()
			if err != nil {
				t.Fatal(err)
			}
			r.mu.Lock()
			err = json.Unmarshal(raw, &r.key)
			r.mu.Unlock()
			if err != nil {
				t.Fatal(err)
			}
			r.sends(t, "text/plain", "hello")
		},
		"cut": func(t *testing.T, r *receiving) {
			r.sends(t, "text/plain", "hello")
			r.mu.Lock()
			defer r.mu.Unlock()
			r.content = r.content[:len(r.content)-8]
		},
		"no JWE": func(_ *testing.T, r *receiving) { r.has("hello") },
		"gone":   func(_ *testing.T, r *receiving) { r.has("") },
	} {
		t.Run(name, func(t *testing.T) {
			r := receives(t, "")
			gate := make(chan struct{})
			r.site.finishBy(func(w http.ResponseWriter, req *http.Request, c *challenge) {
				<-gate // until the content is as it is meant
				r.site.longPoll(w, req, c)
			})
			of(t, r)
			close(gate)
			if e := r.tab.awaitEvent("qr-error"); e.Detail["code"] != "handoff-unreadable" {
				t.Errorf("the error is %v", e.Detail)
			}
			r.tab.awaitPhase("error")
			if r.receipted() != 1 {
				t.Errorf("%d receipts", r.receipted())
			}
			if strings.Contains(r.tab.names(), "qr-received") {
				t.Error("the page was handed something")
			}
			r.tab.close(true)
		})
	}
}

// A key that a script could read could be taken by one: it is not extractable, and nowhere but in the widget's own field.
func TestTheKeyOfAHandoffCannotBeRead(t *testing.T) {
	_, s, b := setup(t)
	s.show("en", `<qr-login purpose="handoff" challenge="/login/challenge" finish="/login/finish"></qr-login>`)
	b.before(`const generate = crypto.subtle.generateKey;
	crypto.subtle.generateKey = async function (...args) {
		const pair = await generate.apply(this, args);
		window.__key = [pair.privateKey.extractable, ...pair.privateKey.usages].join();
		return pair;
	};`)
	b.visit()
	b.awaitPhase("pending")
	if got := js[string](b, "window.__key"); got != "false,deriveBits" {
		t.Errorf("the key is %s", got)
	}
	b.close(false)
}

func TestWidgetHasOtherWordsForAnOrder(t *testing.T) {
	p, s, b := setup(t)
	s.show("en", `<qr-login purpose="order" challenge="/login/challenge" finish="/login/finish"></qr-login>`)
	b.visit()
	b.awaitStatus("Scan with your phone to buy")
	b.awaitCode(p.code(p.challenge(0), 0)) // with nothing behind it
	s.show("zh", `<qr-login purpose="order" challenge="/login/challenge" finish="/login/finish"></qr-login>`)
	b.again()
	b.awaitStatus("请用手机扫码购买")
	b.close(false)
}
