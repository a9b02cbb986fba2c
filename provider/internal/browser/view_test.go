package browser

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"qrlogin/provider/internal/challenge"
)

// SECURITY.md §1.6: of everything that a challenge records, the page is shown its state, its version, its time and, while
// it is pending, the codes to draw.
func TestThePageIsShownNothingOfWhom(t *testing.T) {
	draft, deviceCode, watch := challenge.NewDraft("client-SECRET", challenge.Policy{}, challenge.Request{
		Scopes: []string{"SECRET"}, Nonce: "SECRET", BindingMessage: "SECRET",
	})
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	c := draft.Begin(now)
	c.Browser = challenge.Browser{Address: "SECRET", UserAgent: "SECRET"}
	c.Claim = challenge.Claim{Device: "SECRET", Account: "SECRET", At: now, Consent: []byte("SECRET")}
	c.Sealed = []byte("SECRET")
	for _, state := range []challenge.State{challenge.Pending, challenge.Claimed, challenge.Approved, challenge.Redeemed} {
		c.State = state
		c.WindowEnds = now.Add(time.Minute)
		raw, err := json.Marshal(view("https://login.example", challenge.NewRecord(&c, now)))
		if err != nil {
			t.Fatal(err)
		}
		for _, secret := range []string{"SECRET", deviceCode.Secret, watch.Secret, c.UserCode, c.DeviceCode.String(), c.Watch.String(), "U0VDUkVU" /* in base64 */} {
			if strings.Contains(string(raw), secret) {
				t.Errorf("%s: the page is shown %s", state, raw)
			}
		}
		if shown := strings.Contains(string(raw), "frames"); shown != (state == challenge.Pending) {
			t.Errorf("%s: frames are shown: %t", state, shown)
		}
	}
}
