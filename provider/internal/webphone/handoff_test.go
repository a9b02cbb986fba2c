package webphone_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/go-jose/go-jose/v4"

	"qrlogin/api"
	"qrlogin/api/handoff"
)

// bookmarks is a file of so many bytes.
func bookmarks(size int) string {
	const line = "<DT><A HREF=\"https://example.org/%E7%AA%91\">窑里的书签 – Kiln &amp; glaze</A>\n"
	return strings.Repeat(line, size/len(line)+1)[:size]
}

// asksFor is what a site asks the phone for, for a page's key.
func asksFor(jwk any) object {
	return object{"type": "handoff", "kind": "bookmarks", "media_types": []string{"text/html"}, "jwk": jwk}
}

// Two browsers: the computer's shows the code with its key's thumbprint, the phone's camera sees a film of it.
func TestPhoneHandsThePageByteForByteWhatItsOwnerChose(t *testing.T) {
	d := newDeskFor(t, "handoff", func(_ *desk, jwk json.RawMessage) any { return asksFor(jwk) })
	p := withCamera(t, d.w)
	film(t, d.recorded(3, 0)...)
	p.press("home.scan")
	p.on("consent")
	for _, text := range []string{"Send a file to Kiln Lane?", "127.0.0.1", "bookmarks", "As text/html", "At most 5 MB"} {
		p.says(text)
	}
	content := bookmarks(5 << 20)
	p.choose("bookmarks.HTM", content)
	p.says("bookmarks.HTM: text/html, 5 MB")
	p.press("consent.approve.handoff")
	p.on("approved")
	p.says("Kiln Lane is getting what you sent.")
	d.await("window.received")
	if got, want := d.js("window.received"), fmt.Sprintf("text/html %d %x", len(content), sha256.Sum256([]byte(content))); got != want {
		t.Errorf("the page received %s, want %s", got, want)
	}
	p.close("404")
}

// asker is a page, by its key, and a handoff that it has begun.
type asker struct {
	started
	private    *ecdsa.PrivateKey
	thumbprint string
}

func (w *world) asks(client string) asker {
	w.t.Helper()
	private, public := newKey(w.t)
	thumbprint, err := handoff.Thumbprint(public)
	if err != nil {
		w.t.Fatal(err)
	}
	text, err := json.Marshal([]any{asksFor(public)})
	if err != nil {
		w.t.Fatal(err)
	}
	return asker{w.start(client, "authorization_details", string(text)), private, thumbprint}
}

func newKey(t testing.TB) (private *ecdsa.PrivateKey, public api.HandoffKey) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	text, err := jose.JSONWebKey{Key: &private.PublicKey}.MarshalJSON()
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(text, &public); err != nil {
		t.Fatal(err)
	}
	return private, public
}

// link is what its code opens.
func (g asker) link() string { return g.frame() + "#" + g.thumbprint }

// received is what the page can read, once the site has redeemed.
func (g asker) received() (mediaType, content string) {
	g.w.t.Helper()
	r, err := http.NewRequestWithContext(g.w.t.Context(), http.MethodGet, g.w.issuer+"/challenges/"+g.ChallengeId+"/handoff", nil)
	if err != nil {
		g.w.t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+g.Watch)
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		g.w.t.Fatal(err)
	}
	defer answer.Body.Close()
	jwe, err := io.ReadAll(answer.Body)
	if err != nil || answer.StatusCode != http.StatusOK {
		g.w.t.Fatalf("handoff: %d %v", answer.StatusCode, err)
	}
	mediaType, plain, err := handoff.Open(g.private, jwe)
	if err != nil {
		g.w.t.Fatal(err)
	}
	return mediaType, string(plain)
}

func (w *world) sent(g asker) int { return w.times("PUT /phone/scans/" + g.ChallengeId + "/handoff") }

func TestPhoneHandsOffByALinkAndTellsNobodyTheThumbprint(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p := newHandset(t, w)
	g := w.asks("shop")
	p.open(g.link()) // and is set up first
	if address := js[string](p, "location.href"); address != w.issuer+"/phone" {
		t.Errorf("the address still says %s", address)
	}
	p.enrolHere("+8613800138070", 0)
	p.press("ready.continue")
	p.on("consent")

	// What is not to be sent is said before anything is.
	p.choose("photo.jpg", "x")
	p.says("The page does not take this kind of file, but text/html.")
	p.choose("large.html", bookmarks(5<<20+1))
	p.says("This file is too large: at most 5 MB may be sent.")
	p.await("document.querySelector('#file').ariaInvalid && document.querySelector('#approve').disabled")
	p.choose("empty.html", "")
	p.choose("mine.html", "书签")
	p.says("mine.html: text/html, 6 byte")
	if w.sent(g) != 0 {
		t.Error("something was sent before the touch")
	}

	// Lost on the way, and refused for now: the next try goes on.
	put := "PUT /phone/scans/" + g.ChallengeId + "/handoff"
	w.answer(put, http.StatusServiceUnavailable, "handoffs-full")
	p.press("consent.approve.handoff")
	p.says(p.word("problem.handoffs-full"))
	w.intercept(put, func(rw http.ResponseWriter, r *http.Request) {
		w.intercept(put, nil)
		w.unheard(rw, r)
	})
	p.press("consent.approve.handoff")
	p.on("approved")
	if !g.tokens() {
		t.Fatal("the site gets no tokens")
	}
	if mediaType, content := g.received(); mediaType != "text/html" || content != "书签" {
		t.Errorf("received %q of %s", content, mediaType)
	}
	p.mu.Lock()
	for _, url := range p.requests {
		if path, fragment, _ := strings.Cut(url, "#"); strings.Contains(path, g.thumbprint) || fragment != "" && fragment != g.thumbprint {
			t.Errorf("asked for %s", url)
		}
	}
	p.mu.Unlock()
	p.close("503", "net::ERR_")
}

