package main

import (
	"encoding/pem"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"
)

func TestTheCertificatesInAFileAreBelieved(t *testing.T) {
	before := http.DefaultTransport
	http.DefaultTransport = before.(*http.Transport).Clone()
	t.Cleanup(func() { http.DefaultTransport = before })
	server := httptest.NewTLSServer(http.NotFoundHandler())
	defer server.Close()
	folder := t.TempDir()
	good, bad := filepath.Join(folder, "good.pem"), filepath.Join(folder, "bad.pem")
	if err := os.WriteFile(good, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw}), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(bad, []byte("no certificate"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, file := range []string{bad, filepath.Join(folder, "missing")} {
		if err := believe(file); err == nil {
			t.Errorf("%s says nothing", file)
		}
	}
	if resp, err := http.Get(server.URL); err == nil {
		resp.Body.Close()
		t.Fatal("anybody is believed")
	}
	if err := believe(good); err != nil {
		t.Fatal(err)
	}
	resp, err := http.Get(server.URL)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
}
