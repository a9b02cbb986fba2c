package app_test

import (
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"

	"qrlogin/api"
	"qrlogin/api/proof"
	"qrlogin/provider/app"
	"qrlogin/provider/internal/limit"
)

// SECURITY.md §2 row 11 (RFC 10027 §6.1.11): every limit of the table, met at its door.

// knock makes a request, the ith of many.
type knock func(w *world, i int) *http.Request

// met is how a limit is met. A request is made for a node, so that several nodes can be asked.
type met struct {
	passes int                                // the status within the limit; 0 for any but 429
	says   string                             // the error within it, if that is one
	past   string                             // the error past it; "" for a page
	begin  func(w *world) (same, other knock) // who is counted as one, and another, nil if there is none
}

const near, far = "203.0.113.1", "198.51.100.1" // two networks

// elsewhere is a network for each.
func elsewhere(i int) string { return fmt.Sprintf("192.0.2.%d", 100+i) }

// at sends a request from an address, by way of a proxy.
func at(address string, r *http.Request) *http.Request {
	r.Header.Set("X-Forwarded-For", address)
	return r
}

// withoutLimits lets tests do in a minute what nobody does in ten.
func withoutLimits(c *app.Config) {
	for _, e := range limit.Table {
		c.Limits = append(c.Limits, string(e.Name)+"=100000/10m")
	}
}

// withLimit makes a limit small and the others large, and believes the proxies of this machine.
func withLimit(name limit.Name, most int) func(*app.Config) {
	return func(c *app.Config) {
		c.TrustedProxies = []string{"127.0.0.1", "::1", "192.0.2.1"}
		for _, e := range limit.Table {
			if e.Name == name {
				c.Limits = append(c.Limits, fmt.Sprintf("%s=%d/1m", name, most))
			} else {
				c.Limits = append(c.Limits, fmt.Sprintf("%s=1000/1m", e.Name))
			}
		}
		c.RegistrationToken = registrationToken
	}
}

// scanner is a phone with a code that it scans again and again: its claim stays the same.
type scanner struct {
	rawPhone
	code string
}

func (w *world) scanners(numbers ...string) []scanner {
	w.t.Helper()
	var all []scanner
	first := map[string]rawPhone{}
	for _, number := range numbers {
		p, further := first[number]
		if further {
			p = p.another(number)
		} else {
			p = w.rawPhone().enrolled(number)
			first[number] = p
		}
		all = append(all, scanner{p, w.issuer + "/q/" + w.startAs("tv", "").ChallengeId})
	}
	return all
}

// by is the same phone at a node.
func (s scanner) by(w *world) rawPhone { return rawPhone{w, s.key} }

func (s scanner) again(w *world) *http.Request { return s.presents(w, s.code) }

func (s scanner) presents(w *world, code string) *http.Request {
	w.t.Helper()
	return s.by(w).request(http.MethodPost, "/phone/scans", api.ScanRequest{Code: code})
}

// uploads sends what is no picture. What is said of it is not this test's affair.
func (s scanner) uploads(w *world) *http.Request {
	w.t.Helper()
	r := s.by(w).request(http.MethodPost, "/phone/scans", "no picture")
	r.Header.Set("Content-Type", "Image/PNG") // in whatever case
	return r
}

// handsOff sends something for a challenge that is not there.
func (s scanner) handsOff(w *world) *http.Request {
	w.t.Helper()
	return s.by(w).sealed(nobodysChallenge, "a JWE")
}

func (w *world) enrolls(number string) *http.Request {
	w.t.Helper()
	return w.rawPhone().request(http.MethodPost, "/phone/enrollments", api.EnrollmentRequest{PhoneNumber: number})
}

func (w *world) recovers() *http.Request {
	w.t.Helper()
	return w.rawPhone().request(http.MethodPost, "/phone/enrollments/passkey/options", nil)
}

func (w *world) begins(client, secret string) *http.Request {
	return w.formRequest("/device_authorization", client, secret, url.Values{"scope": {"openid"}})
}

func (w *world) refreshes(client string) *http.Request {
	return w.formRequest("/token", client, wikiSecret, url.Values{"grant_type": {"refresh_token"}, "refresh_token": {otherSecret}})
}

