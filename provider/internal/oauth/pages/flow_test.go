package pages

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/gin-gonic/gin"
)

// atTheSite waits until the browser is where the site sends it after its callback: on another of the site's hosts.
func (b *tab) atTheSite() {
	b.t.Helper()
	b.await("location.hostname === 'localhost' && document.title === 'The site'")
}

// press presses a button that leads away: a click as an event of its own would wait for a page that is gone.
func (b *tab) press(button string) {
	b.t.Helper()
	js[bool](b, fmt.Sprintf("document.querySelector(%q).click() ?? true", button))
}

// A form's answer redirects to the site, and the site's to another host of its own. Chromium holds all of that to the page's
// policy.
func TestPagesFormsAreAnsweredAndLeadBackToTheSite(t *testing.T) {
	b := newTab(t)
	for i, c := range []struct{ button, post string }{
		{".link", "POST /decide "},
		{"[value=deny]", "POST /decide decision=deny"},
		{"[value=approve]", "POST /decide decision=approve"},
		{"[value=approve]", "POST /decide decision=approve&id_token_hint=a.b.c&state=%3C%26%22%27%3E"},
	} {
		samples := b.provider.samples("en")
		b.open(samples[[]int{0, 1, 1, 2}[i]])
		b.press(c.button)
		b.atTheSite()
		posts := b.provider.noted()
		if got := posts[len(posts)-2]; got != c.post {
			t.Errorf("%s: %s", c.button, got)
		}
	}
	b.close()
}

func TestPageOfLoginTakesNoPictureWhereThereIsScript(t *testing.T) {
	b := newTab(t)
	b.open(b.provider.samples("en")[0])
	b.awaitPhase("pending")
	b.provider.change(func() { b.provider.state = "claimed" })
	b.awaitPhase("claimed")
	if b.provider.fetched > 0 || b.provider.loads != 1 {
		t.Errorf("%d pictures, %d loads", b.provider.fetched, b.provider.loads)
	}
	b.close()
}

// RFC 10027 §6.1.16. The page's policy lets the digits through, and no form of the widget's leads anywhere.
func TestPageOfLoginTakesTheDigitsThatThePhoneShows(t *testing.T) {
	b := newTab(t)
	b.open(b.provider.samples("en")[0])
	b.awaitPhase("pending")
	b.provider.change(func() { b.provider.state = "confirming" })
	b.awaitPhase("confirming")
	b.do(chromedp.KeyEvent("48\r21"))
	b.awaitPhase("approved")
	if got := b.provider.noted(); len(got) != 1 || got[0] != `{"code":"4821"}` {
		t.Errorf("sent: %q", got)
	}
	b.close()
}

func TestPageOfLoginSaysThatDigitsNeedScript(t *testing.T) {
	b := newTab(t)
	b.scripting(false)
	b.look(320, "dark")
	b.provider.state = "confirming"
	for lang, says := range map[string]string{"en": "The four digits on your phone are needed", "zh": "需要手机上的四位数字"} {
		b.open(b.provider.samples(lang)[0])
		b.await("document.querySelector('.status').textContent === '" + says + "' && !document.querySelector('.plain img')")
		if found := js[[]string](b, outside); len(found) > 0 {
			t.Error(found)
		}
	}
	b.close()
}

// An order is not begun for a login: who reads no more than the page's own words knows that there is something to buy.
func TestPageOfAnOrderSaysWhatIsBoughtAndNothingOfLoggingIn(t *testing.T) {
	b := newTab(t)
	order := b.provider.login
	order.Merchant, order.Total = "<b>\u202eKiln", "640.00 CNY"
	for lang, says := range map[string][]string{
		"en": {"Buy from Kiln Lane", "An order from <b>Kiln, 640.00 CNY in all.", "Scan with your phone to buy"},
		"zh": {"在 Kiln Lane 购买", "向 <b>Kiln 下的订单，合计 640.00 CNY。", "请用手机扫码购买"},
	} {
		for _, scripting := range []bool{true, false} {
			for _, state := range []string{"pending", "claimed", "confirming"} {
				b.scripting(scripting)
				order.Lang = lang
				b.provider.change(func() { b.provider.state = state })
				b.open(sample{"order", order})
				if scripting {
					b.awaitPhase(state)
				}
				seen := js[string](b, `document.title + '\n' + document.body.innerText + '\n' + (document.querySelector('qr-login').shadowRoot?.textContent ?? '') +
					[...document.images].map((i) => i.alt)`)
				if strings.Contains(strings.ToLower(seen), "log in") || strings.Contains(seen, "登录") {
					t.Errorf("%s, %s, with script %v: it speaks of logging in: %s", lang, state, scripting, seen)
				}
				for i, want := range says {
					if !strings.Contains(seen, want) && (i < 2 || state == "pending") {
						t.Errorf("%s, %s, with script %v: it does not say %q: %s", lang, state, scripting, want, seen)
					}
				}
			}
		}
	}
	b.close()
}

