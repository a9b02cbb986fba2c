package browser

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"strings"

	"github.com/gin-gonic/gin"

	"qrlogin/provider/internal/challenge"
	"qrlogin/provider/internal/crowd"
	"qrlogin/provider/internal/handoffs"
	"qrlogin/provider/internal/identity"
	"qrlogin/provider/internal/limit"
	"qrlogin/provider/internal/web"
)

// Clients finds registered clients and their origins.
type Clients interface {
	Client(ctx context.Context, id string) (identity.Client, error)    // identity.ErrUnknownClient
	RegisteredOrigin(ctx context.Context, origin string) (bool, error) // of any client
}

// Door is the browser's door.
type Door struct {
	Issuer     string // an origin, no trailing slash
	Challenges challenge.Store
	Keys       challenge.Keys
	Handoffs   handoffs.Box
	Limits     limit.Set
	Clients    Clients
	Audit      web.Auditor
	Waiting    *crowd.Room
	Log        *slog.Logger
}

// Mount adds the door's routes.
func (d *Door) Mount(r gin.IRoutes) {
	h := func(f func(*gin.Context) error) gin.HandlerFunc { return web.Handle(f, web.Fail(d.Log)) }
	for path, methods := range map[string]map[string]func(*gin.Context) error{
		"/challenges/:id":         {http.MethodGet: d.watch, http.MethodDelete: d.cancel},
		"/challenges/:id/receipt": {http.MethodPost: d.receipt},
		"/challenges/:id/handoff": {http.MethodGet: d.handOver},
		"/challenges/:id/confirm": {http.MethodPost: d.confirm},
		"/challenges/:id/qr.svg":  {http.MethodGet: d.svg},
		"/challenges/:id/qr.png":  {http.MethodGet: d.png},
	} {
		allowed := make([]string, 0, len(methods))
		for method, handler := range methods {
			r.Handle(method, path, h(handler))
			allowed = append(allowed, method)
		}
		r.OPTIONS(path, h(d.preflight(strings.Join(allowed, ", "))))
	}
	r.GET("/widget.js", h(serveWidget))
	r.GET("/widget", h(d.tryOut))
	r.GET("/q", h(d.landTyped))
	r.GET("/q/:code", h(d.land))
}

var errWatch = web.Problem{Status: http.StatusUnauthorized, Code: "watch-invalid", Title: "The watch capability is missing or wrong"}

// capability reads the watch capability of the request. It travels in this header alone: a URL would be logged, and an
// <img> on a phisher's page would make the victim's browser present itself.
func capability(c *gin.Context) (challenge.Capability, error) {
	header := c.Request.Header.Values("Authorization")
	if len(header) != 1 {
		return challenge.Capability{}, errWatch
	}
	scheme, written, _ := strings.Cut(header[0], " ")
	watch, err := challenge.ParseCapability(written)
	if !strings.EqualFold(scheme, "Bearer") || err != nil || watch.ID.String() != c.Param("id") {
		return challenge.Capability{}, errWatch
	}
	return watch, nil
}

// admit tells whether the holder of this capability, on a page of this request's origin, may touch the challenge. A wrong
// secret and an unknown challenge look alike.
func (d *Door) admit(c *gin.Context, watch challenge.Capability, r challenge.Record) error {
	if !r.Watch.Matches(watch.Secret) {
		return errWatch
	}
	return d.allowOrigin(c, r)
}

// end admits the request and applies an event that ends the challenge; with it goes what was handed off. For the holder of the
// capability it is no error that the challenge has ended so already.
func (d *Door) end(c *gin.Context, event challenge.Event, already challenge.State) error {
	if _, err := web.Query(c); err != nil {
		return err
	}
	watch, err := capability(c)
	if err != nil {
		return d.refused(c, err)
	}
	admitted := false
	var before challenge.Record
	_, err = challenge.Do(c.Request.Context(), d.Challenges, watch.ID, func(r challenge.Record) (challenge.Event, error) {
		err := d.admit(c, watch, r)
		before, admitted = r, err == nil
		return event, err
	})
	if admitted && before.State == already {
		err = nil
	}
	if err == nil {
		err = d.forget(c, watch.ID, before)
	}
	if err != nil {
		return d.refused(c, err)
	}
	c.Status(http.StatusNoContent)
	return nil
}

func (d *Door) cancel(c *gin.Context) error  { return d.end(c, challenge.Cancel{}, 0) }
func (d *Door) receipt(c *gin.Context) error { return d.end(c, challenge.Receipt{}, challenge.Purged) }

// refused makes an error fit for the page: it may read it if its origin is a registered one, a missing challenge looks like a
// wrong capability, and the holder of the right one is told how a challenge ended.
func (d *Door) refused(c *gin.Context, err error) error {
	if errors.Is(err, challenge.ErrNotFound) {
		err = errWatch
	}
	if errors.Is(err, errWatch) {
		if known, lookup := d.registered(c); lookup == nil && known {
			allow(c)
		}
		if err := limit.Count(c.Request.Context(), d.Keys, d.Limits.Of(limit.BadWatchesPerNetwork, web.Network(c))); err != nil {
			return err
		}
		c.Header("WWW-Authenticate", `Bearer realm="qrlogin"`)
	}
	if ended, ok := errors.AsType[challenge.Error](err); ok && ended.Kind == challenge.Gone {
		p, _ := web.ProblemOf(err)
		p.Outcome = ended.Outcome.String()
		return p
	}
	return err
}
