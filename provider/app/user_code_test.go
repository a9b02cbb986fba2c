package app_test

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"qrlogin/api"
)

// The user_code (RFC 8628 §6.1; SECURITY.md §4): typed where the site may use codes that do not rotate.

func TestAUserCodeIsReadHoweverItIsTyped(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p := w.rawPhone().enrolled("+8613800138000")
	for _, change := range []func(string) string{
		func(s string) string { return s },
		strings.ToLower,
		func(s string) string { return strings.ReplaceAll(s, "-", "") },
		func(s string) string { return " " + strings.ReplaceAll(s, "-", " ") + " " },
		func(s string) string { return strings.Join(strings.Split(s, ""), ".") },
	} {
		started := w.startAs("tv", "")
		typed := change(started.UserCode)
		if claim := p.claimBy(typed); claim.ChallengeId != started.ChallengeId {
			t.Errorf("%q led elsewhere", typed)
		}
	}
}

func TestAUserCodeHasEightLettersThatSpellNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for range 50 {
		code := w.startAs("tv", "").UserCode
		if len(code) != 9 || code[4] != '-' || strings.Trim(code, "BCDFGHJKLMNPQRSTVWXZ-") != "" {
			t.Fatalf("user_code %q", code)
		}
	}
}

// RFC 10027 §6.1.2: where the code rotates, a code that does not is no way around it.
func TestWhereTheCodeMustRotateTypedAndStaticCodesAreRefused(t *testing.T) {
	t.Parallel()
	folder, kept := inFolder(t)
	w := newWorld(t, kept)
	p := w.rawPhone().enrolled("+8613800138000")
	started := w.start()
	for range 12 { // and it is no wrong guess
		p.scan(started.UserCode).wants(t, "typed", http.StatusForbidden, "not-allowed")
	}
	p.scan(w.issuer+"/q/"+started.ChallengeId).wants(t, "static", http.StatusForbidden, "not-allowed")
	if started.VerificationUriComplete != nil {
		t.Error("a static code was handed out")
	}
	w.wantState(started, api.ChallengeStatePending)
	if n := len(audited(t, folder, "code.not-allowed")); n != 10 { // in an hour
		t.Errorf("%d audit events", n)
	}
}

// guesses is user codes that no challenge has.
func guesses(w *world, n int) []string {
	codes := make([]string, 0, n)
	for i := range n {
		codes = append(codes, fmt.Sprintf("BBBB-%s", strings.Map(func(r rune) rune { return rune("BCDFGHJKLM"[r-'0']) }, fmt.Sprintf("%04d", i))))
	}
	return codes
}

func wantTooMany(t *testing.T, what string, a answer) {
	t.Helper()
	a.wants(t, what, http.StatusTooManyRequests, "too-many-requests")
	if seconds, err := strconv.Atoi(a.Header.Get("Retry-After")); err != nil || seconds < 1 || seconds > 600 {
		t.Errorf("%s: Retry-After %q", what, a.Header.Get("Retry-After"))
	}
}

func TestADeviceHasFiveWrongGuessesInTenMinutes(t *testing.T) {
	t.Parallel()
	inBubble(t, func(t *testing.T, w *world) {
		p := w.rawPhone().enrolled("+8613800138000")
		codes := guesses(w, 6)
		for _, code := range codes[:5] {
			p.scan(code).wants(t, code, http.StatusNotFound, "code-unknown")
		}
		wantTooMany(t, "the sixth", p.scan(codes[5]))
		started := w.startAs("tv", "")
		wantTooMany(t, "even a right one", p.scan(started.UserCode))
		w.wantState(started, api.ChallengeStatePending)
		moved := rawPhone{w.from("192.0.2.77"), p.key}
		wantTooMany(t, "from another address", moved.scan(codes[5]))
		if a := p.scan(w.frame(started)); a.Status != http.StatusOK { // what is scanned is not guessed
			t.Errorf("a scanned code: %d %s", a.Status, a.Body)
		}
		time.Sleep(10 * time.Minute)
		p.scan(codes[0]).wants(t, "ten minutes later", http.StatusNotFound, "code-unknown")
	})
}

func TestAnAddressHasTenWrongGuessesInTenMinutes(t *testing.T) {
	t.Parallel()
	inBubble(t, func(t *testing.T, w *world) {
		codes := guesses(w, 11)
		phones := []rawPhone{
			w.rawPhone().enrolled("+8613800138000"), w.rawPhone().enrolled("+8613800138001"), w.rawPhone().enrolled("+8613800138002"),
		}
		for i, code := range codes[:10] {
			phones[i/5].scan(code).wants(t, code, http.StatusNotFound, "code-unknown")
		}
		wantTooMany(t, "the eleventh, of a third phone", phones[2].scan(codes[10]))
		elsewhere := rawPhone{w.from("192.0.2.77"), phones[2].key}
		elsewhere.scan(codes[10]).wants(t, "the same phone elsewhere", http.StatusNotFound, "code-unknown")
	})
}

func TestARightUserCodeIsNotAWrongGuess(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p := w.rawPhone().enrolled("+8613800138000")
	for range 12 {
		p.claimBy(w.startAs("tv", "").UserCode)
	}
}

func TestManyGuessesAtOnceAreNoMoreThanFive(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p := w.rawPhone().enrolled("+8613800138000")
	judged := 0
	for _, a := range atOnce(w, 40, func(i int) *http.Request {
		return p.request(http.MethodPost, "/phone/scans", api.ScanRequest{Code: guesses(w, 40)[i]})
	}) {
		if a.Status != http.StatusTooManyRequests {
			judged++
		}
	}
	if judged != 5 {
		t.Errorf("%d of 40 guesses were judged", judged)
	}
}

func TestTheUserCodeOfAChallengeThatEndedLeadsNowhere(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p := w.rawPhone().enrolled("+8613800138000")
	started := w.startAs("tv", "")
	w.cancel(started)
	p.scan(started.UserCode).wants(t, "after the end", http.StatusNotFound, "code-unknown")
}
