package webphone_test

import (
	"bytes"
	"slices"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/chromedp"

	"qrlogin/api/picture"
)

// touched keeps when Approve was touched, in milliseconds since 1970.
const touched = `addEventListener('click', ({ target, timeStamp }) => {
	if (target.id === 'approve') window.touched = performance.timeOrigin + timeStamp;
}, true);`

// shown is when the page that the computer went to was there, on the same clock.
const shown = `performance.timeOrigin + performance.getEntriesByType('navigation')[0].domContentLoadedEventEnd`

// From the touch on Approve to the logged-in page, and what a phone that knows the app loads for it: the medians. The first visit, too.
//
//	go test ./provider/internal/webphone -run '^$' -bench TouchToThePage -benchtime 20x
func BenchmarkPhoneFromTheTouchToThePage(b *testing.B) {
	d := newDesk(b)
	p := newHandset(b, d.w)
	p.inject(touched)
	loaded := p.countBytes()
	p.open(d.w.issuer + "/phone")
	p.on("welcome")
	p.await("navigator.serviceWorker.controller || navigator.serviceWorker.ready")
	first := loaded()
	p.enrolHere("+86 138 0013 8000", 0)
	p.press("ready.continue")
	p.on("home")
	var took, cost []float64
	for b.Loop() {
		d.open()
		before := loaded()
		p.open(d.code())
		p.on("landed")
		p.press("landed.see")
		p.press("consent.approve")
		p.on("approved")
		d.await("location.pathname === '/account' && performance.getEntriesByType('navigation')[0].domContentLoadedEventEnd > 0")
		loggedIn, err := chromedp.Run(d.ctx, chromedp.Evaluate[float64](shown))
		if err != nil {
			b.Fatal(err)
		}
		took = append(took, loggedIn-js[float64](p, "window.touched"))
		cost = append(cost, float64(loaded()-before))
	}
	slices.Sort(took)
	slices.Sort(cost)
	b.ReportMetric(took[len(took)/2], "median-ms")
	b.ReportMetric(took[len(took)-1], "slowest-ms")
	b.ReportMetric(float64(first), "bytes-first-visit")
	b.ReportMetric(cost[len(cost)/2], "bytes-approval")
	p.close("404")
}

// countBytes answers how many bytes the page has taken from the network until now, headers and all.
func (p *handset) countBytes() func() int {
	total := 0
	finished := chromedp.Events(p.ctx, network.LoadingFinished)
	go func() {
		for e, err := range finished {
			if err != nil {
				return
			}
			p.mu.Lock()
			total += int(e.EncodedDataLength)
			p.mu.Unlock()
		}
	}()
	return func() int {
		p.mu.Lock()
		defer p.mu.Unlock()
		return total
	}
}

// code is what the code on the screen says.
func (d *desk) code() string {
	d.t.Helper()
	var code string
	for range 100 {
		_, err := picture.Read(d.t.Context(), bytes.Clone(d.screen()), func(text string) bool {
			if strings.HasPrefix(text, d.w.issuer) {
				code = text
			}
			return code != ""
		})
		if err == nil && code != "" {
			return code
		}
	}
	d.t.Fatal("no code on the screen")
	return ""
}
