package shop

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"

	"github.com/gin-gonic/gin"

	"qrlogin/api"
	"qrlogin/relyingparty-demo/bookmarks"
)

// Bookmarks come from the phone by a handoff (docs/handoff.md): the page has them first, shows the shop what came, and then has the
// provider forget it.

const bookmarksLimit = 5 << 20 // bytes of a file

const bookmarksSchema = `CREATE TABLE IF NOT EXISTS bookmarks (
		account INTEGER PRIMARY KEY REFERENCES accounts (id),
		entries TEXT    NOT NULL); -- JSON`

// startHandoff is POST /bookmarks/challenge: a challenge that asks the member's phone for bookmarks, encrypted for the page's key.
func (s *Shop) startHandoff(c *gin.Context) {
	visitor := s.session(c.Request)
	if visitor == nil || visitor.account == 0 {
		c.JSON(http.StatusUnauthorized, gin.H{"status": "invalid"})
		return
	}
	var page struct {
		JWK api.HandoffKey `json:"jwk"`
	}
	body, err := io.ReadAll(http.MaxBytesReader(c.Writer, c.Request.Body, 4096))
	if err != nil || json.Unmarshal(body, &page) != nil {
		c.JSON(http.StatusBadRequest, gin.H{"status": "invalid"})
		return
	}
	details, err := json.Marshal([]api.Handoff{{
		Type: api.HandoffTypeHandoff, Kind: "bookmarks", MediaTypes: &[]string{"text/html"}, Jwk: page.JWK,
	}})
	if err != nil {
		s.unavailable(c, "a handoff could not start", err)
		return
	}
	nonce := random(32)
	got, err := s.provider.authorizeDevice(c.Request.Context(), url.Values{
		"nonce": {nonce}, "authorization_details": {string(details)}, "id_token_hint": {visitor.proof.IDToken},
	})
	if loginRequired(err) { // ended at the provider, by the phone perhaps: then nobody is logged in here either
		s.sessions.end(visitor)
		c.JSON(http.StatusUnauthorized, gin.H{"status": "invalid"})
		return
	}
	if err != nil {
		s.unavailable(c, "a handoff could not start", err)
		return
	}
	l := newLogin(got, nonce)
	l.handoff = true
	s.began(c, got, l)
}

// importBookmarks is POST /bookmarks: the file, as the page got it.
func (s *Shop) importBookmarks(c *gin.Context) {
	visitor := s.session(c.Request)
	if visitor == nil || visitor.account == 0 {
		c.JSON(http.StatusUnauthorized, gin.H{"status": "invalid"})
		return
	}
	if kind, _, _ := mime.ParseMediaType(c.GetHeader("Content-Type")); kind != "text/html" {
		c.JSON(http.StatusUnsupportedMediaType, gin.H{"status": "invalid"})
		return
	}
	file, err := io.ReadAll(http.MaxBytesReader(c.Writer, c.Request.Body, bookmarksLimit))
	if err != nil {
		c.JSON(http.StatusRequestEntityTooLarge, gin.H{"status": "invalid"})
		return
	}
	entries, err := bookmarks.Read(file)
	if err != nil {
		c.JSON(http.StatusUnprocessableEntity, gin.H{"status": "invalid"})
		return
	}
	if err := s.accounts.keepBookmarks(c.Request.Context(), visitor.account, entries); err != nil {
		s.log.Error("bookmarks could not be kept", "account", visitor.account, "error", err)
		c.JSON(http.StatusInternalServerError, gin.H{"status": "unavailable"})
		return
	}
	n, _ := bookmarks.Count(entries)
	s.log.Info("bookmarks imported", "account", visitor.account, "bookmarks", n)
	c.Status(http.StatusNoContent)
}

func (s *Shop) bookmarksPage(c *gin.Context) {
	visitor := s.session(c.Request)
	if visitor == nil || visitor.account == 0 {
		c.Redirect(http.StatusSeeOther, "/login")
		return
	}
	var body struct {
		Entries            []bookmarks.Entry
		Bookmarks, Folders int
		scanning
	}
	var err error
	if body.Entries, err = s.accounts.bookmarks(c.Request.Context(), visitor.account); err != nil {
		s.log.Error("bookmarks could not be read", "account", visitor.account, "error", err)
		s.failure(c, http.StatusInternalServerError)
		return
	}
	body.Bookmarks, body.Folders = bookmarks.Count(body.Entries)
	body.scanning = s.scanning(c)
	s.render(c, http.StatusOK, "bookmarks", func(v *view) { v.Title, v.Body = v.BookmarksTitle, body })
}

// keepBookmarks puts an account's bookmarks in the place of those that it had.
func (a *accounts) keepBookmarks(ctx context.Context, account int64, entries []bookmarks.Entry) error {
	text, err := json.Marshal(entries)
	if err == nil {
		_, err = a.db.ExecContext(ctx, `INSERT INTO bookmarks (account, entries) VALUES ($1, $2)
			ON CONFLICT (account) DO UPDATE SET entries = excluded.entries`, account, string(text))
	}
	if err != nil {
		return fmt.Errorf("keep bookmarks: %w", err)
	}
	return nil
}

func (a *accounts) bookmarks(ctx context.Context, account int64) (entries []bookmarks.Entry, err error) {
	var text string
	err = a.db.QueryRowContext(ctx, `SELECT entries FROM bookmarks WHERE account = $1`, account).Scan(&text)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil
	}
	if err == nil {
		err = json.Unmarshal([]byte(text), &entries)
	}
	if err != nil {
		return nil, fmt.Errorf("read bookmarks: %w", err)
	}
	return entries, nil
}
