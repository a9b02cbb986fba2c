package app_test

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/oauth2"

	"qrlogin/api"
)

// golang.org/x/oauth2, unmodified, as the public client that may show static codes. Its answers: polls counts them.

// tv is x/oauth2's configuration for it, and a context in which it speaks to the world.
func (w *world) tv(polls *[]string) (context.Context, *oauth2.Config) {
	config := &oauth2.Config{
		ClientID: "tv", Scopes: []string{"openid", "phone"},
		Endpoint: oauth2.Endpoint{DeviceAuthURL: w.issuer + "/device_authorization", TokenURL: w.issuer + "/token"},
	}
	client := &http.Client{Transport: counter{w.http.Transport, polls}}
	return context.WithValue(w.t.Context(), oauth2.HTTPClient, client), config
}

// counter notes when each token request was made, and what came of it.
type counter struct {
	next  http.RoundTripper
	polls *[]string
}

func (c counter) RoundTrip(r *http.Request) (*http.Response, error) {
	response, err := c.next.RoundTrip(r)
	if err == nil && r.URL.Path == "/token" {
		*c.polls = append(*c.polls, time.Now().Format("4:05 ")+response.Status[:3])
	}
	return response, err
}

// began is a login that x/oauth2 waits for.
type began struct {
	device *oauth2.DeviceAuthResponse
	tokens chan *oauth2.Token
	polls  []string
}

func (w *world) beginWithXOAuth2() *began {
	w.t.Helper()
	b := &began{tokens: make(chan *oauth2.Token, 1)}
	ctx, config := w.tv(&b.polls)
	var err error
	if b.device, err = config.DeviceAuth(ctx); err != nil {
		w.t.Fatal(err)
	}
	go func() {
		defer close(b.tokens)
		token, err := config.DeviceAccessToken(ctx, b.device)
		if err != nil {
			w.t.Error(err)
			return
		}
		b.tokens <- token
	}()
	return b
}

func TestXOAuth2LogsInAndLearnsOfTheApprovalAtItsNextPoll(t *testing.T) {
	t.Parallel()
	inBubble(t, func(t *testing.T, w *world) {
		p := w.rawPhone().enrolled("+8613800138000")
		b := w.beginWithXOAuth2()
		time.Sleep(12 * time.Second)
		claim := p.claimBy(b.device.VerificationURIComplete) // the static code, as the phone's camera reads it
		p.decide(claim, "approve")
		token := <-b.tokens
		if token == nil {
			t.Fatal("no token")
		}
		// It polls every 5 s, each time twice to find out how to authenticate; the poll after the approval is the last.
		if got := strings.Join(b.polls, " "); got != "0:05 400 0:05 400 0:10 400 0:10 400 0:15 200" {
			t.Errorf("polls: %s", got)
		}
		claims := claimsOf(t, token.Extra("id_token").(string))
		if claims["phone_number"] != "+8613800138000" || claims["aud"] != "tv" || !token.Valid() || token.TokenType != "Bearer" {
			t.Errorf("%v %v", token, claims)
		}
	})
}

func TestXOAuth2LogsInByATypedCode(t *testing.T) {
	t.Parallel()
	inBubble(t, func(t *testing.T, w *world) {
		p := w.rawPhone().enrolled("+8613800138000")
		b := w.beginWithXOAuth2()
		p.decide(p.claimBy(strings.ToLower(b.device.UserCode)), "approve")
		if token := <-b.tokens; token == nil {
			t.Fatal("no token")
		}
		if got := strings.Join(b.polls, " "); got != "0:05 200" {
			t.Errorf("polls: %s", got)
		}
	})
}

func TestXOAuth2IsNeverToldToSlowDown(t *testing.T) {
	t.Parallel()
	inBubble(t, func(t *testing.T, w *world) {
		p := w.rawPhone().enrolled("+8613800138000")
		b := w.beginWithXOAuth2()
		time.Sleep(4*time.Minute + time.Second)
		p.decide(p.claimBy(b.device.VerificationURIComplete), "approve")
		if token := <-b.tokens; token == nil {
			t.Fatal("no token")
		}
		if n := len(b.polls); n != 2*48+1 { // had it been slowed down, there would be fewer
			t.Errorf("%d polls", n)
		}
	})
}

func TestXOAuth2LearnsThatTheLoginWasDeclined(t *testing.T) {
	t.Parallel()
	inBubble(t, func(t *testing.T, w *world) {
		var polls []string
		ctx, config := w.tv(&polls)
		device, err := config.DeviceAuth(ctx)
		if err != nil {
			t.Fatal(err)
		}
		p := w.rawPhone().enrolled("+8613800138000")
		p.decide(p.claimBy(device.VerificationURIComplete), "deny")
		_, err = config.DeviceAccessToken(ctx, device)
		if refused, ok := err.(*oauth2.RetrieveError); !ok || refused.ErrorCode != "access_denied" {
			t.Errorf("%v", err)
		}
		synctest.Wait()
	})
}

// A static code is scannable for as long as the challenge lives, not only in the first three minutes.
func TestAStaticCodeIsGoodToTheEnd(t *testing.T) {
	t.Parallel()
	inBubble(t, func(t *testing.T, w *world) {
		p := w.rawPhone().enrolled("+8613800138000")
		started := w.startAs("tv", "")
		time.Sleep(4*time.Minute + 30*time.Second)
		p.decide(p.claimBy(*started.VerificationUriComplete), "approve")
		w.wantState(started, api.ChallengeStateApproved)
	})
}
