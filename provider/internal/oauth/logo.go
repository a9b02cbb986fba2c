package oauth

import (
	"context"
	"net/http"
	"sync"
	"time"

	"github.com/gin-gonic/gin"
	"golang.org/x/sync/singleflight"

	"qrlogin/provider/internal/fetch"
	"qrlogin/provider/internal/web"
)

// Fetcher gets what a client publishes, and never from a private address unless the operator allows it (SECURITY.md §6).
type Fetcher interface {
	Get(ctx context.Context, url string, accept ...string) (fetch.Document, error)
}

const (
	logoLife  = time.Hour
	logoRetry = 5 * time.Minute // after a failure
	logosKept = 256
)

var logoTypes = []string{"image/png", "image/jpeg", "image/webp", "image/gif", "image/svg+xml"}

// logos keeps the pictures of the sites for an hour, so that a site's server is no part of anybody's login. A zero logos is
// ready to use.
type logos struct {
	mu     sync.Mutex
	kept   map[string]logo // by URI
	flight singleflight.Group
}

type logo struct {
	fetch.Document
	until time.Time
}

// logo hands out a site's picture: the visitor's browser fetches nothing from anywhere else.
func (d *Door) logo(c *gin.Context) error {
	client, err := d.Clients.Client(c.Request.Context(), c.Param("client_id"))
	if err != nil {
		return err
	}
	if client.LogoURI == "" {
		return web.NotFound
	}
	picture := d.logos.find(client.LogoURI)
	if time.Now().After(picture.until) {
		picture = d.fetchLogo(context.WithoutCancel(c.Request.Context()), client.LogoURI)
	}
	if len(picture.Body) == 0 {
		return web.NotFound
	}
	c.Header("Cache-Control", "public, max-age=300")
	c.Header("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; sandbox") // an SVG opened by itself runs nothing
	c.Header("Cross-Origin-Resource-Policy", "same-origin")
	c.Data(http.StatusOK, picture.Type, picture.Body)
	return nil
}

// fetchLogo fetches a picture, once for all who ask for it meanwhile. While that fails, the old one is shown.
func (d *Door) fetchLogo(ctx context.Context, uri string) logo {
	picture, _, _ := d.logos.flight.Do(uri, func() (any, error) {
		document, err := d.Fetch.Get(ctx, uri, logoTypes...)
		if err != nil {
			d.Log.Warn("a logo cannot be fetched", "uri", uri, "error", err)
			old := d.logos.find(uri)
			old.until = time.Now().Add(logoRetry)
			return d.logos.keep(uri, old), nil
		}
		return d.logos.keep(uri, logo{Document: document, until: time.Now().Add(logoLife)}), nil
	})
	return picture.(logo)
}

func (s *logos) find(uri string) logo {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.kept[uri]
}

func (s *logos) keep(uri string, l logo) logo {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.kept == nil || len(s.kept) >= logosKept {
		s.kept = map[string]logo{}
	}
	s.kept[uri] = l
	return l
}
