package fakeprovider

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
)

// Till is a shop's payment page.
type Till struct {
	URI    string
	server *httptest.Server

	mu      sync.Mutex
	answers []string
	asked   []string
}

// What a till answers of an order like [Order].
const (
	Unpaid  = `200 {"status":"open","merchant":"Kiln Lane","order_id":"2026-0815","total":57010,"currency":"CNY","digits":2}`
	Pending = `409 {"status":"pending"}`
	Paid    = `200 {"status":"paid"}`
)

// NewTill starts a till on the loopback that gives these answers in turn, each a status and a body, the last for ever. The caller
// closes it.
func NewTill(answers ...string) *Till {
	t := &Till{answers: answers}
	t.server = httptest.NewServer(t)
	t.URI = t.server.URL + "/pay/7?t=secret"
	return t
}

// Close stops the till.
func (t *Till) Close() { t.server.Close() }

// Asked is the methods of all requests so far. One that is not what a phone sends to a till stands there whole.
func (t *Till) Asked() []string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return append([]string{}, t.asked...)
}

func (t *Till) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	t.mu.Lock()
	defer t.mu.Unlock()
	asked := r.Method
	if r.Header.Get("Accept") != "application/json" || r.Header.Get("DPoP") != "" || r.URL.RequestURI() != "/pay/7?t=secret" || r.ContentLength > 0 {
		asked = fmt.Sprintf("%s %s with %v", r.Method, r.URL, r.Header)
	}
	t.asked = append(t.asked, asked)
	answer := t.answers[0]
	if len(t.answers) > 1 {
		t.answers = t.answers[1:]
	}
	status, body, _ := strings.Cut(answer, " ")
	var code int
	_, _ = fmt.Sscan(status, &code)
	if code == http.StatusTemporaryRedirect {
		w.Header().Set("Location", body)
	}
	w.WriteHeader(code)
	_, _ = w.Write([]byte(body))
}