func (w *world) registers() *http.Request {
	r := w.jsonRequest(http.MethodPost, "/register", `{"redirect_uris":["https://wiki.example/callback"]}`)
	r.Header.Set("Authorization", "Bearer "+registrationToken)
	return r
}

func (w *world) authorizes() *http.Request {
	return w.request(http.MethodGet, "/authorize?"+asking().Encode(), nil)
}

// authorizesFor is an authorization for one of two sites.
func (w *world) authorizesFor(i int) *http.Request {
	q := asking()
	if i%2 == 1 {
		q.Set("client_id", "old-wiki")
	}
	return w.request(http.MethodGet, "/authorize?"+q.Encode(), nil)
}

const nobodysChallenge = "AAAAAAAAAAAAAAAAAAAAAAAAAA"

func (w *world) watchesBlindly() *http.Request {
	r := w.request(http.MethodGet, "/challenges/"+nobodysChallenge, nil)
	r.Header.Set("Authorization", "Bearer "+nobodysChallenge+"."+shopSecret)
	return r
}

const oneNumber, anotherNumber = "+8613800138000", "+8613900139000"

var everyLimit = map[limit.Name]met{
	limit.ChallengesPerClient: {http.StatusOK, "", "slow_down", func(*world) (same, other knock) {
		return func(w *world, i int) *http.Request { return at(elsewhere(i), w.begins("shop", shopSecret)) },
			func(w *world, _ int) *http.Request { return at(elsewhere(0), w.begins("other", otherSecret)) }
	}},
	limit.ChallengesInAll: {http.StatusOK, "", "slow_down", func(*world) (same, other knock) { // all together: there is no other
		return func(w *world, i int) *http.Request {
			if i%2 == 0 {
				return at(elsewhere(i), w.begins("shop", shopSecret))
			}
			return at(elsewhere(i), w.begins("other", otherSecret))
		}, nil
	}},
	limit.DetailedPerClient: {http.StatusOK, "", "slow_down", func(w *world) (same, other knock) {
		q := url.Values{"scope": {"openid"}, "authorization_details": {detailsOf(w.t, anOrder())}}
		return func(w *world, i int) *http.Request {
				return at(elsewhere(i), w.formRequest("/device_authorization", "wiki", wikiSecret, q))
			},
			func(w *world, _ int) *http.Request { return at(elsewhere(0), w.begins("wiki", wikiSecret)) } // a login
	}},
	limit.ChallengesPerNetwork: {http.StatusOK, "", "slow_down", func(*world) (same, other knock) {
		return func(w *world, _ int) *http.Request { return at(near, w.begins("tv", "")) },
			func(w *world, _ int) *http.Request { return at(far, w.begins("tv", "")) }
	}},
	limit.AuthorizationsPerNetwork: {http.StatusSeeOther, "", "", func(*world) (same, other knock) {
		return func(w *world, _ int) *http.Request { return at(near, w.authorizes()) },
			func(w *world, _ int) *http.Request { return at(far, w.authorizes()) }
	}},
	limit.AuthorizationsInAll: {http.StatusSeeOther, "", "", func(*world) (same, other knock) {
		return func(w *world, i int) *http.Request { return at(elsewhere(i), w.authorizesFor(i)) }, nil
	}},
	limit.AuthorizationsPerClient: {http.StatusSeeOther, "", "", func(*world) (same, other knock) {
		return func(w *world, i int) *http.Request { return at(elsewhere(i), w.authorizes()) },
			func(w *world, _ int) *http.Request { return at(elsewhere(0), w.authorizesFor(1)) }
	}},
	limit.RegistrationsPerNetwork: {http.StatusCreated, "", "slow_down", func(*world) (same, other knock) {
		return func(w *world, _ int) *http.Request { return at(near, w.registers()) },
			func(w *world, _ int) *http.Request { return at(far, w.registers()) }
	}},
	limit.RefusalsPerClient: {http.StatusBadRequest, "invalid_grant", "slow_down", func(*world) (same, other knock) {
		return func(w *world, i int) *http.Request { return at(elsewhere(i), w.refreshes("wiki")) },
			func(w *world, _ int) *http.Request { return at(elsewhere(0), w.refreshes("old-wiki")) }
	}},
	limit.RefusalsPerNetwork: {http.StatusUnauthorized, "invalid_client", "slow_down", func(*world) (same, other knock) {
		return func(w *world, i int) *http.Request { return at(near, w.begins(fmt.Sprint("shop", i), otherSecret)) },
			func(w *world, _ int) *http.Request { return at(far, w.begins("shop0", otherSecret)) }
	}},
	limit.BadWatchesPerNetwork: {http.StatusUnauthorized, "watch-invalid", "too-many-requests", func(*world) (same, other knock) {
		return func(w *world, _ int) *http.Request { return at(near, w.watchesBlindly()) },
			func(w *world, _ int) *http.Request { return at(far, w.watchesBlindly()) }
	}},
	limit.ScansPerDevice: {http.StatusOK, "", "too-many-requests", func(w *world) (same, other knock) {
		s := w.scanners(oneNumber, oneNumber)
		return func(w *world, i int) *http.Request { return at(elsewhere(i), s[0].again(w)) },
			func(w *world, _ int) *http.Request { return at(elsewhere(0), s[1].again(w)) }
	}},
	limit.ScansPerAccount: {http.StatusOK, "", "too-many-requests", func(w *world) (same, other knock) {
		s := w.scanners(oneNumber, oneNumber, anotherNumber)
		return func(w *world, i int) *http.Request { return at(elsewhere(i), s[i%2].again(w)) },
			func(w *world, _ int) *http.Request { return at(elsewhere(0), s[2].again(w)) }
	}},
	limit.ScansPerNetwork: {http.StatusOK, "", "too-many-requests", func(w *world) (same, other knock) {
		s := w.scanners(oneNumber, anotherNumber)
		return func(w *world, i int) *http.Request { return at(near, s[i%2].again(w)) },
			func(w *world, _ int) *http.Request { return at(far, s[0].again(w)) }
	}},
	limit.RefusedScansPerDevice: {http.StatusNotFound, "code-unknown", "too-many-requests", func(w *world) (same, other knock) {
		s := w.scanners(oneNumber, oneNumber)
		return func(w *world, i int) *http.Request {
				return at(elsewhere(i), s[0].presents(w, w.issuer+"/q/"+nobodysChallenge))
			},
			func(w *world, _ int) *http.Request {
				return at(elsewhere(0), s[1].presents(w, w.issuer+"/q/"+nobodysChallenge))
			}
	}},
	limit.RefusedScansPerNetwork: {http.StatusNotFound, "code-unknown", "too-many-requests", func(w *world) (same, other knock) {
		s := w.scanners(oneNumber, oneNumber, anotherNumber, anotherNumber)
		return func(w *world, i int) *http.Request {
				return at(near, s[i%4].presents(w, "https://elsewhere.example/q/"+nobodysChallenge))
			},
			func(w *world, _ int) *http.Request {
				return at(far, s[0].presents(w, "https://elsewhere.example/q/"+nobodysChallenge))
			}
	}},
	limit.PicturesPerDevice: {0, "", "too-many-requests", func(w *world) (same, other knock) {
		s := w.scanners(oneNumber, oneNumber)
		return func(w *world, i int) *http.Request { return at(elsewhere(i), s[0].uploads(w)) },
			func(w *world, _ int) *http.Request { return at(elsewhere(0), s[1].uploads(w)) }
	}},
	limit.PicturesPerAccount: {0, "", "too-many-requests", func(w *world) (same, other knock) {
		s := w.scanners(oneNumber, oneNumber, oneNumber, oneNumber, anotherNumber) // one phone alone may not send so many
		return func(w *world, i int) *http.Request { return at(elsewhere(i), s[i%4].uploads(w)) },
			func(w *world, _ int) *http.Request { return at(elsewhere(0), s[4].uploads(w)) }
	}},
	limit.HandoffsPerDevice: {http.StatusNotFound, "not-found", "too-many-requests", func(w *world) (same, other knock) {
		s := w.scanners(oneNumber, oneNumber)
		return func(w *world, i int) *http.Request { return at(elsewhere(i), s[0].handsOff(w)) },
			func(w *world, _ int) *http.Request { return at(elsewhere(0), s[1].handsOff(w)) }
	}},
	limit.HandoffsPerAccount: {http.StatusNotFound, "not-found", "too-many-requests", func(w *world) (same, other knock) {
		s := w.scanners(oneNumber, oneNumber, anotherNumber)
		return func(w *world, i int) *http.Request { return at(elsewhere(i), s[i%2].handsOff(w)) },
			func(w *world, _ int) *http.Request { return at(elsewhere(0), s[2].handsOff(w)) }
	}},
	limit.IdleDecisionsPerDevice: {http.StatusOK, "", "too-many-requests", func(w *world) (same, other knock) {
		s := w.scanners(oneNumber, oneNumber)
		var decided []string
		for _, s := range s {
			decided = append(decided, s.signed(s.claimBy(s.code), proof.Approve))
			w.sendDecision(decided[len(decided)-1]).wants(w.t, "the decision that counts", http.StatusOK, "")
		}
		return func(w *world, i int) *http.Request { return at(elsewhere(i), w.decisionRequest(decided[0])) },
			func(w *world, _ int) *http.Request { return at(elsewhere(0), w.decisionRequest(decided[1])) }
	}},
	limit.ExportsPerAccount: {http.StatusOK, "", "too-many-requests", func(w *world) (same, other knock) {
		s := w.scanners(oneNumber, oneNumber, anotherNumber)
		return func(w *world, i int) *http.Request {
				return at(elsewhere(i), s[i%2].by(w).request(http.MethodGet, "/phone/account/export", nil))
			},
			func(w *world, _ int) *http.Request {
				return at(elsewhere(0), s[2].by(w).request(http.MethodGet, "/phone/account/export", nil))
			}
	}},
	limit.UnconfirmedCodesPerNumber: {http.StatusCreated, "", "too-many-requests", func(*world) (same, other knock) {
		return func(w *world, i int) *http.Request { return at(elsewhere(i), w.enrolls(oneNumber)) },
			func(w *world, _ int) *http.Request { return at(elsewhere(0), w.enrolls("+8613800138001")) }
	}},
	limit.DailyCodesPerNumber: {http.StatusCreated, "", "too-many-requests", func(*world) (same, other knock) {
		return func(w *world, i int) *http.Request { return at(elsewhere(i), w.enrolls(oneNumber)) },
			func(w *world, _ int) *http.Request { return at(elsewhere(0), w.enrolls("+8613800138001")) }
	}},
	limit.UnconfirmedCodesPerNetworkAndPrefix: {http.StatusCreated, "", "too-many-requests", func(*world) (same, other knock) {
		return func(w *world, i int) *http.Request { return at(near, w.enrolls(fmt.Sprintf("+861380013%04d", i))) },
			func(w *world, _ int) *http.Request { return at(far, w.enrolls("+8613800138000")) }
	}},
	limit.UnconfirmedCodesPerNetwork: {http.StatusCreated, "", "too-many-requests", func(*world) (same, other knock) {
		return func(w *world, i int) *http.Request { return at(near, w.enrolls(fmt.Sprintf("+86138%04d8000", i))) },
			func(w *world, _ int) *http.Request { return at(far, w.enrolls("+8613800008000")) }
	}},
	limit.CodesPerDay: {http.StatusCreated, "", "too-many-requests", func(*world) (same, other knock) { // all together: there is no other
		return func(w *world, i int) *http.Request {
			return at(elsewhere(i), w.enrolls(fmt.Sprintf("+86138%04d8000", i)))
		}, nil
	}},
	limit.CodesPerNumber: {http.StatusCreated, "", "too-many-requests", func(*world) (same, other knock) {
		return func(w *world, i int) *http.Request { return at(elsewhere(i), w.enrolls(oneNumber)) },
			func(w *world, _ int) *http.Request { return at(elsewhere(0), w.enrolls("+8613800138001")) }
	}},
	limit.CodesPerPrefix: {http.StatusCreated, "", "too-many-requests", func(*world) (same, other knock) {
		return func(w *world, i int) *http.Request {
				return at(elsewhere(i), w.enrolls(fmt.Sprintf("+861380013%04d", i)))
			},
			func(w *world, _ int) *http.Request { return at(elsewhere(0), w.enrolls("+8613800148000")) }
	}},
	limit.CodesPerNetwork: {http.StatusCreated, "", "too-many-requests", func(*world) (same, other knock) {
		return func(w *world, i int) *http.Request { return at(near, w.enrolls(fmt.Sprintf("+86138%04d8000", i))) },
			func(w *world, _ int) *http.Request { return at(far, w.enrolls("+8613800008000")) }
	}},
	limit.PasskeysPerNetwork: {http.StatusOK, "", "too-many-requests", func(*world) (same, other knock) {
		return func(w *world, _ int) *http.Request { return at(near, w.recovers()) },
			func(w *world, _ int) *http.Request { return at(far, w.recovers()) }
	}},
}

