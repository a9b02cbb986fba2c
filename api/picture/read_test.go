package picture

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"image"
	"image/color"
	"image/draw"
	"image/gif"
	"image/jpeg"
	"image/png"
	"runtime"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/skip2/go-qrcode"

	"qrlogin/api/picture/picturetest"
)

const frame = "http://localhost:9000/q/4F2ZC6YH3V7Q5K5SYO2MBW4JXE.0.AEBAGBAFAYDQQ"

func anything(string) bool { return true }

// drawn is a QR code of so many pixels a side, its quiet zone included; -1 is one pixel a module.
func drawn(t testing.TB, text string, side int) *image.Gray {
	t.Helper()
	q, err := qrcode.New(text, qrcode.Medium)
	if err != nil {
		t.Fatal(err)
	}
	img := q.Image(side)
	g := image.NewGray(img.Bounds())
	draw.Draw(g, g.Rect, img, image.Point{}, draw.Src)
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

// Of a hundred photographs of a screen, 95 are read, and none is read wrong.
func TestPhotographsOfAScreenAreRead(t *testing.T) {
	const each = 10
	good := make([]atomic.Int64, len(picturetest.Damages))
	t.Run("kinds", func(t *testing.T) {
		for kind := range picturetest.Damages {
			t.Run(picturetest.Damages[kind].Kind, func(t *testing.T) {
				t.Parallel()
				for number := range each {
					data, text := picturetest.Damaged(t, kind, number, each)
					texts, err := Read(t.Context(), data, anything)
					if err != nil || len(texts) > 0 && !slices.Equal(texts, []string{text}) {
						t.Fatalf("number %d: %q, %v; want %q", number, texts, err, text)
					}
					good[kind].Add(int64(len(texts)))
				}
			})
		}
	})
	total := int64(0)
	for kind := range picturetest.Damages {
		t.Logf("%-14s %d of %d", picturetest.Damages[kind].Kind, good[kind].Load(), each)
		total += good[kind].Load()
	}
	t.Logf("%-14s %d of %d", "all", total, each*len(picturetest.Damages))
	if int(total)*100 < 95*each*len(picturetest.Damages) {
		t.Error("fewer than 95 of 100")
	}
}

func TestACodeIsReadFrom(t *testing.T) {
	t.Parallel()
	code := drawn(t, frame, 300)
	transparent := image.NewNRGBA(code.Rect) // dark modules on nothing at all
	deep := image.NewNRGBA64(code.Rect)
	for y := range 300 {
		for x := range 300 {
			deep.Set(x, y, code.At(x, y))
			if code.GrayAt(x, y).Y < 128 {
				transparent.Set(x, y, color.Black)
			}
		}
	}
	mirrored := image.NewGray(code.Rect)
	for y := range 300 {
		for x := range 300 {
			mirrored.SetGray(299-x, y, code.GrayAt(x, y))
		}
	}
	noQuiet := code.SubImage(image.Rect(27, 27, 273, 273))
	for name, picture := range map[string][]byte{
		"a PNG":                      asPNG(t, code),
		"a PNG of 16 bits":           asPNG(t, deep),
		"a JPEG of poor quality":     asJPEG(t, code, 10),
		"a WebP":                     asWebP(code),
		"a small code":               asPNG(t, drawn(t, frame, 100)),
		"the smallest code":          asPNG(t, drawn(t, frame, -1)),
		"a mirror":                   asPNG(t, mirrored),
		"no quiet zone":              asPNG(t, noQuiet),
		"a light code on the dark":   asPNG(t, invert(code)),
		"a transparent ground":       asPNG(t, transparent),
		"a screenshot of a page":     asPNG(t, page(1280, 800, map[image.Point]image.Image{{700, 240}: code})),
		"a large screenshot":         asPNG(t, page(2560, 1440, map[image.Point]image.Image{{1500, 900}: drawn(t, frame, 400)})),
		"a small code on a big page": asPNG(t, page(2200, 1500, map[image.Point]image.Image{{100, 1000}: drawn(t, frame, 120)})),
		"the same code twice":        asPNG(t, page(800, 400, map[image.Point]image.Image{{20, 20}: code, {440, 60}: code})),
		"a polyglot":                 slices.Concat(asPNG(t, code), []byte("<html><script>alert(1)</script>")),
	} {
		t.Run(name, func(t *testing.T) {
			texts, err := Read(t.Context(), picture, anything)
			if err != nil || !slices.Equal(texts, []string{frame}) {
				t.Fatalf("%q, %v", texts, err)
			}
		})
	}
}

// asWebP writes a lossless WebP of black and white, with one bit a channel and no compression (RFC 9649 §3).
func asWebP(g *image.Gray) []byte {
	var bits []byte
	n := 0
	write := func(value uint32, length int) {
		for i := range length {
			if n%8 == 0 {
				bits = append(bits, 0)
			}
			bits[n/8] |= byte(value>>i&1) << (n % 8)
			n++
		}
	}
	write(0x2f, 8)
	write(uint32(g.Rect.Dx()-1), 14)
	write(uint32(g.Rect.Dy()-1), 14)
	write(0, 1+3+1+1+1)                                                            // no alpha, version 0, no transform, no colour cache, one group of prefix codes
	for _, symbols := range [][]uint32{{0, 255}, {0, 255}, {0, 255}, {255}, {0}} { // green, red, blue, alpha, distance
		write(1, 1) // a simple code
		write(uint32(len(symbols)-1), 1)
		write(1, 1) // of eight bits
		for _, symbol := range symbols {
			write(symbol, 8)
		}
	}
	for _, v := range g.Pix {
		write(uint32(v>>7)*7, 3)
	}
	riff := func(name string, data []byte) []byte {
		if len(data)%2 == 1 {
			data = append(data, 0)
		}
		return slices.Concat([]byte(name), binary.LittleEndian.AppendUint32(nil, uint32(len(data))), data)
	}
	return riff("RIFF", slices.Concat([]byte("WEBP"), riff("VP8L", bits)))
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

// scans is a progressive JPEG whose scans go over all pixels and say nothing of them, each in some forty bytes (ITU T.81, B.2).
func scans(width, height, n int) []byte {
	b := []byte("\xff\xd8\xff\xc2\x00\x0b\x08")
	b = append(b, byte(height>>8), byte(height), byte(width>>8), byte(width))
	b = append(b, "\x01\x01\x11\x00"...) // one component
	b = append(b, "\xff\xdb\x00\x43\x00"+strings.Repeat("\x01", 64)...)
	b = append(b, "\xff\xc4\x00\x15\x10\x01\x01"+strings.Repeat("\x00", 14)+"\xe0\x00"...) // codes 0 and 10: the band ends, for 2^14 blocks and for one
	for range n {
		b = append(b, "\xff\xda\x00\x08\x01\x01\x00\x01\x3f\x00"...)
		b = append(b, make([]byte, (width*height/64>>14+1)*15/8+2)...)
	}
	return b
}

func TestAPictureIsRefusedWhenItIs(t *testing.T) {
	t.Parallel()
	code := asPNG(t, drawn(t, frame, 300))
	var animated bytes.Buffer
	if err := gif.Encode(&animated, drawn(t, frame, 300), nil); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		picture []byte
		want    error
	}{
		"empty":                      {nil, ErrNotAPicture},
		"text":                       {[]byte(frame), ErrNotAPicture},
		"a page":                     {[]byte("<!doctype html>"), ErrNotAPicture},
		"a GIF":                      {animated.Bytes(), ErrNotAPicture},
		"a sound":                    {[]byte("RIFF\x24\x00\x00\x00WAVEfmt "), ErrNotAPicture},
		"a truncated PNG":            {code[:len(code)/2], ErrDamaged},
		"a PNG signature alone":      {code[:8], ErrDamaged},
		"a truncated JPEG":           {asJPEG(t, drawn(t, frame, 300), 80)[:2000], ErrDamaged},
		"a JPEG marker alone":        {[]byte("\xff\xd8\xff"), ErrDamaged},
		"a truncated WebP":           {asWebP(drawn(t, frame, 300))[:2000], ErrDamaged},
		"a WebP signature alone":     {[]byte("RIFF\x04\x00\x00\x00WEBP"), ErrDamaged},
		"wide beyond counting":       {header(1<<31-1, 1<<31-1), ErrDamaged},
		"of no height":               {header(100, 0), ErrDamaged},
		"one line beyond the limit":  {header(4000, 4001), ErrTooLarge},
		"a WebP beyond the limit":    {asWebP(&image.Gray{Rect: image.Rect(0, 0, 16384, 16384)}), ErrTooLarge},
		"a JPEG that keeps too much": {scans(4000, 3600, 1), ErrTooLarge},
		"a JPEG that has no pixels":  {scans(400, 300, 0), ErrDamaged},
	} {
		t.Run(name, func(t *testing.T) {
			texts, err := Read(t.Context(), c.picture, anything)
			if !errors.Is(err, c.want) || len(texts) > 0 {
				t.Fatalf("%q, %v; want %v", texts, err, c.want)
			}
		})
	}
}

func TestNothingIsFoundIn(t *testing.T) {
	t.Parallel()
	for name, picture := range map[string]*image.Gray{
		"white":                      page(300, 300, nil),
		"one pixel":                  page(1, 1, nil),
		"a line":                     page(16_000_000, 1, nil),
		"a strip":                    page(700_000, 22, nil),
		"a code with a corner gone":  page(300, 300, map[image.Point]image.Image{{0, -150}: drawn(t, frame, 300)}),
		"full of marks of no code":   cornerMarks(900, 900, 9),
		"striped like a code's mark": stripes(500, 500),
	} {
		t.Run(name, func(t *testing.T) {
			if texts, err := Read(t.Context(), asPNG(t, picture), anything); err != nil || len(texts) > 0 {
				t.Fatalf("%q, %v", texts, err)
			}
		})
	}
}

// cornerMarks is full of the squares that stand in a code's corners: every three of them might be a code.
func cornerMarks(width, height, step int) *image.Gray {
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

func TestAllCodesOfAPictureAreFound(t *testing.T) {
	t.Parallel()
	other := "https://other.example/q/A"
	both := asPNG(t, page(800, 400, map[image.Point]image.Image{{20, 20}: drawn(t, frame, 300), {440, 60}: drawn(t, other, 300)}))
	texts, err := Read(t.Context(), both, anything)
	if slices.Sort(texts); err != nil || !slices.Equal(texts, []string{frame, other}) {
		t.Fatalf("%q, %v", texts, err)
	}
}

// A code that is easily read does not hide the one that is wanted.
func TestTheSearchGoesOnUntilATextIsEnough(t *testing.T) {
	t.Parallel()
	other := "https://other.example/q/A"
	dark := invert(drawn(t, frame, 300))
	both := asPNG(t, page(800, 400, map[image.Point]image.Image{{20, 20}: dark, {440, 60}: drawn(t, other, 300)}))
	texts, err := Read(t.Context(), both, func(text string) bool { return text == frame })
	if err != nil || !slices.Equal(texts, []string{other, frame}) {
		t.Fatalf("%q, %v", texts, err)
	}
}

// SECURITY.md §6: 900 million pixels in a hundred kilobytes must cost no memory.
func TestAHugePictureCostsNoMemory(t *testing.T) {
	bomb := append(header(30_000, 30_000), make([]byte, 100<<10)...)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	_, err := Read(t.Context(), bomb, anything)
	runtime.ReadMemStats(&after)
	if !errors.Is(err, ErrTooLarge) {
		t.Fatal(err)
	}
	if used := after.TotalAlloc - before.TotalAlloc; used > 1<<20 {
		t.Fatalf("allocated %d bytes", used)
	}
}

// ending is a context that ends when it has been looked at so many times.
type ending struct {
	context.Context
	looks int
}

func (e *ending) Err() error {
	if e.looks--; e.looks < 0 {
		return context.DeadlineExceeded
	}
	return nil
}

func TestTheContextEndsTheSearch(t *testing.T) {
	t.Parallel()
	for name, picture := range map[string][]byte{
		"for pixels": scans(1000, 750, 3000),
		"for marks":  asPNG(t, cornerMarks(900, 900, 9)),
		"for a code": asPNG(t, page(300, 300, nil)),
	} {
		t.Run(name, func(t *testing.T) {
			if texts, err := Read(&ending{t.Context(), 10}, picture, anything); !errors.Is(err, context.DeadlineExceeded) || len(texts) > 0 {
				t.Fatalf("%q, %v", texts, err)
			}
		})
	}
}

// Whatever the bytes, Read returns texts or one of its errors, in bounded time.
func FuzzRead(f *testing.F) {
	code := drawn(f, "A", 60)
	for _, seed := range [][]byte{
		asPNG(f, code), asJPEG(f, code, 30), asWebP(code), header(30_000, 30_000), scans(64, 64, 2), []byte(frame), asPNG(f, cornerMarks(90, 90, 9)),
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		texts, err := Read(&ending{t.Context(), 500}, data, anything)
		if len(texts) > maxTexts {
			t.Fatalf("%d texts", len(texts))
		}
		for _, known := range []error{nil, ErrNotAPicture, ErrTooLarge, ErrDamaged, context.DeadlineExceeded} {
			if errors.Is(err, known) {
				return
			}
		}
		t.Fatalf("an error of its own: %v", err)
	})
}

// What a picture costs: of the photographs above one after the other, and the worst that there are.
func BenchmarkRead(b *testing.B) {
	var photographs [][]byte
	for kind := range picturetest.Damages {
		data, _ := picturetest.Damaged(b, kind, 5, 10)
		photographs = append(photographs, data)
	}
	for name, pictures := range map[string][][]byte{
		"photographs":          photographs,
		"screenshot":           {asPNG(b, page(1280, 800, map[image.Point]image.Image{{700, 240}: drawn(b, frame, 300)}))},
		"white, 16 megapixels": {asPNG(b, page(4000, 4000, nil))},
		"marks, 4 megapixels":  {asPNG(b, cornerMarks(2000, 2000, 9))},
		"photograph, 12 megapixels": {
			asJPEG(b, page(4000, 3000, map[image.Point]image.Image{{1500, 900}: drawn(b, frame, 900)}), 85),
		},
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				if _, err := Read(b.Context(), pictures[i%len(pictures)], anything); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
