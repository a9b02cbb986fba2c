package phone

import (
	"bytes"
	"errors"
	"image"
	"image/draw"
	"image/png"
	"io"
	"strings"
	"testing"

	"github.com/skip2/go-qrcode"
)

const frame = "http://localhost:9000/q/4F2ZC6YH3V7Q5K5SYO2MBW4JXE.0.AEBAGBAFAYDQQ"

// pictureOf is a PNG of these codes side by side.
func pictureOf(t testing.TB, texts ...string) []byte {
	t.Helper()
	g := image.NewGray(image.Rect(0, 0, 320*max(1, len(texts)), 320))
	draw.Draw(g, g.Rect, image.White, image.Point{}, draw.Src)
	for i, text := range texts {
		q, err := qrcode.New(text, qrcode.Medium)
		if err != nil {
			t.Fatal(err)
		}
		draw.Draw(g, image.Rect(320*i+10, 10, 320*i+310, 310), q.Image(300), image.Point{}, draw.Src)
	}
	var b bytes.Buffer
	if err := png.Encode(&b, g); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// How pictures are read is package picture's tests.
func TestAPictureOfOneCodeIsRead(t *testing.T) {
	for name, c := range map[string]struct {
		picture []byte
		want    error
	}{
		"one code":                   {pictureOf(t, frame), nil},
		"the same code twice":        {pictureOf(t, frame, frame), nil},
		"two different codes":        {pictureOf(t, frame, "https://evil.example/"), ErrTwoCodes},
		"none":                       {pictureOf(t), ErrNoCode},
		"text":                       {[]byte(frame), ErrNotAPicture},
		"half a picture":             {pictureOf(t, frame)[:400], ErrPictureDamaged},
		"more bytes than the limit":  {append(pictureOf(t, frame), make([]byte, maxPictureBytes)...), ErrPictureTooBig},
		"more pixels than the limit": {[]byte("\x89PNG\r\n\x1a\n\x00\x00\x00\x0dIHDR\x00\x00\x75\x30\x00\x00\x75\x30\x08\x00\x00\x00\x00\x43\x4c\xa7\x66"), ErrPictureTooBig},
	} {
		t.Run(name, func(t *testing.T) {
			text, err := ReadPicture(bytes.NewReader(c.picture))
			if !errors.Is(err, c.want) || (text == frame) != (err == nil) {
				t.Fatalf("%q, %v; want %v", text, err, c.want)
			}
		})
	}
}

func TestAnEndlessPictureIsNotReadToItsEnd(t *testing.T) {
	if _, err := ReadPicture(endless{}); !errors.Is(err, ErrPictureTooBig) {
		t.Fatal(err)
	}
}

type endless struct{}

func (endless) Read(p []byte) (int, error) { return len(p), nil }

func TestAReadersErrorIsKept(t *testing.T) {
	if _, err := ReadPicture(io.MultiReader(strings.NewReader("\x89PNG"), broken{})); !errors.Is(err, io.ErrClosedPipe) {
		t.Fatal(err)
	}
}

type broken struct{}

func (broken) Read([]byte) (int, error) { return 0, io.ErrClosedPipe }
