package app_test

import (
	"context"
	"encoding/json"
	"net"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"qrlogin/api"
	"qrlogin/api/proof"
)

// SECURITY.md §1.6: no secret, code, token or whole phone number in a log line.

// logged is every string in the log, at its most talkative.
func (w *world) logged() string {
	w.t.Helper()
	var all strings.Builder
	for line := range strings.Lines(w.logs.String()) {
		var members map[string]any
		if err := json.Unmarshal([]byte(line), &members); err != nil {
			w.t.Fatalf("not a JSON line: %s", line)
		}
		for name, value := range members {
			if text, ok := value.(string); ok { // a duration may look like an enrolment code
				all.WriteString(name + " " + text + "\n")
			}
		}
	}
	return all.String()
}

func TestNoSecretIsLogged(t *testing.T) {
	for _, store := range []string{"memory", "miniredis"} {
		t.Run(store, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, withStore(store))
			serveToo(t, w)
			s := &spy{w: w, secrets: map[string]string{"client_secret": shopSecret}}
			s.login("+8613800138000")
			s.mistakes("+8613800138001")
			if err := w.provider.Close(); err != nil { // what the server itself cannot do is logged, too
				t.Fatal(err)
			}
			s.mistakes("")

			logs := w.logged()
			if !strings.Contains(logs, "/challenges/:id") || !strings.Contains(logs, "msg failed") {
				t.Fatalf("the log does not tell what happened:\n%s", logs)
			}
			if len(s.secrets) < 20 {
				t.Fatalf("only %d secrets were collected", len(s.secrets))
			}
			for name, secret := range s.secrets {
				if secret == "" || strings.Contains(logs, secret) {
					t.Errorf("%s is in the log", name)
				}
			}
		})
	}
}

