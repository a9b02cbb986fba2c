package main

import (
	"context"
	"crypto/rand"
	"html/template"
	"log"
	"net/http"
	"net/url"
	"os"
	"sync"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"
)

// session is kept here and not in the cookie, which names it: first a login under way, then who logged in.
type session struct {
	state, nonce, verifier string
	sub, phone, idToken    string
}

var (
	issuer, site = os.Getenv("ISSUER"), os.Getenv("SITE") // https://login.example, https://site.example
	sessions     sync.Map                                 // by the cookie's value; yours will want an expiry, too
	config       oauth2.Config
	verifier     *oidc.IDTokenVerifier
	endSession   string
	page         = template.Must(template.New("").Parse(`<!doctype html><title>The site</title>
<p>You are <code>{{.Sub}}</code> <code>{{.Phone}}</code></p>
<form method="post" action="/logout"><button>Log out</button></form>`))
)

func main() {
	provider, err := oidc.NewProvider(context.Background(), issuer)
	if err != nil {
		log.Fatal(err)
	}
	var more struct {
		EndSession string `json:"end_session_endpoint"`
	}
	if err := provider.Claims(&more); err != nil {
		log.Fatal(err)
	}
	endSession = more.EndSession
	config = oauth2.Config{
		ClientID: os.Getenv("CLIENT_ID"), ClientSecret: os.Getenv("CLIENT_SECRET"), Endpoint: provider.Endpoint(),
		RedirectURL: site + "/callback", Scopes: []string{oidc.ScopeOpenID, "phone"},
	}
	verifier = provider.Verifier(&oidc.Config{ClientID: config.ClientID})

	http.HandleFunc("GET /{$}", home)
	http.HandleFunc("GET /login", login)
	http.HandleFunc("GET /callback", callback)
	http.HandleFunc("POST /logout", logout)
	guarded := http.NewCrossOriginProtection().Handler(http.DefaultServeMux) // no other site logs anybody out
	server := http.Server{Addr: "localhost:" + os.Getenv("PORT"), Handler: guarded, ReadHeaderTimeout: 10 * time.Second}
	log.Fatal(server.ListenAndServe())
}

func home(w http.ResponseWriter, r *http.Request) {
	s := current(r)
	if s.sub == "" {
		http.Redirect(w, r, "/login", http.StatusSeeOther)
		return
	}
	_ = page.Execute(w, struct{ Sub, Phone string }{s.sub, s.phone})
}

func login(w http.ResponseWriter, r *http.Request) {
	s := session{state: rand.Text(), nonce: rand.Text(), verifier: oauth2.GenerateVerifier()}
	begin(w, s)
	to := config.AuthCodeURL(s.state, oidc.Nonce(s.nonce), oauth2.S256ChallengeOption(s.verifier))
	http.Redirect(w, r, to, http.StatusSeeOther)
}

func callback(w http.ResponseWriter, r *http.Request) {
	s := end(r) // whatever comes of it, this login is tried once
	if s.state == "" || r.FormValue("state") != s.state || r.FormValue("iss") != issuer {
		http.Error(w, "This answer is not to your request. Go back and try again.", http.StatusBadRequest)
		return
	}
	token, err := config.Exchange(r.Context(), r.FormValue("code"), oauth2.VerifierOption(s.verifier))
	if err != nil { // also when the person declined: then there is no code
		http.Error(w, "You are not logged in.", http.StatusForbidden)
		return
	}
	raw, _ := token.Extra("id_token").(string)
	id, err := verifier.Verify(r.Context(), raw)
	if err != nil || id.Nonce != s.nonce {
		http.Error(w, "You are not logged in.", http.StatusForbidden)
		return
	}
	var claims struct {
		Phone string `json:"phone_number"`
	}
	_ = id.Claims(&claims)
	begin(w, session{sub: id.Subject, phone: claims.Phone, idToken: raw}) // a new id: nobody knows it from before
	http.Redirect(w, r, "/", http.StatusSeeOther)
}

func logout(w http.ResponseWriter, r *http.Request) {
	s := end(r)
	to := url.Values{"id_token_hint": {s.idToken}, "post_logout_redirect_uri": {site + "/"}}
	http.Redirect(w, r, endSession+"?"+to.Encode(), http.StatusSeeOther)
}

func begin(w http.ResponseWriter, s session) {
	id := rand.Text()
	sessions.Store(id, s)
	http.SetCookie(w, &http.Cookie{
		Name: "session", Value: id, Path: "/", HttpOnly: true, Secure: true, SameSite: http.SameSiteLaxMode,
	})
}

func current(r *http.Request) session {
	if cookie, err := r.Cookie("session"); err == nil {
		if s, ok := sessions.Load(cookie.Value); ok {
			return s.(session)
		}
	}
	return session{}
}

func end(r *http.Request) session {
	s := current(r)
	if cookie, err := r.Cookie("session"); err == nil {
		sessions.Delete(cookie.Value)
	}
	return s
}
