package app_test

import (
	"net/http"
	"strings"
	"testing"

	"qrlogin/api"
	"qrlogin/mobile-sim/phone"
	"qrlogin/provider/app"
)

// shownAddress is where the phone is told that the page is, when the page's request carries this X-Forwarded-For.
func shownAddress(w *world, p *phone.Phone, forwarded string) string {
	w.t.Helper()
	started := w.start()
	r := w.byWatch(http.MethodGet, started, "?after=0")
	r.Header.Set("X-Forwarded-For", forwarded)
	r.Header.Set("X-Real-Ip", "203.0.113.99")
	r.Header.Set("Forwarded", "for=203.0.113.98")
	var view api.ChallengeView
	w.do(r).decode(w.t, &view)
	claim, err := p.Scan(w.t.Context(), (*view.Frames)[0].Code)
	if err != nil {
		w.t.Fatal(err)
	}
	return *claim.Consent.Browser.Address
}

// SECURITY.md §6: addresses come from trusted proxies only.
func TestAForgedForwardedAddressChangesNothing(t *testing.T) {
	w := newWorld(t)
	p := w.phone("+8613800138000")
	if got := shownAddress(w, p, "203.0.113.7"); got != "127.0.0.1" && got != "::1" {
		t.Errorf("the phone is told %s", got)
	}
	shownAddress(w, p, "203.0.113.8")
	if n := strings.Count(w.logs.String(), "--trusted-proxies"); n != 1 || strings.Contains(w.logs.String(), "203.0.113.") {
		t.Errorf("the operator is told %d times: %s", n, w.logs)
	}
}

func TestATrustedProxySaysWhereTheBrowserIs(t *testing.T) {
	w := newWorld(t, func(c *app.Config) { c.TrustedProxies = []string{"127.0.0.0/8", "::1", "10.0.0.0/8"} })
	// What stands before the first address that no trusted proxy has is the browser's own invention.
	if got := shownAddress(w, w.phone("+8613800138000"), "198.51.100.1, 203.0.113.7, 10.0.0.5"); got != "203.0.113.7" {
		t.Errorf("the phone is told %s", got)
	}
}

func TestTrustedProxiesAreAddressesOrNetworks(t *testing.T) {
	if provider, err := app.New(t.Context(), app.Config{Issuer: "http://localhost:9000", TrustedProxies: []string{"proxy.example"}}); err == nil {
		_ = provider.Close()
		t.Error("a name is taken")
	}
}