// lies shows the phone another key than the page's, as somebody who wants to read what it sends would.
func (w *world) lies() {
	_, public := newKey(w.t)
	w.intercept("POST /phone/scans", func(rw http.ResponseWriter, r *http.Request) {
		heard := httptest.NewRecorder()
		w.behind.ServeHTTP(heard, r)
		var claim api.Claim
		var consent object
		if err := json.NewDecoder(heard.Body).Decode(&claim); err != nil {
			w.t.Error(err)
		}
		text, err := base64.RawURLEncoding.DecodeString(claim.Consent)
		if err != nil || json.Unmarshal(text, &consent) != nil {
			w.t.Error("no consent", err)
			return
		}
		consent["handoff"].(object)["jwk"] = public
		text, _ = json.Marshal(consent)
		claim.Consent = base64.RawURLEncoding.EncodeToString(text)
		rw.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(rw).Encode(claim)
	})
}

func TestPhoneSendsNothingForAnotherKeyThanThePages(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p := newHandset(t, w)
	p.enrol("+8613800138071", 0)
	g, tv := w.asks("shop"), w.asks("tv")
	_, other := newKey(t)
	strange, err := handoff.Thumbprint(other)
	if err != nil {
		t.Fatal(err)
	}
	w.lies()
	lied := true
	for _, c := range []struct {
		name, problem string
		scan          func()
	}{
		{"the provider lies, by a photo", "handoff-key", func() { p.home(); p.photographs(showing(t, g.link())) }},
		{"the provider lies, by a link", "handoff-key", func() { p.follow(g.link()) }},
		{"another page's", "handoff-key", func() { p.follow(g.frame() + "#" + strange) }},
		{"none", "handoff-needs-scan", func() { p.follow(g.frame()) }},
		{"none that is one", "handoff-needs-scan", func() { p.follow(g.frame() + "#here/" + g.thumbprint) }},
		{"typed", "handoff-needs-scan", func() {
			p.home()
			p.press("home.type")
			p.fill("code", tv.UserCode)
			p.press("type.send")
		}},
		{"a picture for the provider to read", "handoff-needs-scan", func() { p.home(); p.photographs(mirrored(t, showing(t, tv.link()))) }},
	} {
		if c.name == "another page's" && lied {
			w.intercept("POST /phone/scans", nil)
			lied = false
		}
		c.scan()
		p.on("consent")
		p.says(p.word("problem." + c.problem))
		p.eventually(c.name+": given back", func() bool { return g.state() == "pending" && tv.state() == "pending" })
	}
	if w.sent(g)+w.sent(tv)+w.times("POST /phone/decisions") != 0 {
		t.Error("something was sent")
	}
	p.follow(g.link()) // which still is good
	p.says("Send a file to Kiln Lane?")
	p.close("422")
}

func TestPhoneThatLeavesWhileItSendsApprovesNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p := newHandset(t, w)
	p.enrol("+8613800138072", 0)
	g := w.asks("shop")
	sends := func() {
		p.follow(g.link())
		p.choose("mine.html", "x")
		p.press("consent.approve.handoff")
	}
	put := "PUT /phone/scans/" + g.ChallengeId + "/handoff"
	for name, leave := range map[string]func(){
		"not now":   func() { p.press("later"); p.on("home") },
		"elsewhere": func() { p.do(chromedp.Navigate("about:blank")) },
	} {
		arrived, on := make(chan struct{}), make(chan struct{})
		w.intercept(put, func(rw http.ResponseWriter, _ *http.Request) {
			close(arrived)
			<-on
			rw.WriteHeader(http.StatusNoContent)
		})
		sends()
		<-arrived
		p.says(p.word("handoff.sending"))
		leave()
		p.eventually(name+": given back", func() bool { return g.state() == "pending" })
		close(on)
	}
	// And it says so where the time to decide is over at the provider.
	w.answer(put, http.StatusGone, "gone")
	sends()
	p.says(p.word("problem.gone"))
	if n := w.times("POST /phone/decisions"); n != 0 {
		t.Errorf("%d decisions", n)
	}
	p.close("409", "410", "net::ERR_")
}
