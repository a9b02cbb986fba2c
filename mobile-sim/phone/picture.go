package phone

import (
	"bytes"
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/draw"
	"image/jpeg"
	"image/png"
	"io"
)

const (
	maxPictureBytes  = 8 << 20
	maxPicturePixels = 16_000_000
	workingSide      = 2000 // pixels; a larger picture is read at a fraction of its size first
)

// What ReadPicture finds wrong with a picture.
var (
	ErrNotAPicture    = errors.New("this is not a PNG or JPEG picture")
	ErrPictureTooBig  = fmt.Errorf("the picture is larger than %d MB or %d megapixels", maxPictureBytes>>20, maxPicturePixels/1_000_000)
	ErrPictureDamaged = errors.New("the picture is damaged")
	ErrNoCode         = errors.New("there is no QR code in the picture, or it is too small or blurred to read")
	ErrTwoCodes       = errors.New("there is more than one QR code in the picture; show one alone")
)

// ReadPicture returns the text of the one QR code in a PNG or JPEG picture of at most 8 MB and 16 megapixels. Its errors
// are those above, or the reader's. Opening or fetching what the text names is never its business.
func ReadPicture(r io.Reader) (text string, err error) {
	data, err := io.ReadAll(io.LimitReader(r, maxPictureBytes+1))
	if err != nil {
		return "", fmt.Errorf("read the picture: %w", err)
	}
	if len(data) > maxPictureBytes {
		return "", ErrPictureTooBig
	}
	gray, err := decodePicture(data)
	if err != nil {
		return "", err
	}
	return readCode(gray)
}

// decodePicture turns a picture into shades of grey on white. The size is read before the pixels: a small file can
// unfold to gigabytes.
func decodePicture(data []byte) (gray *image.Gray, err error) {
	// The formats are named here, not taken from image's registry: what else a program has imported must not matter.
	config, decode := png.DecodeConfig, png.Decode
	switch {
	case bytes.HasPrefix(data, []byte("\x89PNG\r\n\x1a\n")):
	case bytes.HasPrefix(data, []byte("\xff\xd8\xff")):
		config, decode = jpeg.DecodeConfig, jpeg.Decode
	default:
		return nil, ErrNotAPicture
	}
	c, err := config(bytes.NewReader(data))
	if err != nil || c.Width <= 0 || c.Height <= 0 {
		return nil, ErrPictureDamaged
	}
	if c.Width > maxPicturePixels || c.Height > maxPicturePixels/c.Width {
		return nil, ErrPictureTooBig
	}
	img, err := decode(bytes.NewReader(data))
	if err != nil {
		return nil, ErrPictureDamaged
	}
	gray = image.NewGray(image.Rect(0, 0, c.Width, c.Height))
	draw.Draw(gray, gray.Rect, image.NewUniform(color.White), image.Point{}, draw.Src)
	draw.Draw(gray, gray.Rect, img, img.Bounds().Min, draw.Over)
	return gray, nil
}

// shrink averages squares of n by n pixels.
func shrink(g *image.Gray, n int) *image.Gray {
	small := image.NewGray(image.Rect(0, 0, g.Rect.Dx()/n, g.Rect.Dy()/n))
	for y := range small.Rect.Dy() {
		for x := range small.Rect.Dx() {
			sum := 0
			for dy := range n {
				row := (y*n+dy)*g.Stride + x*n
				for _, v := range g.Pix[row : row+n] {
					sum += int(v)
				}
			}
			small.Pix[y*small.Stride+x] = byte(sum / (n * n))
		}
	}
	return small
}

// invert makes a light code on a dark ground readable.
func invert(g *image.Gray) *image.Gray {
	out := image.NewGray(g.Rect)
	for i, v := range g.Pix {
		out.Pix[i] = 255 - v
	}
	return out
}

// blur averages each pixel with its neighbours, against noise and the seams of a compressed photograph.
func blur(g *image.Gray) *image.Gray {
	out := image.NewGray(g.Rect)
	copy(out.Pix, g.Pix)
	for y := 1; y < g.Rect.Dy()-1; y++ {
		for x := 1; x < g.Rect.Dx()-1; x++ {
			sum := 0
			for row := (y-1)*g.Stride + x; row <= (y+1)*g.Stride+x; row += g.Stride {
				sum += int(g.Pix[row-1]) + int(g.Pix[row]) + int(g.Pix[row+1])
			}
			out.Pix[y*out.Stride+x] = byte(sum / 9)
		}
	}
	return out
}
