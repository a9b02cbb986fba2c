package phone

import (
	"encoding/base64"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"qrlogin/api"
	"qrlogin/api/proof"
	"qrlogin/provider/internal/challenge"
	"qrlogin/provider/internal/memstore"
)

// P-256's base point: a key that is on the curve.
const basePoint = `"kty":"EC","crv":"P-256","x":"axfR8uEsQkf4vOblY6RA8ncDfYEt6zOg9KE5RdiYwpY","y":"T-NC4v4af5uO5-tKfA-eFivOM1drMV7Oy7ZAaDe_UfU"`

var asksForHandoff = challenge.Request{Details: []byte(`{"type":"handoff","kind":"bookmarks","jwk":{` + basePoint + `}}`)}

// fakeJWE has a handoff's form around nothing, for a content of so many bytes.
func fakeJWE(plain int) string {
	header := base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"ECDH-ES","enc":"A256GCM","cty":"text/html","epk":{` + basePoint + `}}`))
	return header + ".." + strings.Repeat("A", 16) + "." + base64.RawURLEncoding.EncodeToString(make([]byte, plain)) + "." + strings.Repeat("A", 22)
}

// BenchmarkAHundredHandoffsOfFiveMegabytesAtOnce offers them over HTTP to a room of 256 MiB: those that fit are kept, the others are
// told to come back. Then the phones let go, and nothing is left.
func BenchmarkAHundredHandoffsOfFiveMegabytesAtOnce(b *testing.B) {
	jwe := fakeJWE(5 << 20)
	for b.Loop() {
		offered := offerAtOnce(b, 100, jwe, 256<<20)
		want := (256 << 20) / len(jwe)
		if offered.kept != want || offered.refused != 100-want {
			b.Fatalf("%d are kept and %d refused, of %d that have room", offered.kept, offered.refused, want)
		}
		if !offered.empty {
			b.Fatal("something is left in the store when all is done")
		}
		slices.Sort(offered.refusals)
		b.ReportMetric(float64(offered.kept), "kept")
		b.ReportMetric(float64(offered.peak)/1e6, "peak-heap-MB")
		b.ReportMetric(float64(offered.peak)/float64(256<<20), "peak/room")
		b.ReportMetric(float64(offered.refusals[len(offered.refusals)/2])/1e6, "ms/refusal")
	}
}

// offered is what became of handoffs that were offered at once.
type offered struct {
	kept, refused int
	refusals      []time.Duration
	peak          uint64 // bytes of the heap, over what it had before
	empty         bool   // the whole room is there again when all is done
}

func offerAtOnce(b *testing.B, n int, jwe string, room int64) (o offered) {
	b.Helper()
	k := newKit(b)
	store := k.door.Challenges.(*memstore.Store)
	store.Room = room
	k.door.HandoffLimit = 5 << 20
	server := httptest.NewServer(k.handler)
	defer server.Close()
	requests := make([]*http.Request, n)
	var claims []api.Claim
	var phones []device
	for i := range requests {
		p := k.phoneOf(fmt.Sprint("person ", i))
		claim, _ := p.claimed(asksForHandoff)
		path := "/phone/scans/" + claim.ChallengeId + "/handoff"
		r, err := http.NewRequestWithContext(b.Context(), http.MethodPut, server.URL+path, strings.NewReader(jwe))
		if err != nil {
			b.Fatal(err)
		}
		jws, err := proof.SignDPoP(p.key, http.MethodPut, issuer+path, "", time.Now())
		if err != nil {
			b.Fatal(err)
		}
		r.Header.Set("Content-Type", "application/jose")
		r.Header.Set("DPoP", jws)
		r.Header.Set("Expect", "100-continue") // as a client does that does not want to send in vain
		requests[i], claims, phones = r, append(claims, claim), append(phones, p)
	}

	stop := watchHeap(&o.peak)
	client := &http.Client{Transport: &http.Transport{ExpectContinueTimeout: 10 * time.Second}}
	defer client.CloseIdleConnections()
	var mu sync.Mutex
	var all sync.WaitGroup
	for _, r := range requests {
		all.Go(func() {
			began := time.Now()
			a, err := client.Do(r)
			if err != nil {
				b.Error(err)
				return
			}
			_, _ = io.Copy(io.Discard, a.Body)
			_ = a.Body.Close()
			mu.Lock()
			defer mu.Unlock()
			switch {
			case a.StatusCode == http.StatusNoContent:
				o.kept++
			case a.StatusCode == http.StatusServiceUnavailable && a.Header.Get("Retry-After") != "":
				o.refused++
				o.refusals = append(o.refusals, time.Since(began))
			default:
				b.Errorf("%d", a.StatusCode)
			}
		})
	}
	all.Wait()
	stop()
	for i, p := range phones {
		if status, code := p.send(http.MethodDelete, "/phone/scans/"+claims[i].ChallengeId, nil, nil); status != http.StatusNoContent {
			b.Fatalf("release: %d %s", status, code)
		}
	}
	o.empty = store.Reserve(b.Context(), "all of it", room, time.Minute) == nil
	return o
}

// watchHeap keeps the most that the heap grows by until stop.
func watchHeap(peak *uint64) (stop func()) {
	var before, now runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	done := make(chan struct{})
	var watching sync.WaitGroup
	watching.Go(func() {
		for {
			runtime.ReadMemStats(&now)
			if now.HeapAlloc > before.HeapAlloc {
				*peak = max(*peak, now.HeapAlloc-before.HeapAlloc)
			}
			select {
			case <-done:
				return
			case <-time.After(5 * time.Millisecond):
			}
		}
	})
	return func() { close(done); watching.Wait() }
}
