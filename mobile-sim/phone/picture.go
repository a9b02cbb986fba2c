package phone

import (
	"context"
	"errors"
	"fmt"
	"io"

	"qrlogin/api/picture"
)

const (
	maxPictureBytes = 8 << 20
	maxUpload       = 4 << 20 // bytes; openapi.yaml, POST /phone/scans
)

// ErrUploadTooBig says that a picture is larger than the provider takes. Nothing was sent.
var ErrUploadTooBig = fmt.Errorf("the picture is larger than %d MB", maxUpload>>20)

// What ReadPicture finds wrong with a picture.
var (
	ErrNotAPicture    = picture.ErrNotAPicture
	ErrPictureTooBig  = fmt.Errorf("the picture is larger than %d MB or %d megapixels", maxPictureBytes>>20, picture.MaxPixels/1_000_000)
	ErrPictureDamaged = picture.ErrDamaged
	ErrNoCode         = errors.New("there is no QR code in the picture, or it is too small or blurred to read")
	ErrTwoCodes       = errors.New("there is more than one QR code in the picture; show one alone")
)

// ReadPicture returns the text of the one QR code in a PNG, JPEG or WebP picture of at most 8 MB and 16 megapixels. Its errors
// are those above, or the reader's. Opening or fetching what the text names is never its business.
func ReadPicture(r io.Reader) (text string, err error) {
	data, err := io.ReadAll(io.LimitReader(r, maxPictureBytes+1))
	if err != nil {
		return "", fmt.Errorf("read the picture: %w", err)
	}
	if len(data) > maxPictureBytes {
		return "", ErrPictureTooBig
	}
	texts, err := picture.Read(context.Background(), data, func(string) bool { return true })
	switch {
	case errors.Is(err, picture.ErrTooLarge):
		return "", ErrPictureTooBig
	case err != nil:
		return "", err
	case len(texts) == 0:
		return "", ErrNoCode
	case len(texts) > 1:
		return "", ErrTwoCodes
	}
	return texts[0], nil
}
