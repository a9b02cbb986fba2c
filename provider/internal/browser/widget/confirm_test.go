package widget_test

import (
	"net/http"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/chromedp"
)

// asked opens the login page and returns when the widget asks for the digits.
func asked(t *testing.T) (*provider, *site, *tab, *challenge) {
	t.Helper()
	p, s, b := open(t)
	return p, s, b, b.askedFor()
}

// askedFor has the challenge that is shown scanned and approved.
func (b *tab) askedFor() *challenge {
	b.t.Helper()
	b.provider.mu.Lock()
	c := b.provider.challenges[len(b.provider.challenges)-1]
	b.provider.mu.Unlock()
	b.provider.set(c, "claimed")
	b.awaitPhase("claimed")
	b.provider.set(c, "confirming")
	b.awaitPhase("confirming")
	return c
}

// keys types as a person at a keyboard does, wherever the focus is.
func (b *tab) keys(text string) {
	b.t.Helper()
	b.do(chromedp.KeyEvent(text))
}

// insert puts text where the focus is as a virtual keyboard or an autofill does, all at once.
func (b *tab) insert(text string) {
	b.t.Helper()
	if _, err := chromedp.Call(b.ctx, input.InsertText, input.InsertTextParams{Text: text}); err != nil {
		b.t.Fatal(err)
	}
}

const (
	value   = "root.querySelector('input').value"
	focused = "root.activeElement?.localName === 'input'"
)

// RFC 10027 §6.1.16.
func TestWidgetConfirmsByTheDigitsThatThePhoneShows(t *testing.T) {
	p, s, b, c := asked(t)
	b.awaitStatus("Type the four digits that your phone shows")
	b.await(focused) // nobody was anywhere else
	b.keys("482")
	if got := p.entered(c); got != "" {
		t.Errorf("sent before the fourth: %s", got)
	}
	b.keys("1")
	b.await("location.pathname === '/account'")
	if got := p.entered(c); got != "4821" {
		t.Errorf("sent: %s", got)
	}
	if got := b.names(); got != "qr-scanned qr-approved" {
		t.Errorf("events: %s", got)
	}
	if n := s.count("/login/finish"); n != 1 {
		t.Errorf("%d finish calls", n)
	}
	b.close(false)
}

func TestWidgetTakesDigitsHoweverTheyCome(t *testing.T) {
	p, s, b := setup(t)
	s.finishBy(func(_ http.ResponseWriter, r *http.Request, _ *challenge) { <-r.Context().Done() })
	paste := func(text string) func() {
		return func() {
			js[bool](b, `(() => { const clipboardData = new DataTransfer(); clipboardData.setData('text', '`+text+`');
				return !root.querySelector('input').dispatchEvent(new ClipboardEvent('paste', { clipboardData, cancelable: true, bubbles: true })); })()`)
		}
	}
	for name, enter := range map[string]func(){
		"one by one":           func() { b.keys("4821") },
		"with others between":  func() { b.keys("4a8 -2.1") },
		"corrected":            func() { b.keys("499\b\b821") },
		"all at once":          func() { b.insert("4821") },
		"full-width":           func() { b.insert("４８２１") },
		"Arabic":               func() { b.insert("٤٨٢١") },
		"Persian":              func() { b.insert("۴۸۲۱") },
		"Devanagari":           func() { b.insert("४८२१") },
		"pasted":               paste("4821"),
		"pasted from a text":   paste("Code: 48 21, not 9"),
		"pasted full-width":    paste("　４８２１"),
		"pasted after a digit": func() { b.keys("4"); paste("821")() },
		"composed": func() {
			if _, err := chromedp.Call(b.ctx, input.ImeSetComposition, input.ImeSetCompositionParams{Text: "４８２１", SelectionStart: 4, SelectionEnd: 4}); err != nil {
				t.Fatal(err)
			}
			if got := js[string](b, value); got != "４８２１" {
				t.Errorf("what is being composed is %q", got)
			}
			b.insert("４８２１") // and so it is decided
		},
	} {
		b.again()
		c := b.askedFor()
		b.await(focused)
		enter()
		b.awaitPhase("approved")
		if got := p.entered(c); got != "4821" {
			t.Errorf("%s: sent %s", name, got)
		}
	}
	b.close(false)
}

