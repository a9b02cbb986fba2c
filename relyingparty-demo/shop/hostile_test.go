package shop

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

// refused says that an approved login comes to nothing, and leaves no account behind.
func refused(t *testing.T, w *world) {
	t.Helper()
	b := w.browser(t)
	w.provider.decide(b.challenge(), "approve")
	before := b.cookie()
	b.finish(http.StatusServiceUnavailable, `{"status":"unavailable"}`)
	if b.cookie() != before {
		t.Error("the session changed")
	}
	b.isNobody()
	noAccounts(t, w)
}

func noAccounts(t *testing.T, w *world) {
	t.Helper()
	var n int
	if err := w.shop.accounts.db.QueryRow(`SELECT count(*) FROM accounts`).Scan(&n); err != nil || n != 0 {
		t.Errorf("%d accounts, %v", n, err)
	}
}

func TestAnIDTokenThatIsNotForThisLoginIsRefused(t *testing.T) {
	for name, change := range map[string]func(map[string]any){
		"wrong nonce":     func(c map[string]any) { c["nonce"] = "another" },
		"no nonce":        func(c map[string]any) { delete(c, "nonce") },
		"wrong audience":  func(c map[string]any) { c["aud"] = "another site" },
		"two audiences":   func(c map[string]any) { c["aud"] = []string{fakeClient, "another site"} },
		"no audience":     func(c map[string]any) { delete(c, "aud") },
		"wrong issuer":    func(c map[string]any) { c["iss"] = "https://accounts.example" },
		"issuer and more": func(c map[string]any) { c["iss"] = c["iss"].(string) + "/" },
		"expired":         func(c map[string]any) { c["exp"] = time.Now().Add(-time.Second).Unix() },
		"no expiry":       func(c map[string]any) { delete(c, "exp") },
		"no subject":      func(c map[string]any) { c["sub"] = "" },
		"long subject":    func(c map[string]any) { c["sub"] = strings.Repeat("x", 256) },
		"odd claims":      func(c map[string]any) { c["amr"] = 7 },
	} {
		t.Run(name, func(t *testing.T) {
			refused(t, newWorld(t, func(f *fakeProvider) { f.claims = change }))
		})
	}
}

func TestAnIDTokenOfAnotherKeyOrNoneIsRefused(t *testing.T) {
	stranger, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	for name, sign := range map[string]func(*fakeProvider, jwt.Claims) (string, error){
		"another key": func(_ *fakeProvider, c jwt.Claims) (string, error) {
			token := jwt.NewWithClaims(jwt.SigningMethodES256, c)
			token.Header["kid"] = "k1"
			return token.SignedString(stranger)
		},
		"no signature": func(_ *fakeProvider, c jwt.Claims) (string, error) {
			return jwt.NewWithClaims(jwt.SigningMethodNone, c).SignedString(jwt.UnsafeAllowNoneSignatureType)
		},
		"public key as a secret": func(f *fakeProvider, c jwt.Claims) (string, error) {
			public, err := f.key.PublicKey.Bytes()
			if err != nil {
				return "", err
			}
			return jwt.NewWithClaims(jwt.SigningMethodHS256, c).SignedString(public)
		},
	} {
		t.Run(name, func(t *testing.T) {
			refused(t, newWorld(t, func(f *fakeProvider) {
				f.token = func(w http.ResponseWriter, _ *http.Request) bool {
					forged, err := sign(f, jwt.MapClaims{
						"iss": f.URL, "sub": "pairwise-1", "aud": fakeClient, "nonce": f.newest().nonce, "exp": time.Now().Add(time.Hour).Unix(),
					})
					if err != nil {
						t.Error(err)
					}
					answer(w, http.StatusOK, map[string]string{"access_token": "at", "id_token": forged})
					return true
				}
			}))
		})
	}
}

// endless sends bytes until nobody reads them any more; it fails the test if somebody reads on.
func endless(t *testing.T) func(w http.ResponseWriter, _ *http.Request) bool {
	return func(w http.ResponseWriter, _ *http.Request) bool {
		w.Header().Set("Content-Type", "application/json")
		block := []byte(strings.Repeat(" ", 1<<16))
		for sent := 0; ; sent += len(block) {
			if _, err := w.Write(block); err != nil {
				return true
			}
			if sent > 64<<20 {
				t.Error("the shop reads without an end")
				return true
			}
		}
	}
}