// wantPassed tells that an answer is none of a limit's. Where several answers are right, one is 503: of two pictures of an account at
// once, the second is not looked at.
func (m met) wantPassed(t *testing.T, what string, a answer) {
	t.Helper()
	if m.passes == 0 && a.Status != http.StatusTooManyRequests && (a.Status < 500 || a.Status == http.StatusServiceUnavailable) {
		return
	}
	a.wants(t, what, m.passes, m.says)
}

// wantOtherPassed tells that another is not held up, where others count by themselves.
func (m met) wantOtherPassed(t *testing.T, w *world, other knock) {
	t.Helper()
	if other != nil {
		m.wantPassed(t, "another", w.do(other(w, 0)))
	}
}

// wantPast tells that an answer is a limit's, in the shape of its protocol.
func (m met) wantPast(t *testing.T, what string, a answer) {
	t.Helper()
	a.wants(t, what, http.StatusTooManyRequests, m.past)
	if seconds, err := strconv.Atoi(a.Header.Get("Retry-After")); err != nil || seconds < 1 || seconds > 60 {
		t.Errorf("%s: Retry-After %q", what, a.Header.Get("Retry-After"))
	}
	if m.past == "" && !strings.HasPrefix(a.Header.Get("Content-Type"), "text/html") {
		t.Errorf("%s: not a page but %s", what, a.Header.Get("Content-Type"))
	}
	if a.Header.Get("WWW-Authenticate") != "" {
		t.Errorf("%s: no other credentials would help", what)
	}
}

