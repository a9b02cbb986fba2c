package phone

import (
	"bytes"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"image"
	"image/color"
	"image/draw"
	"image/gif"
	"image/jpeg"
	"image/png"
	"io"
	"math/rand/v2"
	"runtime"
	"strings"
	"testing"

	"github.com/skip2/go-qrcode"
)

const frame = "http://localhost:9000/q/4F2ZC6YH3V7Q5K5SYO2MBW4JXE.0.AEBAGBAFAYDQQ"

// drawn returns a QR code of so many pixels a side, its quiet zone included.
func drawn(t testing.TB, text string, side int) *image.Gray {
	t.Helper()
	q, err := qrcode.New(text, qrcode.Medium)
	if err != nil {
		t.Fatal(err)
	}
	g := image.NewGray(image.Rect(0, 0, side, side))
	draw.Draw(g, g.Rect, q.Image(side), image.Point{}, draw.Src)
	return g
}

func asPNG(t testing.TB, img image.Image) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := png.Encode(&b, img); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func asJPEG(t testing.TB, img image.Image, quality int) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := jpeg.Encode(&b, img, &jpeg.Options{Quality: quality}); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// page puts pictures on a white page.
func page(width, height int, at map[image.Point]image.Image) *image.Gray {
	g := image.NewGray(image.Rect(0, 0, width, height))
	draw.Draw(g, g.Rect, image.White, image.Point{}, draw.Src)
	for p, img := range at {
		draw.Draw(g, img.Bounds().Add(p), img, image.Point{}, draw.Src)
	}
	return g
}

func TestACodeIsReadFrom(t *testing.T) {
	code := drawn(t, frame, 300)
	noisy := blur(code)
	random := rand.New(rand.NewPCG(1, 2))
	for i := range noisy.Pix {
		noisy.Pix[i] = byte(min(255, max(0, int(noisy.Pix[i])+random.IntN(120)-60)))
	}
	turned := image.NewGray(code.Rect)
	for y := range 300 {
		for x := range 300 {
			turned.SetGray(299-y, x, code.GrayAt(x, y))
		}
	}
	see := image.NewNRGBA(code.Rect) // dark modules on nothing at all
	for y := range 300 {
		for x := range 300 {
			if code.GrayAt(x, y).Y < 128 {
				see.Set(x, y, color.Black)
			}
		}
	}
	for name, picture := range map[string][]byte{
		"a PNG":                      asPNG(t, code),
		"a JPEG of poor quality":     asJPEG(t, code, 10),
		"a small code":               asPNG(t, drawn(t, frame, 100)),
		"a blurred and noisy code":   asJPEG(t, noisy, 50),
		"a code on its side":         asPNG(t, turned),
		"a light code on the dark":   asPNG(t, invert(code)),
		"a transparent ground":       asPNG(t, see),
		"a screenshot of a page":     asPNG(t, page(1280, 800, map[image.Point]image.Image{{700, 240}: code})),
		"a large screenshot":         asPNG(t, page(2560, 1440, map[image.Point]image.Image{{1500, 900}: drawn(t, frame, 400)})),
		"a small code on a big page": asPNG(t, page(2200, 1500, map[image.Point]image.Image{{100, 1000}: drawn(t, frame, 120)})),
		"the same code twice":        asPNG(t, page(800, 400, map[image.Point]image.Image{{20, 20}: code, {440, 60}: code})),
	} {
		t.Run(name, func(t *testing.T) {
			text, err := ReadPicture(bytes.NewReader(picture))
			if err != nil {
				t.Fatal(err)
			}
			if text != frame {
				t.Fatalf("read %q", text)
			}
		})
	}
}

// header is a PNG that says it is so large, with so little behind it.
func header(width, height uint32) []byte {
	b := []byte("\x89PNG\r\n\x1a\n\x00\x00\x00\x0d")
	chunk := binary.BigEndian.AppendUint32([]byte("IHDR"), width)
	chunk = binary.BigEndian.AppendUint32(chunk, height)
	chunk = append(chunk, 8, 0, 0, 0, 0)
	b = append(b, chunk...)
	return binary.BigEndian.AppendUint32(b, crc32.ChecksumIEEE(chunk))
}

