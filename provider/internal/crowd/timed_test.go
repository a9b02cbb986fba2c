package crowd

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"testing"
)

// late has the request's time be over, and waits for that.
func late(t *testing.T, r *http.Request) {
	t.Helper()
	r, timer := Timed(r)
	timer.Reset(0)
	<-r.Context().Done()
	if cause := context.Cause(r.Context()); !errors.Is(cause, ErrTooLong) {
		t.Errorf("it ends with %v", cause)
	}
}

func TestARequestWithoutAConnectionEndsByItsOwnTimer(t *testing.T) {
	late(t, request(t, ""))
}

// The handler did not mind that its time was over: the answer counts, and another request would have no time at all.
func TestAConnectionEndsWithTheAnswerThatTookTooLong(t *testing.T) {
	_, c := parking(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		late(t, r)
		w.WriteHeader(http.StatusTeapot)
	}))
	if _, err := fmt.Fprint(c, "GET / HTTP/1.1\r\nHost: x\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	answers := bufio.NewReader(c)
	r, err := http.ReadResponse(answers, nil)
	if err != nil {
		t.Fatal(err)
	}
	_ = r.Body.Close()
	if _, err := answers.ReadByte(); r.StatusCode != http.StatusTeapot || !errors.Is(err, io.EOF) {
		t.Errorf("%v, and then %v", r, err)
	}
}

func TestAParkedRequestHasItsOwnTime(t *testing.T) {
	a := &alarm{}
	_, c := parking(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if Resumed(r) == nil {
			Park(w, r, a, true)
			return
		}
		late(t, r)
		w.WriteHeader(http.StatusTeapot)
	}))
	for range 2 { // the second is a new request
		if _, err := fmt.Fprint(c, "GET / HTTP/1.1\r\nHost: x\r\n\r\n"); err != nil {
			t.Fatal(err)
		}
		a.ring()
		if r := ask(t, c); r.StatusCode != http.StatusTeapot {
			t.Errorf("%v", r)
		}
	}
}
