package handoffs

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/iotest"
	"testing/synctest"
	"time"

	"github.com/go-jose/go-jose/v4"

	"qrlogin/provider/internal/challenge"
)

func (k *kit) receive(text string) (string, error) {
	return k.Receive(k.t.Context(), k.r, Upload{Body: strings.NewReader(text), Size: int64(len(text))})
}

// received is one that must be taken.
func (k *kit) received(text string) (digest string) {
	k.t.Helper()
	digest, err := k.receive(text)
	if err != nil {
		k.t.Fatal(err)
	}
	return digest
}

func (k *kit) wantHeld(digest string, want bool) {
	k.t.Helper()
	if holds, err := k.Holds(k.t.Context(), k.r.ID, digest); holds != want || err != nil {
		k.t.Fatalf("it holds %s: %t, %v", digest, holds, err)
	}
}

// content is what a page gets.
func (k *kit) content() (string, error) {
	found, err := k.Open(k.t.Context(), k.r.ID)
	if err != nil {
		return "", err
	}
	var text strings.Builder
	err = found.Write(k.t.Context(), &text)
	if err == nil && int64(text.Len()) != found.Size {
		err = fmt.Errorf("%d bytes came, and %d were announced", text.Len(), found.Size)
	}
	return text.String(), err
}

func (k *kit) wantContent(want string) {
	k.t.Helper()
	if got, err := k.content(); got != want || err != nil {
		k.t.Fatalf("the content is %.100q, %v; want %.100q", got, err, want)
	}
}

// wantRoom fails unless so much of the room is taken, in bytes.
func (k *kit) wantRoom(taken int64) {
	k.t.Helper()
	name := rand.Text()
	ctx := k.t.Context()
	if err := k.store.Reserve(ctx, name, k.store.Room-taken, time.Minute); err != nil {
		k.t.Fatalf("more than %d bytes are taken", taken)
	}
	if err := k.store.Reserve(ctx, rand.Text(), 1, time.Minute); !errors.Is(err, challenge.ErrFull) {
		k.t.Fatalf("less than %d bytes are taken", taken)
	}
	if err := k.store.Remove(ctx, name); err != nil {
		k.t.Fatal(err)
	}
}

func TestAHandoffIsByteForByteWhatThePhoneSent(t *testing.T) {
	for _, size := range []int{0, 1, 1000, chunkSize * 3 / 4, 5 << 20} {
		k := newKit(t)
		plain := make([]byte, size)
		_, _ = rand.Read(plain)
		text := k.sealed("text/html", plain)
		digest := k.received(text)
		if sum := sha256.Sum256([]byte(text)); digest != base64.RawURLEncoding.EncodeToString(sum[:]) {
			t.Errorf("%d bytes: the digest is %s", size, digest)
		}
		k.wantHeld(digest, true)
		k.wantHeld("another", false)
		k.wantHeld("", false)
		k.wantRoom(int64(len(text)))
		got, err := k.content()
		if err != nil {
			t.Fatal(err)
		}
		jwe, err := jose.ParseEncryptedCompact(got, []jose.KeyAlgorithm{jose.ECDH_ES}, []jose.ContentEncryption{jose.A256GCM})
		if err != nil {
			t.Fatal(err)
		}
		if opened, err := jwe.Decrypt(k.key); err != nil || !bytes.Equal(opened, plain) {
			t.Errorf("%d bytes: the page opens %d, %v", size, len(opened), err)
		}
	}
}

func TestALimitBeforeEncryptionLetsJustSoMuchThrough(t *testing.T) {
	k := newKit(t)
	longest := strings.Repeat("x", 127-len("text/"))
	for _, plain := range []int{0, 1, 2, 3, 1000} {
		least := Longest(int64(plain)) - maxHeader // save the header, of which there is a most
		text := k.sealed("text/"+longest, make([]byte, plain))
		head, _, _ := strings.Cut(text, ".")
		if got := int64(len(text) - len(head)); got != least || len(head) > maxHeader {
			t.Errorf("%d bytes are %d without their header of %d, want %d", plain, got, len(head), least)
		}
	}
}

func TestAHandoffIsStoredInChunksHoweverItArrives(t *testing.T) {
	k := newKit(t)
	text := k.sealed("text/html", make([]byte, chunkSize+1000))
	for _, body := range []io.Reader{iotest.OneByteReader(strings.NewReader(text)), iotest.DataErrReader(strings.NewReader(text))} {
		if _, err := k.Receive(t.Context(), k.r, Upload{Body: body, Size: int64(len(text))}); err != nil {
			t.Fatal(err)
		}
		k.wantContent(text)
		h, err := k.held(t.Context(), k.r.ID)
		if err != nil {
			t.Fatal(err)
		}
		if first, err := k.store.Chunk(t.Context(), h.Name, 0); err != nil || len(first) != chunkSize {
			t.Errorf("the first chunk has %d bytes, %v", len(first), err)
		}
	}
}

func TestAHandoffSentAgainTakesThePlaceOfTheOneBefore(t *testing.T) {
	k := newKit(t)
	first, second := k.sealed("text/html", []byte("first")), k.sealed("text/html", []byte("the second"))
	one := k.received(first)
	two := k.received(second)
	k.wantHeld(one, false)
	k.wantHeld(two, true)
	k.wantContent(second)
	k.wantRoom(int64(len(second)))
}

