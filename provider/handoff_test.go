package main

import (
	"bufio"
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/go-jose/go-jose/v4"

	"qrlogin/api"
	"qrlogin/api/handoff"
	"qrlogin/mobile-sim/phone"
)

// search looks for a text in all memory of a process that can be read.
func search(t *testing.T, process int, text []byte) bool {
	t.Helper()
	maps, err := os.Open(fmt.Sprintf("/proc/%d/maps", process))
	if err != nil {
		t.Fatal(err)
	}
	defer maps.Close()
	memory, err := os.Open(fmt.Sprintf("/proc/%d/mem", process))
	if err != nil {
		t.Fatal(err)
	}
	defer memory.Close()
	const chunk = 4 << 20
	buffer := make([]byte, chunk+len(text))
	for lines := bufio.NewScanner(maps); lines.Scan(); {
		var from, to int64
		var rights string
		if _, err := fmt.Sscanf(lines.Text(), "%x-%x %s", &from, &to, &rights); err != nil || !strings.HasPrefix(rights, "rw") {
			continue
		}
		for at := from; at < to; at += chunk {
			n, _ := memory.ReadAt(buffer[:min(int64(len(buffer)), to-at)], at) // what is not there cannot be read
			if bytes.Contains(buffer[:n], text) {
				return true
			}
		}
	}
	return false
}

// A real provider's memory, files and log, before, while and after a phone hands something off: what it was is nowhere.
func TestNothingOfAHandoffCanBeFoundInAProvider(t *testing.T) {
	folder := t.TempDir()
	data, messages := filepath.Join(folder, "data"), filepath.Join(folder, "messages")
	var out, errs strings.Builder
	add := []string{"client", "add", "--id=shop", "--origin=http://localhost:8080", "--authorization-details-types=handoff", "--data", data, "--json"}
	if status := run(t.Context(), add, &out, &errs); status != 0 {
		t.Fatal(status, errs.String())
	}
	var client struct {
		Secret string `json:"client_secret"`
	}
	if err := json.Unmarshal([]byte(out.String()), &client); err != nil {
		t.Fatal(err)
	}
	issuer, command, _ := startProvider(t, data, "--sms", "file:"+messages, "--log-level=debug")
	p, err := phone.Enroll(t.Context(), phone.Enrollment{Provider: issuer, Number: "+8613800138000", Name: "Phone", Code: func(context.Context) (string, error) {
		sent, err := os.ReadFile(messages)
		return string(regexp.MustCompile(`\b\d{6}\b`).Find(sent)), err
	}})
	if err != nil {
		t.Fatal(err)
	}

	// The page's key, and what the site asks for.
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	asked := api.Handoff{Type: api.HandoffTypeHandoff, Kind: "bookmarks"}
	raw, err := jose.JSONWebKey{Key: &key.PublicKey}.MarshalJSON()
	if err == nil {
		err = json.Unmarshal(raw, &asked.Jwk)
	}
	if err != nil {
		t.Fatal(err)
	}
	details, err := json.Marshal([]api.Handoff{asked})
	if err != nil {
		t.Fatal(err)
	}
	var started api.DeviceAuthorization
	call := func(method, path, watch string, form url.Values, status int, into any) []byte {
		t.Helper()
		r, err := http.NewRequestWithContext(t.Context(), method, issuer+path, strings.NewReader(form.Encode()))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.SetBasicAuth("shop", client.Secret)
		if watch != "" {
			r.Header.Set("Authorization", "Bearer "+watch)
		}
		answer, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer answer.Body.Close()
		body, err := io.ReadAll(answer.Body)
		if err != nil || answer.StatusCode != status {
			t.Fatalf("%s %s: %d %.200s, %v", method, path, answer.StatusCode, body, err)
		}
		if into != nil {
			if err := json.Unmarshal(body, into); err != nil {
				t.Fatal(err)
			}
		}
		return body
	}
	call(http.MethodPost, "/device_authorization", "", url.Values{"scope": {"openid"}, "authorization_details": {string(details)}}, http.StatusOK, &started)
	var view api.ChallengeView
	at := "/challenges/" + started.ChallengeId
	call(http.MethodGet, at, started.Watch, nil, http.StatusOK, &view)
	thumbprint, err := handoff.Thumbprint(asked.Jwk)
	if err != nil {
		t.Fatal(err)
	}
	claim, err := p.Scan(t.Context(), (*view.Frames)[0].Code+"#"+thumbprint)
	if err != nil {
		t.Fatal(err)
	}

	// The marker is made in parts: it is whole nowhere but in what is handed off.
	marker := []byte("陶瓷 " + rand.Text())
	plain := bytes.Repeat(append(marker, '\n'), (1<<20)/len(marker))
	clean := func(when string) {
		t.Helper()
		if !search(t, command.Process.Pid, []byte(issuer)) {
			t.Fatalf("%s: the search does not even find the issuer", when)
		}
		if search(t, command.Process.Pid, marker) {
			t.Errorf("%s: the content is in the provider's memory", when)
		}
		err := filepath.WalkDir(folder, func(path string, entry fs.DirEntry, err error) error {
			if err != nil || entry.IsDir() {
				return err
			}
			content, err := os.ReadFile(path)
			if bytes.Contains(content, marker) {
				t.Errorf("%s: the content is in %s", when, filepath.Base(path))
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if _, err := p.Approve(t.Context(), claim, phone.Approval{Send: &phone.Content{MediaType: "text/html", Data: plain}}); err != nil {
		t.Fatal(err)
	}
	clean("sent")
	call(http.MethodPost, "/token", "", url.Values{
		"grant_type": {"urn:ietf:params:oauth:grant-type:device_code"}, "device_code": {started.DeviceCode},
	}, http.StatusOK, nil)
	sealed := call(http.MethodGet, at+"/handoff", started.Watch, nil, http.StatusOK, nil)
	clean("fetched")
	if _, got, err := handoff.Open(key, sealed); err != nil || !bytes.Equal(got, plain) {
		t.Errorf("the page reads %d bytes, %v", len(got), err)
	}
	call(http.MethodPost, at+"/receipt", started.Watch, nil, http.StatusNoContent, nil)
	clean("forgotten")
	call(http.MethodGet, at+"/handoff", started.Watch, nil, http.StatusGone, nil)
}