// eachLimit runs a test for every limit of the table.
func eachLimit(t *testing.T, test func(t *testing.T, name limit.Name, m met)) {
	for _, e := range limit.Table {
		m, known := everyLimit[e.Name]
		if !known {
			t.Errorf("nothing is known of %s", e.Name)
			continue
		}
		t.Run(string(e.Name), func(t *testing.T) {
			t.Parallel()
			test(t, e.Name, m)
		})
	}
}

func TestPastALimitTheAnswerIs429UntilItsWindowEnds(t *testing.T) {
	t.Parallel()
	eachLimit(t, func(t *testing.T, name limit.Name, m met) {
		inBubble(t, func(t *testing.T, w *world) {
			same, other := m.begin(w)
			for i := range 3 {
				m.wantPassed(t, fmt.Sprint("number ", i+1), w.do(same(w, i)))
			}
			for i := range 10 { // and who knocks on prolongs nothing
				m.wantPast(t, fmt.Sprint("number ", i+4), w.do(same(w, i+3)))
				time.Sleep(time.Second)
			}
			m.wantOtherPassed(t, w, other)
			time.Sleep(50 * time.Second)
			for i := range 3 {
				m.wantPassed(t, fmt.Sprint("a minute later, number ", i+1), w.do(same(w, i)))
			}
			m.wantPast(t, "and one too many", w.do(same(w, 3)))
		}, withLimit(name, 3))
	})
}

