package app_test

import (
	"bytes"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"qrlogin/api"
	"qrlogin/mobile-sim/phone"
)

// The living QR over HTTP (DESIGN.md §3; RFC 10027 §6.1.2). Its rules in every detail are package challenge's tests.

func TestAFrameIsAcceptedForThirtySecondsAndThenStale(t *testing.T) {
	t.Parallel()
	folder, kept := inFolder(t)
	inBubble(t, func(t *testing.T, w *world) {
		p := w.rawPhone().enrolled("+8613800138000")
		started := w.start()
		frame := w.frame(started)
		time.Sleep(30*time.Second - time.Millisecond)
		p.release(p.claimBy(frame))
		time.Sleep(time.Millisecond)
		p.scan(frame).wants(t, "after 30 s", http.StatusUnprocessableEntity, "code-stale")
		if n := len(audited(t, folder, "code.stale")); n != 1 {
			t.Errorf("%d audit events", n)
		}
		p.claimBy(w.frame(started)) // the one that is shown now
	}, kept)
}

func TestNoFrameIsShownOrAcceptedAfterThreeMinutes(t *testing.T) {
	t.Parallel()
	inBubble(t, func(t *testing.T, w *world) {
		p := w.rawPhone().enrolled("+8613800138000")
		started := w.start()
		time.Sleep(3*time.Minute - time.Second)
		last := w.frame(started)
		time.Sleep(time.Second)
		view, _ := w.watch(started, 0)
		if view.Frames == nil || len(*view.Frames) != 0 || view.State != api.ChallengeStatePending {
			t.Errorf("after three minutes: %+v", view)
		}
		w.do(w.byWatch(http.MethodGet, started, "/qr.svg")).wants(t, "the picture", http.StatusConflict, "wrong-state")
		p.scan(last).wants(t, "the last frame", http.StatusUnprocessableEntity, "code-stale")
	})
}

func TestThePageHasFramesForLongerThanAPollLasts(t *testing.T) {
	t.Parallel()
	inBubble(t, func(t *testing.T, w *world) {
		p := w.rawPhone().enrolled("+8613800138000")
		started := w.start()
		view, _ := w.watch(started, 0)
		began := time.Now()
		frames := *view.Frames
		for i, f := range frames {
			if i > 0 && f.FromMs != frames[i-1].UntilMs {
				t.Errorf("a gap before frame %d: %+v", i, frames)
			}
			time.Sleep(time.Until(began.Add(time.Duration(f.FromMs) * time.Millisecond)))
			p.release(p.claimBy(f.Code)) // good from the moment at which it is shown
		}
		if until := frames[len(frames)-1].UntilMs; until < 35_000 {
			t.Errorf("the last frame ends after %d ms", until)
		}
	})
}

func TestThePictureShowsTheCodeOfThisMoment(t *testing.T) {
	t.Parallel()
	inBubble(t, func(t *testing.T, w *world) {
		started := w.start()
		for range 3 {
			r := w.byWatch(http.MethodGet, started, "/qr.png")
			r.URL.RawQuery = "size=512"
			a := w.do(r)
			text, err := phone.ReadPicture(bytes.NewReader(a.Body))
			if err != nil {
				t.Fatalf("%d: %v", a.Status, err)
			}
			if text != w.frame(started) || a.Header.Get("Cache-Control") != "no-store" {
				t.Errorf("the picture says %s", text)
			}
			time.Sleep(5 * time.Second)
		}
	})
}

// Who fetches a picture is a site's backend, not the browser in front of the person.
func TestAPictureDoesNotPresentABrowser(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p := w.rawPhone().enrolled("+8613800138000")
	started := w.start()
	a := w.do(w.byWatch(http.MethodGet, started, "/qr.png"))
	text, err := phone.ReadPicture(bytes.NewReader(a.Body))
	if err != nil {
		t.Fatal(err)
	}
	if consent := string(decode64(t, p.claimBy(text).Consent)); !strings.Contains(consent, `"browser":{}`) {
		t.Errorf("the consent says %s", consent)
	}
}

func TestTheBrowserFreezesAtTheClaim(t *testing.T) {
	t.Parallel()
	inBubble(t, func(t *testing.T, w *world) {
		p := w.rawPhone().enrolled("+8613800138000")
		started := w.start()
		w.from("192.0.2.50").watch(started, 0)
		frame := w.from("192.0.2.51").frame(started) // it moved while the code was shown
		claim := p.claimBy(frame)
		if consent := string(decode64(t, claim.Consent)); !strings.Contains(consent, "192.0.2.51") {
			t.Errorf("the consent says %s", consent)
		}
		view, _ := w.watch(started, 0)
		after, _ := w.from("192.0.2.66").watch(started, 0)
		if after.Version != view.Version {
			t.Error("another browser changed a claimed challenge")
		}
		if again := p.claimBy(frame); again.Consent != claim.Consent {
			t.Error("the consent changed after the claim")
		}
	})
}

// SECURITY.md §6: without trusted proxies a forged header changes nothing.
func TestAForgedForwardingHeaderDoesNotChangeTheAddress(t *testing.T) {
	t.Parallel()
	inBubble(t, func(t *testing.T, w *world) {
		p := w.rawPhone().enrolled("+8613800138000")
		started := w.start()
		r := w.byWatch(http.MethodGet, started, "")
		for _, name := range []string{"X-Forwarded-For", "X-Real-IP", "Forwarded", "CF-Connecting-IP", "True-Client-IP"} {
			r.Header.Set(name, "203.0.113.5")
		}
		var view api.ChallengeView
		w.do(r).decode(t, &view)
		consent := string(decode64(t, p.claimBy((*view.Frames)[0].Code).Consent))
		if !strings.Contains(consent, "192.0.2.1") || strings.Contains(consent, "203.0.113.5") {
			t.Errorf("the consent says %s", consent)
		}
	})
}

func TestAWaitingBrowserIsAnsweredWhenSomethingHappens(t *testing.T) {
	t.Parallel()
	inBubble(t, func(t *testing.T, w *world) {
		p := w.rawPhone().enrolled("+8613800138000")
		started := w.start()
		view, _ := w.watch(started, 0)
		var states []string
		done := make(chan struct{})
		go func() {
			defer close(done)
			for v := view; v.State != api.ChallengeStateRedeemed; {
				next, a := w.watch(started, v.Version)
				if a.Status != http.StatusOK {
					return
				}
				if v = next; !slices.Contains(states, string(v.State)) {
					states = append(states, string(v.State))
				}
			}
		}()
		time.Sleep(40 * time.Second) // longer than one poll
		claim := p.claim(started)
		time.Sleep(time.Second)
		p.decide(claim, "approve")
		time.Sleep(time.Second)
		w.poll(started, "")
		<-done
		if got := strings.Join(states, " "); got != "pending claimed approved redeemed" {
			t.Errorf("the page saw %s", got)
		}
	})
}
