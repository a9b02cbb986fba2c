package app_test

import (
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"qrlogin/provider/app"
	"qrlogin/provider/internal/limit"
	"qrlogin/provider/internal/testenv"
)

// SECURITY.md §5: sending codes costs money, and others must not be able to spend it.

const gatewaySecret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"

// gateway is a webhook of the operator's, whose answers a test chooses.
type gateway struct {
	*httptest.Server
	mu       sync.Mutex
	status   int // 0 for no answer at all
	messages []struct{ ID, To, Code, Text string }
}

func newGateway(t *testing.T) *gateway {
	t.Helper()
	g := &gateway{status: http.StatusNoContent}
	g.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		g.mu.Lock()
		defer g.mu.Unlock()
		var m struct{ ID, To, Code, Text string }
		if err := json.NewDecoder(r.Body).Decode(&m); err != nil {
			t.Error(err)
		}
		g.messages = append(g.messages, m)
		if g.status == 0 {
			panic(http.ErrAbortHandler)
		}
		w.WriteHeader(g.status)
	}))
	t.Cleanup(g.Close)
	return g
}

func (g *gateway) answers(status int) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.status = status
}

// sends has a world's codes sent by this gateway.
func (g *gateway) sends(c *app.Config) {
	c.SMS, c.SMSSecret = "webhook:"+g.URL, gatewaySecret
	c.TrustedProxies = []string{"127.0.0.1", "::1", "192.0.2.1"}
}

// limited sets some limits and makes the others large.
func limited(settings ...string) func(*app.Config) {
	return func(c *app.Config) {
		c.TrustedProxies = []string{"127.0.0.1", "::1", "192.0.2.1"}
		c.Limits = settings
		for _, e := range limit.Table {
			if !slices.ContainsFunc(settings, func(s string) bool { return strings.HasPrefix(s, string(e.Name)+"=") }) {
				c.Limits = append(c.Limits, string(e.Name)+"=100000/10m")
			}
		}
	}
}

// asks asks for a code from an address.
func (w *world) asks(address, number string) answer {
	w.t.Helper()
	return w.do(at(address, w.enrolls(number)))
}

func TestACodeIsSentByTheWebhookInTheLanguageOfThePhone(t *testing.T) {
	t.Parallel()
	g := newGateway(t)
	w := newWorld(t, g.sends)
	for number, accept := range map[string]string{oneNumber: "zh-CN,zh;q=0.9", anotherNumber: "en"} {
		r := w.enrolls(number)
		r.Header.Set("Accept-Language", accept)
		w.do(r).wants(t, accept, http.StatusCreated, "")
		m := g.messages[len(g.messages)-1]
		if m.To != number || !strings.HasSuffix(m.Text, "\n@localhost #"+m.Code) || strings.Contains(m.Text, "验证码") != strings.HasPrefix(accept, "zh") {
			t.Errorf("%s: %+v", accept, m)
		}
	}
}

// A code that was not sent does not count, and may be asked for again as soon as the gateway is back; who asked is told so.
func TestACodeThatWasNotSentIsGivenBack(t *testing.T) {
	t.Parallel()
	g := newGateway(t)
	w := newWorld(t, g.sends, limited("unconfirmed-codes-per-number=1/10m", "codes-per-number=1/10m", "daily-codes-per-number=1/24h", "codes-per-prefix=1/1h",
		"unconfirmed-codes-per-network-and-prefix=1/1h", "codes-per-day=1/24h"))
	g.answers(http.StatusTooManyRequests)
	for range 3 {
		a := w.asks(near, oneNumber)
		a.wants(t, "while the gateway takes none", http.StatusServiceUnavailable, "sms-unavailable")
		if a.Header.Get("Retry-After") != "10" {
			t.Errorf("Retry-After %q", a.Header.Get("Retry-After"))
		}
	}
	g.answers(http.StatusNoContent)
	w.asks(near, oneNumber).wants(t, "once it is back", http.StatusCreated, "")
	w.asks(near, oneNumber).wants(t, "and no more than one", http.StatusTooManyRequests, "too-many-requests")
	if n := len(g.messages); n != 3+1 {
		t.Errorf("the gateway was asked %d times", n)
	}
}

