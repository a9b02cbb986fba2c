package app_test

import (
	"fmt"
	"net/http"
	"sync"
	"testing"
	"time"

	"qrlogin/api"
	"qrlogin/api/proof"
	"qrlogin/provider/internal/identity"
	"qrlogin/provider/internal/sqlstore"
)

// atOnce sends n requests at the same moment, and answers in their order.
func atOnce(w *world, n int, request func(i int) *http.Request) []answer {
	w.t.Helper()
	requests := make([]*http.Request, n)
	for i := range requests {
		requests[i] = request(i)
	}
	answers, errs := make([]answer, n), make([]error, n)
	begin := make(chan struct{})
	var group sync.WaitGroup
	for i := range requests {
		group.Go(func() {
			<-begin
			answers[i], errs[i] = w.try(requests[i])
		})
	}
	close(begin)
	group.Wait()
	for _, err := range errs {
		if err != nil {
			w.t.Fatal(err)
		}
	}
	return answers
}

// tally counts answers by what they say.
func tally(answers []answer) map[string]int {
	n := map[string]int{}
	for _, a := range answers {
		n[http.StatusText(a.Status)+" "+a.error()]++
	}
	return n
}

// inEveryStore runs a test with each kind of store that this machine has.
func inEveryStore(t *testing.T, test func(t *testing.T, store string)) {
	t.Parallel()
	for name, url := range storeURLs(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, url)
		})
	}
}

const many = 64

func TestOfManyScansAtOnceOneClaims(t *testing.T) {
	inEveryStore(t, func(t *testing.T, store string) {
		folder, kept := inFolder(t)
		w := newWorld(t, withStore(store), kept)
		phones := w.enrolledMany(folder, many)
		started := w.start()
		frame := w.frame(started)
		answers := atOnce(w, many, func(i int) *http.Request {
			return phones[i].request(http.MethodPost, "/phone/scans", api.ScanRequest{Code: frame})
		})
		if got := tally(answers); got["OK "] != 1 || got["Conflict claimed-by-another"] != many-1 {
			t.Fatalf("%v", got)
		}
		for i, a := range answers {
			if a.Status == http.StatusOK { // and the one that was told so is the one that decides
				var claim api.Claim
				a.decode(t, &claim)
				phones[i].decide(claim, proof.Approve)
			}
		}
		w.wantState(started, api.ChallengeStateApproved)
	})
}

// enrolledMany puts phones into the provider's database: there is a limit to how many enrol from one address.
func (w *world) enrolledMany(folder string, n int) []rawPhone {
	w.t.Helper()
	db, err := sqlstore.Open(w.t.Context(), folder)
	if err != nil {
		w.t.Fatal(err)
	}
	defer db.Close()
	keepNumbers(w.t, db)
	phones := make([]rawPhone, n)
	for i := range phones {
		phones[i] = w.rawPhone()
		jwk, err := proof.MarshalKey(&phones[i].key.PublicKey)
		if err != nil {
			w.t.Fatal(err)
		}
		_, _, _, err = db.Enroll(w.t.Context(), fmt.Sprintf("+86138001380%02d", i), identity.Device{
			ID: proof.Thumbprint(&phones[i].key.PublicKey), Name: "Phone", Key: jwk, CreatedAt: time.Now(), LastSeenAt: time.Now(),
		})
		if err != nil {
			w.t.Fatal(err)
		}
	}
	return phones
}

func TestOfManyRedemptionsAtOnceAllGetTheSameTokens(t *testing.T) {
	inEveryStore(t, func(t *testing.T, store string) {
		folder, kept := inFolder(t)
		w := newWorld(t, withStore(store), kept)
		p := w.rawPhone().enrolled("+8613800138000")
		started := w.start()
		p.approve(started)
		answers := atOnce(w, many, func(i int) *http.Request {
			if i%8 == 7 {
				return w.pollRequest("other", otherSecret, started, "")
			}
			return w.pollRequest("shop", shopSecret, started, map[bool]string{true: "wait=5"}[i%2 == 0])
		})
		for i, a := range answers {
			if i%8 == 7 {
				a.wants(t, "another client", http.StatusBadRequest, "invalid_grant")
				continue
			}
			if a.Status != http.StatusOK && a.error() != "slow_down" { // a hold that was replaced
				t.Fatalf("%d %s", a.Status, a.Body)
			}
		}
		bodies := map[string]bool{}
		for _, a := range answers {
			if a.Status == http.StatusOK {
				bodies[string(a.Body)] = true
			}
		}
		if len(bodies) != 1 {
			t.Errorf("%d different answers", len(bodies))
		}
		if n := loginRows(t, folder); n != 1 {
			t.Errorf("%d login rows", n)
		}
	})
}

