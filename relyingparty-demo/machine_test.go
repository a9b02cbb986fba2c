package main

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"image"
	"image/color"
	"image/png"
	"io"
	"net"
	"net/http"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"qrlogin/mobile-sim/phone"
	"qrlogin/provider/app"
)

// keyboard is a machine with keys that a test presses, and a screen that it looks at.
type keyboard struct {
	t        *testing.T
	keys     *io.PipeWriter
	screen   *output
	errors   *output
	site     string
	page     string // all of its address
	provider string
	status   chan int
	stop     func()
}

// machine starts a vending machine.
func machine(t *testing.T, args ...string) *keyboard {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	t.Cleanup(cancel)
	in, keys := io.Pipe()
	k := &keyboard{t: t, keys: keys, screen: &output{}, errors: &output{}, status: make(chan int, 1), stop: cancel}
	if !strings.Contains(strings.Join(args, " "), "--provider=") {
		args = append(args, "--provider-listen=localhost:0")
	}
	go func() {
		k.status <- run(ctx, append([]string{"kiosk", "--listen=localhost:0"}, args...), in, k.screen, k.errors)
	}()
	found := k.await(`(http://\S+)(/kiosk/\S+) · provider (http://\S+)`)
	k.site, k.page, k.provider = found[1], found[1]+found[2], strings.TrimSuffix(found[3], "\x1b[K")
	return k
}

// now is the screen as it is.
func (k *keyboard) now() string {
	all := k.screen.String()
	return all[max(strings.LastIndex(all, "\x1b[H"), 0):]
}

// await waits until the screen shows something.
func (k *keyboard) await(pattern string) []string {
	k.t.Helper()
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(5 * time.Millisecond) {
		if found := regexp.MustCompile(pattern).FindStringSubmatch(k.now()); found != nil {
			return found
		}
		select {
		case got := <-k.status:
			k.t.Fatalf("status %d: %s", got, k.errors.String())
		default:
		}
		if time.Now().After(deadline) {
			k.t.Fatalf("%s does not come on the screen:\n%s\n%s", pattern, k.now(), k.errors.String())
		}
	}
}

func (k *keyboard) press(key string) {
	k.t.Helper()
	if _, err := io.WriteString(k.keys, key); err != nil {
		k.t.Fatal(err)
	}
}

// photograph is the screen's code as a camera sees it: half blocks become modules.
func (k *keyboard) photograph() *bytes.Buffer {
	const side = 4      // pixels of a module
	var all [][][2]bool // lines of the screen, and in each two modules above each other
	for line := range strings.SplitSeq(k.now(), "\n") {
		_, modules, found := strings.Cut(line, "\x1b[30;107m")
		if !found {
			continue
		}
		modules, _, _ = strings.Cut(modules, "\x1b[0m")
		var rows [][2]bool
		for _, r := range modules {
			rows = append(rows, [2]bool{r == '█' || r == '▀', r == '█' || r == '▄'})
		}
		all = append(all, rows)
	}
	if len(all) == 0 {
		return nil
	}
	picture := image.NewGray(image.Rect(0, 0, len(all[0])*side, len(all)*2*side))
	for y := range picture.Rect.Dy() {
		for x := range picture.Rect.Dx() {
			if !all[y/side/2][x/side][y/side%2] {
				picture.SetGray(x, y, color.Gray{Y: 255})
			}
		}
	}
	var b bytes.Buffer
	if err := png.Encode(&b, picture); err != nil {
		k.t.Fatal(err)
	}
	return &b
}

// scan points the phone at the machine.
func (k *keyboard) scan(p *phone.Phone) *phone.Claim {
	k.t.Helper()
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(50 * time.Millisecond) {
		if shot := k.photograph(); shot != nil {
			text, err := phone.ReadPicture(shot)
			if err != nil {
				k.t.Fatal(err)
			}
			claim, err := p.Scan(k.t.Context(), text)
			if err == nil {
				return claim
			}
			if said, ok := errors.AsType[*phone.Problem](err); !ok || said.Code != "code-stale" {
				k.t.Fatal(err)
			}
		}
		if time.Now().After(deadline) {
			k.t.Fatalf("no code on the screen:\n%s", k.now())
		}
	}
}

