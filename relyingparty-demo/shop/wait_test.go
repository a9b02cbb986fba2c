package shop

import (
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// transport answers as a provider without a network in between, so that a test can own the time.
type transport func(*http.Request) (int, string, http.Header)

func (f transport) RoundTrip(r *http.Request) (*http.Response, error) {
	if strings.HasPrefix(r.URL.Path, "/.well-known/") {
		return reply200(r, `{"issuer":"https://id.example","token_endpoint":"https://id.example/token",
			"device_authorization_endpoint":"https://id.example/device_authorization","jwks_uri":"https://id.example/jwks"}`), nil
	}
	status, body, header := f(r)
	if err := r.Context().Err(); err != nil {
		return nil, err
	}
	if status == 0 {
		return nil, errors.New("connection reset")
	}
	resp := reply200(r, body)
	resp.StatusCode = status
	for name, values := range header {
		resp.Header[name] = values
	}
	return resp, nil
}

func reply200(r *http.Request, body string) *http.Response {
	return &http.Response{
		StatusCode: http.StatusOK, Header: http.Header{"Content-Type": {"application/json"}}, Request: r,
		Body: io.NopCloser(strings.NewReader(body)),
	}
}

// waitsFor runs one finish call against such a provider; it returns the outcome, the error and the time that it took.
func waitsFor(t *testing.T, s *Shop, visitor *session) (outcome, time.Duration, error) {
	t.Helper()
	began := time.Now()
	got, err := s.await(t.Context(), visitor)
	return got, time.Since(began), err
}

func shopAt(provider transport) (*Shop, *session) {
	s := &Shop{provider: newProvider(Config{Issuer: "https://id.example", ClientID: "c", ClientSecret: "s"}), sessions: newSessions(10)}
	s.provider.http.Transport = provider
	return s, s.sessions.begin(nil, aLogin())
}

const pendingBody, slowDownBody = `{"error":"authorization_pending"}`, `{"error":"slow_down"}`

func TestOneFinishCallIsOneHoldOfTwentyFiveSeconds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		asked := 0
		s, visitor := shopAt(func(r *http.Request) (int, string, http.Header) {
			asked++
			if got := r.Header.Get("Prefer"); got != "wait=25" {
				t.Errorf("Prefer: %s", got)
			}
			pause(r.Context(), 25*time.Second)
			return 400, pendingBody, http.Header{"Preference-Applied": {"wait=25"}}
		})
		for range 3 {
			if got, took, err := waitsFor(t, s, visitor); got != pending || err != nil || took != 25*time.Second {
				t.Fatalf("%s, %v after %v", got, err, took)
			}
		}
		if asked != 3 {
			t.Errorf("asked %d times", asked)
		}
	})
}

func TestAProviderThatDoesNotHoldIsAskedAtItsInterval(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var asked []time.Duration
		began := time.Now()
		s, visitor := shopAt(func(*http.Request) (int, string, http.Header) {
			asked = append(asked, time.Since(began))
			if len(asked) == 3 {
				return 400, slowDownBody, nil
			}
			return 400, pendingBody, nil
		})
		for range 2 {
			if got, _, err := waitsFor(t, s, visitor); got != pending || err != nil {
				t.Fatal(got, err)
			}
		}
		// Every 5 s; from the third answer, slow_down, every 10 s, across the end of the first call (RFC 8628 §3.5).
		want := []time.Duration{0, 5e9, 10e9, 20e9, 30e9, 40e9}
		if len(asked) != len(want) {
			t.Fatalf("asked at %v, want %v", asked, want)
		}
		for i := range want {
			if asked[i] != want[i] {
				t.Fatalf("asked at %v, want %v", asked, want)
			}
		}
	})
}

func TestAProviderThatOnlyClaimsToHoldIsNotAskedInATightLoop(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		asked := 0
		s, visitor := shopAt(func(*http.Request) (int, string, http.Header) {
			asked++
			return 400, pendingBody, http.Header{"Preference-Applied": {"wait=25"}}
		})
		if got, took, err := waitsFor(t, s, visitor); got != pending || err != nil || took > 26*time.Second {
			t.Fatal(got, err, took)
		}
		if asked > 25 {
			t.Errorf("asked %d times in 25 s", asked)
		}
	})
}

func TestSlowDownIsHeededEvenWhereTheProviderHolds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		asked := 0
		s, visitor := shopAt(func(*http.Request) (int, string, http.Header) {
			asked++
			return 400, slowDownBody, http.Header{"Preference-Applied": {"wait=25"}}
		})
		if got, _, err := waitsFor(t, s, visitor); got != pending || err != nil {
			t.Fatal(got, err)
		}
		if asked != 2 { // at 0 and 10 s; the next would be at 25 s
			t.Errorf("asked %d times in 25 s", asked)
		}
	})
}

func TestAProviderThatIsGoneIsGivenUpAfterSeveralTries(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		asked := 0
		s, visitor := shopAt(func(*http.Request) (int, string, http.Header) {
			asked++
			return 0, "", nil
		})
		_, took, err := waitsFor(t, s, visitor)
		if err == nil || asked != 1+len(pauses) || took > 10*time.Second {
			t.Fatalf("%v after %d tries in %v", err, asked, took)
		}
		if strings.Contains(err.Error(), "device_code") {
			t.Errorf("the error holds the form: %v", err)
		}
	})
}

func TestASecondFinishCallWaitsForItsTurnNoLongerThanTheFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		busy := 0
		s, visitor := shopAt(func(r *http.Request) (int, string, http.Header) {
			if busy++; busy > 1 {
				t.Error("two held requests for one device_code")
			}
			pause(r.Context(), 25*time.Second)
			busy--
			return 400, pendingBody, http.Header{"Preference-Applied": {"wait=25"}}
		})
		for range 5 {
			go func() {
				if got, took, err := waitsFor(t, s, visitor); got != pending || err != nil || took > 26*time.Second {
					t.Error(got, err, took)
				}
			}()
		}
		synctest.Wait()
	})
}