func TestWhoAsksOnWhileTheGatewayFailsIsHeldBack(t *testing.T) {
	t.Parallel()
	g := newGateway(t)
	w := newWorld(t, g.sends, limited("codes-per-network=2/10m"))
	g.answers(http.StatusInternalServerError)
	for range 2 {
		w.asks(near, oneNumber).wants(t, "within the limit", http.StatusServiceUnavailable, "sms-unavailable")
	}
	w.asks(near, oneNumber).wants(t, "past it", http.StatusTooManyRequests, "too-many-requests")
}

// It may cost, so it counts: a gateway that answers too late, or fails after it has sent, is no way around the cap.
func TestACodeThatMayHaveBeenSentCounts(t *testing.T) {
	t.Parallel()
	for what, status := range map[string]int{"without an answer": 0, "a fault over there": http.StatusInternalServerError} {
		g := newGateway(t)
		w := newWorld(t, g.sends, limited("codes-per-day=1/24h", "unconfirmed-codes-per-number=1/30s"))
		g.answers(status)
		a := w.asks(near, oneNumber)
		a.wants(t, what, http.StatusServiceUnavailable, "sms-unavailable")
		if a.Header.Get("Retry-After") != "30" {
			t.Errorf("%s: Retry-After %q", what, a.Header.Get("Retry-After"))
		}
		g.answers(http.StatusNoContent)
		w.asks(far, anotherNumber).wants(t, "the next", http.StatusTooManyRequests, "too-many-requests")
	}
}

func TestANumberThatTheGatewayDoesNotReachIsRefused(t *testing.T) {
	t.Parallel()
	g := newGateway(t)
	w := newWorld(t, g.sends)
	g.answers(http.StatusUnprocessableEntity)
	w.asks(near, oneNumber).wants(t, "a landline", http.StatusUnprocessableEntity, "phone-number-invalid")
}

func TestNeitherNumberNorCodeIsLoggedWhateverTheGatewayDoes(t *testing.T) {
	t.Parallel()
	g := newGateway(t)
	w := newWorld(t, g.sends, withoutUnconfirmedPauses)
	for _, status := range []int{http.StatusNoContent, http.StatusInternalServerError, http.StatusBadRequest, http.StatusUnprocessableEntity, 0} {
		g.answers(status)
		w.asks(near, oneNumber)
	}
	if !strings.Contains(w.logs.String(), "send an enrolment code: webhook: answered 400") {
		t.Errorf("the operator is not told:\n%s", w.logs.String())
	}
	g.mu.Lock() // the last answer broke off: its handler may still be at work
	defer g.mu.Unlock()
	for _, m := range g.messages {
		if strings.Contains(w.logs.String(), m.Code) || strings.Contains(w.logs.String(), oneNumber[3:]) {
			t.Fatalf("the log has the number or the code %s", m.Code)
		}
	}
}

func withoutUnconfirmedPauses(c *app.Config) {
	c.Limits = append(c.Limits, "unconfirmed-codes-per-number=1000/30s")
}

func TestCodesAreSentToTheCountriesThatAreServedAlone(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(c *app.Config) { c.Countries = []string{"CN", "DE", "US"} })
	for number, served := range map[string]bool{
		"+8613800138000": true, "+4915123456789": true, "+1 650 253 0000": true, // of one calling code, the country alone
		"+1 204 234 5678": false, "+44 7911 123456": false, "+852 5123 4567": false, "+882 16 33300655": false, "+88213300655": false,
	} {
		a := w.asks(near, number)
		if served {
			a.wants(t, number, http.StatusCreated, "")
		} else if a.Status != http.StatusUnprocessableEntity {
			t.Errorf("%s: %d %s", number, a.Status, a.Body)
		}
	}
	w.asks(near, "+447911123456").wants(t, "another country", http.StatusUnprocessableEntity, "country-not-served")
}

// Numbers that earn money for whoever has them are no phones.
func TestNoCodeIsSentToANumberThatCostsWhoReachesIt(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, number := range []string{"+49 900 1123456", "+49 180 5123456", "+1 900 234 5678", "+44 909 8790000", "+800 1234 5678", "+1 800 253 0000"} {
		w.asks(near, number).wants(t, number, http.StatusUnprocessableEntity, "phone-number-invalid")
	}
}