const allAtOnce = 64

func wantExactly(t *testing.T, m met, most int, answers []answer) {
	t.Helper()
	passed := 0
	for _, a := range answers {
		if a.Status == http.StatusTooManyRequests {
			m.wantPast(t, "one of many", a)
			continue
		}
		passed++
		m.wantPassed(t, "one of many", a)
	}
	if passed != most {
		t.Errorf("%d of %d passed, and the limit is %d", passed, len(answers), most)
	}
}

func TestOfManyAtOnceNoMorePassThanALimitAllows(t *testing.T) {
	t.Parallel()
	eachLimit(t, func(t *testing.T, name limit.Name, m met) {
		w := newWorld(t, withLimit(name, 5))
		same, other := m.begin(w)
		wantExactly(t, m, 5, atOnce(w, allAtOnce, func(i int) *http.Request { return same(w, i) }))
		m.wantOtherPassed(t, w, other)
	})
}

func TestNodesThatShareARedisCountAsOne(t *testing.T) {
	start := embeddedRedis
	if redisServer != "" {
		start = startRedis
	}
	eachLimit(t, func(t *testing.T, name limit.Name, m met) {
		page, phone := twoNodes(t, start(t), withLimit(name, 5))
		same, other := m.begin(phone)
		answers := make(chan []answer, 2)
		for i, w := range []*world{page, phone} {
			requests := make([]*http.Request, allAtOnce/2)
			for k := range requests {
				requests[k] = same(w, 2*k+i)
			}
			go func() { answers <- atOnce(w, len(requests), func(k int) *http.Request { return requests[k] }) }()
		}
		wantExactly(t, m, 5, append(<-answers, <-answers...))
		m.wantOtherPassed(t, page, other)
	})
}

