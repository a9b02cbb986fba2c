package redisstore

import (
	"log/slog"
	"testing"

	"qrlogin/provider/internal/storetest"
)

func BenchmarkLoginOnMiniredis(b *testing.B) {
	url, stop, err := Embedded(slog.New(slog.DiscardHandler))
	if err != nil {
		b.Fatal(err)
	}
	defer stop()
	benchmarkLogin(b, open(b, url))
}

func BenchmarkLoginOnRedis(b *testing.B) {
	if realURL == "" {
		b.Log("left out: redis-server is not installed")
		return
	}
	benchmarkLogin(b, openReal(b))
}

func benchmarkLogin(b *testing.B, s *Store) {
	b.ReportAllocs()
	before := s.RoundTrips()
	for b.Loop() {
		if err := storetest.Login(b.Context(), s, s); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(s.RoundTrips()-before)/float64(b.N), "trips/op")
}
