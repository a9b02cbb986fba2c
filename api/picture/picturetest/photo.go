package picturetest

import (
	"bytes"
	"fmt"
	"image"
	"image/jpeg"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/skip2/go-qrcode"
)

// photo is what a hand-held phone sees of a screen: shades of grey, 0 to 255, on a canvas of its own size.
type photo struct {
	w, h   int
	pix    []float64
	side   float64 // of a code's module, in pixels
	random *rand.Rand
}

func newPhoto(w, h int, random *rand.Rand) *photo {
	return &photo{w: w, h: h, pix: make([]float64, w*h), random: random}
}

func (p *photo) each(f func(x, y int, v float64) float64) *photo {
	for y := range p.h {
		for x := range p.w {
			p.pix[y*p.w+x] = f(x, y, p.pix[y*p.w+x])
		}
	}
	return p
}

// at is a pixel, or the nearest one.
func (p *photo) at(x, y int) float64 {
	return p.pix[min(max(y, 0), p.h-1)*p.w+min(max(x, 0), p.w-1)]
}

// between is what a lens sees between pixels.
func (p *photo) between(x, y float64) float64 {
	fx, fy := math.Floor(x), math.Floor(y)
	ix, iy, dx, dy := int(fx), int(fy), x-fx, y-fy
	return (p.at(ix, iy)*(1-dx)+p.at(ix+1, iy)*dx)*(1-dy) + (p.at(ix, iy+1)*(1-dx)+p.at(ix+1, iy+1)*dx)*dy
}

// uniform is a number between a and b.
func (p *photo) uniform(a, b float64) float64 { return a + (b-a)*p.random.Float64() }