func TestPageOfLoginSaysSoWhenTheWidgetDoesNotCome(t *testing.T) {
	b := newTab(t)
	b.provider.bare = true
	b.open(b.provider.samples("en")[0])
	b.await("getComputedStyle(document.querySelector('.late a')).visibility === 'visible'")
	b.close()
}

func TestPageOfLoginGoesThroughWithoutScript(t *testing.T) {
	for lang, words := range map[string][]string{
		"en": {"Scan with your phone to log in", "Scanned. Confirm on your phone."},
		"zh": {"请用手机扫码登录", "已扫描，请在手机上确认。"},
	} {
		t.Run(lang, func(t *testing.T) {
			b := newTab(t)
			b.scripting(false)
			for _, width := range []int64{1280, 320} {
				b.look(width, "dark")
				b.open(b.provider.samples(lang)[0])
				b.await("document.querySelector('.plain img').naturalWidth > 0 && document.querySelector('.plain img').offsetWidth > 150")
				if found := js[[]string](b, outside); len(found) > 0 {
					t.Error(found)
				}
			}
			if got := js[string](b, "document.querySelector('.plain img').alt"); got != texts[lang].Picture {
				t.Errorf("the picture is heard as %q", got)
			}
			if js[bool](b, "document.querySelector('.late').offsetHeight > 0") {
				t.Error("it waits for a widget")
			}
			b.await("document.querySelector('.status').textContent === '" + words[0] + "'")
			loads := b.provider.loads
			b.eventually("the page loads itself again, and the picture", func() bool {
				b.provider.mu.Lock()
				defer b.provider.mu.Unlock()
				return b.provider.loads > loads && b.provider.fetched > loads
			})
			b.provider.change(func() { b.provider.state = "claimed" })
			b.await("document.querySelector('.status')?.textContent === '" + words[1] + "' && !document.querySelector('.plain img')")
			b.provider.change(func() { b.provider.done = true })
			b.await("document.title === 'The site'")
			b.close()
		})
	}
}

// The rules are a script, so they judge what a page is without script in one that has it: the page's own script is taken out,
// and so is the mark around what is for those without. The refresh stays in its mark, as a rule would refuse it: nothing else
// renews the code there, or notices the scan (WCAG 2.2.1, the limit is essential).
func TestPageWithoutScriptLeavesNothingToFindForAxe(t *testing.T) {
	for _, scheme := range []string{"light", "dark"} {
		t.Run(scheme, func(t *testing.T) {
			b := newTab(t)
			b.look(320, scheme)
			login := b.provider.login
			claimed := login
			claimed.State = "claimed"
			confirming := login
			confirming.State = "confirming"
			form := FormPost{Page: login.Page, Action: b.provider.site.URL + "/callback"}
			for name, write := range map[string]func(*gin.Context) error{"pending": login.Write, "claimed": claimed.Write, "confirming": confirming.Write, "form post": form.Write} {
				b.provider.page = withoutScript(write)
				b.do(chromedp.Navigate(b.provider.URL + "/page"))
				b.await("document.querySelector('.plain, .passing').offsetHeight > 100")
				js[string](b, "document.querySelector('.passing')?.getAnimations()[0].finish() ?? ''")
				b.pleasesAxe(name)
			}
			b.close()
		})
	}
}

func withoutScript(write func(*gin.Context) error) func(*gin.Context) error {
	return func(c *gin.Context) error {
		w := httptest.NewRecorder()
		inner, _ := gin.CreateTestContext(w)
		inner.Request = c.Request
		err := write(inner)
		head, body, _ := strings.Cut(script.ReplaceAllString(w.Body.String(), ""), "<main")
		body = strings.NewReplacer("<noscript>", "", "</noscript>", "").Replace(body)
		c.Header("Content-Security-Policy", w.Header().Get("Content-Security-Policy"))
		c.Data(http.StatusOK, "text/html; charset=utf-8", []byte(head+"<main"+body))
		return err
	}
}

var script = regexp.MustCompile(`(?s)<script.*?</script>|<qr-login.*?</qr-login>`)

func TestPageOfFormPostSendsItselfOnce(t *testing.T) {
	for name, scripting := range map[string]bool{"with script": true, "without": false} {
		t.Run(name, func(t *testing.T) {
			b := newTab(t)
			b.scripting(scripting)
			form := FormPost{Page: b.provider.login.Page, Action: b.provider.site.URL + "/callback", Fields: []Field{
				{"code", "a+b/c="}, {"state", `"><script>`}, {"iss", "https://login.example"}, {"submit", "1"},
			}}
			b.open(sample{"form post", form})
			if !scripting {
				if found := js[[]string](b, outside); len(found) > 0 {
					t.Error(found)
				}
				b.press("main button")
			}
			b.atTheSite()
			want := []string{"POST /callback code=a%2Bb%2Fc%3D&iss=https%3A%2F%2Flogin.example&state=%22%3E%3Cscript%3E&submit=1"}
			if got := b.provider.noted(); !slices.Equal(got, want) {
				t.Errorf("%q", got)
			}
			b.close()
		})
	}
}
