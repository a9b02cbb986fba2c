package app_test

import (
	"encoding/base64"
	"io"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

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

// stringBody is a body, or none for "".
func stringBody(s string) io.Reader {
	if s == "" {
		return nil
	}
	return strings.NewReader(s)
}

func readAll(t testing.TB, r io.Reader) string {
	t.Helper()
	raw, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}

// slowBody is a body whose first byte comes late.
type slowBody struct {
	io.Reader
	wait time.Duration
	once sync.Once
}

func (b *slowBody) Read(p []byte) (int, error) {
	b.once.Do(func() { time.Sleep(b.wait) })
	return b.Reader.Read(p)
}

func (b *slowBody) Close() error { return nil }