func TestWhatIsRefusedIsNotKeptAndLeavesWhatWasThere(t *testing.T) {
	fault := errors.New("connection reset")
	for what, c := range map[string]struct {
		upload func(text string) Upload
		want   error
	}{
		"too short": {func(text string) Upload { return Upload{Body: strings.NewReader(text), Size: int64(len(text)) + 1} }, ErrBroken},
		"too long":  {func(text string) Upload { return Upload{Body: strings.NewReader(text + "A"), Size: int64(len(text))} }, ErrBroken},
		"broken off": {func(text string) Upload {
			return Upload{Body: io.MultiReader(strings.NewReader(text[:400<<10]), iotest.ErrReader(fault)), Size: int64(len(text))}
		}, fault},
		"cut short": {func(text string) Upload { return Upload{Body: strings.NewReader(text), Size: int64(len(text)) - 1} }, ErrBroken},
		"no JWE":    {func(string) Upload { return Upload{Body: strings.NewReader("plain text"), Size: 10} }, ErrMalformed{"a JWE in compact form has dots and base64url, and nothing else"}},
		"too large": {func(text string) Upload { return Upload{Body: strings.NewReader(text), Size: 1 << 40} }, challenge.ErrFull},
	} {
		k := newKit(t)
		before := k.sealed("text/html", []byte("before"))
		digest := k.received(before)
		if got, err := k.Receive(t.Context(), k.r, c.upload(k.sealed("text/html", make([]byte, 1<<20)))); !errors.Is(err, c.want) || got != "" {
			t.Errorf("%s: %q, %v, want %v", what, got, err, c.want)
		}
		k.wantHeld(digest, true)
		k.wantContent(before)
		k.wantRoom(int64(len(before)))
	}
}

func TestAnUploadWhoseSenderHasGoneIsRemoved(t *testing.T) {
	k := newKit(t)
	text := k.sealed("text/html", make([]byte, 1<<20))
	ctx, cancel := context.WithCancel(t.Context())
	body := io.MultiReader(strings.NewReader(text[:300<<10]), readerFunc(func([]byte) (int, error) { cancel(); return 0, ctx.Err() }))
	if _, err := k.Receive(ctx, k.r, Upload{Body: body, Size: int64(len(text))}); !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
	k.wantRoom(0)
}

type readerFunc func([]byte) (int, error)

func (f readerFunc) Read(p []byte) (int, error) { return f(p) }

func TestAHandoffWhoseTimeEndsOnTheWayIsRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := newKit(t)
		text := k.sealed("text/html", make([]byte, 1<<20))
		slow := readerFunc(func(p []byte) (int, error) { time.Sleep(challenge.Lifetime); return copy(p, text[300<<10:]), nil })
		_, err := k.Receive(t.Context(), k.r, Upload{Body: io.MultiReader(strings.NewReader(text[:300<<10]), slow), Size: int64(len(text))})
		if !errors.Is(err, challenge.ErrWrongState) {
			t.Fatal(err)
		}
		k.wantRoom(0)
	})
}

func TestAHandoffEndsWithItsChallengeAndOnceKeptAfterAMinute(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := newKit(t)
		text := k.sealed("text/html", []byte("hello"))
		k.received(text)
		time.Sleep(challenge.Lifetime - time.Second)
		k.wantContent(text)
		time.Sleep(time.Second)
		if _, err := k.content(); !errors.Is(err, challenge.ErrNotFound) {
			t.Errorf("after the challenge's end: %v", err)
		}

		for _, at := range []time.Duration{time.Second, challenge.Lifetime - challenge.DecisionReserve} { // sooner, or later, than its own end
			k.r = k.challenge()
			k.received(text)
			time.Sleep(at)
			if err := k.Keep(t.Context(), k.r.ID); err != nil {
				t.Fatal(err)
			}
			time.Sleep(Kept - time.Second)
			k.wantContent(text)
			time.Sleep(time.Second)
			if _, err := k.content(); !errors.Is(err, challenge.ErrNotFound) {
				t.Errorf("a minute after it was kept: %v", err)
			}
			k.wantRoom(0)
		}
	})
}

func TestWhatIsNotThereIsKeptAndRemovedWithoutAnError(t *testing.T) {
	k := newKit(t)
	if err := errors.Join(k.Keep(t.Context(), k.r.ID), k.Remove(t.Context(), k.r.ID)); err != nil {
		t.Error(err)
	}
	k.received(k.sealed("text/html", []byte("hello")))
	for range 2 {
		if err := k.Remove(t.Context(), k.r.ID); err != nil {
			t.Error(err)
		}
	}
	if _, err := k.content(); !errors.Is(err, challenge.ErrNotFound) {
		t.Error(err)
	}
	k.wantRoom(0)
}

// Many at once would fill the room, and of two that arrive together one would be out of reach.
func TestASecondHandoffOfAChallengeWaitsForTheFirst(t *testing.T) {
	k := newKit(t)
	slow, quick := k.sealed("text/html", make([]byte, 1<<20)), k.sealed("text/html", []byte("quick"))
	body := io.MultiReader(strings.NewReader(slow[:300<<10]), readerFunc(func([]byte) (int, error) {
		for range 2 { // the refusal of one lets no other in
			if _, err := k.receive(quick); !errors.Is(err, challenge.ErrWrongState) {
				t.Errorf("while one is on its way: %v", err)
			}
		}
		return 0, io.EOF
	}), strings.NewReader(slow[300<<10:]))
	if _, err := k.Receive(t.Context(), k.r, Upload{Body: body, Size: int64(len(slow))}); err != nil {
		t.Fatal(err)
	}
	k.wantContent(slow)
	k.received(quick)
	k.wantContent(quick)
	k.wantRoom(int64(len(quick)))
}
