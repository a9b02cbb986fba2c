package oauth

import (
	"net/http"
	"strings"
	"testing"
	"time"
)

func TestPreferWaitIsReadAsRFC7240Says(t *testing.T) {
	for _, c := range []struct {
		lines []string
		want  time.Duration
	}{
		{nil, 0},
		{[]string{""}, 0},
		{[]string{"wait=10"}, 10 * time.Second},
		{[]string{"WAIT = 10"}, 10 * time.Second},
		{[]string{`wait="10"`}, 10 * time.Second},
		{[]string{"respond-async, wait=10"}, 10 * time.Second},
		{[]string{"respond-async", "wait=10"}, 10 * time.Second},
		{[]string{"wait=10; foo=bar"}, 10 * time.Second},
		{[]string{"foo; wait=10"}, 0}, // a parameter of another preference
		{[]string{"wait=10, wait=20"}, 10 * time.Second},
		{[]string{"wait=25"}, 25 * time.Second},
		{[]string{"wait=26"}, 25 * time.Second},
		{[]string{"wait=2147483647"}, 25 * time.Second},
		{[]string{"wait=0"}, 0},
		{[]string{"wait"}, 0},
		{[]string{"wait="}, 0},
		{[]string{"wait=-1"}, 0},
		{[]string{"wait=+1"}, 0},
		{[]string{"wait=1.5"}, 0},
		{[]string{"wait=1e1"}, 0},
		{[]string{"wait=0x10"}, 0},
		{[]string{"wait=10s"}, 0},
		{[]string{"wait=99999999999999999999"}, 0},
		{[]string{"waiting=10"}, 0},
	} {
		if got := preferredWait(http.Header{"Prefer": c.lines}); got != c.want {
			t.Errorf("%q: %s, want %s", c.lines, got, c.want)
		}
	}
}

// Whatever is sent, a hold is whole seconds between none and the longest, and other preferences do not change it.
func FuzzPreferredWait(f *testing.F) {
	for _, seed := range []string{"", "wait=10", `wait="25"`, "WAIT=3;x=y", "respond-async, wait=5", "wait=99999999999", "wait=-1", "wait=,wait=2", `a="b,wait=3"`, ",,;;==", "wait\x00=1"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, line string) {
		got := preferredWait(http.Header{"Prefer": {line}})
		if got < 0 || got > maxWait || got%time.Second != 0 {
			t.Fatalf("%q: %s", line, got)
		}
		if got > 0 && !strings.Contains(strings.ToLower(line), "wait") {
			t.Fatalf("%q: %s from nothing", line, got)
		}
		for name, lines := range map[string][]string{
			"after another": {"respond-async, " + line}, "in a second line": {"respond-async", line}, "before another": {line, "handling=lenient"},
		} {
			if again := preferredWait(http.Header{"Prefer": lines}); again != got {
				t.Fatalf("%q %s: %s, and alone %s", line, name, again, got)
			}
		}
	})
}
