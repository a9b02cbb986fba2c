package webphone_test

import (
	"bytes"
	"image"
	"image/color"
	"image/draw"
	"image/jpeg"
	"math"
	"math/rand/v2"
	"os"
	"testing"

	"github.com/skip2/go-qrcode"

	"qrlogin/api/picture/picturetest"
)

// film is what a camera records of a screen in so many pictures: the screen is small in it, and a hand holds the phone.
func film(t testing.TB, screens ...image.Image) {
	t.Helper()
	random := rand.New(rand.NewPCG(1, 1))
	var reels bytes.Buffer
	for n, screen := range screens {
		sway := math.Sin(float64(n))
		p := picturetest.Of(screen, random).Shot(1280, 720, 560/float64(screen.Bounds().Dy()), 7+sway, 6-2*sway, -9+sway).Gauss(.9).Noise(6)
		reels.Write(p.JPEG(t, 80))
	}
	if err := os.WriteFile(reel, reels.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
}

// nothingToSee is a screen without a code.
func nothingToSee() image.Image { return desktop(nil) }

// showing is a screen with codes, from left to right.
func showing(t testing.TB, texts ...string) image.Image {
	t.Helper()
	var codes []image.Image
	for _, text := range texts {
		code, err := qrcode.New(text, qrcode.Medium)
		if err != nil {
			t.Fatal(err)
		}
		codes = append(codes, code.Image(300))
	}
	return desktop(codes)
}

func desktop(codes []image.Image) image.Image {
	screen := image.NewRGBA(image.Rect(0, 0, 1120, 700))
	draw.Draw(screen, screen.Rect, image.NewUniform(color.RGBA{225, 230, 240, 255}), image.Point{}, draw.Src)
	for n, code := range codes {
		place := image.Pt(screen.Rect.Dx()/2+(2*n+1-len(codes))*200-150, 200)
		draw.Draw(screen, code.Bounds().Add(place), code, image.Point{}, draw.Src)
	}
	return screen
}

// asJPEG is a photo from the gallery.
func asJPEG(t testing.TB, img image.Image, quality int) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := jpeg.Encode(&b, img, &jpeg.Options{Quality: quality}); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}