// First half a minute, then ten minutes, then a day.
func TestTheFurtherCodesOfANumberTakeLonger(t *testing.T) {
	t.Parallel()
	inBubble(t, func(t *testing.T, w *world) {
		var waited []time.Duration
		began := time.Now()
		for len(waited) < 11 {
			a := w.asks(near, oneNumber)
			if a.Status == http.StatusCreated {
				waited = append(waited, time.Since(began))
				began = time.Now()
				continue
			}
			a.wants(t, "too soon", http.StatusTooManyRequests, "too-many-requests")
			time.Sleep(10 * time.Second)
		}
		w.asks(near, anotherNumber).wants(t, "another number", http.StatusCreated, "")
		for i, at := range waited {
			switch {
			case i == 0 && at != 0, i%5 != 0 && at != 30*time.Second, i == 5 && at < 7*time.Minute, i == 10 && at < 23*time.Hour:
				t.Errorf("code %d came %v after the one before", i+1, at)
			}
		}
	})
}

// A phone that has its code needs no pause: the next of the same person may follow at once.
func TestAConfirmedCodeIsFollowedByAnotherWithoutAPause(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.rawPhone().enrolled(oneNumber)
	w.rawPhone().enrolled(oneNumber)
	w.asks(near, oneNumber).wants(t, "a third phone", http.StatusCreated, "")
	wantTooMany(t, "while that is unconfirmed", w.asks(near, oneNumber))
}

// Whoever asks for codes to strangers' numbers in a row keeps nobody else from enrolling.
func TestOneNetworkDoesNotSpendWhatAPrefixLeavesToOthers(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(c *app.Config) { c.TrustedProxies = []string{"127.0.0.1", "::1"} })
	spent := 0
	for i := range 60 {
		if w.asks(near, fmt.Sprintf("+861380013%04d", i)).Status == http.StatusCreated {
			spent++
		}
	}
	if spent != 10 {
		t.Errorf("one network has spent %d", spent)
	}
	w.asks(near, anotherNumber).wants(t, "its neighbours, of another prefix", http.StatusCreated, "")
	for i := range 20 {
		w.asks(elsewhere(i), fmt.Sprintf("+861380013%04d", 100+i)).wants(t, "others", http.StatusCreated, "")
	}
}

// Nor, by numbers that have nothing in common, what the day's cap leaves to them.
func TestOneNetworkDoesNotSpendWhatADayLeavesToOthers(t *testing.T) {
	t.Parallel()
	inBubble(t, func(t *testing.T, w *world) {
		spent := 0
		for i := range 100 {
			if w.asks(near, fmt.Sprintf("+86138%04d8000", i)).Status == http.StatusCreated {
				spent++
			}
			time.Sleep(time.Minute) // within what a network may ask for
		}
		if spent != 50 {
			t.Errorf("one network has spent %d", spent)
		}
		w.asks(far, oneNumber).wants(t, "another", http.StatusCreated, "")
		time.Sleep(24 * time.Hour)
		w.asks(near, anotherNumber).wants(t, "the next day", http.StatusCreated, "")
	}, func(c *app.Config) { c.TrustedProxies = []string{"192.0.2.1"} })
}

// A company whose numbers follow each other enrols behind one address.
func TestCodesThatAreConfirmedDoNotHoldANetworkUp(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(c *app.Config) { c.Limits = append(c.Limits, "unconfirmed-codes-per-network=10/24h") })
	for i := range 15 {
		w.rawPhone().enrolled(fmt.Sprintf("+861380013%04d", i))
	}
}

// The counts of a day end with it, so that they are begun within it.
func codesOfADay(t *testing.T, test func(t *testing.T, w *world, alarms func(kind string) []string), settings ...string) {
	t.Helper()
	folder, inData := inFolder(t)
	inBubble(t, func(t *testing.T, w *world) {
		test(t, w, func(kind string) []string {
			var lines []string
			for line := range strings.Lines(w.logs.String()) {
				if strings.Contains(line, `"level":"ERROR","msg":"alarm","kind":"`+kind+`"`) {
					lines = append(lines, line)
				}
			}
			if events := audited(t, folder, kind); len(events) != len(lines) {
				t.Errorf("%s: %d lines in the log, %d events", kind, len(lines), len(events))
			}
			return lines
		})
	}, inData, limited(settings...))
}

