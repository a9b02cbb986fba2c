package main

import (
	"testing"
	"time"

	"qrlogin/provider/internal/challenge"
	"qrlogin/provider/internal/identity"
	"qrlogin/provider/internal/memstore"
	"qrlogin/provider/internal/token"
)

// Parts of a login, to explain its total. What a phone signs is measured in api/proof, SQL in sqlstore.

// BenchmarkMint is both tokens of a login: two signatures.
func BenchmarkMint(b *testing.B) {
	key, err := token.NewKey(token.ES256, time.Now())
	if err != nil {
		b.Fatal(err)
	}
	mint, err := token.NewMint("https://login.example", []byte("the key of subjects"))
	if err != nil {
		b.Fatal(err)
	}
	if err := mint.SetKeys([]token.Key{key}); err != nil {
		b.Fatal(err)
	}
	grant := token.Grant{
		Client:  identity.Client{ID: siteES256, Name: clientName, Origins: []string{"https://" + clientDomain}},
		Account: identity.Account{ID: "0123456789012345678901", PhoneNumber: "+8613800138000"},
		Scopes:  []string{"openid", "phone"}, Nonce: "n-0S6_WzA2Mj", AuthTime: time.Now(), LoginID: challenge.NewSecret(), Now: time.Now(),
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := mint.Tokens(grant); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkChallengeInMemory is a challenge's whole life in the core and the memory store, without HTTP, SQL, waiting or
// signatures.
func BenchmarkChallengeInMemory(b *testing.B) {
	ctx := b.Context()
	store := memstore.New()
	defer store.Close()
	browser := challenge.Browser{Address: "127.0.0.1", UserAgent: userAgent}
	consent := make([]byte, 400)
	answer := make([]byte, 1500)
	b.ReportAllocs()
	for b.Loop() {
		draft, code, _ := challenge.NewDraft(siteES256, challenge.Policy{}, challenge.Request{Scopes: []string{"openid", "phone"}})
		r, err := store.Create(ctx, draft)
		if err != nil {
			b.Fatal(err)
		}
		frames := r.Frames(r.Now, 8)
		sealed, err := challenge.Seal(code.Secret, "token response", answer)
		if err != nil {
			b.Fatal(err)
		}
		for _, event := range []challenge.Event{
			challenge.Visit{Browser: browser},
			challenge.Scan{Code: frames[0].Code, Device: "device", Account: "account", Consent: consent},
			challenge.Approve{Device: "device", Consent: consent},
			challenge.Redeem{Sealed: sealed, Window: 10 * time.Second},
		} {
			_, err := challenge.Do(ctx, store, draft.ID(), func(challenge.Record) (challenge.Event, error) { return event, nil })
			if err != nil {
				b.Fatal(err)
			}
		}
	}
}
