package limit

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"qrlogin/provider/internal/challenge"
	"qrlogin/provider/internal/memstore"
)

func TestTheDocumentationShowsTheTable(t *testing.T) {
	raw, err := os.ReadFile("../../../docs/operate.md")
	if err != nil {
		t.Fatal(err)
	}
	table := "| limit | counts | why so many |\n|---|---|---|\n"
	for _, e := range Table {
		table += fmt.Sprintf("| `%s` | %s | %s |\n", Written(e.Name, e.Default), e.Counts, e.Why)
	}
	if !strings.Contains(string(raw), "\n"+table+"\n") {
		t.Errorf("docs/operate.md does not have this table:\n%s", table)
	}
}

func TestEveryLimitIsNamedOnceForWhatItCountsBy(t *testing.T) {
	by := []string{"-per-client", "-per-network", "-per-device", "-per-account", "-per-number", "-per-prefix", "-and-prefix", "-per-day", "-in-all"}
	seen := map[Name]bool{}
	for _, e := range Table {
		if seen[e.Name] || !slices.ContainsFunc(by, func(by string) bool { return strings.HasSuffix(string(e.Name), by) }) {
			t.Errorf("%s", e.Name)
		}
		seen[e.Name] = true
		if set, err := Parse([]string{Written(e.Name, e.Default)}); err != nil || set[e.Name] != e.Default {
			t.Errorf("%s is read back as %+v, %v", Written(e.Name, e.Default), set[e.Name], err)
		}
	}
}

func TestASettingChangesItsLimitAndNoOther(t *testing.T) {
	set, err := Parse([]string{"scans-per-device=7/90s", "codes-per-number=1000000000/24h"})
	if err != nil {
		t.Fatal(err)
	}
	want := Defaults()
	want[ScansPerDevice] = challenge.Limit{Max: 7, Window: 90 * time.Second}
	want[CodesPerNumber] = challenge.Limit{Max: 1_000_000_000, Window: 24 * time.Hour}
	for name, l := range want {
		if set[name] != l {
			t.Errorf("%s is %+v, want %+v", name, set[name], l)
		}
	}
}

func TestASettingThatSaysNothingGoodIsRefused(t *testing.T) {
	for _, bad := range []string{
		"", "scans-per-device", "scans-per-device=", "scans-per-device=60", "scans-per-device=60/", "scans-per-device=/10m",
		"scans-per-device=0/10m", "scans-per-device=-1/10m", "scans-per-device=off", "scans-per-device=1000000001/10m", "scans-per-device=1.5/10m",
		"scans-per-device=60/10", "scans-per-device=60/0s", "scans-per-device=60/999ms", "scans-per-device=60/24h1s", "scans-per-device=60/-1m",
		"scans-per-device=60/10m/1m", "scans-per-device=99999999999999999999/10m", "scans=60/10m", "SCANS-PER-DEVICE=60/10m", " scans-per-device=60/10m",
	} {
		if _, err := Parse([]string{bad}); err == nil || strings.Contains(err.Error(), "\n") {
			t.Errorf("%q: %v", bad, err)
		}
	}
	if _, err := Parse([]string{"scans-per-device=60/10m", "scans-per-device=61/10m"}); err == nil {
		t.Error("one limit is set twice")
	}
	_, err := Parse([]string{"scans=60/10m"})
	for _, e := range Table {
		if !strings.Contains(fmt.Sprint(err), string(e.Name)) {
			t.Errorf("who knows no name is not told %s", e.Name)
		}
	}
}

// store is one in memory.
func store(t *testing.T) *memstore.Store {
	s := memstore.New()
	t.Cleanup(func() { _ = s.Close() })
	return s
}

func TestARefusalSaysWhenTheWindowEndsAndThenItIsOver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, set := store(t), Set{ScansPerDevice: {Max: 2, Window: 10 * time.Minute}, ScansPerNetwork: {Max: 1, Window: time.Minute}}
		device, network := set.Of(ScansPerDevice, "one"), set.Of(ScansPerNetwork, "192.0.2.1")
		count := func(tallies ...challenge.Tally) error { return Count(t.Context(), s, tallies...) }
		if err := count(device, network); err != nil {
			t.Fatal(err)
		}
		for range 100 { // who knocks on prolongs nothing
			if err := count(network); err != (challenge.Error{Kind: challenge.TooManyRequests, RetryAfter: time.Minute}) {
				t.Fatal(err)
			}
		}
		if err := count(set.Of(ScansPerDevice, "another"), set.Of(ScansPerNetwork, "192.0.2.2")); err != nil {
			t.Errorf("another: %v", err)
		}
		time.Sleep(30 * time.Second)
		if err := count(device, network); err != (challenge.Error{Kind: challenge.TooManyRequests, RetryAfter: 30 * time.Second}) {
			t.Error(err)
		}
		time.Sleep(30 * time.Second)
		if err := count(device, network); err != nil { // the refused one did not use the device's second up
			t.Error(err)
		}
		if err := count(device, network); err != (challenge.Error{Kind: challenge.TooManyRequests, RetryAfter: 9 * time.Minute}) {
			t.Errorf("of two, the longer: %v", err)
		}
	})
}

// A phone past its own limit knocks on; the others behind its address go on.
func TestWhoIsPastOneLimitUsesNoOtherUp(t *testing.T) {
	s, set := store(t), Set{ScansPerDevice: {Max: 2, Window: time.Minute}, ScansPerNetwork: {Max: 4, Window: time.Minute}}
	scan := func(device string) error {
		return Count(t.Context(), s, set.Of(ScansPerDevice, device), set.Of(ScansPerNetwork, "192.0.2.1"))
	}
	passed := 0
	for range 64 {
		if scan("one") == nil {
			passed++
		}
	}
	if passed != 2 || scan("another") != nil || scan("another") != nil || scan("a third") == nil {
		t.Errorf("%d passed", passed)
	}
}

// A name that is not in the set is a mistake, and lets nothing through.
func TestALimitThatIsNotThereLetsNothingThrough(t *testing.T) {
	if err := Count(t.Context(), store(t), Set{}.Of(ScansPerDevice, "one")); challenge.KindOf(err) != challenge.TooManyRequests {
		t.Error(err)
	}
}

func TestALimitNeverFailsOpen(t *testing.T) {
	set, fault := Defaults(), errors.New("connection refused")
	if err := Count(t.Context(), broken{err: fault}, set.Of(ScansPerDevice, "one")); !errors.Is(err, fault) {
		t.Errorf("a store that cannot count: %v", err)
	}
	if err := Count(t.Context(), broken{Keys: store(t), err: fault, counts: true}, Set{}.Of(ScansPerDevice, "one")); !errors.Is(err, fault) {
		t.Errorf("a store that cannot give back: %v", err)
	}
}

// broken is a store that cannot count, or else cannot give back.
type broken struct {
	challenge.Keys
	err    error
	counts bool
}

func (b broken) CountAll(ctx context.Context, tallies []challenge.Tally) ([]challenge.Count, error) {
	if b.counts {
		return b.Keys.CountAll(ctx, tallies)
	}
	return nil, b.err
}

func (b broken) Refund(context.Context, ...string) error { return b.err }
