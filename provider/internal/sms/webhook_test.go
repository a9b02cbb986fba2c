package sms

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"qrlogin/provider/internal/identity"
)

func hook(t *testing.T, g *server) *Sender {
	t.Helper()
	s, err := Open(Config{By: "webhook:" + g.URL + "/send", Secret: secret, Issuer: issuer})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

// The example of the specification's own libraries.
func TestASignatureIsThatOfStandardWebhooks(t *testing.T) {
	w, err := newWebhook("https://sms.example", secret)
	if err != nil {
		t.Fatal(err)
	}
	if got := w.sign("msg_p5jXN8AQM9LWM0D4loKWxJek", "1614265330", []byte(`{"test": 2432232314}`)); got != "g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=" {
		t.Error(got)
	}
}

// wantVerified verifies a request as Standard Webhooks says that its receiver does.
func wantVerified(t *testing.T, r request) {
	t.Helper()
	key, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(secret, "whsec_"))
	if err != nil {
		t.Fatal(err)
	}
	id, at := r.Header.Get("webhook-id"), r.Header.Get("webhook-timestamp")
	if seconds, err := strconv.ParseInt(at, 10, 64); err != nil || time.Since(time.Unix(seconds, 0)).Abs() > 5*time.Minute {
		t.Errorf("webhook-timestamp %q", at)
	}
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte(id + "." + at + "." + r.body))
	if got, want := r.Header.Get("webhook-signature"), "v1,"+base64.StdEncoding.EncodeToString(mac.Sum(nil)); got != want || id == "" || strings.Contains(id, ".") {
		t.Errorf("id %q, signature %q, want %q", id, got, want)
	}
}

func TestTheWebhookIsPostedTheMessageSigned(t *testing.T) {
	g := newServer(t, status(http.StatusNoContent))
	if err := hook(t, g).Send(t.Context(), number, code, "zh"); err != nil {
		t.Fatal(err)
	}
	if len(g.asked) != 1 {
		t.Fatalf("asked %d times", len(g.asked))
	}
	r := g.asked[0]
	wantVerified(t, r)
	if r.Method != http.MethodPost || r.URL.Path != "/send" || r.Header.Get("Content-Type") != "application/json" {
		t.Errorf("%s %s, %s", r.Method, r.URL, r.Header.Get("Content-Type"))
	}
	var body map[string]string
	if err := json.Unmarshal([]byte(r.body), &body); err != nil || len(body) != 4 || body["to"] != number || body["code"] != code ||
		body["text"] != text("zh", "id.example", code) || body["id"] != r.Header.Get("webhook-id") {
		t.Errorf("%s, %v", r.body, err)
	}
}

func TestAWebhookThatFailsIsAskedOnceMoreByTheSameID(t *testing.T) {
	for name, first := range map[string]func(http.ResponseWriter){
		"a fault over there": func(w http.ResponseWriter) { w.WriteHeader(http.StatusBadGateway) },
		"no answer":          func(http.ResponseWriter) { panic(http.ErrAbortHandler) },
	} {
		g := newServer(t, func(w http.ResponseWriter, n int) {
			if n == 1 {
				first(w)
			}
		})
		if err := hook(t, g).Send(t.Context(), number, code, ""); err != nil || len(g.asked) != 2 {
			t.Fatalf("%s: %v after %d", name, err, len(g.asked))
		}
		wantVerified(t, g.asked[0])
		wantVerified(t, g.asked[1])
		if g.asked[0].Header.Get("webhook-id") != g.asked[1].Header.Get("webhook-id") || g.asked[0].body != g.asked[1].body {
			t.Errorf("%s: another message the second time", name)
		}
	}
}

func TestAWebhookThatRefusesIsNotAskedAgain(t *testing.T) {
	for code, times := range map[int]int{http.StatusBadRequest: 1, http.StatusUnauthorized: 1, http.StatusTooManyRequests: 1, http.StatusInternalServerError: 2} {
		g := newServer(t, status(code))
		err := hook(t, g).Send(t.Context(), number, "493021", "")
		if err == nil || errors.Is(err, ErrMayBeSent) != (times == 2) || len(g.asked) != times {
			t.Errorf("%d: %v after %d", code, err, len(g.asked))
		}
	}
}

// What a first try left open, the second does not settle: only that it was taken, or that no message reaches the number.
func TestWhatTheFirstTryLeftOpenStaysSo(t *testing.T) {
	for name, first := range map[string]func(http.ResponseWriter){
		"a fault over there": func(w http.ResponseWriter) { w.WriteHeader(http.StatusBadGateway) },
		"no answer":          func(http.ResponseWriter) { panic(http.ErrAbortHandler) },
	} {
		for second, want := range map[int]error{
			http.StatusConflict: ErrMayBeSent, http.StatusTooManyRequests: ErrMayBeSent, http.StatusFound: ErrMayBeSent,
			http.StatusUnprocessableEntity: identity.ErrInvalidNumber, http.StatusOK: nil,
		} {
			g := newServer(t, func(w http.ResponseWriter, n int) {
				if n == 1 {
					first(w)
				}
				w.WriteHeader(second)
			})
			if err := hook(t, g).Send(t.Context(), number, code, ""); !errors.Is(err, want) || len(g.asked) != 2 {
				t.Errorf("%s, then %d: %v after %d", name, second, err, len(g.asked))
			}
		}
		// Nor does it that there is no connection any more.
		var g *server
		g = newServer(t, func(w http.ResponseWriter, _ int) {
			_ = g.Listener.Close()
			w.Header().Set("Connection", "close")
			first(w)
		})
		if err := hook(t, g).Send(t.Context(), number, code, ""); !errors.Is(err, ErrMayBeSent) || !strings.Contains(err.Error(), "no connection") {
			t.Errorf("%s, then no connection: %v", name, err)
		}
	}
}

func TestTwoMessagesHaveTwoIDs(t *testing.T) {
	g := newServer(t, status(http.StatusOK))
	s := hook(t, g)
	for range 2 {
		if err := s.Send(t.Context(), number, code, ""); err != nil {
			t.Fatal(err)
		}
	}
	if g.asked[0].Header.Get("webhook-id") == g.asked[1].Header.Get("webhook-id") {
		t.Error("the second would be taken for the first")
	}
}