func TestWidgetSendsFourDigitsAndNoFewerByEnterOrButton(t *testing.T) {
	p, _, b, c := asked(t)
	b.await(focused)
	b.keys("482\r")
	b.press("Confirm")
	b.await(focused) // back from the button
	if got := p.entered(c); got != "" || js[string](b, value) != "482" {
		t.Errorf("sent %s", got)
	}
	b.keys("1")
	b.await("location.pathname === '/account'")
	b.close(false)
}

func TestWidgetSaysHowManyTriesAreLeftAndEndsAfterTheThird(t *testing.T) {
	p, s, b, c := asked(t)
	b.await(focused)
	for _, said := range []string{"Not these digits. 2 tries left.", "Not these digits. One try left."} {
		b.keys("1111")
		b.awaitStatus(said)
		b.await(value + " === '' && " + focused + " && root.querySelector('input').ariaInvalid === 'true'")
		b.keys("2")
		b.await("root.querySelector('input').ariaInvalid === 'false'")
		b.keys("\b")
	}
	b.keys("1111")
	b.awaitPhase("declined")
	b.awaitStatus("Wrong three times. Nobody was logged in.")
	b.awaitEvent("qr-declined")
	if got := js[string](b, "root.activeElement?.getAttribute('role')"); got != "status" {
		t.Errorf("the focus is on %q", got)
	}
	if got := p.entered(c); got != "1111 1111 1111" {
		t.Errorf("sent: %s", got)
	}
	if n := s.count("/login/challenge"); n != 1 {
		t.Errorf("%d challenges without a press of the button", n)
	}
	b.press("Try again")
	b.awaitChallenge(1)

	// The next has its own three, and starts empty.
	b.askedFor()
	b.awaitStatus("Type the four digits that your phone shows")
	if got := js[string](b, value); got != "" {
		t.Errorf("there is still %q", got)
	}
	b.close(true)
}

func TestWidgetKeepsTheDigitsWhileTheConnectionFails(t *testing.T) {
	p, _, b, c := asked(t)
	p.answerBy(broken)
	b.await(focused)
	b.keys("4821")
	b.awaitStatus("No connection. Trying again…")
	if got := js[string](b, value); got != "4821" || !js[bool](b, focused) {
		t.Errorf("there is %q", got)
	}
	p.answerBy(nil)
	js[bool](b, "dispatchEvent(new Event('online'))")
	b.await("location.pathname === '/account'")
	if got := p.entered(c); got != "4821" {
		t.Errorf("sent: %s", got)
	}
	b.close(true)
}

// cut breaks the connection in the middle of an answer. Before it, Chromium would ask once more by itself.
func cut(w http.ResponseWriter) bool {
	w.Header().Set("Content-Length", "100")
	w.Write([]byte("{"))
	w.(http.Flusher).Flush()
	panic(http.ErrAbortHandler)
}

// Digits that were counted, and whose answer was lost, are not counted twice.
func TestWidgetDoesNotSendWrongDigitsTwice(t *testing.T) {
	p, _, b, c := asked(t)
	var lost atomic.Bool
	p.answerBy(func(w http.ResponseWriter, r *http.Request) bool {
		if r.Method != http.MethodPost || lost.Swap(true) {
			return false
		}
		p.mu.Lock() // no waking: the widget is to find out by looking
		c.typed = append(c.typed, "1111")
		c.tries--
		p.mu.Unlock()
		return cut(w)
	})
	b.await(focused)
	b.keys("1111")
	b.awaitStatus("Not these digits. 2 tries left.")
	b.await(value + " === ''")
	b.keys("4821")
	b.await("location.pathname === '/account'")
	if got := p.entered(c); got != "1111 4821" {
		t.Errorf("sent: %s", got)
	}
	b.close(true)
}