func TestAnEndlessAnswerEndsEarly(t *testing.T) {
	quick(t)
	t.Run("tokens", func(t *testing.T) {
		refused(t, newWorld(t, func(f *fakeProvider) { f.token = endless(t) }))
	})
	t.Run("keys", func(t *testing.T) {
		refused(t, newWorld(t, func(f *fakeProvider) { f.jwks = endless(t) }))
	})
	t.Run("challenge", func(t *testing.T) {
		w := newWorld(t, func(f *fakeProvider) { f.device = endless(t) })
		if r := w.browser(t).post("/login/challenge"); r.StatusCode != http.StatusServiceUnavailable {
			t.Errorf("%d %s", r.StatusCode, r.body)
		}
	})
	t.Run("picture", func(t *testing.T) {
		w := newWorld(t, func(f *fakeProvider) {
			f.picture = func(w http.ResponseWriter, r *http.Request) { endless(t)(w, r) }
		})
		b := w.browser(t)
		path := picturePath(t, b)
		b.challenge()
		if r := b.get(path); r.StatusCode != http.StatusBadGateway {
			t.Errorf("%d", r.StatusCode)
		}
	})
}

// quick takes the waiting out of the repeated redemption.
func quick(t *testing.T) {
	before := pauses
	pauses = []time.Duration{0}
	t.Cleanup(func() { pauses = before })
}

func TestAnAnswerThatIsNoChallengeStartsNoLogin(t *testing.T) {
	whole := func(change func(map[string]any)) func(http.ResponseWriter, *http.Request) bool {
		return func(w http.ResponseWriter, _ *http.Request) bool {
			m := map[string]any{"device_code": "d", "challenge_id": "C", "watch": "w", "expires_in": 300, "interval": 5}
			change(m)
			answer(w, http.StatusOK, m)
			return true
		}
	}
	for name, device := range map[string]func(http.ResponseWriter, *http.Request) bool{
		"a path as the id": whole(func(m map[string]any) { m["challenge_id"] = "../admin" }),
		"no id":            whole(func(m map[string]any) { delete(m, "challenge_id") }),
		"no device_code":   whole(func(m map[string]any) { delete(m, "device_code") }),
		"no watch":         whole(func(m map[string]any) { delete(m, "watch") }),
		"no expiry":        whole(func(m map[string]any) { delete(m, "expires_in") }),
		"other types":      whole(func(m map[string]any) { m["watch"] = []int{1} }),
		"HTML":             func(w http.ResponseWriter, _ *http.Request) bool { io.WriteString(w, "<html>"); return true },
		"an error": func(w http.ResponseWriter, _ *http.Request) bool {
			answer(w, 401, map[string]string{"error": "invalid_client"})
			return true
		},
	} {
		t.Run(name, func(t *testing.T) {
			b := newWorld(t, func(f *fakeProvider) { f.device = device }).browser(t)
			r := b.post("/login/challenge")
			if r.StatusCode != http.StatusServiceUnavailable || r.body != `{"status":"unavailable"}` || r.Header.Get("Set-Cookie") != "" {
				t.Errorf("%d %s", r.StatusCode, r.body)
			}
			b.finish(http.StatusGone, "expired")
		})
	}
}

func TestALimitOfTheProviderIsPassedOnWithItsTime(t *testing.T) {
	w := newWorld(t, func(f *fakeProvider) {
		f.device = func(w http.ResponseWriter, _ *http.Request) bool {
			w.Header().Set("Retry-After", "30")
			answer(w, http.StatusTooManyRequests, map[string]string{"error": "slow_down"})
			return true
		}
	})
	if r := w.browser(t).post("/login/challenge"); r.StatusCode != http.StatusTooManyRequests || r.Header.Get("Retry-After") != "30" {
		t.Errorf("%d, Retry-After %q", r.StatusCode, r.Header.Get("Retry-After"))
	}
}

