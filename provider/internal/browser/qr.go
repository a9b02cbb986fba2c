package browser

import (
	"net/http"
	"strconv"

	"github.com/gin-gonic/gin"

	"qrlogin/provider/internal/challenge"
	"qrlogin/provider/internal/qr"
	"qrlogin/provider/internal/web"
)

// The pictures are for a site's backend, or for one who looks once: the widget draws its own, so that drawing stays off the
// hot path.

func (d *Door) svg(c *gin.Context) error {
	if _, err := web.Query(c); err != nil {
		return err
	}
	text, err := d.shown(c)
	if err != nil {
		return err
	}
	picture, err := qr.SVG(text)
	if err != nil {
		return err
	}
	c.Data(http.StatusOK, "image/svg+xml", picture)
	return nil
}

func (d *Door) png(c *gin.Context) error {
	query, err := web.Query(c, "size")
	if err != nil {
		return err
	}
	size := 384
	if asked := query.Get("size"); asked != "" {
		if size, err = strconv.Atoi(asked); err != nil || size < 128 || size > 1024 {
			return web.BadRequest.With("size is 128 to 1024")
		}
	}
	text, err := d.shown(c)
	if err != nil {
		return err
	}
	picture, err := qr.PNG(text, size)
	if err != nil {
		return err
	}
	c.Data(http.StatusOK, "image/png", picture)
	return nil
}

// shown is what the QR code of this moment says. Who fetches it is no browser in front of a person: it presents nobody.
func (d *Door) shown(c *gin.Context) (string, error) {
	watch, err := capability(c)
	if err != nil {
		return "", d.refused(c, err)
	}
	r, err := d.Challenges.Get(c.Request.Context(), watch.ID)
	if err == nil {
		err = d.admit(c, watch, r)
	}
	if err == nil {
		err = r.Err()
	}
	if err != nil {
		return "", d.refused(c, err)
	}
	frames := r.Frames(r.Now, 1)
	if len(frames) == 0 {
		return "", challenge.ErrWrongState
	}
	fragment, err := fragment(r)
	if err != nil {
		return "", err
	}
	c.Header("Cache-Control", "no-store")
	return frames[0].Code.Link(d.Issuer) + fragment, nil
}