// lookedAt is scan by a simulator, which has no camera.
func (k *keyboard) lookedAt(p *phone.Phone) *phone.Claim {
	k.t.Helper()
	resp, err := http.Get(k.await(`mobile-sim scan (http://\S+/code\.png)`)[1])
	if err != nil {
		k.t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := phone.ReadPicture(resp.Body)
	if err != nil {
		k.t.Fatal(err)
	}
	claim, err := p.Scan(k.t.Context(), text)
	if err != nil {
		k.t.Fatal(err)
	}
	return claim
}

// pays is the phone that follows the payment_uri of what it has approved.
func pays(t *testing.T, claim *phone.Claim) {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(20 * time.Millisecond) {
		req, _ := http.NewRequest(http.MethodPost, *claim.Consent.Order.PaymentUri, nil)
		req.Header.Set("Accept", "application/json")
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		var got struct{ Status string }
		err = json.NewDecoder(resp.Body).Decode(&got)
		resp.Body.Close()
		if err != nil || resp.StatusCode != http.StatusOK && resp.StatusCode != http.StatusConflict || time.Now().After(deadline) {
			t.Fatalf("pay: %d %+v, %v", resp.StatusCode, got, err)
		}
		if got.Status == "paid" {
			return
		}
	}
}

func TestAMachineSellsToOneCustomerAfterTheOther(t *testing.T) {
	emptyTemp(t)
	k := machine(t, "--id=K-7", "--place=Platform 2")
	p := enrolled(t, k.provider, k.screen)
	for range 2 {
		k.await(`Choose a piece\.`)
		k.press("3")
		k.await(`Rain cup  ¥88`)
		claim := k.scan(p)
		o := claim.Consent.Order
		if o == nil || o.Kiosk == nil || o.Kiosk.Id != "K-7" || o.Kiosk.Place != "Platform 2" || o.Total != 8800 || claim.Consent.Client.Name != "Kiln Lane K-7" {
			t.Fatalf("the phone shows %+v", claim.Consent)
		}
		k.await(`Scanned\. Go on with your phone\.`)
		if k.photograph() != nil {
			t.Error("a code that has been scanned is still on the screen")
		}
		k.press("1") // somebody leans on the keys
		if _, err := p.Approve(t.Context(), claim, phone.Approval{}); err != nil {
			t.Fatal(err)
		}
		k.await(`Ordered\. Pay on your phone\.`)
		pays(t, claim)
		k.await(`Take your goods\.`)
	}
	k.await(`Choose a piece\.`)
	k.press("q")
	if got := <-k.status; got != statusDone || k.errors.String() != "" {
		t.Errorf("status %d, %s", got, k.errors.String())
	}
}

func TestAMachineIsReadyForTheNextCustomerWhateverTheLastOneDoes(t *testing.T) {
	emptyTemp(t)
	k := machine(t)
	defer k.stop()
	p := enrolled(t, k.provider, k.screen)
	k.press("1")
	k.await(`Scan the code with your phone\.`)
	k.press("b")
	k.await(`Choose a piece\.`)

	k.press("2")
	claim := k.scan(p)
	if err := p.Deny(t.Context(), claim); err != nil {
		t.Fatal(err)
	}
	k.await(`Declined: nothing was bought\.`)

	k.press("6")
	k.await(`Scan the code with your phone\.`)
	claim = k.lookedAt(p)
	k.await(`Scanned\.`)
	k.press("b") // and leaves, with the code on the phone
	k.await(`Choose a piece\.`)
	if _, err := p.Approve(t.Context(), claim, phone.Approval{}); err == nil {
		t.Error("a sale that was left is approved")
	}
	if strings.Contains(k.now(), "Declined") {
		t.Error("who leaves has declined")
	}
}

func TestAMachineSellsByAProviderSomewhereElse(t *testing.T) {
	emptyTemp(t)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	secret, sms := randomSecret(), &output{}
	provider, err := app.New(t.Context(), app.Config{Issuer: localURL(l), Console: sms, Log: logger(&output{}, false), Clients: []app.Client{
		{ID: "platform-2", Secret: secret, Name: "The railway", Origins: []string{"https://railway.example"}, DetailTypes: []string{"order"}},
	}})
	if err != nil {
		t.Fatal(err)
	}
	defer provider.Close()
	ctx, cancel := context.WithCancel(t.Context())
	served := make(chan error, 1)
	go func() { served <- provider.Serve(ctx, l) }()
	defer func() { cancel(); <-served }()

	t.Setenv("RELYINGPARTY_DEMO_CLIENT_SECRET", secret)
	k := machine(t, "--provider="+localURL(l), "--client-id=platform-2")
	p := enrolled(t, localURL(l), sms)
	k.press("4")
	claim := k.scan(p)
	if claim.Consent.Client.Name != "The railway" {
		t.Errorf("the phone shows %+v", claim.Consent.Client)
	}
	if _, err := p.Approve(t.Context(), claim, phone.Approval{}); err != nil {
		t.Fatal(err)
	}
	pays(t, claim)
	k.await(`Take your goods\.`)
	k.press("q")
	if got := <-k.status; got != statusDone {
		t.Errorf("status %d, %s", got, k.errors.String())
	}
}

func TestAMachineWhoseCodeTheProviderForgotShowsAnotherAndSaysSo(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	shop, err := net.Listen("tcp", "localhost:0") // a port for the machine, to register its page by
	if err != nil {
		t.Fatal(err)
	}
	shop.Close()
	config := app.Config{Issuer: localURL(l), Data: t.TempDir(), Console: &output{}, Log: logger(&output{}, false), Clients: []app.Client{
		{ID: "platform-2", Secret: randomSecret(), Name: "The railway", Origins: []string{localURL(shop)}, DetailTypes: []string{"order"}},
	}}
	start := func() (stop func()) {
		provider, err := app.New(t.Context(), config)
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		served := make(chan error, 1)
		go func() { served <- provider.Serve(ctx, l) }()
		return sync.OnceFunc(func() { cancel(); <-served; provider.Close() })
	}
	stop := start()
	defer func() { stop() }()
	t.Setenv("RELYINGPARTY_DEMO_CLIENT_SECRET", config.Clients[0].Secret)
	k := machine(t, "--listen="+strings.TrimPrefix(localURL(shop), "http://"), "--provider="+config.Issuer, "--client-id=platform-2")
	defer k.stop()
	p := enrolled(t, config.Issuer, config.Console.(*output))
	page := func(string) {}
	if inChromium {
		w := openWindow(t)
		w.do(chromedp.Navigate(k.page))
		page = w.await
	}
	k.press("4")
	page(phase + ` === "pending"`)
	k.scan(p)
	k.await(`Scanned\. Go on with your phone\.`)

	stop() // and with it goes the memory in which challenges are
	if l, err = net.Listen("tcp", l.Addr().String()); err != nil {
		t.Fatal(err)
	}
	stop = start()
	k.await(`The earlier code was lost\. Scan this new one\.`)
	page(`document.querySelector("qr-login").shadowRoot.querySelector(".status").textContent === "The earlier code was lost. Scan this new one."`)
	claim := k.scan(p)
	if _, err := p.Approve(t.Context(), claim, phone.Approval{}); err != nil {
		t.Fatal(err)
	}
	pays(t, claim)
	k.await(`Take your goods\.`)
	k.await(`Choose a piece\.`)
	k.press("4")
	k.await(`Scan the code with your phone\.`)
}

// A code stuck over a machine's screen belongs to another machine, and the phone says which (RFC 10027 §6.1.17).
func TestACodeStuckOverAMachineNamesAnotherMachine(t *testing.T) {
	emptyTemp(t)
	here := machine(t, "--id=K-1", "--place=The station")
	defer here.stop()
	p := enrolled(t, here.provider, here.screen)
	// The thief has bought a machine from the same operator, and put it up at home.
	thiefs := machine(t, "--id=K-66", "--place=Elsewhere")
	defer thiefs.stop()
	thiefs.press("1")
	sticker := enrolled(t, thiefs.provider, thiefs.screen)
	if got := thiefs.scan(sticker).Consent.Order.Kiosk; got.Id != "K-66" || got.Place != "Elsewhere" {
		t.Errorf("the phone shows %+v", got)
	}
	here.press("1")
	if got := here.scan(p).Consent.Order.Kiosk; got.Id != "K-1" || got.Place != "The station" {
		t.Errorf("the phone shows %+v", got)
	}
}

// The page has the shop's guard before it, and answers for its own machine alone.
func TestAMachinesPageIsGuarded(t *testing.T) {
	emptyTemp(t)
	k := machine(t)
	defer k.stop()
	page := strings.TrimPrefix(k.page, k.site)
	if !regexp.MustCompile(`^/kiosk/K-1/[A-Z2-7]{26}$`).MatchString(page) {
		t.Errorf("its page is at %s", page)
	}
	for _, test := range []struct {
		method, path, body, from string
		status                   int
	}{
		{"GET", "/kiosk/K-1", "", "", 404}, {"POST", "/kiosk/K-1", "piece=cup", "", 404}, {"GET", "/kiosk/K-1/stage", "", "", 404},
		{"POST", "/kiosk/K-1/" + strings.Repeat("A", 26), "piece=cup", "", 404}, {"GET", "/kiosk/K-1/code.png", "", "", 404},
		{"GET", page, "", "", 200}, {"GET", "/kiosk/static/kiosk.css", "", "", 200}, {"GET", "/kiosk/K-2", "", "", 404},
		{"GET", "/kiosk/static/machine.html", "", "", 404}, {"POST", page, "piece=cup", "https://evil.example", 403},
		{"GET", "/", "", "", 404}, {"GET", "/login", "", "", 404}, {"POST", "/buy/challenge?piece=cup", "", "", 404}, {"GET", "/buy/here?piece=cup", "", "", 404},
		{"GET", "/static/shop.css", "", "", 200}, {"GET", "/pay/another", "", "", 404}, {"POST", "/login/challenge", "", "", 404},
		{"GET", page + "/code.png", "", "", 404}, {"POST", page + "/challenge", "", "", 409}, {"POST", page + "/finish", "{}", "", 410},
		{"POST", page + "/finish", "[", "", 400}, {"POST", page, "piece=nothing", "", 303}, {"DELETE", page, "", "", 405},
	} {
		req, _ := http.NewRequest(test.method, k.site+test.path, strings.NewReader(test.body))
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		if test.from != "" {
			req.Header.Set("Origin", test.from)
		}
		resp, err := http.DefaultTransport.RoundTrip(req)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if csp := resp.Header.Get("Content-Security-Policy"); resp.StatusCode != test.status || !strings.Contains(csp, "script-src 'self' "+k.provider+";") {
			t.Errorf("%s %s: %d, %s", test.method, test.path, resp.StatusCode, csp)
		}
	}
	if !strings.Contains(k.now(), "Choose a piece.") {
		t.Errorf("somebody has chosen:\n%s", k.now())
	}
}

// By way of a proxy, or by a name that somebody pointed at it, nobody sees the machine's code.
func TestTheCodeOfAMachineIsForASimulatorOnTheSameMachineAlone(t *testing.T) {
	emptyTemp(t)
	k := machine(t)
	defer k.stop()
	k.press("1")
	k.await(`Scan the code with your phone\.`)
	for name, test := range map[string]struct {
		change func(*http.Request)
		status int
	}{
		"here":            {func(*http.Request) {}, http.StatusOK},
		"by a proxy":      {func(r *http.Request) { r.Header.Set("X-Forwarded-For", "192.168.1.7") }, http.StatusNotFound},
		"by another name": {func(r *http.Request) { r.Host = "evil.example" }, http.StatusMisdirectedRequest},
	} {
		req, _ := http.NewRequest(http.MethodGet, k.page+"/code.png", nil)
		test.change(req)
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if resp.StatusCode != test.status {
			t.Errorf("%s: %d", name, resp.StatusCode)
		}
	}
}

func TestAMachineThatCannotBeMeantIsRefused(t *testing.T) {
	for arg, says := range map[string]string{
		"--id=": "--id is", "--id=a/b": "--id is", "--id=.": "--id is", "--place= ": "--place is", "--place=a\nb": "--place is",
		"--lang=fr": "--lang must be one of", "--play": "does not go with kiosk",
	} {
		var out, errOut output
		if status := run(t.Context(), []string{"kiosk", arg}, nil, &out, &errOut); status != statusUsage || !strings.Contains(errOut.String(), says) {
			t.Errorf("%q: status %d, says %q", arg, status, errOut.String())
		}
	}
}

// A machine that cannot tell whether it was paid gives nothing out, and so takes nothing either.
func TestAMachineThatLosesSightOfAPaymentTakesNone(t *testing.T) {
	emptyTemp(t)
	folder := t.TempDir()
	k := machine(t, "--data="+folder)
	defer k.stop()
	p := enrolled(t, k.provider, k.screen)
	k.press("3")
	claim := k.scan(p)
	if _, err := p.Approve(t.Context(), claim, phone.Approval{}); err != nil {
		t.Fatal(err)
	}
	k.await(`Ordered\. Pay on your phone\.`)
	db, err := sql.Open("sqlite", "file:"+filepath.Join(folder, "shop.db")+"?_pragma=busy_timeout(5000)")
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	pay := func(at string) int {
		req, _ := http.NewRequest(http.MethodPost, at, nil)
		req.Header.Set("Accept", "application/json")
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		return resp.StatusCode
	}
	if _, err := db.Exec(`ALTER TABLE orders RENAME COLUMN signed TO lost`); err != nil {
		t.Fatal(err)
	}
	pay(k.site + "/pay/another") // has the machine look
	k.await(`Choose a piece\.`)
	if _, err := db.Exec(`ALTER TABLE orders RENAME COLUMN lost TO signed`); err != nil {
		t.Fatal(err)
	}
	if status := pay(*claim.Consent.Order.PaymentUri); status != http.StatusGone {
		t.Errorf("paid, and nothing was given out: %d", status)
	}
}
