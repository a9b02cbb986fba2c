package phone

import (
	"context"
	"errors"
	"net/http"
	"runtime"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/gin-gonic/gin"

	"qrlogin/api"
	"qrlogin/api/picture"
	"qrlogin/provider/internal/challenge"
	"qrlogin/provider/internal/identity"
	"qrlogin/provider/internal/web"
)

// What pictures may cost (SECURITY.md §6): the bytes of one; how many are taken in at once; how many are read at once, in up to some
// 330 MB each; how long one waits for its turn; and how long a code is looked for.
const (
	maxPicture = 4 << 20
	maxUploads = 32
	maxReaders = 2
	turnTime   = 2 * time.Second
	searchTime = 10 * time.Second
)

var (
	errUnreadable   = refusedPicture("picture-unreadable", "This is not a picture, or it is damaged")
	errWithoutCode  = refusedPicture("picture-without-code", "There is no QR code in the picture that can be read")
	errSeveralCodes = refusedPicture("picture-with-several-codes", "There is more than one code in the picture; show one alone")
	errForeignCode  = web.Problem{Status: http.StatusNotFound, Code: "code-unknown", Title: "The code in the picture is somebody else's"}
)

func refusedPicture(code, title string) web.Problem {
	return web.Problem{Status: http.StatusUnprocessableEntity, Code: code, Title: title}
}

// picturesTaken is the media types of what can be read.
var picturesTaken = []string{"image/png", "image/jpeg", "image/webp"}

// pictures counts what is under way.
type pictures struct {
	uploads, readers chan struct{}
	searchTime       time.Duration
	accounts         *sync.Map // that have one under way: one account's phones take nobody else's turn
}

func newPictures() pictures {
	return pictures{make(chan struct{}, maxUploads), make(chan struct{}, min(runtime.GOMAXPROCS(0), maxReaders)), searchTime, new(sync.Map)}
}

// presented is the text of the code that a request brings, in words or in a picture.
func (d *Door) presented(c *gin.Context, device identity.Device) (string, error) {
	switch mediaType := web.MediaType(c); {
	case slices.Contains(picturesTaken, mediaType):
		return d.pictured(c, device)
	case mediaType != "application/json":
		return "", web.UnsupportedType.With("expected application/json, " + strings.Join(picturesTaken, ", "))
	}
	var body api.ScanRequest
	if err := web.ReadJSON(c, &body, maxBody); err != nil {
		return "", err
	}
	return body.Code, nil
}

// pictured reads a picture and returns the text of the one code of this issuer in it. Codes of others beside it do not matter:
// a desk is full of them, and only this issuer's can be claimed.
func (d *Door) pictured(c *gin.Context, device identity.Device) (string, error) {
	if _, underWay := d.pictures.accounts.LoadOrStore(device.Account, true); underWay {
		return "", web.Unavailable
	}
	defer d.pictures.accounts.Delete(device.Account)
	select {
	case d.pictures.uploads <- struct{}{}:
		defer func() { <-d.pictures.uploads }()
	default:
		return "", web.Unavailable
	}
	data, err := web.ReadBytes(c, maxPicture)
	if err != nil {
		return "", err
	}
	texts, err := d.textsIn(c.Request.Context(), data)
	switch {
	case errors.Is(err, picture.ErrTooLarge):
		return "", web.TooLarge
	case errors.Is(err, picture.ErrNotAPicture), errors.Is(err, picture.ErrDamaged):
		return "", errUnreadable
	case errors.Is(err, context.DeadlineExceeded):
		return "", errWithoutCode.With("the search took too long")
	case err != nil:
		return "", err
	}
	ours := slices.DeleteFunc(slices.Clone(texts), func(text string) bool { return !d.issued(text) })
	switch {
	case len(texts) == 0:
		return "", errWithoutCode
	case len(ours) == 0:
		return "", errForeignCode
	case len(ours) > 1:
		return "", errSeveralCodes
	}
	code, _, _ := strings.Cut(ours[0], "#") // a handoff's: for a phone that reads the code itself
	return code, nil
}

// textsIn looks for codes, until it has one of this issuer.
func (d *Door) textsIn(ctx context.Context, data []byte) ([]string, error) {
	turn := time.NewTimer(turnTime)
	defer turn.Stop()
	select {
	case d.pictures.readers <- struct{}{}:
		defer func() { <-d.pictures.readers }()
	case <-turn.C:
		return nil, web.Unavailable
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
	ctx, cancel := context.WithTimeout(ctx, d.pictures.searchTime)
	defer cancel()
	return picture.Read(ctx, data, d.issued)
}

// issued tells whether a code's text begins as this issuer's do (RFC 10027 §6.1.5).
func (d *Door) issued(text string) bool { return strings.HasPrefix(text, d.Issuer+challenge.CodePath) }
