package signout

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func TestASiteThatDoesNotUnderstandIsToldAgain(t *testing.T) {
	for _, c := range []struct {
		answers []int
		told    []string
		given   bool // up
	}{
		{[]int{200}, []string{"0"}, false},
		{[]int{204}, []string{"0"}, false},
		{[]int{400}, []string{"0"}, true}, // a refusal
		{[]int{0, 200}, []string{"0", "1"}, false},
		{[]int{0, 400}, []string{"0", "1"}, true},
		{[]int{500, 504, 200}, []string{"0", "1", "6"}, false},
		{[]int{302, 404, 429, 204}, []string{"0", "1", "6", "36"}, false},
		{[]int{201}, []string{"0", "1", "6", "36"}, true},
		{[]int{0}, []string{"0", "1", "6", "36"}, true},
	} {
		inBubble(t, func(t *testing.T, w *world) {
			w.answers["shop"] = c.answers
			w.signOut(t, "a")
			time.Sleep(time.Hour)
			var want []string
			for _, at := range c.told {
				want = append(want, "shop a "+at)
			}
			w.heard(t, want...)
			log := w.logged()
			if given := strings.Count(log, "\n") == 1 && strings.Contains(log, "client=shop"); given != c.given || !c.given && log != "" {
				t.Errorf("%v: the log says %q", c.answers, log)
			}
			if strings.Contains(log, "account-a") {
				t.Errorf("the log names the account, or holds the token: %s", log)
			}
			slices.Sort(w.tokens)
			if len(slices.Compact(w.tokens)) != len(c.told) {
				t.Errorf("%v: a token was sent again", c.answers)
			}
		}, "a shop")
	}
}

func TestAStoreThatIsDownForAMomentLosesNoLogout(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		w.storeErr = errors.New("the store is down")
		w.tell(w.logins[0])
		synctest.Wait()
		w.heard(t)
		w.mu.Lock()
		w.storeErr, w.mintErr = nil, errors.New("no key")
		w.mu.Unlock()
		time.Sleep(2 * time.Second)
		w.heard(t)
		w.mu.Lock()
		w.mintErr = nil
		w.mu.Unlock()
		time.Sleep(time.Minute)
		w.heard(t, "shop a 6")
	}, "a shop")
}

func TestASiteThatIsAwayHoldsUpNoOther(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		w.answers["dead"], w.hang["dead"] = []int{0}, 5*time.Second
		for i := range maxQueueOfSite {
			w.add(fmt.Sprintf("d%d dead s1", i))
		}
		w.add("a shop")
		w.signOut(t, "d0")
		synctest.Wait()
		w.signOut(t, "a")
		synctest.Wait()
		if told := strings.Join(w.posts(), ","); !strings.Contains(told, "shop a 0") {
			t.Errorf("at once told: %s", told)
		}
	})
}

func TestPostsAtOnceAreBounded(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		for i := range 120 {
			site := fmt.Sprintf("site%d", i%40)
			w.hang[site] = time.Second
			w.add(fmt.Sprintf("l%d %s s1", i, site))
		}
		w.signOut(t, "l0")
		time.Sleep(time.Minute)
		if told := w.posts(); len(told) != 120 {
			t.Errorf("%d were told", len(told))
		}
		for site, most := range w.most {
			if site == "" && most != maxPosts || site != "" && most > maxPostsOfSite {
				t.Errorf("%q: %d at once", site, most)
			}
		}
	})
}

func TestWhatIsPastTheBoundsIsDroppedAndLogged(t *testing.T) {
	for _, c := range []struct{ sites, logins, told int }{
		{1, maxQueueOfSite + 3, maxQueueOfSite},
		{2, 2*maxQueueOfSite + 2, 2 * maxQueueOfSite},
		{40, maxQueue + 5, maxQueue},
	} {
		inBubble(t, func(t *testing.T, w *world) {
			for i := range c.logins {
				w.add(fmt.Sprintf("l%d site%d s1", i, i%c.sites))
			}
			w.once.Do(w.open)
			for _, l := range w.logins {
				if s, err := w.enqueue(l.Client); err == nil {
					defer w.dequeue(l.Client)
					if s.queued > maxQueueOfSite {
						t.Errorf("%d for one site", s.queued)
					}
				}
			}
			if w.queued != c.told {
				t.Errorf("%d sites, %d logins: %d are queued", c.sites, c.logins, w.queued)
			}
			w.tell(w.logins[0])
			synctest.Wait()
			w.heard(t)
			if log := w.logged(); strings.Count(log, "\n") != 1 || !strings.Contains(log, "client=site0") {
				t.Errorf("the log says %q", log)
			}
		})
	}
}

func TestNothingIsKeptOfWhatIsDelivered(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		w.signOut(t, "a")
		synctest.Wait()
		if len(w.sites) != 0 || w.queued != 0 {
			t.Errorf("%d sites, %d queued", len(w.sites), w.queued)
		}
	}, "a shop s1", "b shop s1", "c wiki s1")
}

func TestCloseWaitsUntilTheSitesAreTold(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		w.answers["shop"] = []int{500, 500, 200}
		w.signOut(t, "a")
		w.Close(t.Context())
		if took := time.Since(w.start); took != 6*time.Second {
			t.Errorf("it took %v", took)
		}
		w.heard(t, "shop a 0", "shop a 1", "shop a 6")
	}, "a shop")
}

func TestCloseGivesUpWithItsContext(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		w.answers["shop"], w.hang["wiki"] = []int{500}, time.Hour
		for i := range 4 { // some of which wait for a place
			w.add(fmt.Sprintf("w%d wiki s1", i))
		}
		w.signOut(t, "a")
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		w.Close(ctx)
		if took := time.Since(w.start); took != 10*time.Second {
			t.Errorf("it took %v", took)
		}
		if log := w.logged(); strings.Count(log, "client=shop") != 1 || strings.Count(log, "client=wiki") != 4 {
			t.Errorf("the log says %q", log)
		}
	}, "a shop s1")
}

func TestALoginThatEndsAfterCloseEndsUntold(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		w.Close(t.Context())
		w.signOut(t, "a")
		time.Sleep(time.Hour)
		w.heard(t)
		if len(w.ended()) != 1 || !strings.Contains(w.logged(), "client=shop") {
			t.Errorf("ended %v, and the log says %q", w.ended(), w.logged())
		}
	}, "a shop")
}