func TestOfManyRedemptionsAtOnceWithoutRedeliveryOneSucceeds(t *testing.T) {
	inEveryStore(t, func(t *testing.T, store string) {
		folder, kept := inFolder(t)
		w := newWorld(t, withStore(store), kept, withRedelivery(0))
		p := w.rawPhone().enrolled("+8613800138000")
		for range 4 {
			started := w.start()
			p.approve(started)
			answers := atOnce(w, many, func(int) *http.Request { return w.pollRequest("shop", shopSecret, started, "") })
			if got := tally(answers); got["OK "] != 1 || got["Bad Request invalid_grant"] != many-1 {
				t.Fatalf("%v", got)
			}
		}
		if n := loginRows(t, folder); n != 4 {
			t.Errorf("%d login rows", n)
		}
	})
}

func TestOfManyConfirmationsAtOnceOneEnrols(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p := w.rawPhone()
	var e api.Enrollment
	p.send(http.MethodPost, "/phone/enrollments", api.EnrollmentRequest{PhoneNumber: "+8613800138000"}).decode(t, &e)
	code := w.lastCode("+8613800138000")
	answers := atOnce(w, many, func(int) *http.Request {
		return p.request(http.MethodPost, "/phone/enrollments/"+e.EnrollmentId+"/confirm", api.EnrollmentConfirmation{Code: code})
	})
	got := tally(answers)
	if got["Created "] != 1 || got["Too Many Requests too-many-requests"] != many-5 || got["Unprocessable Entity enrollment-code-wrong"] != 4 {
		t.Errorf("%v", got)
	}
	var devices api.DeviceList
	p.send(http.MethodGet, "/phone/devices", nil).decode(t, &devices)
	if len(devices.Devices) != 1 {
		t.Errorf("%d devices", len(devices.Devices))
	}
}

func TestManyWrongCodesAtOnceAreNoMoreThanFiveTries(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p := w.rawPhone()
	var e api.Enrollment
	p.send(http.MethodPost, "/phone/enrollments", api.EnrollmentRequest{PhoneNumber: "+8613800138000"}).decode(t, &e)
	path := "/phone/enrollments/" + e.EnrollmentId + "/confirm"
	answers := atOnce(w, many, func(int) *http.Request {
		return p.request(http.MethodPost, path, api.EnrollmentConfirmation{Code: "wrong"})
	})
	if got := tally(answers); got["Unprocessable Entity enrollment-code-wrong"] != 5 {
		t.Errorf("%v", got)
	}
	a := p.send(http.MethodPost, path, api.EnrollmentConfirmation{Code: w.lastCode("+8613800138000")})
	wantTooMany(t, "the right one, afterwards", a)
}

// Whatever comes first, the site, the page and the phone are told the same story afterwards.
func TestApprovalCancellationAndRedemptionAtOnceEndInOneStory(t *testing.T) {
	inEveryStore(t, func(t *testing.T, store string) {
		w := newWorld(t, withStore(store), withRedelivery(time.Minute))
		p := w.rawPhone().enrolled("+8613800138000")
		for range 12 {
			started := w.start()
			jws := p.signed(p.claim(started), proof.Approve)
			requests := []*http.Request{
				w.decisionRequest(jws), w.byWatch(http.MethodDelete, started, ""), w.pollRequest("shop", shopSecret, started, "wait=2"), w.decisionRequest(jws),
			}
			answers := atOnce(w, len(requests), func(i int) *http.Request { return requests[i] })
			decided, cancelled, redeemed := answers[0], answers[1], answers[2]
			switch cancelled.Status {
			case http.StatusNoContent:
				redeemed.wants(t, "cancelled: the site", http.StatusBadRequest, "access_denied")
				w.wantOutcome(started, api.OutcomeCancelled)
				w.poll(started, "").wants(t, "cancelled: the site again", http.StatusBadRequest, "access_denied")
				if decided.Status != http.StatusOK && decided.Status != http.StatusGone {
					t.Errorf("cancelled: the phone: %d %s", decided.Status, decided.Body)
				}
			case http.StatusConflict:
				if decided.Status != http.StatusOK || redeemed.Status != http.StatusOK {
					t.Errorf("not cancelled: phone %d %s, site %d %s", decided.Status, decided.Body, redeemed.Status, redeemed.Body)
				}
				w.wantState(started, api.ChallengeStateRedeemed)
				if again := w.poll(started, ""); string(again.Body) != string(redeemed.Body) {
					t.Errorf("redeemed: the site again: %d %s", again.Status, again.Body)
				}
			default:
				t.Errorf("cancel: %d %s", cancelled.Status, cancelled.Body)
			}
		}
	})
}
