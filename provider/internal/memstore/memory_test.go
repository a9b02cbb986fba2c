package memstore

import (
	"runtime"
	"testing"
	"testing/synctest"
	"time"

	"qrlogin/provider/internal/challenge"
	"qrlogin/provider/internal/storetest"
)

func create(t *testing.T, s *Store) challenge.Record {
	t.Helper()
	draft, _, _ := challenge.NewDraft("client", challenge.Policy{}, challenge.Request{})
	r, err := s.Create(t.Context(), draft)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestNothingStaysOfWhatNobodyAsksForAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := New()
		for range 1000 {
			r := create(t, s)
			_, _, _ = s.Await(t.Context(), r.ID, r.Version, func() {})
			_, _ = s.First(t.Context(), r.UserCode, time.Minute)
			_ = s.Put(t.Context(), r.UserCode, []byte("value"), time.Minute)
			_, _ = s.Count(t.Context(), r.UserCode, challenge.Limit{Window: time.Minute, Penalty: time.Minute})
		}
		time.Sleep(challenge.Lifetime + challenge.TombstoneGrace)
		synctest.Wait()
		if left := s.dump(); left != "" {
			t.Fatalf("still there: %.1000s", left)
		}
	})
}

func TestWaitersNeedNoGoroutine(t *testing.T) {
	s := New()
	defer s.Close()
	before := runtime.NumGoroutine()
	for range 1000 {
		r := create(t, s)
		_, stop, err := s.Await(t.Context(), r.ID, r.Version, func() {})
		if err != nil {
			t.Fatal(err)
		}
		defer stop()
	}
	if after := runtime.NumGoroutine(); after > before+100 { // others' may come and go
		t.Fatalf("1000 challenges with a waiter each made %d goroutines into %d", before, after)
	}
}

func TestWhoStopsWaitingIsForgotten(t *testing.T) {
	s := New()
	defer s.Close()
	r := create(t, s)
	for range 10 {
		_, stop, err := s.Await(t.Context(), r.ID, r.Version, func() {})
		if err != nil {
			t.Fatal(err)
		}
		stop()
	}
	if e := s.challenges.of(r.ID.Hash()).m[r.ID.Hash()]; len(e.waiters) != 0 {
		t.Fatalf("%d waiters are still there", len(e.waiters))
	}
}

func TestCloseStopsEveryTimer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := New()
		r := create(t, s)
		key := r.ID.Hash()
		e := s.challenges.of(key).m[key]
		if _, err := s.First(t.Context(), "name", time.Minute); err != nil {
			t.Fatal(err)
		}
		name := challenge.HashOf(string(once) + "name")
		v := s.values.of(name).m[name]
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		if e.timer.Stop() || v.timer.Stop() {
			t.Fatal("a timer was still running")
		}
		if left := s.dump(); left != "" {
			t.Fatalf("still there: %s", left)
		}
	})
}

func BenchmarkLoginOnMemory(b *testing.B) {
	s := New()
	defer s.Close()
	b.ReportAllocs()
	for b.Loop() {
		if err := storetest.Login(b.Context(), s, s); err != nil {
			b.Fatal(err)
		}
	}
}
