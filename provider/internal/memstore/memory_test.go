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
		s.Room = 1000
		for range 1000 {
			r := create(t, s)
			_ = s.Reserve(t.Context(), r.UserCode, 1, time.Minute)
			_ = s.Append(t.Context(), r.UserCode, []byte("!"))
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
		s.Room = 1
		r := create(t, s)
		key := r.ID.Hash()
		e := s.challenges.of(key).m[key]
		if _, err := s.First(t.Context(), "name", time.Minute); err != nil {
			t.Fatal(err)
		}
		name := challenge.HashOf(string(once) + "name")
		v := s.values.of(name).m[name]
		if err := s.Reserve(t.Context(), "name", 1, time.Minute); err != nil {
			t.Fatal(err)
		}
		c := s.contents.m[challenge.HashOf("name")]
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		if e.timer.Stop() || v.timer.Stop() || c.timer.Stop() {
			t.Fatal("a timer was still running")
		}
		if left := s.dump(); left != "" {
			t.Fatalf("still there: %s", left)
		}
	})
}

func TestTheClockDecidesAndNotATimerThatIsLate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := New()
		defer s.Close()
		r := create(t, s)
		s.Room = 1
		limit := challenge.Limit{Max: 1, Window: time.Minute}
		_ = s.Reserve(t.Context(), "name", 1, time.Minute)
		_, _ = s.First(t.Context(), "name", time.Minute)
		_, _ = s.Count(t.Context(), "name", limit)
		_ = s.Put(t.Context(), "name", []byte("value"), time.Minute)
		stopTimers(s)
		time.Sleep(challenge.Lifetime)

		if got, err := s.Get(t.Context(), r.ID); err != nil || got.State != challenge.Expired {
			t.Errorf("get: %v, %v", got.State, err)
		}
		if _, err := s.Find(t.Context(), r.UserCode); err != challenge.ErrNotFound {
			t.Errorf("find: %v", err)
		}
		if _, err := s.Peek(t.Context(), "name"); err != challenge.ErrNotFound {
			t.Errorf("peek: %v", err)
		}
		if _, err := s.Chunk(t.Context(), "name", 0); err != challenge.ErrNotFound {
			t.Errorf("chunk: %v", err)
		}
		if err := s.Reserve(t.Context(), "another", 1, time.Minute); err != nil {
			t.Errorf("reserve: %v", err)
		}
		if n, err := s.Count(t.Context(), "name", limit); err != nil || n.N != 1 {
			t.Errorf("count: %+v, %v", n, err)
		}
		if ok, err := s.First(t.Context(), "name", time.Minute); err != nil || !ok {
			t.Errorf("first: %v, %v", ok, err)
		}

		// Its user code is free, and stays its new owner's when the late timer comes.
		draft, _, _ := challenge.NewDraft("client", challenge.Policy{}, challenge.Request{})
		if _, err := s.Create(t.Context(), draft.WithUserCode(r.UserCode)); err != nil {
			t.Fatal(err)
		}
		s.age(r.ID.Hash())
		if id, err := s.Find(t.Context(), r.UserCode); err != nil || id != draft.ID() {
			t.Errorf("the user code leads to %v, %v", id, err)
		}

		time.Sleep(challenge.TombstoneGrace)
		if _, err := s.Get(t.Context(), r.ID); err != challenge.ErrNotFound {
			t.Errorf("get after the tombstone's end: %v", err)
		}
	})
}

func stopTimers(s *Store) {
	for _, c := range s.contents.m {
		c.timer.Stop()
	}
	for i := range s.challenges {
		for _, e := range s.challenges[i].m {
			e.timer.Stop()
		}
		for _, v := range s.values[i].m {
			v.timer.Stop()
		}
	}
}

func TestWhatIsReplacedOrTakenLeavesNoTimer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := New()
		defer s.Close()
		key := challenge.HashOf(string(record) + "name")
		if err := s.Put(t.Context(), "name", nil, time.Minute); err != nil {
			t.Fatal(err)
		}
		v := s.values.of(key).m[key]
		if err := s.Put(t.Context(), "name", nil, time.Minute); err != nil {
			t.Fatal(err)
		}
		if v.timer.Stop() {
			t.Error("a value that was replaced still had a timer")
		}
		v = s.values.of(key).m[key]
		if _, err := s.Take(t.Context(), "name"); err != nil {
			t.Fatal(err)
		}
		if v.timer.Stop() {
			t.Error("a value that was taken still had a timer")
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
