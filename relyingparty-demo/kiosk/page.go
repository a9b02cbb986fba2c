package kiosk

import (
	"bytes"
	"context"
	"embed"
	"encoding/json"
	"html/template"
	"net/http"
	"strconv"
	"time"

	"qrlogin/relyingparty-demo/shop"
)

//go:embed templates static
var files embed.FS

var page = template.Must(template.New("machine.html").Funcs(template.FuncMap{"money": shop.Money}).ParseFS(files, "templates/machine.html"))

// hold is how long a page's question is held until there is something to say.
const hold = 25 * time.Second

// Path is where the machine's page is: known to whom it was told, since its keys ask nobody who they are.
func (m *Machine) Path() string { return "/kiosk/" + m.id + "/" + m.secret }

// Handler serves the machine's page, and what its script and its widget ask. It lies under /kiosk of the shop, whose guard keeps
// requests of other sites out; whoever has the page's address stands before the machine.
func (m *Machine) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET "+m.Path(), m.screen)
	mux.HandleFunc("POST "+m.Path(), m.pressed)
	mux.HandleFunc("GET "+m.Path()+"/stage", m.stageAfter)
	mux.HandleFunc("GET "+m.Path()+"/code.png", m.picture)
	mux.HandleFunc("POST "+m.Path()+"/challenge", m.challenge)
	mux.HandleFunc("POST "+m.Path()+"/finish", m.finish)
	for _, name := range []string{"kiosk.css", "kiosk.js"} {
		mux.HandleFunc("GET /kiosk/static/"+name, func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Cache-Control", "no-cache")
			http.ServeFileFS(w, r, files, "static/"+name)
		})
	}
	return mux
}

func (m *Machine) screen(w http.ResponseWriter, r *http.Request) {
	s, lang := m.look(), m.shop.Language(w, r)
	says := wordsIn(lang)
	goods := shop.Goods(lang == "en")
	var b bytes.Buffer
	err := page.Execute(&b, struct {
		*words
		Merchant, ID, Place, Path, Issuer, Notice string
		Version                                   int64
		Stage                                     stage
		Goods                                     []shop.Piece
		Piece                                     shop.Piece
	}{says, shop.Merchant, m.id, m.place, m.Path(), m.shop.Issuer(), says.notice(s.notice), s.version, s.stage, goods, pieceOf(goods, s.piece)})
	if err != nil {
		m.log.Error("the machine's page failed", "error", err)
		http.Error(w, says.Late, http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Content-Language", lang)
	_, _ = w.Write(b.Bytes())
}

// pressed is one of the page's buttons: a piece, or back.
func (m *Machine) pressed(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, 4096)
	art, lang := r.PostFormValue("piece"), m.shop.Language(w, r)
	if art == "" {
		m.Back(r.Context())
	} else if p := pieceOf(shop.Goods(lang == "en"), art); p.Art != "" {
		m.Choose(p)
	}
	http.Redirect(w, r, m.Path(), http.StatusSeeOther)
}

// stageAfter answers which version of the page there is, once it is another than the one that is shown.
func (m *Machine) stageAfter(w http.ResponseWriter, r *http.Request) {
	after, _ := strconv.ParseInt(r.URL.Query().Get("after"), 10, 64)
	ctx, end := context.WithTimeout(r.Context(), hold)
	defer end()
	s, _ := m.await(ctx, func(s state) bool { return s.version != after })
	answer(w, http.StatusOK, map[string]any{"version": s.version})
}

// picture is the code that is on the screen, for a phone simulator on the same machine, which has no camera.
func (m *Machine) picture(w http.ResponseWriter, r *http.Request) {
	if s := m.look(); s.stage == scanning && s.sale != nil && m.shop.OnLoopback(r) {
		if picture, err := s.sale.Picture(r.Context()); err == nil {
			w.Header().Set("Content-Type", "image/png")
			_, _ = w.Write(picture)
			return
		}
	}
	http.Error(w, "The machine shows no code at the moment.", http.StatusNotFound)
}

// challenge hands the machine's code to the widget: the one that there is, since the terminal shows it too. Where it has ended a
// moment ago, as one does for which the person wants another, it is the next.
func (m *Machine) challenge(w http.ResponseWriter, r *http.Request) {
	ctx, end := context.WithTimeout(r.Context(), callTimeout)
	defer end()
	var last *shop.Sale
	for {
		s, err := m.await(ctx, func(s state) bool { return s.stage != scanning || s.sale != nil && s.sale != last })
		switch {
		case err != nil:
			w.Header().Set("Retry-After", "2")
			answer(w, http.StatusServiceUnavailable, map[string]any{"status": "unavailable"})
			return
		case s.stage != scanning:
			answer(w, http.StatusConflict, map[string]any{"status": "no-sale"})
			return
		}
		if view, err := s.sale.Look(ctx, 0); err == nil {
			answer(w, http.StatusOK, map[string]any{
				"challenge_id": s.sale.ChallengeID, "watch": s.sale.Watch, "expires_in": max(view.ExpiresInMs/1000, 1),
			})
			return
		}
		last = s.sale
	}
}

// finish answers the widget once the sale has an outcome; then the page shows the next stage.
func (m *Machine) finish(w http.ResponseWriter, r *http.Request) {
	var shown struct {
		ChallengeID string `json:"challenge_id"`
	}
	if json.NewDecoder(http.MaxBytesReader(w, r.Body, 4096)).Decode(&shown) != nil {
		answer(w, http.StatusBadRequest, map[string]any{"status": "invalid"})
		return
	}
	sale := m.look().sale
	if sale == nil || sale.ChallengeID != shown.ChallengeID {
		answer(w, http.StatusGone, map[string]any{"status": "expired"})
		return
	}
	ctx, end := context.WithTimeout(r.Context(), hold)
	defer end()
	switch bought, err := sale.Ordered(ctx); {
	case err != nil:
		answer(w, http.StatusAccepted, map[string]any{"status": "pending"})
	case !bought:
		answer(w, http.StatusGone, map[string]any{"status": "expired"})
	default:
		answer(w, http.StatusOK, map[string]any{"location": m.Path()})
	}
}

// await returns the first state for which something holds, or at the end of ctx the one that there is and an error.
func (m *Machine) await(ctx context.Context, holds func(state) bool) (state, error) {
	for {
		s, changed := m.hear()
		if holds(s) {
			return s, nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return s, ctx.Err()
		}
	}
}

func answer(w http.ResponseWriter, status int, body map[string]any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body)
}