func TestAPictureIsRefusedWhenItIs(t *testing.T) {
	code := asPNG(t, drawn(t, frame, 300))
	var animated bytes.Buffer
	if err := gif.Encode(&animated, drawn(t, frame, 300), nil); err != nil {
		t.Fatal(err)
	}
	two := page(800, 400, map[image.Point]image.Image{{20, 20}: drawn(t, frame, 300), {440, 60}: drawn(t, "https://evil.example/", 300)})
	for name, c := range map[string]struct {
		picture []byte
		want    error
	}{
		"empty":                      {nil, ErrNotAPicture},
		"text":                       {[]byte(frame), ErrNotAPicture},
		"a GIF":                      {animated.Bytes(), ErrNotAPicture},
		"a truncated PNG":            {code[:len(code)/2], ErrPictureDamaged},
		"a PNG signature alone":      {code[:8], ErrPictureDamaged},
		"a truncated JPEG":           {asJPEG(t, drawn(t, frame, 300), 80)[:2000], ErrPictureDamaged},
		"a JPEG marker alone":        {[]byte("\xff\xd8\xff"), ErrPictureDamaged},
		"wide beyond counting":       {header(1<<31-1, 1<<31-1), ErrPictureDamaged},
		"of no height":               {header(100, 0), ErrPictureDamaged},
		"one line beyond the limit":  {header(4000, 4001), ErrPictureTooBig},
		"more bytes than the limit":  {append(code, make([]byte, maxPictureBytes)...), ErrPictureTooBig},
		"white":                      {asPNG(t, page(300, 300, nil)), ErrNoCode},
		"one pixel":                  {asPNG(t, page(1, 1, nil)), ErrNoCode},
		"two different codes":        {asPNG(t, two), ErrTwoCodes},
		"a code with a corner gone":  {asPNG(t, page(300, 300, map[image.Point]image.Image{{0, -150}: drawn(t, frame, 300)})), ErrNoCode},
		"full of marks of no code":   {asPNG(t, marks(900, 900, 9)), ErrNoCode},
		"striped like a code's mark": {asPNG(t, stripes(500, 500)), ErrNoCode},
	} {
		t.Run(name, func(t *testing.T) {
			text, err := ReadPicture(bytes.NewReader(c.picture))
			if !errors.Is(err, c.want) {
				t.Fatalf("%q, %v; want %v", text, err, c.want)
			}
		})
	}
}

// marks is full of the squares that stand in a code's corners: every three of them might be a code.
func marks(width, height, step int) *image.Gray {
	g := page(width, height, nil)
	for y := 0; y+7 <= height; y += step {
		for x := 0; x+7 <= width; x += step {
			for i := range 49 {
				dx, dy := i%7-3, i/7-3
				if ring := max(dx, -dx, dy, -dy); ring != 2 {
					g.SetGray(x+dx+3, y+dy+3, color.Gray{})
				}
			}
		}
	}
	return g
}

// stripes has the 1:1:3:1:1 of a mark in every line.
func stripes(width, height int) *image.Gray {
	g := page(width, height, nil)
	for y := range height {
		for x := range width {
			if strings.ContainsRune("02346", rune('0'+x%9)) {
				g.SetGray(x, y, color.Gray{})
			}
		}
	}
	return g
}

// SECURITY.md §6: 900 million pixels in a hundred kilobytes must cost no memory.
func TestAHugePictureCostsNoMemory(t *testing.T) {
	bomb := append(header(30_000, 30_000), make([]byte, 100<<10)...)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	_, err := ReadPicture(bytes.NewReader(bomb))
	runtime.ReadMemStats(&after)
	if !errors.Is(err, ErrPictureTooBig) {
		t.Fatal(err)
	}
	if used := after.TotalAlloc - before.TotalAlloc; used > 4<<20 {
		t.Fatalf("allocated %d bytes", used)
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

// Whatever the bytes, ReadPicture returns a text or one of its errors.
func FuzzReadPicture(f *testing.F) {
	code := drawn(f, "A", 60)
	f.Add(asPNG(f, code))
	f.Add(asJPEG(f, code, 30))
	f.Add(header(30_000, 30_000))
	f.Add([]byte(frame))
	f.Fuzz(func(t *testing.T, data []byte) {
		text, err := ReadPicture(bytes.NewReader(data))
		if (text == "") == (err == nil) {
			t.Fatalf("%q with %v", text, err)
		}
		for _, known := range []error{nil, ErrNotAPicture, ErrPictureTooBig, ErrPictureDamaged, ErrNoCode, ErrTwoCodes} {
			if errors.Is(err, known) {
				return
			}
		}
		t.Fatalf("an error of its own: %v", err)
	})
}