func TestWidgetGoesOnWhereRightDigitsWereCountedAndTheAnswerWasLost(t *testing.T) {
	p, _, b, c := asked(t)
	var lost atomic.Bool
	p.answerBy(func(w http.ResponseWriter, r *http.Request) bool {
		if r.Method != http.MethodPost || lost.Swap(true) {
			return false
		}
		p.set(c, "approved")
		return cut(w)
	})
	b.await(focused)
	b.keys("4821")
	b.await("location.pathname === '/account'")
	b.close(true)
}

func TestWidgetMindsWhatTheProviderSaysOfTheDigits(t *testing.T) {
	for status, phase := range map[int]string{409: "confirming", 400: "error", 401: "pending", 404: "pending"} { // pending: a new code
		t.Run(http.StatusText(status), func(t *testing.T) {
			p, _, b, _ := asked(t)
			p.answerBy(func(w http.ResponseWriter, r *http.Request) bool {
				return r.Method == http.MethodPost && refuse(status)(w, r)
			})
			b.await(focused)
			b.keys("4821")
			eventually(t, "the digits are sent", func() bool { return p.count("POST") == 1 })
			b.do(settle)
			b.awaitPhase(phase)
			b.close(true)
		})
	}
}

func TestWidgetTakesNoFocusFromWhereAPersonIsTyping(t *testing.T) {
	p, s, b := setup(t)
	for name, elsewhere := range map[string]string{
		"a field":           `<input aria-label="Search">`,
		"a longer field":    `<textarea aria-label="Search"></textarea>`,
		"an editable place": `<div contenteditable="true" tabindex="0">x</div>`,
	} {
		s.show("en", s.element+elsewhere)
		c := b.again()
		js[bool](b, "(widget.nextElementSibling.focus(), true)")
		p.set(c, "confirming")
		b.awaitPhase("confirming")
		b.do(settle)
		if js[bool](b, "document.activeElement === widget") {
			t.Errorf("%s loses the focus", name)
		}
		s.show("en", `<qr-login challenge="/login/challenge" finish="/login/finish"></qr-login>`)
	}
	// From a button elsewhere, or nowhere, the next step is the digits.
	s.show("en", s.element+`<button>Help</button>`)
	c := b.again()
	js[bool](b, "(widget.nextElementSibling.focus(), true)")
	p.set(c, "confirming")
	b.await(focused)
	b.close(false)
}

func TestWidgetAsksForDigitsByOneFieldWithAName(t *testing.T) {
	_, _, b, _ := asked(t)
	tree := b.heardAs()
	if strings.Count(tree, "textbox") != 1 || !strings.Contains(tree, `textbox "Type the four digits that your phone shows"`) ||
		!strings.Contains(tree, `button "Confirm"`) || !strings.Contains(tree, `button "Not you? New code"`) || strings.Contains(tree, "image") {
		t.Errorf("it is heard as\n%s", tree)
	}
	for name, want := range map[string]string{"inputmode": "numeric", "autocomplete": "one-time-code", "maxlength": "4", "pattern": "[0-9]{4}"} {
		if got := js[string](b, "root.querySelector('input').getAttribute('"+name+"')"); got != want {
			t.Errorf("%s is %q", name, got)
		}
	}
	b.close(false)
}

func TestWidgetIsWalkedByTabWhileItAsksForDigits(t *testing.T) {
	p, s, b, _ := asked(t)
	b.await(focused)
	for _, label := range []string{"Confirm", "Not you? New code"} {
		b.keys("\t")
		b.await("root.activeElement?.textContent === '" + label + "' && getComputedStyle(root.activeElement).outlineStyle === 'solid'")
	}
	b.keys("\r")
	b.awaitChallenge(1)
	if p.count("DELETE") != 1 || s.count("/login/challenge") != 2 {
		t.Errorf("requests: %v", p.log())
	}
	b.close(false)
}
