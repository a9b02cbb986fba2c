package app_test

import (
	"encoding/base64"
	"log/slog"
	"testing"

	"qrlogin/provider/internal/redisstore"
)

func decode64(t testing.TB, s string) []byte {
	t.Helper()
	raw, err := base64.RawURLEncoding.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

// embeddedRedis starts a miniredis for several nodes of one test.
func embeddedRedis(t testing.TB) string {
	t.Helper()
	address, stop, err := redisstore.Embedded(slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(stop)
	return address
}