func TestTheOperatorIsToldOnceADayOfCodesThatNobodyConfirms(t *testing.T) {
	t.Parallel()
	const kind = "codes.unconfirmed"
	codesOfADay(t, func(t *testing.T, w *world, alarms func(string) []string) {
		number := func(i int) string { return fmt.Sprintf("+86138%08d", i) }
		for i := range 19 {
			w.asks(near, number(i))
		}
		if len(alarms(kind)) != 0 {
			t.Error("a few are an alarm")
		}
		for i := range 10 {
			w.asks(near, number(100+i))
		}
		if all := alarms(kind); len(all) != 1 || !strings.Contains(all[0], `"sent":20,"confirmed":0`) {
			t.Errorf("%v", all)
		}
		time.Sleep(24 * time.Hour)
		for i := range 20 { // each is confirmed before the next is asked for
			w.rawPhone().enrolled(number(200 + i))
		}
		for i := range 19 { // up to two are sent for each that is confirmed
			w.asks(near, number(300+i))
		}
		if n := len(alarms(kind)); n != 1 {
			t.Errorf("%d alarms with half of the codes confirmed", n)
		}
		for i := range 5 {
			w.asks(near, number(400+i))
		}
		if n := len(alarms(kind)); n != 2 {
			t.Errorf("%d alarms on the second day", n)
		}
	})
}

func TestNoMoreCodesAreSentInADayThanTheCapAllowsAndTheOperatorIsTold(t *testing.T) {
	t.Parallel()
	const kind = "codes.spent"
	codesOfADay(t, func(t *testing.T, w *world, alarms func(string) []string) {
		for i := range 3 {
			if len(alarms(kind)) != 0 {
				t.Error("told too early")
			}
			w.asks(elsewhere(i), fmt.Sprintf("+86138%04d8000", i)).wants(t, "within the cap", http.StatusCreated, "")
		}
		for i := range 3 {
			w.asks(elsewhere(i), fmt.Sprintf("+86139%04d8000", i)).wants(t, "past it", http.StatusTooManyRequests, "too-many-requests")
		}
		if n := len(alarms(kind)); n != 1 {
			t.Errorf("%d alarms", n)
		}
		time.Sleep(24 * time.Hour)
		w.asks(near, oneNumber).wants(t, "the next day", http.StatusCreated, "")
	}, "codes-per-day=3/24h")
}

// Who pays for messages is told at the start to name the countries.
func TestAPaidSenderForEveryCountryIsWarnedOf(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		change func(*app.Config)
		warned bool
	}{
		"a gateway for all":      {func(c *app.Config) {}, true},
		"for some countries":     {func(c *app.Config) { c.Countries = []string{"CN"} }, false},
		"on the loopback":        {func(c *app.Config) { c.Issuer = "http://localhost:9000" }, false},
		"nobody is paid at once": {func(c *app.Config) { c.SMS, c.SMSSecret = "file:"+t.TempDir()+"/sms", "" }, false},
	} {
		logs := &testenv.Buffer{}
		c := app.Config{Issuer: "https://login.example", SMS: "webhook:https://sms.example", SMSSecret: gatewaySecret, Log: slog.New(slog.NewTextHandler(logs, nil))}
		test.change(&c)
		p, err := app.New(t.Context(), c)
		if err != nil {
			t.Fatal(err)
		}
		if warned := strings.Contains(logs.String(), "--countries"); warned != test.warned {
			t.Errorf("%s: warned %t", name, warned)
		}
		if err := p.Close(); err != nil {
			t.Error(err)
		}
	}
}

// The console is for who sits before it: of an issuer that others reach it says everybody's codes.
func TestTheConsoleIsForTheLoopbackUnlessAProgramSaysOtherwise(t *testing.T) {
	t.Parallel()
	c := app.Config{Issuer: "https://192.0.2.7:9000", Console: io.Discard, Log: slog.New(slog.DiscardHandler)}
	if _, err := app.New(t.Context(), c); err == nil || !strings.Contains(err.Error(), "sms console is for an issuer on the loopback") {
		t.Errorf("without a word: %v", err)
	}
	c.ConsoleAnywhere = true
	p, err := app.New(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Close(); err != nil {
		t.Error(err)
	}
}
