package identity

import (
	"bytes"
	"testing"
)

func numbersOf(t *testing.T, secret string) *Numbers {
	t.Helper()
	n, err := NewNumbers([]byte(secret))
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// SECURITY.md §5: a number at rest is nobody's to read, to try out, or to put to another account.
func TestASealedNumberOpensForItsAccountAndUnderItsKeyAlone(t *testing.T) {
	const number = "+8613800138000"
	n, other := numbersOf(t, "a secret"), numbersOf(t, "another secret")
	sealed := n.Seal("account", number)
	if got, err := n.Open("account", sealed); got != number || err != nil {
		t.Errorf("%q, %v", got, err)
	}
	changed := bytes.Clone(sealed)
	changed[len(changed)-1] ^= 1
	for name, open := range map[string]func() (string, error){
		"for another account": func() (string, error) { return n.Open("another", sealed) },
		"under another key":   func() (string, error) { return other.Open("account", sealed) },
		"changed":             func() (string, error) { return n.Open("account", changed) },
		"cut":                 func() (string, error) { return n.Open("account", sealed[:8]) },
		"when there is none":  func() (string, error) { return n.Open("account", nil) },
	} {
		if got, err := open(); err == nil || got != "" {
			t.Errorf("%s it opens: %q", name, got)
		}
	}
	if bytes.Equal(n.Seal("account", number), sealed) {
		t.Error("sealed twice, it is the same")
	}
}

func TestANumberIsFoundByAHashThatNeedsTheKey(t *testing.T) {
	n := numbersOf(t, "a secret")
	hash := n.Hash("+8613800138000")
	if len(hash) != 32 || !bytes.Equal(hash, numbersOf(t, "a secret").Hash("+8613800138000")) {
		t.Error("the same number has two hashes")
	}
	if bytes.Equal(hash, n.Hash("+8613800138001")) || bytes.Equal(hash, numbersOf(t, "another secret").Hash("+8613800138000")) {
		t.Error("another number, or key, has the same hash")
	}
	if bytes.Contains(n.Seal("account", "+8613800138000"), hash[:8]) {
		t.Error("the seal shows the hash")
	}
}
