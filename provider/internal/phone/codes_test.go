package phone

import (
	"context"
	"errors"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"qrlogin/api"
	"qrlogin/provider/internal/challenge"
	"qrlogin/provider/internal/limit"
)

func TestAnEnrolmentCodeIsSixDigitsAndNotPredictable(t *testing.T) {
	seen := map[string]int{}
	for range 1000 {
		code := newCode()
		if !regexp.MustCompile(`^[0-9]{6}$`).MatchString(code) {
			t.Fatal(code)
		}
		seen[code]++
	}
	if len(seen) < 990 { // of a million, a thousand draws seldom repeat
		t.Errorf("%d different codes of 1000", len(seen))
	}
}

// gateway answers always the same.
type gateway struct{ err error }

func (g gateway) Send(context.Context, string, string, string) error { return g.err }

// named is a store that keeps the names that it is asked for.
type named struct {
	challenge.Keys
	names []string
}

func (n *named) CountAll(ctx context.Context, tallies []challenge.Tally) ([]challenge.Count, error) {
	for _, t := range tallies {
		n.names = append(n.names, t.Key)
	}
	return n.Keys.CountAll(ctx, tallies)
}

func (n *named) Refund(ctx context.Context, names ...string) error {
	n.names = append(n.names, names...)
	return n.Keys.Refund(ctx, names...)
}

func (n *named) First(ctx context.Context, name string, ttl time.Duration) (bool, error) {
	n.names = append(n.names, name)
	return n.Keys.First(ctx, name, ttl)
}

func (n *named) Put(ctx context.Context, name string, value []byte, ttl time.Duration) error {
	n.names = append(n.names, name, string(value))
	return n.Keys.Put(ctx, name, value, ttl)
}

// Stores hide names by a plain hash, which who reads them can try out for every number there is.
func TestNoNumberAndNoPartOfOneIsInWhatTheStoreIsAskedFor(t *testing.T) {
	k := newKit(t)
	store := &named{Keys: k.door.Keys}
	k.door.Keys, k.door.Limits[limit.CodesPerDay] = store, challenge.Limit{Max: 1, Window: time.Hour} // of which the operator is told
	for _, step := range []struct {
		sent   error
		status int
	}{{errors.New("no connection"), http.StatusServiceUnavailable}, {nil, http.StatusCreated}, {nil, http.StatusTooManyRequests}} {
		k.door.SMS = gateway{step.sent}
		status, code := k.phoneOf("nobody").send(http.MethodPost, "/phone/enrollments", api.EnrollmentRequest{PhoneNumber: "+8613800138000"}, nil)
		if status != step.status {
			t.Fatalf("%d %s", status, code)
		}
	}
	for _, name := range store.names {
		if strings.Contains(name, "138001") {
			t.Errorf("it is asked for %q", name)
		}
	}
}

// SECURITY.md §5: nobody learns from the answer, nor from the time that it takes, whether a number has an account. Who asks for a code
// is answered without looking.
func TestWhetherANumberHasAnAccountIsNotLookedUpWhenACodeIsAskedFor(t *testing.T) {
	k := newKit(t)
	k.door.SMS, k.door.Devices, k.door.Logins = gateway{}, nil, nil // a look at them panics
	if status, code := k.phoneOf("nobody").send(http.MethodPost, "/phone/enrollments", api.EnrollmentRequest{PhoneNumber: "+8613800138000"}, nil); status != http.StatusCreated {
		t.Fatalf("%d %s", status, code)
	}
}

// inbox keeps the last code.
type inbox struct{ code string }

func (i *inbox) Send(_ context.Context, _, code, _ string) error {
	i.code = code
	return nil
}

// hangsUp is a store that a phone waits for no longer than until its code is spent.
type hangsUp struct {
	challenge.Keys
	cancel context.CancelFunc
}

func (h hangsUp) Take(ctx context.Context, name string) ([]byte, error) {
	defer h.cancel()
	return h.Keys.Take(ctx, name)
}

func TestAPhoneThatHangsUpOnceItsCodeIsSpentIsEnrolled(t *testing.T) {
	k := newKit(t)
	key := k.phoneOf("nobody")
	clear(k.phones)
	messages := &inbox{}
	k.door.SMS = messages
	var e api.Enrollment
	if status, code := key.send(http.MethodPost, "/phone/enrollments", api.EnrollmentRequest{PhoneNumber: "+8613800138000"}, &e); status != http.StatusCreated {
		t.Fatalf("%d %s", status, code)
	}
	ctx, cancel := context.WithCancel(t.Context())
	k.door.Keys = hangsUp{k.door.Keys, cancel}
	door := k.handler
	k.handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { door.ServeHTTP(w, r.WithContext(ctx)) })
	key.send(http.MethodPost, "/phone/enrollments/"+e.EnrollmentId+"/confirm", api.EnrollmentConfirmation{Code: messages.code}, nil)
	k.handler = door
	if status, code := key.send(http.MethodGet, "/phone/account", nil, nil); status != http.StatusOK {
		t.Errorf("%d %s", status, code)
	}
}
