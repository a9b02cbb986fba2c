package handoffs

import (
	"io"
	"strings"
	"testing"
)

// BenchmarkAMegabyteInAndOut is what a handoff of 1 MB costs the provider beside HTTP: checked, hashed, kept, given to the page and
// removed. It runs on one processor, so the time is the processor's.
func BenchmarkAMegabyteInAndOut(b *testing.B) {
	k := newKit(b)
	text := k.sealed("text/html", make([]byte, 1_000_000))
	b.SetBytes(1_000_000)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := k.Receive(b.Context(), k.r, Upload{Body: strings.NewReader(text), Size: int64(len(text))}); err != nil {
			b.Fatal(err)
		}
		found, err := k.Open(b.Context(), k.r.ID)
		if err == nil {
			err = found.Write(b.Context(), io.Discard)
		}
		if err == nil {
			err = k.Remove(b.Context(), k.r.ID)
		}
		if err != nil {
			b.Fatal(err)
		}
	}
}
