package proof

import (
	"strings"
	"testing"
)

func dpopMembers() map[string]any {
	return map[string]any{"jti": "a", "htm": "POST", "htu": target, "iat": now.Unix()}
}

func TestAProofSaysWhoSentWhatAndWhen(t *testing.T) {
	key := newKey(t)
	jws, err := SignDPoP(key, "POST", target+"?a=b#c", "n1", now)
	if err != nil {
		t.Fatal(err)
	}
	p, err := VerifyDPoP(jws, "POST", target)
	if err != nil {
		t.Fatal(err)
	}
	if !p.Key.Equal(&key.PublicKey) || p.Thumbprint != Thumbprint(&key.PublicKey) {
		t.Error("another key came back")
	}
	if p.Method != "POST" || p.URL != target || p.Nonce != "n1" || !p.IssuedAt.Equal(now) {
		t.Errorf("got %+v", p)
	}
}

// The access token of RFC 9449 section 7.1, and the ath of the proof beside it.
func TestAProofNamesTheAccessTokenBesideIt(t *testing.T) {
	key, hash := newKey(t), "fUHyO2r2Z3DZ53EsNrWBb0xWXoaNy59IiKCAqksmQEo"
	jws, err := SignDPoPFor(key, "POST", target, "n1", "Kz~8mXK1EalYznwH-LC-1fBAo.4Ljp~zsPE_NeO.gxU", now)
	if err != nil {
		t.Fatal(err)
	}
	p, err := VerifyDPoP(jws, "POST", target)
	if err != nil || p.AccessTokenHash != hash || p.Nonce != "n1" {
		t.Errorf("got %+v, %v", p, err)
	}
	if jws, err = SignDPoP(key, "POST", target, "", now); err != nil {
		t.Fatal(err)
	}
	if p, err = VerifyDPoP(jws, "POST", target); err != nil || p.AccessTokenHash != "" {
		t.Errorf("without a token: %+v, %v", p, err)
	}
}

func TestEveryProofHasItsOwnID(t *testing.T) {
	key, seen := newKey(t), map[string]bool{}
	for range 100 {
		jws, err := SignDPoP(key, "POST", target, "", now)
		if err != nil {
			t.Fatal(err)
		}
		p, err := VerifyDPoP(jws, "POST", target)
		if err != nil {
			t.Fatal(err)
		}
		if seen[p.ID] {
			t.Fatalf("jti %s came twice", p.ID)
		}
		seen[p.ID] = true
	}
}

func TestAProofIsRefusedFor(t *testing.T) {
	key := newKey(t)
	header := map[string]any{"typ": DPoPType, "alg": "ES256", "jwk": members(t, key)}
	for name, claims := range map[string]map[string]any{
		"another method":         with(dpopMembers(), "htm", "GET"),
		"the method in low case": with(dpopMembers(), "htm", "post"),
		"no method":              with(dpopMembers(), "htm", nil),
		"no URL":                 with(dpopMembers(), "htu", nil),
		"a URL that is a number": with(dpopMembers(), "htu", 7),
		"no jti":                 with(dpopMembers(), "jti", nil),
		"a jti without end":      with(dpopMembers(), "jti", strings.Repeat("a", 129)),
		"an ath that is a list":  with(dpopMembers(), "ath", []string{"a"}),
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := VerifyDPoP(forge(t, key, header, claims), "POST", target); err == nil {
				t.Fatalf("accepted %v", claims)
			}
		})
	}
}

func TestTheURLIsComparedAfterNormalisation(t *testing.T) {
	for _, c := range []struct {
		htu, target string
		same        bool
	}{
		{"https://id.example/phone/scans", "https://id.example/phone/scans", true},
		{"HTTPS://ID.example/phone/scans", "https://id.example/phone/scans", true},
		{"https://id.example:443/phone/scans", "https://id.example/phone/scans", true},
		{"http://localhost:80/a", "http://localhost/a", true},
		{"https://id.example/a?x=1#f", "https://id.example/a", true},
		{"https://id.example/a", "https://id.example/a?x=1", true},
		{"https://id.example", "https://id.example/", true},
		{"http://[::1]:80/a", "http://[::1]/a", true},
		{"http://id.example/a", "https://id.example/a", false},
		{"https://id.example:80/a", "https://id.example/a", false},
		{"https://id.example:8443/a", "https://id.example/a", false},
		{"https://id.example/A", "https://id.example/a", false},
		{"https://id.example/a/", "https://id.example/a", false},
		{"https://id.example/a%2Fb", "https://id.example/a/b", false},
		{"https://evil.example/a", "https://id.example/a", false},
		{"https://id.example@evil.example/a", "https://id.example/a", false},
		{"https://user@id.example/a", "https://id.example/a", false},
		{"//id.example/a", "https://id.example/a", false},
		{"/a", "https://id.example/a", false},
		{"?", "#", false},
		{"", "", false},
		{"ftp://id.example/a", "FTP://id.example/a", false},
	} {
		if got := sameURL(c.htu, c.target); got != c.same {
			t.Errorf("sameURL(%q, %q) = %v", c.htu, c.target, got)
		}
		if got := sameURL(c.target, c.htu); got != c.same {
			t.Errorf("sameURL(%q, %q) = %v", c.target, c.htu, got)
		}
	}
}

// A verified proof names the same key again; and nothing verifies for another method or URL, or with a byte changed.
func FuzzVerifyDPoP(f *testing.F) {
	key := newKey(f)
	for _, nonce := range []string{"", "n1"} {
		jws, err := SignDPoP(key, "POST", target, nonce, now)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(jws, uint(0), byte(0))
		f.Add(jws, uint(len(jws)-1), byte(1))
	}
	header := map[string]any{"typ": DPoPType, "alg": "ES256", "jwk": members(f, key)}
	f.Add(forge(f, key, header, dpopMembers()), uint(3), byte(255))
	f.Add(forge(f, key, header, with(dpopMembers(), "ath", AccessTokenHash("token"))), uint(40), byte(1))
	f.Add("e30.e30.", uint(0), byte(0))
	f.Add("..", uint(1), byte('\n'))
	f.Fuzz(func(t *testing.T, jws string, at uint, flip byte) {
		p, err := VerifyDPoP(jws, "POST", target)
		if err != nil {
			if p != (DPoP{}) {
				t.Fatal("a refused proof says something")
			}
			return
		}
		if p.ID == "" || len(p.ID) > 128 || p.IssuedAt.IsZero() || p.Thumbprint != Thumbprint(p.Key) {
			t.Fatalf("verified, and incomplete: %+v", p)
		}
		again, err := VerifyDPoP(jws, p.Method, p.URL)
		if err != nil || !again.Key.Equal(p.Key) {
			t.Fatalf("does not verify again: %v", err)
		}
		if _, err := VerifyDPoP(jws, "DELETE", target); err == nil {
			t.Fatal("verifies for another method")
		}
		if _, err := VerifyDPoP(jws, "POST", target+"/x"); err == nil {
			t.Fatal("verifies for another URL")
		}
		if _, err := VerifyDecision(jws, issuer); err == nil {
			t.Fatal("verifies as a decision")
		}
		if flip != 0 {
			changed := []byte(jws)
			changed[at%uint(len(changed))] ^= flip
			if _, err := VerifyDPoP(string(changed), "POST", target); err == nil {
				t.Fatal("verifies with a byte changed")
			}
		}
	})
}

func BenchmarkVerifyDPoP(b *testing.B) {
	jws, err := SignDPoP(newKey(b), "POST", target, "", now)
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := VerifyDPoP(jws, "POST", target); err != nil {
			b.Fatal(err)
		}
	}
}
