package phone

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"testing"
	"testing/synctest"
	"time"

	"qrlogin/api"
	"qrlogin/api/proof"
	"qrlogin/provider/internal/challenge"
	"qrlogin/provider/internal/qr"
)

// pictured is a challenge that may be scanned by a static code, and the picture of that.
func (k *kit) pictured() (id challenge.ID, picture []byte) {
	k.t.Helper()
	draft, _, _ := challenge.NewDraft("shop", challenge.Policy{StaticCode: true}, challenge.Request{})
	r, err := k.door.Challenges.Create(k.t.Context(), draft)
	if err != nil {
		k.t.Fatal(err)
	}
	if picture, err = qr.PNG(issuer+"/q/"+r.ID.String(), 300); err != nil {
		k.t.Fatal(err)
	}
	return r.ID, picture
}

// show sends a picture.
func (p device) show(ctx context.Context, picture []byte) (w *httptest.ResponseRecorder, code string) {
	p.k.t.Helper()
	jws, err := proof.SignDPoP(p.key, http.MethodPost, issuer+"/phone/scans", "", time.Now())
	if err != nil {
		p.k.t.Fatal(err)
	}
	r := httptest.NewRequestWithContext(ctx, http.MethodPost, "/phone/scans", bytes.NewReader(picture))
	r.Header.Set("Content-Type", "image/png")
	r.Header.Set("DPoP", jws)
	w = httptest.NewRecorder()
	p.k.handler.ServeHTTP(w, r)
	var problem api.Problem
	_ = json.Unmarshal(w.Body.Bytes(), &problem)
	return w, problem.Code
}

func (k *kit) wantPending(id challenge.ID) {
	k.t.Helper()
	if r, err := k.door.Challenges.Get(k.t.Context(), id); err != nil || r.State != challenge.Pending {
		k.t.Errorf("the challenge is %v: %v", r.State, err)
	}
}

func TestMorePicturesThanMayBeTakenInAreTurnedAwayAtOnce(t *testing.T) {
	k := newKit(t)
	p := k.phoneOf("a")
	id, picture := k.pictured()
	for range maxUploads {
		k.door.pictures.uploads <- struct{}{}
	}
	if w, code := p.show(t.Context(), picture); w.Code != http.StatusServiceUnavailable || code != "unavailable" || w.Header().Get("Retry-After") == "" {
		t.Errorf("%d %s %v", w.Code, w.Body, w.Header())
	}
	k.wantPending(id)
	<-k.door.pictures.uploads
	for range 2 { // each gives its place back
		if w, _ := p.show(t.Context(), picture); w.Code != http.StatusOK {
			t.Errorf("%d %s", w.Code, w.Body)
		}
	}
}

func TestAPictureWaitsForItsTurnAndNotForLong(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := newKit(t)
		p := k.phoneOf("a")
		id, picture := k.pictured()
		for range cap(k.door.pictures.readers) {
			k.door.pictures.readers <- struct{}{}
		}
		began := time.Now()
		if w, code := p.show(t.Context(), picture); w.Code != http.StatusServiceUnavailable || code != "unavailable" || time.Since(began) != turnTime {
			t.Errorf("after %v: %d %s", time.Since(began), w.Code, w.Body)
		}
		gone, leave := context.WithTimeout(t.Context(), time.Second)
		defer leave()
		began = time.Now()
		if p.show(gone, picture); time.Since(began) != time.Second {
			t.Errorf("waited %v for one who has gone", time.Since(began))
		}
		k.wantPending(id)
		time.AfterFunc(turnTime-time.Second, func() { <-k.door.pictures.readers })
		if w, _ := p.show(t.Context(), picture); w.Code != http.StatusOK {
			t.Errorf("in its turn: %d %s", w.Code, w.Body)
		}
	})
}

func TestASearchThatTakesTooLongIsEnded(t *testing.T) {
	k := newKit(t)
	p := k.phoneOf("a")
	id, picture := k.pictured()
	k.door.pictures.searchTime = 0
	if w, code := p.show(t.Context(), picture); w.Code != http.StatusUnprocessableEntity || code != "picture-without-code" {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	k.wantPending(id)
}
