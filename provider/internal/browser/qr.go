package browser

import (
	"bytes"
	"fmt"
	"net/http"
	"strconv"

	"github.com/gin-gonic/gin"
	"github.com/skip2/go-qrcode"

	"qrlogin/provider/internal/challenge"
	"qrlogin/provider/internal/web"
)

// The pictures are for a site's backend, or for one who looks once: the widget draws its own, so that drawing stays off the
// hot path.

func (d *Door) svg(c *gin.Context) error {
	if _, err := web.Query(c); err != nil {
		return err
	}
	code, err := d.picture(c)
	if err != nil {
		return err
	}
	c.Data(http.StatusOK, "image/svg+xml", drawSVG(code.Bitmap()))
	return nil
}

func (d *Door) png(c *gin.Context) error {
	query, err := web.Query(c, "size")
	if err != nil {
		return err
	}
	size := 384
	if text := query.Get("size"); text != "" {
		if size, err = strconv.Atoi(text); err != nil || size < 128 || size > 1024 {
			return web.BadRequest.With("size is 128 to 1024")
		}
	}
	code, err := d.picture(c)
	if err != nil {
		return err
	}
	picture, err := code.PNG(size)
	if err != nil {
		return err
	}
	c.Data(http.StatusOK, "image/png", picture)
	return nil
}

// picture makes the QR code of this moment. Who fetches it is no browser in front of a person: it presents nobody.
func (d *Door) picture(c *gin.Context) (*qrcode.QRCode, error) {
	watch, err := capability(c)
	if err != nil {
		return nil, d.refused(c, err)
	}
	r, err := d.Challenges.Get(c.Request.Context(), watch.ID)
	if err == nil {
		err = d.admit(c, watch, r)
	}
	if err == nil {
		err = r.Err()
	}
	if err != nil {
		return nil, d.refused(c, err)
	}
	frames := r.Frames(r.Now, 1)
	if len(frames) == 0 {
		return nil, challenge.ErrWrongState
	}
	c.Header("Cache-Control", "no-store")
	return qrcode.New(d.Issuer+"/q/"+frames[0].Code.String(), qrcode.Medium)
}

// drawSVG draws dark modules as one path of horizontal runs, on a white ground whatever the page's colours. The bitmap has
// its quiet zone.
func drawSVG(bitmap [][]bool) []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" shape-rendering="crispEdges">`, len(bitmap), len(bitmap))
	b.WriteString(`<rect width="100%" height="100%" fill="#fff"/><path d="`)
	for y, row := range bitmap {
		for x := 0; x < len(row); x++ {
			run := 0
			for x+run < len(row) && row[x+run] {
				run++
			}
			if run > 0 {
				fmt.Fprintf(&b, "M%d %dh%dv1h-%dz", x, y, run, run)
				x += run
			}
		}
	}
	b.WriteString(`"/></svg>`)
	return b.Bytes()
}
