package token

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"
)

// at is minutes after the first key began.
func at(minutes int) time.Time { return approved.Add(time.Duration(minutes) * time.Minute) }

// kids is the kids of a JWK set, and holds it against what may be public.
func kids(t *testing.T, jwks []byte) []string {
	t.Helper()
	var set struct{ Keys []map[string]any }
	if err := json.Unmarshal(jwks, &set); err != nil {
		t.Fatal(err)
	}
	var kids []string
	for _, key := range set.Keys {
		kids = append(kids, key["kid"].(string))
		want := map[any]string{"ES256": "alg crv kid kty use x y", "RS256": "alg e kid kty n use"} // and no d: the private half
		if got := names(key); got != want[key["alg"]] {
			t.Errorf("a key has %s", got)
		}
	}
	return kids
}

// A key's life: published an hour before it signs, then signing, then published for 8 h 10 min after the next one signs.
func TestKeysAreChosenByTime(t *testing.T) {
	const retention = 8*60 + 10
	first, second, third, other := newKey(t, at(0)), newKey(t, at(60)), newKey(t, at(2000)), oneRSAKey()
	m := newMint(t, second, other, third, first)
	for _, c := range []struct {
		minute    int
		signs     Key
		published []Key
	}{
		{-10, first, []Key{third, second, first, other}}, // a node whose clock is behind
		{0, first, []Key{third, second, first, other}},
		{59, first, []Key{third, second, first, other}},
		{60, second, []Key{third, second, first, other}},
		{60 + retention - 1, second, []Key{third, second, first, other}},
		{60 + retention, second, []Key{third, second, other}},
		{1999, second, []Key{third, second, other}},
		{2000, third, []Key{third, second, other}},
		{2000 + retention, third, []Key{third, other}},
		{1_000_000, third, []Key{third, other}},
	} {
		g := grant("openid")
		g.Now = at(c.minute)
		var want []string
		for _, k := range c.published {
			want = append(want, k.ID)
		}
		if got := kids(t, m.JWKS(g.Now)); !slices.Equal(got, want) {
			t.Errorf("minute %d: %v are published, want %v", c.minute, got, want)
		}
		signed := tokens(t, m, g)
		if header, _ := headerOf(t, signed.AccessToken); header["kid"] != c.signs.ID {
			t.Errorf("minute %d: the wrong key signs", c.minute)
		}
		g.Client.SigningAlg = RS256
		signed = tokens(t, m, g)
		if header, _ := headerOf(t, *signed.IdToken); header["kid"] != other.ID {
			t.Errorf("minute %d: the wrong key signs for RS256", c.minute)
		}
	}
}

func TestEveryKeyIsInOneState(t *testing.T) {
	first, second, third := newKey(t, at(0)), newKey(t, at(60)), newKey(t, at(2000))
	ring := NewRing([]Key{first, second, third})
	for _, c := range []struct {
		minute int
		want   []State
	}{
		{-10, []State{Current, Next, Next}},
		{0, []State{Current, Next, Next}},
		{60, []State{Old, Current, Next}},
		{60 + 489, []State{Old, Current, Next}},
		{60 + 490, []State{Past, Current, Next}},
		{2000, []State{Past, Old, Current}},
	} {
		for i, k := range []Key{first, second, third} {
			if got := ring.State(k, at(c.minute)); got != c.want[i] {
				t.Errorf("minute %d: key %d is %s, want %s", c.minute, i, got, c.want[i])
			}
		}
	}
	if ring.Newest(ES256).ID != third.ID || ring.Newest(RS256).ID != "" {
		t.Error("the newest key is another")
	}
}

func TestNodesThatHaveTheSameKeysAgreeWhicheverWayTheyCameBy(t *testing.T) {
	a, b := newKey(t, at(0)), newKey(t, at(0))
	if NewRing([]Key{a, b}).signer(ES256, at(1)).ID != NewRing([]Key{b, a}).signer(ES256, at(1)).ID {
		t.Error("they do not")
	}
}

func TestAMintWithoutKeysPublishesAnEmptySet(t *testing.T) {
	m, err := NewMint(issuer, []byte("x"))
	if err != nil {
		t.Fatal(err)
	}
	if got := string(m.JWKS(now)); got != `{"keys":[]}` {
		t.Error(got)
	}
}

func TestTheKeySetIsNotMadeAnewForARequest(t *testing.T) {
	m := newMint(t)
	if n := testing.AllocsPerRun(10, func() { m.JWKS(now) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// headerOf reads a token's parts without verifying it.
func headerOf(t *testing.T, raw string) (header, claims map[string]any) {
	t.Helper()
	parts := strings.Split(raw, ".")
	for i, into := range []*map[string]any{&header, &claims} {
		if err := json.Unmarshal(decode(t, parts[i]), into); err != nil {
			t.Fatal(err)
		}
	}
	return header, claims
}
