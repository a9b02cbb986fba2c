package crowd

import (
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"qrlogin/provider/internal/challenge"
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
	reader, writer := io.Pipe()
	slow.Body = reader
	done, ok := w.Enter(slow, false)
	if !ok || w.UnderWay() != 1 {
		t.Fatalf("%d under way", w.UnderWay())
	}
	read := make(chan error, 1)
	go func() {
		_, err := io.ReadAll(slow.Body)
		read <- err
	}()
	_, _ = writer.Write([]byte("a")) // so somebody reads, and soon waits for more
	for began := time.Now(); w.UnderWay() != 0; time.Sleep(time.Millisecond) {
		if time.Since(began) > 20*time.Second {
			t.Fatal("it counts while it is on its way")
		}
	}
	_ = writer.Close()
	if err := <-read; err != nil || w.UnderWay() != 1 {
		t.Errorf("it has come: %d under way, %v", w.UnderWay(), err)
	}
	if _, ok := w.Enter(request(t, "another"), false); ok {
		t.Error("two are worked on")
	}
	if done(); w.n.Load() != 0 {
		t.Errorf("%d are kept", w.n.Load())
	}
}

// A handler need not read: by a length alone nobody comes in beside the limit.
func TestABodyThatNobodyReadsIsNoWayAroundTheLimit(t *testing.T) {
	w := NewWork(2)
	var done []func()
	for range 10 {
		if d, ok := w.Enter(request(t, "a"), false); ok {
			done = append(done, d)
		}
	}
	if len(done) != 2 || w.UnderWay() != 2 {
		t.Errorf("%d came in, %d are under way", len(done), w.UnderWay())
	}
	place := NewRoom(1, w).Page(challenge.NewID(), func() {})
	place.Take(false) // one of the two waits
	if w.n.Load() != 1 {
		t.Errorf("one waits, and %d are under way", w.n.Load())
	}
	place.Leave()
	for _, d := range done {
		d()
	}
	if w.n.Load() != 0 {
		t.Errorf("%d are kept", w.n.Load())
	}
}
