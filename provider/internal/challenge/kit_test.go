package challenge

import (
	"bytes"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"
)

// The parties of the tests.
const (
	device       = "thumbprint of the device"
	otherDevice  = "thumbprint of another device"
	account      = "account"
	clientOfTest = "client"
)

var (
	consent      = []byte("what the phone is shown")
	otherConsent = []byte("what another order says")
	browser      = Browser{Address: "192.0.2.1", UserAgent: "a browser"}
	otherBrowser = Browser{Address: "192.0.2.2", UserAgent: "another browser"}
	begin        = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
)

// pending is a challenge that began at begin, under the required rotation, with a session on offer.
func pending() Challenge { return pendingWith(Policy{}) }

func pendingWith(p Policy) Challenge {
	draft, _, _ := NewDraft(clientOfTest, p, Request{Scopes: []string{"openid"}, Nonce: "nonce", SessionOffered: true})
	c := draft.Begin(begin)
	c.Browser = browser
	return c
}

// frame is the code of a step, as the browser shows it.
func (c Challenge) frame(step int) Code { return Code{ID: c.ID, Step: step, MAC: c.mac(step)} }

// frameAt is the code that is shown at a time.
func (c Challenge) frameAt(at time.Time) Code { return c.frame(int(at.Sub(c.CreatedAt) / Step)) }

func scanBy(device string, code Code) Scan {
	return Scan{Code: code, Device: device, Account: account, Consent: consent}
}

// applied is the challenge after events at one time, each of which must succeed.
func (c Challenge) applied(t testing.TB, now time.Time, events ...Event) Challenge {
	t.Helper()
	for _, e := range events {
		var err error
		if c, err = c.Apply(e, now); err != nil {
			t.Fatalf("%T: %v", e, err)
		}
	}
	return c
}

// inState is a challenge that came to a state by its events, at now.
func inState(t testing.TB, s State, now time.Time) Challenge {
	t.Helper()
	c := pending()
	scan := scanBy(device, c.frameAt(now))
	approve := Approve{Device: device, Consent: consent}
	redeem := Redeem{Sealed: []byte("sealed"), Window: 2 * Lifetime}
	switch s {
	case Pending:
		return c
	case Claimed:
		return c.applied(t, now, scan)
	case Confirming:
		c.Policy.Confirm = true
		return c.applied(t, now, scan, approve)
	case Approved:
		return c.applied(t, now, scan, approve)
	case Redeemed:
		return c.applied(t, now, scan, approve, redeem)
	case Denied:
		c = c.applied(t, now, scan, Deny{Device: device, Consent: consent})
	case Cancelled:
		c = c.applied(t, now, Cancel{})
	case Expired:
	case Purged:
		c = c.applied(t, now, scan, approve, redeem, Receipt{})
	default:
		t.Fatalf("the tests do not know how to come to %v", s)
	}
	return c.Tombstone() // of what has ended, that alone is kept
}

// wrongDigits is digits that the phone does not show.
func (c Challenge) wrongDigits() string {
	if c.Digits() == "0000" {
		return "1111"
	}
	return "0000"
}

// refuses fails unless the event is refused with this error and leaves the challenge as it was.
func refuses(t *testing.T, c Challenge, e Event, now time.Time, wanted error) {
	t.Helper()
	got, err := c.Apply(e, now)
	if err != wanted {
		t.Errorf("%T at %v: got the error %v, want %v", e, now.Sub(c.CreatedAt), err, wanted)
	}
	if !reflect.DeepEqual(got, c) {
		t.Errorf("%T at %v was refused and changed\n%+v\nto\n%+v", e, now.Sub(c.CreatedAt), c, got)
	}
}

// leadsTo fails unless the event leads to this state.
func leadsTo(t *testing.T, c Challenge, e Event, now time.Time, s State) Challenge {
	t.Helper()
	got, err := c.Apply(e, now)
	if err != nil || got.State != s {
		t.Errorf("%T at %v: got %v and the error %v, want %v", e, now.Sub(c.CreatedAt), got.State, err, s)
	}
	return got
}

// declared reads from this package's source the names that declarations pick, so that the tests notice a new one.
func declared(t *testing.T, pick func(ast.Node) []string) []string {
	t.Helper()
	files, err := fs.Glob(os.DirFS("."), "*.go")
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, name := range files {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(file, func(n ast.Node) bool {
			names = append(names, pick(n)...)
			return true
		})
	}
	slices.Sort(names)
	return names
}

// constants picks the constants of a block that begins with this type.
func constants(ofType string) func(ast.Node) []string {
	return func(n ast.Node) (names []string) {
		block, ok := n.(*ast.GenDecl)
		if !ok || block.Tok != token.CONST {
			return nil
		}
		first, ok := block.Specs[0].(*ast.ValueSpec).Type.(*ast.Ident)
		if !ok || first.Name != ofType {
			return nil
		}
		for _, spec := range block.Specs {
			for _, name := range spec.(*ast.ValueSpec).Names {
				names = append(names, name.Name)
			}
		}
		return names
	}
}

// receivers picks the types that have this method.
func receivers(method string) func(ast.Node) []string {
	return func(n ast.Node) []string {
		f, ok := n.(*ast.FuncDecl)
		if !ok || f.Recv == nil || f.Name.Name != method {
			return nil
		}
		return []string{f.Recv.List[0].Type.(*ast.Ident).Name}
	}
}

// unchanged is a copy that shares nothing with the challenge, to see afterwards whether anybody wrote into it.
func (c Challenge) unchanged() Challenge {
	c.FrameKey = bytes.Clone(c.FrameKey)
	c.Claim.Consent = bytes.Clone(c.Claim.Consent)
	c.Sealed = bytes.Clone(c.Sealed)
	c.Request.Scopes = slices.Clone(c.Request.Scopes)
	c.Request.Details = slices.Clone(c.Request.Details)
	return c
}

func (c Challenge) mac(step int) []byte { return c.macs()(step) }
