package picture

import (
	"bytes"
	"context"
	"errors"
	"image"
	"image/color"
	"image/jpeg"
	"image/png"
	"io"

	"golang.org/x/image/webp"
)

// MaxPixels is how many pixels a picture may have.
const MaxPixels = 16_000_000

// maxUnfolded bounds the memory for a picture's pixels: 16 megapixels of everything but progressive JPEGs, of which it is 13.
const maxUnfolded = 200 << 20

// What Read finds wrong with a picture.
var (
	ErrNotAPicture = errors.New("this is not a PNG, JPEG or WebP picture")
	ErrTooLarge    = errors.New("the picture has too many pixels")
	ErrDamaged     = errors.New("the picture is damaged")
)

// Read returns the different texts of the QR codes in a PNG, JPEG or WebP picture, none when there is no code that can be read.
// It looks more and more patiently, until a text is found that enough takes. Of the errors above, one says what is wrong with
// the picture; the context's error says that it ended the search.
func Read(ctx context.Context, data []byte, enough func(text string) bool) ([]string, error) {
	grey, err := unfold(ctx, data)
	if err != nil {
		return nil, err
	}
	s := search{ctx: ctx, enough: enough}
	return s.in(grey)
}

// unfold turns a file into shades of grey on white. The size is read before the pixels: a small file can unfold to gigabytes.
func unfold(ctx context.Context, data []byte) (*image.Gray, error) {
	// The formats are named here, not taken from image's registry: what else a program has imported must not matter.
	var config func(io.Reader) (image.Config, error)
	var decode func(io.Reader) (image.Image, error)
	each := 12 // bytes a pixel: PNG's 16 bits a channel, and half as much for the passes of an interlaced one
	switch {
	case bytes.HasPrefix(data, []byte("\x89PNG\r\n\x1a\n")):
		config, decode = png.DecodeConfig, png.Decode
	case bytes.HasPrefix(data, []byte("\xff\xd8\xff")):
		config, decode = jpeg.DecodeConfig, jpeg.Decode
	case len(data) >= 12 && string(data[:4]) == "RIFF" && string(data[8:12]) == "WEBP":
		config, decode = webp.DecodeConfig, webp.Decode
	default:
		return nil, ErrNotAPicture
	}
	c, err := config(bytes.NewReader(data))
	if err != nil || c.Width <= 0 || c.Height <= 0 {
		return nil, ErrDamaged
	}
	if c.Width > MaxPixels || c.Height > MaxPixels/c.Width {
		return nil, ErrTooLarge
	}
	if progressive(data) { // all of its coefficients are kept until the end, each in four bytes
		each = 24
		if c.ColorModel == color.YCbCrModel || c.ColorModel == color.GrayModel {
			each = 15
		}
	}
	if c.Width*c.Height*each > maxUnfolded {
		return nil, ErrTooLarge
	}
	img, err := decode(&patient{ctx, bytes.NewReader(data)})
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	if err != nil {
		return nil, ErrDamaged
	}
	return greyOf(img), nil
}

// patient ends a picture that takes too long: a progressive JPEG may go over all of its pixels a hundred thousand times.
type patient struct {
	ctx context.Context
	r   io.Reader
}

func (p *patient) Read(b []byte) (int, error) {
	if p.ctx.Err() != nil {
		return 0, p.ctx.Err()
	}
	return p.r.Read(b[:min(len(b), 512)]) // some ten of those passes
}

// progressive tells whether this is a JPEG whose pixels come in several passes (ITU T.81, B.1: SOF2 among the segments that
// stand before the first scan).
func progressive(data []byte) bool {
	for i := 2; i+4 <= len(data) && data[i] == 0xff; {
		switch data[i+1] {
		case 0xff: // a fill byte
			i++
		case 0xc2:
			return true
		case 0xda:
			return false
		default:
			i += 2 + int(data[i+2])<<8 + int(data[i+3])
		}
	}
	return false
}
