package crowd

import (
	"io"
	"net/http"
	"strings"
	"testing"
)

func request(t *testing.T, body string) *http.Request {
	t.Helper()
	var reader io.Reader
	if body != "" {
		reader = strings.NewReader(body)
	}
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://localhost/", reader)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestWhatBeginsIsShedFirst(t *testing.T) {
	w := NewWork(4)
	var done []func()
	enter := func(begins bool) (entered int) {
		for range 10 {
			if d, ok := w.Enter(request(t, ""), begins); ok {
				done = append(done, d)
				entered++
			}
		}
		return entered
	}
	if n := enter(true); n != 2 {
		t.Errorf("%d of four begin something", n)
	}
	if n := enter(false); n != 2 {
		t.Errorf("%d of the other two go on", n)
	}
	if n := enter(true); n != 0 {
		t.Errorf("%d begin something where there is no room", n)
	}
	if w.UnderWay() != 4 || w.Shed() != 26 {
		t.Errorf("%d under way, %d shed", w.UnderWay(), w.Shed())
	}
	for _, d := range done {
		d()
	}
	if w.UnderWay() != 0 || enter(true) != 2 {
		t.Errorf("%d are kept", w.UnderWay())
	}
}

func TestABodyOnItsWayIsNobodysWork(t *testing.T) {
	w := NewWork(1)
	slow := request(t, "a body")
	done, ok := w.Enter(slow, false)
	if !ok || w.UnderWay() != 0 {
		t.Fatalf("%d under way", w.UnderWay())
	}
	if _, err := io.ReadAll(slow.Body); err != nil || w.UnderWay() != 1 {
		t.Errorf("it has come: %d under way, %v", w.UnderWay(), err)
	}
	if _, ok := w.Enter(request(t, "another"), false); ok {
		t.Error("two are worked on")
	}
	if done(); w.UnderWay() != 0 {
		t.Errorf("%d are kept", w.UnderWay())
	}
	unread, ok := w.Enter(request(t, "a body"), false)
	if !ok {
		t.Fatal("no work")
	}
	if unread(); w.n.Load() != 0 {
		t.Errorf("after one that was not read, %d are kept", w.n.Load())
	}
}
