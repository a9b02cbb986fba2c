package phone

import (
	"bytes"
	"errors"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"qrlogin/api"
	"qrlogin/mobile-sim/internal/fakeprovider"
)

const put = "PUT /phone/scans/…"

func bookmarks() Approval {
	return Approval{Send: &Content{MediaType: "text/html", Data: []byte("<!DOCTYPE NETSCAPE-Bookmark-file-1> 书签")}}
}

// The fake refuses a code with its fragment, and an approval that does not name what was sent.
func TestAPhoneHandsOffWhatItHasForThePageAlone(t *testing.T) {
	fake, p := start(t)
	c, frame := fake.Handoff(nil)
	claim, err := p.Scan(t.Context(), frame)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := p.Approve(t.Context(), claim, bookmarks()); err != nil {
		t.Fatal(err)
	}
	mediaType, plain, err := fake.Sent(c.ID)
	if err != nil || mediaType != "text/html" || !bytes.Equal(plain, bookmarks().Send.Data) || fake.State(c.ID) != "approved" {
		t.Fatalf("%q of %q, %v, %s", plain, mediaType, err, fake.State(c.ID))
	}
}

// A provider that puts its own key in the place of the page's could read all. The code, which it does not draw, gives it away.
func TestALyingProviderIsCaughtBeforeAnythingIsSent(t *testing.T) {
	fake, p := start(t)
	c, frame := fake.Handoff(fakeprovider.Lie)
	claim, err := p.Scan(t.Context(), frame)
	if claim != nil || !errors.Is(err, ErrHandoffKey) {
		t.Fatalf("%v, %v", claim, err)
	}
	if fake.State(c.ID) != "released" || count(fake, put) != 0 || count(fake, "POST /phone/decisions") != 0 {
		t.Fatalf("the challenge is %s; %v", fake.State(c.ID), fake.Requests())
	}
}

func TestAFragmentThatIsNotTheKeysIsNone(t *testing.T) {
	fake, p := start(t)
	_, frame := fake.Handoff(nil)
	code, thumbprint, _ := strings.Cut(frame, "#")
	for fragment, want := range map[string]error{
		"":                     ErrHandoffNeedsScan,
		"#":                    ErrHandoffNeedsScan,
		"#" + thumbprint[:42]:  ErrHandoffKey,
		"#" + thumbprint + "A": ErrHandoffKey,
		"##" + thumbprint:      ErrHandoffKey,
		"#" + strings.ToLower(thumbprint) + strings.ToUpper(thumbprint): ErrHandoffKey,
	} {
		if claim, err := p.Scan(t.Context(), code+fragment); claim != nil || !errors.Is(err, want) {
			t.Errorf("%s: %v, %v", fragment, claim, err)
		}
	}
	if _, err := p.Scan(t.Context(), frame); err != nil {
		t.Error(err)
	}
}

func TestAHandoffNeedsACodeThatThePhoneItselfHasRead(t *testing.T) {
	fake, p := start(t)
	refusing := &api.Problem{Status: 422, Code: "handoff-needs-scan"}
	for name, edit := range map[string]func(*fakeprovider.Challenge){
		"this phone says so":   nil,
		"the provider says so": func(c *fakeprovider.Challenge) { c.Refuse = refusing },
	} {
		fake.Handoff(edit)
		if claim, err := p.Scan(t.Context(), "WDJB-MJHT"); claim != nil || !errors.Is(err, ErrHandoffNeedsScan) {
			t.Errorf("%s: %v, %v", name, claim, err)
		}
		fake, p = start(t) // the fake takes a typed code for the one challenge that it has
	}
	c, frame := fake.Handoff(nil)
	if claim, err := p.ScanPicture(t.Context(), bytes.NewReader(pictureOf(t, frame))); claim != nil || !errors.Is(err, ErrHandoffNeedsScan) {
		t.Errorf("a picture: %v, %v", claim, err)
	}
	if got := fake.State(c.ID); got != "released" {
		t.Errorf("the challenge is %s", got)
	}
}

