package signout

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"qrlogin/provider/internal/fetch"
	"qrlogin/provider/internal/identity"
)

func TestALoginOutsideOfASessionEndsAlone(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		w.signOut(t, "a")
		synctest.Wait()
		w.heard(t, "shop a 0")
		if got := w.ended(); !slices.Equal(got, []string{"a"}) {
			t.Errorf("ended: %v", got)
		}
		if want := fmt.Sprintf("shop a account-a %d", w.start.UnixNano()); w.tokens[0] != want {
			t.Errorf("token %q, want %q", w.tokens[0], want)
		}
	}, "a shop", "b shop", "c wiki")
}

func TestALoginOfASessionTakesTheWholeSessionAlong(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		w.clients["mute"] = identity.Client{ID: "mute"}
		delete(w.clients, "removed")
		w.signOut(t, "b")
		synctest.Wait()
		w.heard(t, "shop a 0", "wiki b 0", "shop c 0")
		if got := w.ended(); !slices.Equal(got, []string{"a", "b", "c", "d", "e"}) {
			t.Errorf("ended: %v", got)
		}
		time.Sleep(time.Hour)
		if log := w.logged(); log != "" {
			t.Errorf("nothing went wrong, and the log says %s", log)
		}
	}, "a shop s1", "b wiki s1", "c shop s1", "d mute s1", "e removed s1", "f shop s2", "g shop")
}

func TestEndingTwiceTellsOnce(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		for range 64 {
			go w.signOut(t, "a")
			go w.signOut(t, "b")
		}
		synctest.Wait()
		w.signOut(t, "a")
		synctest.Wait()
		w.heard(t, "shop a 0", "wiki b 0", "shop c 0")
	}, "a shop s1", "b wiki s1", "c shop s1")
}

func TestAllLoginsOfAnAccountEndAndTheirSitesAreTold(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		for i := range w.logins[:3] {
			w.logins[i].Account = "ann"
		}
		for _, want := range []int{3, 0} {
			if n, err := w.Account(t.Context(), "ann"); n != want || err != nil {
				t.Errorf("%d ended, %v", n, err)
			}
		}
		synctest.Wait()
		w.heard(t, "shop a 0", "wiki b 0", "shop c 0")
	}, "a shop s1", "b wiki s1", "c shop", "d shop")
}

func TestSitesAreToldOfLoginsThatWentWithTheirAccount(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		if err := w.Delete(t.Context(), "account-a"); err != nil {
			t.Error(err)
		}
		w.Tell([]identity.Login{{ID: "z", Client: "wiki", Account: "gone"}})
		synctest.Wait()
		w.heard(t, "shop a 0", "wiki z 0")
		if len(w.logins) != 1 || len(w.ended()) > 0 {
			t.Errorf("left %+v", w.logins)
		}
	}, "a shop", "b wiki")
}

func TestARevokedLoginEndsAloneAndNobodyIsTold(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		if err := w.Revoke(t.Context(), "a"); err != nil {
			t.Error(err)
		}
		time.Sleep(time.Hour)
		w.heard(t)
		if got := w.ended(); !slices.Equal(got, []string{"a"}) {
			t.Errorf("ended: %v", got)
		}
	}, "a shop s1", "b wiki s1")
}

func TestErrorsOfTheStorePassThrough(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		if err := w.Ender.Login(t.Context(), "x"); err != identity.ErrUnknownLogin {
			t.Error(err)
		}
		w.storeErr = errors.New("the store is down")
		for _, end := range []func(context.Context, string) error{w.Ender.Login, w.Revoke} {
			if err := end(t.Context(), "a"); err != w.storeErr {
				t.Error(err)
			}
		}
	}, "a shop")
}

func TestTheSitesAreToldThoughWhoeverAskedGoesAway(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		w.answers["shop"] = []int{500, 200}
		ctx, cancel := context.WithCancel(t.Context())
		cancel() // a real store looks the login up before it notices
		if err := w.Ender.Login(ctx, "a"); err != nil {
			t.Error(err)
		}
		if err := w.Revoke(ctx, "b"); err != nil {
			t.Error(err)
		}
		time.Sleep(time.Minute)
		w.heard(t, "shop a 0", "shop a 1")
	}, "a shop", "b shop")
}

// What arrives at a site, over a real connection (Back-Channel Logout §2.5).
func TestASiteGetsALogoutTokenInAForm(t *testing.T) {
	var got []string
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		got = append(got, r.Method, r.URL.String(), r.Header.Get("Content-Type"), string(body))
		w.WriteHeader(http.StatusNoContent)
	}))
	defer s.Close()
	w := newWorld("a shop")
	w.clients["shop"] = identity.Client{ID: "shop", BackchannelLogoutURI: s.URL + "/logout?x=y"}
	w.Post = fetch.New(true)
	w.signOut(t, "a")
	w.Close(t.Context())
	if len(got) != 4 || got[0] != "POST" || got[1] != "/logout?x=y" || got[2] != "application/x-www-form-urlencoded" ||
		!strings.HasPrefix(got[3], "logout_token=shop+a+account-a+") || strings.Contains(got[3], "&") || w.logged() != "" {
		t.Errorf("%q, and the log says %q", got, w.logged())
	}
}