// A limit never fails open: the counters cannot be read, and everything else can.
func TestAStoreThatCannotCountLetsNothingThrough(t *testing.T) {
	t.Parallel()
	eachLimit(t, func(t *testing.T, name limit.Name, m met) {
		redis := miniredis.RunT(t)
		w := newWorld(t, withLimit(name, 5), withStore("redis://"+redis.Addr()))
		same, _ := m.begin(w)
		m.wantPassed(t, "before", w.do(same(w, 0)))
		for _, key := range redis.Keys() {
			if strings.HasPrefix(key, "qrlogin:count:") {
				redis.Del(key)
				if _, err := redis.Lpush(key, "no number"); err != nil {
					t.Fatal(err)
				}
			}
		}
		code := map[string]string{"slow_down": "temporarily_unavailable", "too-many-requests": "unavailable", "": ""}[m.past]
		a := w.do(same(w, 0))
		a.wants(t, "without counters", http.StatusServiceUnavailable, code)
		if a.Header.Get("Retry-After") == "" {
			t.Error("no Retry-After")
		}
	})
}

// The hosted page's codes count by the browser's network and by the site, and its script is told in a problem.
func TestTheHostedPagesCodesAreLimitedToo(t *testing.T) {
	t.Parallel()
	for name, there := range map[limit.Name]bool{limit.ChallengesPerNetwork: true, limit.ChallengesPerClient: false, limit.ChallengesInAll: false} {
		inBubble(t, func(t *testing.T, w *world) {
			v, other := w.visitor(), w.from(far).visitor()
			path, otherPath := v.hosted(asking()), other.hosted(asking())
			v.challenge(path)
			v.challenge(path)
			wantTooMany(t, "the third, by script", v.post(path+"/challenge", "", ""))
			wantTooMany(t, "the third, as a picture", w.visitor().picture())
			if a := other.get(otherPath + "/qr.svg"); (a.Status == http.StatusOK) != there {
				t.Errorf("%s: in another network %d %s", name, a.Status, a.Body)
			}
			time.Sleep(time.Minute)
			v.challenge(path)
		}, withLimit(name, 2))
	}
}

// An order by the provider's page counts as one by the site's own; a login there does not.
func TestTheHostedPagesOrdersAreLimitedToo(t *testing.T) {
	t.Parallel()
	w := newWorld(t, withClient(seller), withLimit(limit.DetailedPerClient, 2))
	for range 2 {
		w.orders(anOrder())
	}
	v := w.visitor()
	path := v.hosted(w.pushedAs(seller, askingAs(seller, "authorization_details", detailsOf(t, anOrder()))))
	wantTooMany(t, "the third", v.post(path+"/challenge", "", ""))
	v.challenge(v.hosted(askingAs(seller)))
}

