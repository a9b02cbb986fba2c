package metrics

import (
	"context"
	"testing"
	"time"

	"qrlogin/provider/internal/challenge"
	"qrlogin/provider/internal/memstore"
	"qrlogin/provider/internal/web"
)

// What a request and its store's operations pay for being counted.
func BenchmarkARequestIsCounted(b *testing.B) {
	m := New()
	seen := &web.Observed{Method: "POST", Route: "/token", Status: 200, Took: time.Millisecond}
	b.ReportAllocs()
	for b.Loop() {
		m.Request(seen)
	}
}

func BenchmarkALookAtAChallenge(b *testing.B) {
	plain := memstore.New()
	defer plain.Close()
	for name, store := range map[string]ShortLived{"plain": plain, "counted": New().Store(plain)} {
		draft, _, _ := challenge.NewDraft("shop", challenge.Policy{}, challenge.Request{})
		r, err := store.Create(b.Context(), draft)
		if err != nil {
			b.Fatal(err)
		}
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				if _, err := store.Get(context.Background(), r.ID); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
