package sms

import (
	"context"
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httptrace"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"qrlogin/provider/internal/identity"
)

const (
	issuer = "https://id.example"
	number = "+4915123456789"
	code   = "493021"

	// These are made up, or the specification's own example.
	account = "AC0123456789abcdef0123456789abcdef"
	service = "MG0123456789abcdef0123456789abcdef"
	token   = "0f1e2d3c4b5a69788796a5b4c3d2e1f0"
	secret  = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
)

func TestWhatCannotSendIsRefused(t *testing.T) {
	missing := filepath.Join(t.TempDir(), "missing", "sms")
	for _, c := range []Config{
		{By: ""}, {By: "pigeon"}, {By: "console:"}, {By: "console", From: number}, {By: "console", Secret: token}, {By: "file:"}, {By: "file"}, {By: "file:" + missing},
		{By: "file:x", Secret: token}, {By: "webhook:", Secret: secret}, {By: "webhook:sms.example/send", Secret: secret}, {By: "webhook:ftp://sms.example", Secret: secret},
		{By: "webhook:https://sms.example"}, {By: "webhook:https://sms.example", Secret: token}, {By: "webhook:https://sms.example", Secret: "whsec_c2hvcnQ="},
		{By: "webhook:https://sms.example", Secret: "whsec_" + strings.Repeat("AAAA", 22)}, {By: "webhook:https://sms.example", Secret: secret, From: number},
		{By: "twilio:", From: number, Secret: token}, {By: "twilio:AC12", From: number, Secret: token}, {By: "twilio:" + account + "/../x", From: number, Secret: token},
		{By: "twilio:" + account, Secret: token}, {By: "twilio:" + account, From: "Kiln Lane", Secret: token}, {By: "twilio:" + account, From: number},
	} {
		if _, err := Open(c); err == nil || strings.Contains(err.Error(), token) || strings.Contains(err.Error(), "MfKQ9r8G") || strings.Contains(err.Error(), "\n") {
			t.Errorf("%+v: %v", c, err)
		}
	}
}

// server is a gateway that keeps what it was asked, and answers as it is told.
type server struct {
	*httptest.Server
	mu     sync.Mutex
	asked  []request
	answer func(w http.ResponseWriter, n int) // the nth, from 1
}

type request struct {
	*http.Request
	body string
	user string
	pass string
}

func newServer(t *testing.T, answer func(w http.ResponseWriter, n int)) *server {
	s := &server{answer: answer}
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		user, pass, _ := r.BasicAuth()
		s.mu.Lock()
		s.asked = append(s.asked, request{r, string(body), user, pass})
		n := len(s.asked)
		s.mu.Unlock()
		s.answer(w, n)
	}))
	t.Cleanup(s.Close)
	return s
}

func status(code int) func(http.ResponseWriter, int) {
	return func(w http.ResponseWriter, _ int) { w.WriteHeader(code) }
}

// bothWays runs a test with a sender by the webhook, and with one by Twilio, that ask this address.
func bothWays(t *testing.T, url string, test func(t *testing.T, s *Sender, client *http.Client)) {
	t.Helper()
	for _, c := range []Config{
		{By: "webhook:" + url + "/send?key=INSIDE", Secret: secret, Issuer: issuer}, {By: "twilio:" + account, From: service, Secret: token, Issuer: issuer},
	} {
		s, err := Open(c)
		if err != nil {
			t.Fatal(err)
		}
		client := &http.Client{}
		switch g := s.gateway.(type) {
		case *webhook:
			client = g.client
		case *twilio:
			g.api, client = url, g.client
		}
		t.Run(c.By[:7], func(t *testing.T) { test(t, s, client) })
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}
}

func wantSilent(t *testing.T, err error) {
	t.Helper()
	for _, secret := range []string{number, number[1:], code, token, "INSIDE"} {
		if strings.Contains(err.Error(), secret) {
			t.Errorf("%q says %s", err, secret)
		}
	}
}

func TestARedirectIsNotFollowed(t *testing.T) {
	elsewhere := newServer(t, status(http.StatusOK))
	g := newServer(t, func(w http.ResponseWriter, _ int) {
		w.Header().Set("Location", elsewhere.URL)
		w.WriteHeader(http.StatusTemporaryRedirect)
	})
	bothWays(t, g.URL, func(t *testing.T, s *Sender, _ *http.Client) {
		err := s.Send(t.Context(), number, code, "")
		if err == nil || errors.Is(err, ErrMayBeSent) || len(elsewhere.asked) != 0 {
			t.Errorf("%v; elsewhere was asked %d times", err, len(elsewhere.asked))
		}
	})
}