func TestWhatThePageCannotTakeIsNotSent(t *testing.T) {
	fake, p := start(t)
	asks := func(edit func(*fakeprovider.Challenge)) (*fakeprovider.Challenge, *Claim) {
		c, frame := fake.Handoff(edit)
		claim, err := p.Scan(t.Context(), frame)
		if err != nil {
			t.Fatal(err)
		}
		return c, claim
	}
	ten := func(c *fakeprovider.Challenge) { c.Consent.HandoffLimit = new(int64(10)) }
	_, limited := asks(ten)
	_, unlimited := asks(func(c *fakeprovider.Challenge) { c.Consent.HandoffLimit = nil })
	_, open := asks(func(c *fakeprovider.Challenge) { c.Consent.Handoff.MediaTypes = nil })
	_, login := fake.Challenge(nil)
	nothing, err := p.Scan(t.Context(), login)
	if err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct {
		claim *Claim
		send  *Content
		want  error
	}{
		"nothing":                         {limited, nil, ErrHandoffMissing},
		"for a login":                     {nothing, bookmarks().Send, ErrHandoffUnwanted},
		"too much":                        {limited, &Content{"text/html", make([]byte, 11)}, ErrHandoffTooLarge},
		"a limit that is not said":        {unlimited, &Content{"text/html", make([]byte, 1)}, ErrHandoffTooLarge},
		"another type":                    {limited, &Content{"image/png", nil}, ErrHandoffType},
		"no type, where any type will do": {open, &Content{"", nil}, ErrHandoffType},
		"half a type":                     {open, &Content{"text", nil}, ErrHandoffType},
	} {
		if _, err := p.Approve(t.Context(), test.claim, Approval{Send: test.send}); !errors.Is(err, test.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if n := count(fake, put) + count(fake, "POST /phone/decisions"); n != 0 {
		t.Errorf("%d requests", n)
	}
	// As much as may be, of a type in whatever case, with whatever parameters.
	if _, err := p.Approve(t.Context(), limited, Approval{Send: &Content{"Text/HTML; charset=utf-8", make([]byte, 10)}}); err != nil {
		t.Error(err)
	}
	if _, err := p.Approve(t.Context(), open, Approval{Send: &Content{"application/x-own", nil}}); err != nil {
		t.Error(err)
	}
}

func TestWhatTheProviderDoesNotTakeIsNotKept(t *testing.T) {
	for _, code := range []string{"handoff-too-large", "handoff-malformed", "handoffs-full", "gone", "claimed-by-another"} {
		fake, p := start(t)
		c, frame := fake.Handoff(func(c *fakeprovider.Challenge) { c.Reject = &api.Problem{Status: 422, Code: code} })
		claim, err := p.Scan(t.Context(), frame)
		if err != nil {
			t.Fatal(err)
		}
		_, err = p.Approve(t.Context(), claim, bookmarks())
		wantProblem(t, err, code)
		if fake.State(c.ID) != "released" || count(fake, "POST /phone/decisions") != 0 {
			t.Errorf("%s: the challenge is %s; %v", code, fake.State(c.ID), fake.Requests())
		}
	}
}

// Sent, and then not approved: it goes with the claim.
func TestWhatWasSentGoesWhenItsApprovalFails(t *testing.T) {
	fake, p := start(t)
	c, frame := fake.Handoff(nil)
	claim, err := p.Scan(t.Context(), frame)
	if err != nil {
		t.Fatal(err)
	}
	with := bookmarks()
	with.Session = true // which was not on offer
	_, err = p.Approve(t.Context(), claim, with)
	wantProblem(t, err, "not-allowed")
	if count(fake, put) != 1 || fake.State(c.ID) != "released" || fake.Kept(c.ID) {
		t.Fatalf("the challenge is %s, kept: %t; %v", fake.State(c.ID), fake.Kept(c.ID), fake.Requests())
	}
}

func TestADroppedConnectionLosesNoHandoff(t *testing.T) {
	fake, p := start(t)
	fake.Drop(put, 2)
	fake.Drop("POST /phone/decisions", 2)
	c, frame := fake.Handoff(nil)
	claim, err := p.Scan(t.Context(), frame)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := p.Approve(t.Context(), claim, bookmarks()); err != nil {
		t.Fatal(err)
	}
	if _, plain, err := fake.Sent(c.ID); err != nil || !bytes.Equal(plain, bookmarks().Send.Data) || count(fake, put) != 3 {
		t.Fatalf("%q, %v, %d times", plain, err, count(fake, put))
	}
}

// What is large takes its time on a slow line; what is small does not get it.
func TestALargeHandoffIsGivenTheTimeThatItTakes(t *testing.T) {
	fake, enrolled := start(t)
	c, _ := fake.Handoff(nil)
	asked := c.Consent.Handoff
	synctest.Test(t, func(t *testing.T) {
		slow := tripper(func(r *http.Request) (*http.Response, error) {
			select {
			case <-r.Context().Done():
				return nil, r.Context().Err()
			case <-time.After(time.Minute):
				return &http.Response{StatusCode: http.StatusNoContent, Body: http.NoBody}, nil
			}
		})
		p, err := newPhone("https://provider.example", enrolled.key, &http.Client{Transport: slow})
		if err != nil {
			t.Fatal(err)
		}
		claim := new(Claim)
		claim.Consent.Handoff = asked
		for size, arrives := range map[int]bool{100: false, 4 << 20: true} {
			if _, err := p.send(t.Context(), claim, &Content{"text/html", make([]byte, size)}); (err == nil) != arrives {
				t.Errorf("%d bytes: %v", size, err)
			}
		}
	})
}
