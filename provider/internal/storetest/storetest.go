package storetest

import (
	"context"
	"encoding/base32"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"qrlogin/provider/internal/challenge"
)

// Backend is one fresh, empty store under test.
type Backend struct {
	Store    challenge.Store
	Keys     challenge.Keys
	Contents challenge.Contents // with [Room]

	// Advance lets d pass for everything in the store. What is then over is really gone when Advance returns. It may do so
	// by moving what the store holds into the past: the suite reads a record anew after it, and compares only durations.
	Advance func(d time.Duration)

	// Dump is all that the store holds, keys and values. Bytes may stand as they are or in hex, base32 or base64.
	Dump func() string
}

// With runs a test on a fresh backend, and takes the backend down afterwards.
type With func(t *testing.T, test func(t *testing.T, b Backend))

type test struct {
	name string
	run  func(t *testing.T, b Backend)
}

// RunStore holds a backend against [challenge.Store].
func RunStore(t *testing.T, with With) {
	for _, tests := range [][]test{creating, swapping, ending(), awaiting, changing} {
		run(t, with, tests)
	}
}

// RunKeys holds a backend against [challenge.Keys].
func RunKeys(t *testing.T, with With) { run(t, with, keys) }

// RunContents holds a backend against [challenge.Contents].
func RunContents(t *testing.T, with With) { run(t, with, contents) }

func run(t *testing.T, with With, tests []test) {
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) { with(t, test.run) })
	}
}

// patience is how long the suite waits for what must happen. It is no measure of speed, but ends a test that hangs.
const patience = 20 * time.Second

const (
	client  = "client-of-the-suite"
	device  = "thumbprint-of-the-claiming-device"
	account = "account-of-the-person"
)

var (
	consent = []byte("the consent, byte for byte: \x00\xff;,")
	sealed  = []byte("the sealed answer: \x00\xfe;\n")
	browser = challenge.Browser{Address: "203.0.113.77", UserAgent: "Browser of the suite (one; two)"}
	request = challenge.Request{
		Scopes: []string{"openid", "phone"}, Nonce: "nonce-of-the-suite", BindingMessage: "words of the site",
		Details: []byte(`[{"type":"order;of,the suite"}]`), SessionOffered: true,
	}
)

// started is a challenge with what only its parties know.
type started struct {
	challenge.Record
	deviceCode, watch challenge.Capability
}

// start begins a challenge that may be scanned with its static code.
func start(t *testing.T, b Backend) started {
	t.Helper()
	draft, deviceCode, watch := challenge.NewDraft(client, challenge.Policy{StaticCode: true}, request)
	r, err := b.Store.Create(t.Context(), draft)
	if err != nil {
		t.Fatalf("create: %v", err)
	}
	return started{r, deviceCode, watch}
}

func get(t *testing.T, b Backend, id challenge.ID) challenge.Record {
	t.Helper()
	r, err := b.Store.Get(t.Context(), id)
	if err != nil {
		t.Fatalf("get: %v", err)
	}
	return r
}

// apply is one event after the other.
func apply(t *testing.T, b Backend, id challenge.ID, events ...challenge.Event) challenge.Record {
	t.Helper()
	var r challenge.Record
	for _, event := range events {
		var err error
		if r, err = do(t.Context(), b, id, event); err != nil {
			t.Fatalf("%T: %v", event, err)
		}
	}
	return r
}

func do(ctx context.Context, b Backend, id challenge.ID, event challenge.Event) (challenge.Record, error) {
	return challenge.Do(ctx, b.Store, id, func(challenge.Record) (challenge.Event, error) { return event, nil })
}

func visitFrom(address string) challenge.Visit {
	return challenge.Visit{Browser: challenge.Browser{Address: address}}
}

func scan(id challenge.ID) challenge.Scan {
	return challenge.Scan{Code: challenge.Code{ID: id}, Device: device, Account: account, Consent: consent}
}

func approve() challenge.Approve {
	return challenge.Approve{Device: device, Consent: consent, Session: true}
}

// want fails unless the error is the wanted one; nil for none.
func want(t *testing.T, what string, err, wanted error) {
	t.Helper()
	if !errors.Is(err, wanted) {
		t.Fatalf("%s: got the error %v, want %v", what, err, wanted)
	}
}

// atOnce runs f in n goroutines that start together, and waits for all of them.
func atOnce(n int, f func(i int)) {
	var all sync.WaitGroup
	gun := make(chan struct{})
	for i := range n {
		all.Go(func() {
			<-gun
			f(i)
		})
	}
	close(gun)
	all.Wait()
}

// shows tells whether a dump holds these bytes in any of the usual spellings.
func shows(dump string, secret []byte) bool {
	for _, spelling := range []string{
		string(secret),
		hex.EncodeToString(secret),
		base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString(secret),
		base64.RawStdEncoding.EncodeToString(secret),
		base64.RawURLEncoding.EncodeToString(secret),
	} {
		if strings.Contains(dump, spelling) {
			return true
		}
	}
	return false
}
