package sms

import (
	"errors"
	"io"
	"net/http"
	"net/url"
	"reflect"
	"strings"
	"testing"
)

func twilioAt(t *testing.T, g *server, from string) *Sender {
	t.Helper()
	s, err := Open(Config{By: "twilio:" + account, From: from, Secret: token, Issuer: issuer})
	if err != nil {
		t.Fatal(err)
	}
	if api := s.gateway.(*twilio).api; api != "https://api.twilio.com" {
		t.Errorf("it would ask %s", api)
	}
	s.gateway.(*twilio).api = g.URL
	return s
}

// As Twilio documents the Messages resource: a form, Basic authentication by account SID and auth token, .json for JSON.
func TestTwilioIsAskedAsItDocuments(t *testing.T) {
	for from, field := range map[string]string{"+15005550006": "From", service: "MessagingServiceSid"} {
		g := newServer(t, func(w http.ResponseWriter, _ int) {
			w.Header().Set("Content-Type", "application/json")
			w.WriteHeader(http.StatusCreated)
			io.WriteString(w, `{"sid": "SM0123456789abcdef0123456789abcdef", "status": "queued", "error_code": null, "error_message": null}`)
		})
		if err := twilioAt(t, g, from).Send(t.Context(), number, code, "en"); err != nil {
			t.Fatal(err)
		}
		r := g.asked[0]
		form, err := url.ParseQuery(r.body)
		if err != nil {
			t.Fatal(err)
		}
		want := url.Values{"To": {number}, "Body": {text("en", "id.example", code)}, field: {from}}
		if !reflect.DeepEqual(form, want) {
			t.Errorf("the form is %v, want %v", form, want)
		}
		if r.Method != http.MethodPost || r.RequestURI != "/2010-04-01/Accounts/"+account+"/Messages.json" || r.user != account || r.pass != token ||
			r.Header.Get("Content-Type") != "application/x-www-form-urlencoded" {
			t.Errorf("%s %s as %s, %s", r.Method, r.RequestURI, r.user, r.Header.Get("Content-Type"))
		}
	}
}

// A second message would cost again: Twilio has no id by which it knows that it has one.
func TestWhatTwilioRefusesIsSaidByItsCodeAndNotTriedAgain(t *testing.T) {
	for body, want := range map[string]string{
		`{"code": 20003, "detail": "", "message": "Authenticate", "more_info": "https://www.twilio.com/docs/errors/20003", "status": 401}`:                        "20003",
		`{"code": 21408, "message": "Permission to send an SMS has not been enabled for the region indicated by the 'To' number: ` + number + `", "status": 400}`: "21408",
		`<html>` + number + `</html>`: "error 0", ``: "error 0", `{"code": "x"}`: "error 0",
	} {
		for _, status := range []int{http.StatusBadRequest, http.StatusServiceUnavailable} {
			g := newServer(t, func(w http.ResponseWriter, _ int) {
				w.WriteHeader(status)
				io.WriteString(w, body)
			})
			err := twilioAt(t, g, service).Send(t.Context(), number, code, "")
			if err == nil || errors.Is(err, ErrMayBeSent) != (status >= 500) || !strings.Contains(err.Error(), want) || len(g.asked) != 1 {
				t.Fatalf("%s: %v after %d", body, err, len(g.asked))
			}
			wantSilent(t, err)
		}
	}
}