func TestWithoutAConnectionNothingHasBeenSent(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l.Close()
	bothWays(t, "http://"+l.Addr().String(), func(t *testing.T, s *Sender, _ *http.Client) {
		err := s.Send(t.Context(), number, code, "")
		if err == nil || errors.Is(err, ErrMayBeSent) {
			t.Fatal(err)
		}
		wantSilent(t, err)
	})
}

func TestWithoutTrustInTheGatewayNothingHasBeenSent(t *testing.T) {
	g := httptest.NewTLSServer(http.NotFoundHandler())
	defer g.Close()
	g.Config.ErrorLog = log.New(io.Discard, "", 0)
	bothWays(t, g.URL, func(t *testing.T, s *Sender, _ *http.Client) {
		err := s.Send(t.Context(), number, code, "")
		if err == nil || errors.Is(err, ErrMayBeSent) || !strings.Contains(err.Error(), "certificate") {
			t.Fatal(err)
		}
		wantSilent(t, err)
	})
}

func TestWithoutAnAnswerItMayHaveBeenSent(t *testing.T) {
	g := newServer(t, func(http.ResponseWriter, int) { panic(http.ErrAbortHandler) })
	bothWays(t, g.URL, func(t *testing.T, s *Sender, _ *http.Client) {
		err := s.Send(t.Context(), number, code, "")
		if !errors.Is(err, ErrMayBeSent) {
			t.Fatal(err)
		}
		wantSilent(t, err)
	})
}

// silence is a network in which nothing comes back, from a gateway that is connected or not.
type silence struct{ connected bool }

func (s silence) RoundTrip(r *http.Request) (*http.Response, error) {
	if s.connected {
		httptrace.ContextClientTrace(r.Context()).GotConn(httptrace.GotConnInfo{})
	}
	<-r.Context().Done()
	return nil, r.Context().Err()
}

// The phone waits for five seconds and no more, however often it is tried.
func TestAGatewayIsWaitedForFiveSeconds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, connected := range []bool{false, true} {
			bothWaysIn(t, silence{connected}, func(s *Sender) {
				began := time.Now()
				if err := s.Send(t.Context(), number, code, ""); err == nil || errors.Is(err, ErrMayBeSent) != connected {
					t.Errorf("connected %t: %v", connected, err)
				}
				if took := time.Since(began); took != 5*time.Second {
					t.Errorf("it took %v", took)
				}
			})
		}
	})
}

func bothWaysIn(t *testing.T, network http.RoundTripper, test func(*Sender)) {
	hook, err := newWebhook("https://sms.example", secret)
	if err != nil {
		t.Fatal(err)
	}
	gateway, err := newTwilio(account, number, token)
	if err != nil {
		t.Fatal(err)
	}
	hook.client.Transport, gateway.client.Transport = network, network
	test(&Sender{"id.example", hook})
	test(&Sender{"id.example", gateway})
}

// Whether a message went out must not be left open: it costs, and counts.
func TestAMessageIsSentAlthoughWhoAskedHasHungUp(t *testing.T) {
	g := newServer(t, status(http.StatusCreated))
	bothWays(t, g.URL, func(t *testing.T, s *Sender, _ *http.Client) {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if err := s.Send(ctx, number, code, ""); err != nil {
			t.Error(err)
		}
	})
	if len(g.asked) != 2 {
		t.Errorf("asked %d times", len(g.asked))
	}
}

func TestANumberThatGetsNoSMSIsToldFromAGatewayThatFails(t *testing.T) {
	g := newServer(t, func(w http.ResponseWriter, n int) {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader([]int{http.StatusUnprocessableEntity, http.StatusBadRequest}[n-1])
		io.WriteString(w, `{"code": 21614, "message": "To number: `+number+`, is not a mobile number", "more_info": "https://www.twilio.com/docs/errors/21614", "status": 400}`)
	})
	bothWays(t, g.URL, func(t *testing.T, s *Sender, _ *http.Client) {
		if err := s.Send(t.Context(), number, code, ""); !errors.Is(err, identity.ErrInvalidNumber) {
			t.Error(err)
		}
	})
}