func TestNoSecretFollowsARedirect(t *testing.T) {
	quick(t)
	for _, status := range []int{http.StatusTemporaryRedirect, http.StatusFound} {
		w := newWorld(t, func(f *fakeProvider) {
			redirect := func(w http.ResponseWriter, r *http.Request) bool {
				http.Redirect(w, r, "/stolen", status)
				return true
			}
			f.token = redirect
			inner := f.Config.Handler
			f.Config.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if r.URL.Path == "/stolen" {
					t.Error("the shop followed a redirect")
				}
				inner.ServeHTTP(w, r)
			})
		})
		refused(t, w)
	}
}

func TestADiscoveryDocumentThatLiesIsRefused(t *testing.T) {
	for name, change := range map[string]func(map[string]any){
		"another issuer":     func(m map[string]any) { m["issuer"] = "https://accounts.example" },
		"no device endpoint": func(m map[string]any) { delete(m, "device_authorization_endpoint") },
		"another scheme":     func(m map[string]any) { m["token_endpoint"] = "file:///etc/passwd" },
		"a long name":        func(m map[string]any) { m["issuer"] = strings.Repeat("x", 2<<20) },
	} {
		t.Run(name, func(t *testing.T) {
			b := newWorld(t, func(f *fakeProvider) { f.metadata = change }).browser(t)
			if r := b.post("/login/challenge"); r.StatusCode != http.StatusServiceUnavailable {
				t.Errorf("%d %s", r.StatusCode, r.body)
			}
		})
	}
}

func TestAShopThatStartsBeforeItsProviderWorksOnceThatIsThere(t *testing.T) {
	down := true
	w := newWorld(t, func(f *fakeProvider) {
		f.metadata = func(m map[string]any) {
			if down {
				clear(m)
			}
		}
	})
	b := w.browser(t)
	if r := b.post("/login/challenge"); r.StatusCode != http.StatusServiceUnavailable {
		t.Fatalf("%d %s", r.StatusCode, r.body)
	}
	down = false
	b.logIn(w)
}

func TestADroppedConnectionLosesNoLogin(t *testing.T) {
	for name, drop := range map[string]func(w http.ResponseWriter, body []byte){
		"before the answer": func(http.ResponseWriter, []byte) { panic(http.ErrAbortHandler) },
		"in the middle of it": func(w http.ResponseWriter, body []byte) {
			w.Write(body[:len(body)/2])
			w.(http.Flusher).Flush()
			panic(http.ErrAbortHandler)
		},
		"a gateway in between": func(w http.ResponseWriter, _ []byte) { http.Error(w, "<html>", http.StatusBadGateway) },
	} {
		t.Run(name, func(t *testing.T) {
			drops := 0
			w := newWorld(t, func(f *fakeProvider) {
				f.token = func(w http.ResponseWriter, r *http.Request) bool {
					if drops++; drops > 2 {
						return false
					}
					c := f.newest()
					<-c.decided
					f.mu.Lock()
					if c.answer == nil {
						c.answer = []byte(`{"access_token":"at","id_token":"` + f.idToken(c.nonce) + `"}`)
					}
					f.mu.Unlock()
					w.Header().Set("Content-Type", "application/json")
					drop(w, c.answer)
					return true
				}
			})
			w.browser(t).logIn(w)
			if drops != 3 {
				t.Errorf("%d calls, want 3", drops)
			}
		})
	}
}

func TestKeysOutOfReachForAMomentLoseNoLogin(t *testing.T) {
	down := true
	w := newWorld(t, func(f *fakeProvider) {
		f.jwks = func(w http.ResponseWriter, _ *http.Request) bool {
			if down {
				http.Error(w, "", http.StatusBadGateway)
			}
			return down
		}
	})
	b := w.browser(t)
	w.provider.decide(b.challenge(), "approve")
	b.finish(http.StatusServiceUnavailable, "unavailable")
	down = false
	b.finish(http.StatusOK, "/account") // by the provider's redelivery
}

func TestAnErrorInTheLogIsBriefAndWithoutControlCharacters(t *testing.T) {
	long := brief(context.DeadlineExceeded)
	if long != "context deadline exceeded" {
		t.Error(long)
	}
	long = brief(&refusal{Status: 500, Code: strings.Repeat("x\n", 10_000)})
	if len(long) > 700 || strings.Contains(long, "\n") {
		t.Errorf("%d bytes", len(long))
	}
}