// Who makes up requests in a site's name, which anybody can, fills the site's limit. What the site itself has pushed still passes.
func TestNobodyIsLockedOutWhomASiteSendsByRequestsInItsName(t *testing.T) {
	t.Parallel()
	inBubble(t, func(t *testing.T, w *world) {
		stranger := w.from(far).visitor()
		stranger.hosted(askingAs(seller))
		stranger.hosted(askingAs(seller))
		if a := stranger.authorize(askingAs(seller)); a.Status != http.StatusTooManyRequests {
			t.Errorf("the third: %d", a.Status)
		}
		w.visitor().hosted(w.pushedAs(seller, askingAs(seller)))
	}, withClient(seller), withLimit(limit.AuthorizationsPerClient, 2))
}

// picture is a page of its own without script.
func (v *visitor) picture() answer {
	v.t.Helper()
	return v.get(v.hosted(asking()) + "/qr.svg")
}

// A confidential client's requests come from its backend: all from one address, whoever asks.
func TestASitesBackendIsNotLimitedByItsAddress(t *testing.T) {
	t.Parallel()
	w := newWorld(t, withLimit(limit.ChallengesPerNetwork, 2))
	for range 5 {
		w.start()
	}
}

// A person who scans too late again and again still gets in with a code that is good, and what is kept of the rest has a bound.
func TestAfterManyRefusedScansAGoodOneGoesOn(t *testing.T) {
	t.Parallel()
	folder, inData := inFolder(t)
	w := newWorld(t, inData, withLimit(limit.RefusedScansPerDevice, 3))
	p := w.rawPhone().enrolled(oneNumber)
	used := w.start()
	code := w.frame(used)
	w.cancel(used)
	for range 3 {
		p.scan(code).wants(t, "a used code", http.StatusGone, "gone")
	}
	for range 5 {
		wantTooMany(t, "and again", p.scan(code))
	}
	p.approve(w.start())
	if events := audited(t, folder, "code.reused"); len(events) != 3 {
		t.Errorf("%d events are kept", len(events))
	}
}

// A decision that counts is not idle, and none is held back by those that were.
func TestAfterManyIdleDecisionsOneThatCountsGoesOn(t *testing.T) {
	t.Parallel()
	w := newWorld(t, withLimit(limit.IdleDecisionsPerDevice, 2))
	p := w.rawPhone().enrolled(oneNumber)
	started := w.start()
	claim := p.claim(started)
	other := p.signedFor(w.issuer, claim.ChallengeId, proof.Approve, []byte("another consent"))
	for range 2 {
		w.sendDecision(other).wants(t, "over another consent", http.StatusUnprocessableEntity, "consent-mismatch")
	}
	wantTooMany(t, "and again", w.sendDecision(other))
	w.wantState(started, api.ChallengeStateClaimed)
	p.decide(claim, proof.Approve)
	w.wantState(started, api.ChallengeStateApproved)
}

// A household has a /56 of IPv6 addresses, and counts as one.
func TestTheAddressesOfAHouseholdCountAsOne(t *testing.T) {
	t.Parallel()
	w := newWorld(t, withLimit(limit.ChallengesPerNetwork, 2))
	for i, status := range []int{http.StatusOK, http.StatusOK, http.StatusTooManyRequests} {
		if a := w.do(at(fmt.Sprintf("2001:db8:1:%d::1", i), w.begins("tv", ""))); a.Status != status {
			t.Errorf("address %d: %d", i, a.Status)
		}
	}
	if a := w.do(at("2001:db8:1:100::1", w.begins("tv", ""))); a.Status != http.StatusOK {
		t.Errorf("the neighbours: %d", a.Status)
	}
}

// A page that asks too often is told when to come back, and can read it.
func TestAPageMayReadThatItAsksTooOften(t *testing.T) {
	t.Parallel()
	w := newWorld(t, withLimit(limit.BadWatchesPerNetwork, 1))
	w.do(w.watchesBlindly())
	a := w.fromOrigin(shopOrigin, w.watchesBlindly())
	wantTooMany(t, "the second", a)
	wantReadable(t, "the second", a, shopOrigin)
	started := w.start()
	w.wantState(started, api.ChallengeStatePending) // who has the capability goes on
}