// serveToo lets the provider serve by itself beside the world's server, so that net/http's own complaints are logged.
func serveToo(t *testing.T, w *world) {
	l, err := net.Listen("tcp", "localhost:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- w.provider.Serve(ctx, l) }()
	own := *w
	own.issuer = "http://" + l.Addr().String()
	r := own.request(http.MethodGet, "/q/SECRETPATH?watch=a;b=SECRETQUERY", nil)
	own.do(r)
	stop()
	if err := <-done; err != nil {
		t.Error(err)
	}
}

// spy makes requests and keeps every secret that is in them or comes of them.
type spy struct {
	w       *world
	secrets map[string]string
}

func (s *spy) keep(prefix string, started api.DeviceAuthorization) {
	view, _ := s.w.watch(started, 0)
	for name, value := range map[string]string{
		"challenge id": started.ChallengeId, "device_code": started.DeviceCode, "watch": started.Watch, "user_code": started.UserCode,
		"frame": strings.TrimPrefix((*view.Frames)[0].Code, s.w.issuer),
	} {
		s.secrets[prefix+name] = value
		if i := strings.LastIndex(value, "."); i > 0 {
			s.secrets[prefix+name+", its secret half"] = value[i+1:]
		}
	}
}

// send sends a request of a phone and keeps its proof.
func (s *spy) send(p rawPhone, name, method, path string, body any) answer {
	r := p.request(method, path, body)
	s.secrets["DPoP proof of "+name] = r.Header.Get("DPoP")
	return s.w.do(r)
}

// login is everything going well.
func (s *spy) login(number string) {
	w, p := s.w, s.w.rawPhone()
	var e api.Enrollment
	s.send(p, "enrolment", http.MethodPost, "/phone/enrollments", api.EnrollmentRequest{PhoneNumber: number}).decode(w.t, &e)
	code := w.lastCode(number)
	s.send(p, "confirmation", http.MethodPost, "/phone/enrollments/"+e.EnrollmentId+"/confirm", api.EnrollmentConfirmation{Code: code})
	s.secrets["enrollment id"], s.secrets["enrolment code"] = e.EnrollmentId, code
	s.secrets["phone number"], s.secrets["the phone's id"] = number[3:], p.id()

	nonce := "nonce-of-the-site-0815"
	s.secrets["nonce"] = nonce
	var started api.DeviceAuthorization
	w.form("/device_authorization", "shop", shopSecret, url.Values{"scope": {"openid phone"}, "nonce": {nonce}}).decode(w.t, &started)
	s.keep("", started)
	claim := p.claim(started)
	s.secrets["consent"] = claim.Consent
	jws := p.signed(claim, proof.Approve)
	s.secrets["decision"] = jws
	w.sendDecision(jws)
	tokens := w.read(w.poll(started, "wait=1"))
	s.secrets["access token"], s.secrets["ID token"] = tokens.AccessToken, *tokens.IdToken
	s.secrets["sub"] = claimsOf(w.t, *tokens.IdToken)["sub"].(string)
	w.receipt(started)
}

// mistakes is everything going wrong: each secret where it does not belong. Without a number nothing can be started.
func (s *spy) mistakes(number string) {
	w, p := s.w, s.w.rawPhone()
	started := api.DeviceAuthorization{
		ChallengeId: "AAAAAAAAAAAAAAAAAAAAAAAAAA", DeviceCode: s.secrets["device_code"], Watch: s.secrets["watch"], UserCode: s.secrets["user_code"],
	}
	frame := s.secrets["frame"]
	if number != "" {
		p = p.enrolled(number)
		s.secrets["second phone number"] = number[3:]
		started = w.start()
		s.keep("second ", started)
		frame = s.secrets["second frame"]
	}
	secret := url.QueryEscape(started.DeviceCode)
	w.form("/token?device_code="+secret, "shop", started.DeviceCode, url.Values{"device_code": {started.DeviceCode}})
	w.form("/token", started.DeviceCode, "", url.Values{"grant_type": {started.Watch}})
	w.form("/device_authorization", "shop", shopSecret, url.Values{"nonce": {started.Watch + "\n"}})
	w.poll(api.DeviceAuthorization{DeviceCode: started.Watch}, "")
	w.poll(started, "")
	w.poll(started, "wait=1")
	w.watch(started, 0)
	w.do(w.request(http.MethodGet, "/challenges/"+started.Watch+"?after="+secret, nil))
	w.do(w.request(http.MethodGet, "/"+started.Watch+"/"+secret, nil))
	w.do(w.request(http.MethodGet, frame, nil))
	w.cancel(api.DeviceAuthorization{ChallengeId: started.ChallengeId, Watch: started.DeviceCode})
	for name, body := range map[string]any{
		"a wrong scan":        api.ScanRequest{Code: started.DeviceCode},
		"a typed code":        api.ScanRequest{Code: started.UserCode},
		"a scan not decoded":  map[string]any{"code": 7, started.Watch: started.DeviceCode},
		"a scan of a frame":   api.ScanRequest{Code: w.issuer + frame},
		"another scan of it":  api.ScanRequest{Code: w.issuer + frame + "A"},
		"a scan out of place": api.ScanRequest{Code: w.issuer + "/q/" + started.Watch},
	} {
		s.send(p, name, http.MethodPost, "/phone/scans", body)
	}
	s.send(p, "a release", http.MethodDelete, "/phone/scans/"+started.Watch, nil)
	s.send(p, "a wrong number", http.MethodPost, "/phone/enrollments", api.EnrollmentRequest{PhoneNumber: "+86 " + s.secrets["phone number"] + "99"})
	s.send(p, "a number", http.MethodPost, "/phone/enrollments", api.EnrollmentRequest{PhoneNumber: "+86" + s.secrets["phone number"]})
	s.send(p, "a wrong code", http.MethodPost, "/phone/enrollments/"+s.secrets["enrollment id"]+"/confirm", api.EnrollmentConfirmation{Code: "000000"})
	w.sendDecision(s.secrets["decision"])
	w.sendDecision(s.secrets["decision"] + "A")
	w.account(s.secrets["DPoP proof of enrolment"])
}
