package sms

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

func TestTheSMSFileHasOneJSONLineForEachMessage(t *testing.T) {
	path := filepath.Join(t.TempDir(), "sms")
	file, err := Open(Config{By: "file:" + path, Issuer: issuer})
	if err != nil {
		t.Fatal(err)
	}
	var group sync.WaitGroup
	for i := range 50 {
		group.Go(func() {
			if err := file.Send(t.Context(), "+8613800138000", fmt.Sprintf("%06d", i), ""); err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
	if err := file.Close(); err != nil {
		t.Fatal(err)
	}
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	for line := range strings.Lines(string(raw)) {
		var message struct{ ID, To, Code, Text, At string }
		if err := json.Unmarshal([]byte(line), &message); err != nil || message.To != "+8613800138000" || message.At == "" || message.ID == "" ||
			message.Text != text("", "id.example", message.Code) {
			t.Fatalf("%q: %v", line, err)
		}
		seen[message.Code] = true
	}
	if len(seen) != 50 {
		t.Errorf("%d codes", len(seen))
	}
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if mode := info.Mode().Perm(); mode != 0o600 {
		t.Errorf("the file has mode %o", mode)
	}
}

func TestAnSMSFileThatCannotBeOpenedIsAnErrorAtTheStart(t *testing.T) {
	if _, err := Open(Config{By: "file:" + filepath.Join(t.TempDir(), "missing", "sms")}); err == nil {
		t.Error("opened")
	}
}
