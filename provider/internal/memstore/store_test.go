package memstore

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"qrlogin/provider/internal/storetest"
)

// with runs a test in a bubble whose clock is fake.
func with(t *testing.T, test func(*testing.T, storetest.Backend)) {
	synctest.Test(t, func(t *testing.T) {
		s := New()
		s.Room = storetest.Room
		defer func() {
			if err := s.Close(); err != nil {
				t.Error(err)
			}
		}()
		test(t, storetest.Backend{
			Store: s, Keys: s, Contents: s,
			Advance: func(d time.Duration) {
				time.Sleep(d)
				synctest.Wait()
			},
			Dump: s.dump,
		})
	})
}

func TestMemoryKeepsChallengesAsEveryStoreMust(t *testing.T) { storetest.RunStore(t, with) }

func TestMemoryKeepsKeysAsEveryStoreMust(t *testing.T) { storetest.RunKeys(t, with) }

func TestMemoryKeepsContentsAsEveryStoreMust(t *testing.T) { storetest.RunContents(t, with) }

// dump is everything in the maps, as text.
func (s *Store) dump() string {
	var text strings.Builder
	for i := range s.challenges {
		sh := &s.challenges[i]
		sh.Lock()
		for key, e := range sh.m {
			record, err := json.Marshal(e.challenge)
			fmt.Fprintf(&text, "challenge %s: %s %v\n", key, record, err)
		}
		sh.Unlock()
	}
	for i := range s.codes {
		sh := &s.codes[i]
		sh.Lock()
		for key, r := range sh.m {
			fmt.Fprintf(&text, "code %s: %s\n", key, r.id)
		}
		sh.Unlock()
	}
	for i := range s.values {
		sh := &s.values[i]
		sh.Lock()
		for key, v := range sh.m {
			fmt.Fprintf(&text, "value %s: %d %s\n", key, v.n, v.bytes)
		}
		sh.Unlock()
	}
	s.contents.Lock()
	defer s.contents.Unlock()
	for key, c := range s.contents.m {
		fmt.Fprintf(&text, "content %s: %d %s\n", key, c.size, c.chunks)
	}
	return text.String()
}
