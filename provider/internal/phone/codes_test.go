package phone

import (
	"context"
	"net/http"
	"regexp"
	"testing"

	"qrlogin/api"
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

type anyway struct{}

func (anyway) Send(context.Context, string, string, string) error { return nil }

// SECURITY.md §5: nobody learns from the answer, nor from the time that it takes, whether a number has an account. Who asks for a code
// is answered without looking.
func TestWhetherANumberHasAnAccountIsNotLookedUpWhenACodeIsAskedFor(t *testing.T) {
	k := newKit(t)
	k.door.SMS, k.door.Devices, k.door.Logins = anyway{}, nil, nil // a look at them panics
	if status, code := k.phoneOf("nobody").send(http.MethodPost, "/phone/enrollments", api.EnrollmentRequest{PhoneNumber: "+8613800138000"}, nil); status != http.StatusCreated {
		t.Fatalf("%d %s", status, code)
	}
}
