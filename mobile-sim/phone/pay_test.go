package phone

import (
	"errors"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"qrlogin/mobile-sim/internal/fakeprovider"
)

const unpaid, pending, paid = fakeprovider.Unpaid, fakeprovider.Pending, fakeprovider.Paid

func newTill(t *testing.T, answers ...string) *fakeprovider.Till {
	t.Helper()
	shop := fakeprovider.NewTill(answers...)
	t.Cleanup(shop.Close)
	return shop
}

// owing returns the folder of a phone that has approved an order with this payment page.
func owing(t *testing.T, s *fakeprovider.Till) (home string) {
	t.Helper()
	home = atHome(t)
	order := fakeprovider.Order()
	order.PaymentUri = new(s.URI)
	if err := KeepBill(home, order); err != nil {
		t.Fatal(err)
	}
	return home
}

func TestWhatWasApprovedIsPaidOnce(t *testing.T) {
	shop := newTill(t, unpaid, paid)
	home := owing(t, shop)
	got, err := Pay(t.Context(), home, "")
	if err != nil || got != (Payment{"paid", "Kiln Lane", "2026-0815", 57010, "CNY", 2}) {
		t.Fatalf("%+v, %v", got, err)
	}
	if _, err := Pay(t.Context(), home, ""); !errors.Is(err, ErrNoBill) {
		t.Fatalf("again: %v", err)
	}
	if !slices.Equal(shop.Asked(), []string{"GET", "POST"}) {
		t.Fatalf("asked %v", shop.Asked())
	}
}

func TestAnOrderWithoutAPaymentPageLeavesNoBill(t *testing.T) {
	home := atHome(t)
	if err := KeepBill(home, fakeprovider.Order()); err != nil {
		t.Fatal(err)
	}
	if err := KeepBill(home, nil); err != nil {
		t.Fatal(err)
	}
	if _, err := Pay(t.Context(), home, ""); !errors.Is(err, ErrNoBill) {
		t.Fatal(err)
	}
}

func TestAURIThatIsNamedIsPaidWhateverIsRemembered(t *testing.T) {
	shop := newTill(t, strings.Replace(unpaid, "2026-0815", "other", 1), paid)
	if got, err := Pay(t.Context(), atHome(t), shop.URI); err != nil || got.OrderID != "other" {
		t.Fatalf("%+v, %v", got, err)
	}
}

func TestAShopThatWantsAnythingElseThanWasApprovedIsNotPaid(t *testing.T) {
	for _, change := range [][2]string{{"57010", "57011"}, {"CNY", "KWD"}, {"2026-0815", "2026-0816"}, {`"total":57010,`, ""}} {
		shop := newTill(t, strings.Replace(unpaid, change[0], change[1], 1))
		home := owing(t, shop)
		for _, uri := range []string{"", shop.URI} {
			if _, err := Pay(t.Context(), home, uri); !errors.Is(err, ErrBillDiffers) {
				t.Errorf("%v: %v", change, err)
			}
		}
		if slices.Contains(shop.Asked(), "POST") {
			t.Errorf("%v: paid", change)
		}
	}
}

func TestAShopThatHasNotHadTheApprovalYetIsAskedAgain(t *testing.T) {
	shop := newTill(t, pending, unpaid, pending, unpaid, paid)
	if got, err := Pay(t.Context(), owing(t, shop), ""); err != nil || got.Status != "paid" {
		t.Fatalf("%+v, %v", got, err)
	}
}

type tripper func(*http.Request) (*http.Response, error)

func (f tripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func TestAShopThatNeverHasTheApprovalIsGivenUpAfterTenSeconds(t *testing.T) {
	shop := newTill(t, "")
	home := owing(t, shop)
	before := http.DefaultTransport
	t.Cleanup(func() { http.DefaultTransport = before })
	http.DefaultTransport = tripper(func(*http.Request) (*http.Response, error) {
		return &http.Response{StatusCode: http.StatusConflict, Body: io.NopCloser(strings.NewReader(`{"status":"pending"}`))}, nil
	})
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		if _, err := Pay(t.Context(), home, ""); !errors.Is(err, ErrPaymentPending) || time.Since(began).Round(time.Second) != patience {
			t.Fatalf("%v after %v", err, time.Since(began))
		}
	})
}

func TestAPaymentIsRefusedWhenTheShopAnswers(t *testing.T) {
	for answer, want := range map[string]string{
		`410 {"status":"expired"}`:               ErrPaymentExpired.Error(),
		`404 not found`:                          "404",
		`500 {"status":"paid"}`:                  "500",
		`307 /elsewhere`:                         "307",
		`200 <html>`:                             "not what it should be",
		`200 {"status":"perhaps"}`:               `"perhaps"`,
		`200 ` + strings.Repeat(" ", maxBill+10): "not what it should be",
	} {
		for _, answers := range [][]string{{answer}, {unpaid, answer}} {
			shop := newTill(t, answers...)
			home := owing(t, shop)
			if _, err := Pay(t.Context(), home, ""); err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%.30s: %v", answer, err)
			}
			if r, err := load(home, enrolledFile); err != nil || r.Bill == nil {
				t.Errorf("%.30s: the bill is forgotten", answer)
			}
		}
	}
}

func TestWhereSomebodyMayListenNothingIsPaid(t *testing.T) {
	home := atHome(t)
	for _, uri := range []string{"http://shop.example/pay", "ftp://127.0.0.1/", "https:///pay", "javascript:alert(1)", "https://me:it@127.0.0.1:1/", "pay"} {
		if _, err := Pay(t.Context(), home, uri); err == nil || !strings.Contains(err.Error(), "neither https nor http on the loopback") {
			t.Errorf("%s: %v", uri, err)
		}
	}
}

// Elsewhere the loopback is whatever runs beside the phone.
func TestNothingIsPaidOnTheLoopbackForAProviderElsewhere(t *testing.T) {
	home := atHome(t)
	err := update(home, func(r *record) error { r.Issuer = "https://id.example"; return nil })
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Pay(t.Context(), home, "http://127.0.0.1:1/pay"); err == nil || !strings.Contains(err.Error(), "where the provider is") {
		t.Error(err)
	}
}
