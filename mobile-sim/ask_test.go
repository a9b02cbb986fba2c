package main

import (
	"bytes"
	"context"
	"errors"
	"io"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"qrlogin/mobile-sim/internal/fakeprovider"
	"qrlogin/mobile-sim/phone"
)

func TestOnlyAWordOfApprovalApproves(t *testing.T) {
	for typed, want := range map[string]bool{
		"a\n": true, "A\n": true, " approve \n": true, "y\n": true, "yes\n": true, "a": true,
		"": false, "\n": false, "d\n": false, "n\n": false, "no\n": false, "aa\n": false, "\na\n": false, "同意\n": false,
	} {
		term := &terminal{strings.NewReader(typed), io.Discard}
		got, err := term.choose(t.Context(), &english, time.Hour)
		if err != nil || got != want {
			t.Errorf("%q: %v, %v", typed, got, err)
		}
	}
}

// Most computers that show a code are not the reader's own: the word that approves is not enough.
func TestOnlyAYesMakesAComputerOnesOwn(t *testing.T) {
	for typed, want := range map[string]bool{
		"y\n": true, "Yes\n": true, " y \n": true, "": false, "\n": false, "n\n": false, "a\n": false, "approve\n": false, "\ny\n": false,
	} {
		term := &terminal{strings.NewReader(typed), io.Discard}
		if got, err := term.mine(t.Context(), &english, time.Hour); err != nil || got != want {
			t.Errorf("%q: %v, %v", typed, got, err)
		}
	}
}

// The second question has the time that the first one left.
func TestBothQuestionsEndWhenTheRequestExpires(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		in, typist := io.Pipe()
		defer typist.Close() // lets the reader go
		go func() {
			time.Sleep(time.Minute)
			_, _ = io.WriteString(typist, "a\n")
		}()
		began := time.Now()
		a := &app{Context: t.Context(), words: &english, terminal: func(bool) *terminal { return &terminal{in, io.Discard} }}
		claim := &phone.Claim{ExpiresIn: 90 * time.Second}
		claim.Consent.SessionOffered = new(true)
		_, with, err := new(scanCmd).decide(a, claim, nil)
		if with.Session || !errors.Is(err, errExpired) || time.Since(began) != 90*time.Second {
			t.Fatalf("%v, %v after %v", with.Session, err, time.Since(began))
		}
	})
}

func TestAQuestionEndsWhenTheRequestExpires(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		in, typist := io.Pipe()
		defer typist.Close() // lets the reader go
		began := time.Now()
		term := &terminal{in, io.Discard}
		approve, err := term.choose(t.Context(), &english, 90*time.Second)
		if approve || !errors.Is(err, errExpired) || time.Since(began) != 90*time.Second {
			t.Fatalf("%v, %v after %v", approve, err, time.Since(began))
		}
	})
}

// watched tells when something was written to it that contains a text.
type watched struct {
	mu   sync.Mutex
	text bytes.Buffer
	want string
	seen chan struct{}
	once sync.Once
}

func (w *watched) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.text.Write(p)
	if strings.Contains(w.text.String(), w.want) {
		w.once.Do(func() { close(w.seen) })
	}
	return len(p), nil
}

func TestARequestThatExpiredIsNeitherApprovedNorDeclined(t *testing.T) {
	a := &app{words: &english, json: true, stdout: new(bytes.Buffer), stderr: io.Discard}
	if got := a.finish(errExpired); got != statusRefused {
		t.Errorf("exit status %d", got)
	}
	if got := a.stdout.(*bytes.Buffer).String(); !strings.Contains(got, `"code":"expired"`) {
		t.Errorf("printed %s", got)
	}
}

// home is the folder of an enrolled phone.
func home(t *testing.T, fake *fakeprovider.Provider) string {
	t.Helper()
	home := t.TempDir()
	if _, err := phone.Enroll(t.Context(), phone.Enrollment{
		Home: home, Provider: fake.URL, Number: "+8613800138000",
		Code: func(context.Context) (string, error) { return fakeprovider.Code, nil },
	}); err != nil {
		t.Fatal(err)
	}
	return home
}

func TestCtrlCAtAQuestionGivesTheCodeBack(t *testing.T) {
	order := func(c *fakeprovider.Challenge) {
		c.Consent.Order, c.Consent.CurrencyDigits = fakeprovider.Order(), new(2)
	}
	for question, test := range map[string]struct {
		edit  func(*fakeprovider.Challenge)
		typed string
	}{
		english.prompt:      {nil, ""},
		english.newPIN:      {order, "a\n"},
		english.newPINAgain: {order, "a\n4711\n"},
	} {
		fake := fakeprovider.New()
		defer fake.Close()
		c, frame := fake.Challenge(test.edit)
		ctx, interrupt := context.WithCancel(t.Context())
		screen := &watched{want: question, seen: make(chan struct{})}
		go func() {
			<-screen.seen
			interrupt()
		}()
		in, typist := io.Pipe()
		defer typist.Close() // lets the reader go
		go func() {
			for line := range strings.Lines(test.typed) {
				_, _ = io.WriteString(typist, line)
			}
		}()
		var stderr bytes.Buffer
		a := &app{
			Context: ctx, home: home(t, fake), words: &english, stdout: io.Discard, stderr: &stderr,
			terminal: func(bool) *terminal { return &terminal{in, screen} },
		}
		command := scanCmd{Code: frame}
		if got := a.finish(command.Run(a)); got != statusError {
			t.Errorf("%s: exit status %d", question, got)
		}
		if got := fake.State(c.ID); got != "released" {
			t.Errorf("%s: the challenge is %s", question, got)
		}
		if !strings.Contains(stderr.String(), "the code was given back") {
			t.Errorf("%s: said %q", question, stderr.String())
		}
	}
}

// The PIN has the time that the first question left.
func TestThePINIsAskedForUntilTheRequestExpires(t *testing.T) {
	fake := fakeprovider.New()
	defer fake.Close()
	home := home(t, fake)
	synctest.Test(t, func(t *testing.T) {
		in, typist := io.Pipe()
		defer typist.Close() // lets the reader go
		go func() {
			time.Sleep(time.Minute)
			_, _ = io.WriteString(typist, "a\n")
		}()
		began := time.Now()
		a := &app{Context: t.Context(), home: home, words: &english, stdout: io.Discard, terminal: func(bool) *terminal { return &terminal{in, io.Discard} }}
		claim := &phone.Claim{ExpiresIn: 90 * time.Second}
		claim.Consent.Order, claim.Consent.CurrencyDigits = fakeprovider.Order(), new(2)
		_, with, err := new(scanCmd).decide(a, claim, nil)
		if with.PIN || !errors.Is(err, errExpired) || time.Since(began) != 90*time.Second {
			t.Fatalf("%v, %v after %v", with.PIN, err, time.Since(began))
		}
	})
}