// jpeg is the file that the phone keeps.
func (p *photo) jpeg(t testing.TB, quality int) []byte {
	t.Helper()
	g := image.NewGray(image.Rect(0, 0, p.w, p.h))
	for i, v := range p.pix {
		g.Pix[i] = byte(min(255, max(0, math.Round(v))))
	}
	var b bytes.Buffer
	if err := jpeg.Encode(&b, g, &jpeg.Options{Quality: quality}); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// screen is a page that shows a code, drawn at 8 pixels a module, with words around it; its paper is light.
func screen(t testing.TB, text string, random *rand.Rand) *photo {
	t.Helper()
	code, err := qrcode.New(text, qrcode.Medium)
	if err != nil {
		t.Fatal(err)
	}
	bitmap := code.Bitmap()
	const module = 8
	side := len(bitmap) * module
	p := newPhoto(side*2, side*2, random)
	p.side = module
	p.each(func(x, y int, _ float64) float64 {
		if cx, cy := x-side/2, y-side/2; cx >= 0 && cy >= 0 && cx < side && cy < side {
			if bitmap[cy/module][cx/module] {
				return 20
			}
			return 240
		}
		return 225
	})
	words := func(x0, y0, x1, y1 int) { // lines of what looks like letters
		for y := y0; y+14 < y1; y += 26 {
			for x := x0; x < x1; x += 3 + random.IntN(9) {
				for dy := range 6 + random.IntN(8) {
					for dx := range 2 + random.IntN(2) {
						p.pix[(y+dy)*p.w+x+dx] = 60
					}
				}
			}
		}
	}
	words(side/4, side/12, side*7/4, side/3)
	words(side/4, side*10/6, side*7/4, side*23/12)
	return p
}

// shot photographs a page so that a module is so many pixels wide, turned (degrees) and tilted away (degrees, about two axes).
func (p *photo) shot(w, h int, module, turn, tiltX, tiltY float64) *photo {
	rad := math.Pi / 180
	sinT, cosT := math.Sincos(turn * rad)
	sinX, cosX := math.Sincos(tiltX * rad)
	sinY, cosY := math.Sincos(tiltY * rad)
	scale := module / p.side
	d := 2200 / scale // from the lens to the page, in its pixels: as far as a hand holds a phone
	// The page's axes in space: turned, then tilted about x, then about y.
	ax := [3]float64{cosT * cosY, sinT*cosX + cosT*sinY*sinX, sinT*sinX - cosT*sinY*cosX}
	ay := [3]float64{-sinT * cosY, cosT*cosX - sinT*sinY*sinX, cosT*sinX + sinT*sinY*cosX}
	out := newPhoto(w, h, p.random)
	out.side = module
	return out.each(func(px, py int, _ float64) (v float64) {
		for _, sub := range [][2]float64{{-.2, -.2}, {.2, .2}} {
			// Where the ray through (u, v) meets the page: a·ax + b·ay, seen from the lens, is there.
			u, w := (float64(px)+sub[0]-float64(w)/2)/scale, (float64(py)+sub[1]-float64(h)/2)/scale
			a1, b1, c1 := d*ax[0]-u*ax[2], d*ay[0]-u*ay[2], u*d
			a2, b2, c2 := d*ax[1]-w*ax[2], d*ay[1]-w*ay[2], w*d
			det := a1*b2 - a2*b1
			x, y := (c1*b2-c2*b1)/det+float64(p.w)/2, (a1*c2-a2*c1)/det+float64(p.h)/2
			if x < 0 || y < 0 || x >= float64(p.w) || y >= float64(p.h) {
				v += 90. / 2 // a desk
			} else {
				v += p.between(x-.5, y-.5) / 2
			}
		}
		return v
	})
}

// gauss blurs as a lens out of focus does.
func (p *photo) gauss(sigma float64) *photo {
	if sigma < 0.1 {
		return p
	}
	n := int(math.Ceil(3 * sigma))
	kernel := make([]float64, 2*n+1)
	sum := 0.0
	for i := range kernel {
		kernel[i] = math.Exp(-float64((i-n)*(i-n)) / (2 * sigma * sigma))
		sum += kernel[i]
	}
	pass := func(in *photo, dx, dy int) *photo {
		out := newPhoto(p.w, p.h, p.random)
		out.side = p.side
		return out.each(func(x, y int, _ float64) (v float64) {
			for i, k := range kernel {
				v += k / sum * in.at(x+(i-n)*dx, y+(i-n)*dy)
			}
			return v
		})
	}
	return pass(pass(p, 1, 0), 0, 1)
}

// moved blurs along a line, as a hand that shakes does.
func (p *photo) moved(length, degrees float64) *photo {
	sin, cos := math.Sincos(degrees * math.Pi / 180)
	steps := max(2, int(length*2))
	out := newPhoto(p.w, p.h, p.random)
	out.side = p.side
	return out.each(func(x, y int, _ float64) (v float64) {
		for i := range steps + 1 {
			s := (float64(i)/float64(steps) - .5) * length
			v += p.between(float64(x)+s*cos, float64(y)+s*sin)
		}
		return v / float64(steps+1)
	})
}

func (p *photo) noise(sigma float64) *photo {
	return p.each(func(_, _ int, v float64) float64 { return v + sigma*p.random.NormFloat64() })
}

// Damages is what happens to photographs of screens; strength goes from 0 to 1.
var Damages = []struct {
	Kind string
	make func(page *photo, strength float64) (p *photo, quality int)
}{
	{"rotated", func(page *photo, s float64) (*photo, int) {
		return page.shot(640, 480, 7-2*s, page.uniform(0, 360), 0, 0).gauss(.6).noise(3), 85
	}},
	{"skewed", func(page *photo, s float64) (*photo, int) {
		tilt := 20 + 40*s
		around := page.uniform(0, 2*math.Pi)
		return page.shot(640, 480, 8, page.uniform(-20, 20), tilt*math.Sin(around), tilt*math.Cos(around)).gauss(.6).noise(3), 85
	}},
	{"inverted", func(page *photo, s float64) (*photo, int) {
		page.each(func(_, _ int, v float64) float64 { return 255 - v })
		return page.shot(640, 480, 8-3*s, page.uniform(-30, 30), 20*s, page.uniform(-10, 10)).gauss(.6 + s).noise(3), 85
	}},
	{"blurred", func(page *photo, s float64) (*photo, int) {
		p := page.shot(640, 480, 6, page.uniform(-10, 10), 5, 5)
		return p.gauss((.2 + .45*s) * p.side).noise(3), 85
	}},
	{"moved", func(page *photo, s float64) (*photo, int) {
		p := page.shot(640, 480, 6, page.uniform(-10, 10), 5, 5)
		return p.moved((.5+1.3*s)*p.side, page.uniform(0, 180)).gauss(.6).noise(3), 85
	}},
	{"low contrast", func(page *photo, s float64) (*photo, int) {
		contrast, base := .25-.2*s, page.uniform(20, 180)
		p := page.shot(640, 480, 6, page.uniform(-10, 10), 5, 5).gauss(.8)
		return p.each(func(_, _ int, v float64) float64 { return base + contrast*v }).noise(1.5), 85
	}},
	{"noisy", func(page *photo, s float64) (*photo, int) {
		return page.shot(640, 480, 6, page.uniform(-10, 10), 5, 5).gauss(.8).noise(15 + 75*s), 85
	}},
	{"JPEG", func(page *photo, s float64) (*photo, int) {
		return page.shot(640, 480, 6-3*s, page.uniform(-10, 10), 5, 5).gauss(.6).noise(3), 20 - int(15*s)
	}},
	{"glare", func(page *photo, s float64) (*photo, int) {
		p := page.shot(640, 480, 6, page.uniform(-10, 10), 5, 5).gauss(.6)
		gx, gy, size := page.uniform(220, 420), page.uniform(150, 330), 60+120*s
		slope := page.uniform(-1, 1) * (100 + 100*s)
		shadow := page.uniform(250, 450)
		return p.each(func(x, y int, v float64) float64 {
			v = v*.6 + slope*(float64(x)/float64(p.w)-.5)
			if float64(x)+float64(y)*.4 < shadow {
				v *= 1 - .5*s // the holder's own shadow
			}
			d := math.Hypot(float64(x)-gx, float64(y)-gy) / size
			return v + 110*math.Exp(-d*d)
		}).noise(3), 85
	}},
	{"moiré", func(page *photo, s float64) (*photo, int) {
		p := page.shot(640, 480, 5, page.uniform(-10, 10), 5, 5).gauss(.6)
		fx, fy := 2*math.Pi/page.uniform(2.3, 9), 2*math.Pi/page.uniform(2.3, 9)
		skew, depth := page.uniform(-.2, .2), .1+.6*s
		return p.each(func(x, y int, v float64) float64 {
			wave := math.Sin(fx*(float64(x)+skew*float64(y))) + math.Sin(fy*(float64(y)-skew*float64(x)))
			return v * (1 + depth*wave/2)
		}).noise(3), 85
	}},
	{"small", func(page *photo, s float64) (*photo, int) {
		return page.shot(1000, 750, 4-2.2*s, page.uniform(-10, 10), 5, 5).gauss(.5).noise(3), 85
	}},
	{"cluttered", func(page *photo, s float64) (*photo, int) {
		p := page.shot(1000, 750, 6-2*s, page.uniform(-20, 20), 10*s, 10)
		inside := func(x, y int) bool { return math.Hypot(float64(x-p.w/2), float64(y-p.h/2)) < 45*p.side*.75 }
		for range 60 + int(200*s) { // frames, bars and blocks, as on a desk, a keyboard, a page of icons
			x0, y0, w, h := page.random.IntN(p.w), page.random.IntN(p.h), 6+page.random.IntN(60), 6+page.random.IntN(60)
			shade, frame := page.uniform(0, 255), page.random.IntN(2) == 0
			for y := y0; y < min(y0+h, p.h); y++ {
				for x := x0; x < min(x0+w, p.w); x++ {
					border := x < x0+w/7+1 || y < y0+h/7+1 || x >= x0+w-w/7-1 || y >= y0+h-h/7-1
					core := x >= x0+w*2/7 && x < x0+w*5/7 && y >= y0+h*2/7 && y < y0+h*5/7
					if !inside(x, y) && (!frame || border || core) {
						p.pix[y*p.w+x] = shade
					}
				}
			}
		}
		return p.gauss(.6).noise(3), 85
	}},
	{"all of it", func(page *photo, s float64) (*photo, int) {
		p := page.shot(800, 600, 6, page.uniform(0, 360), 15+20*s, page.uniform(-20, 20)).gauss(.8+.8*s).moved(1+3*s, page.uniform(0, 180))
		contrast, slope := .7-.5*s, page.uniform(-1, 1)*80
		return p.each(func(x, _ int, v float64) float64 { return 40 + contrast*v + slope*(float64(x)/float64(p.w)-.5) }).noise(4 + 8*s), 60
	}},
}

// Damaged is a picture of the kind, always the same for the same number.
func Damaged(t testing.TB, kind, number, of int) (data []byte, text string) {
	t.Helper()
	random := rand.New(rand.NewPCG(uint64(kind), uint64(number)))
	text = randomFrame(random)
	p, quality := Damages[kind].make(screen(t, text, random), float64(number)/float64(of-1))
	return p.jpeg(t, quality), text
}

// randomFrame looks as the provider makes them.
func randomFrame(random *rand.Rand) string {
	const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"
	some := func(n int) string {
		b := make([]byte, n)
		for i := range b {
			b[i] = letters[random.IntN(32)]
		}
		return string(b)
	}
	return fmt.Sprintf("https://login.example/q/%s.%d.%s", some(26), random.IntN(36), some(13))
}
