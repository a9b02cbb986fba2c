package picture

import (
	"image"
	"image/color"
	"image/draw"
)

// greyOf turns a picture into shades of grey on white.
func greyOf(img image.Image) *image.Gray {
	b := img.Bounds()
	w, h := b.Dx(), b.Dy()
	grey := image.NewGray(image.Rect(0, 0, w, h))
	if photo, ok := img.(*image.YCbCr); ok { // its first plane is what is wanted
		for y := range h {
			copy(grey.Pix[y*w:][:w], photo.Y[y*photo.YStride:])
		}
		return grey
	}
	const rows = 64 // at a time: the whole in colour once more would cost four times as much
	strip := image.NewRGBA(image.Rect(0, 0, w, min(rows, h)))
	for y0 := 0; y0 < h; y0 += rows {
		draw.Draw(strip, strip.Rect, image.NewUniform(color.White), image.Point{}, draw.Src)
		draw.Draw(strip, strip.Rect, img, b.Min.Add(image.Pt(0, y0)), draw.Over)
		out := grey.Pix[y0*w : min(y0+rows, h)*w]
		for i := range out {
			p := strip.Pix[4*i : 4*i+3]
			out[i] = byte((299*int(p[0]) + 587*int(p[1]) + 114*int(p[2]) + 500) / 1000)
		}
	}
	return grey
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

// resize draws a picture w by h pixels large, by what lies between its pixels. To make one much smaller, shrink it.
func resize(g *image.Gray, w, h int) *image.Gray {
	out := image.NewGray(image.Rect(0, 0, w, h))
	// Of each column, the two of the original between which it lies, and how far from the first, in 1/256.
	left, part := make([]int, w), make([]int, w)
	for x := range w {
		at := between(x, w, g.Rect.Dx())
		left[x], part[x] = at>>8, at&255
	}
	for y := range h {
		at := between(y, h, g.Rect.Dy())
		row, below := g.Pix[at>>8*g.Stride:], g.Pix[min(at>>8+1, g.Rect.Dy()-1)*g.Stride:]
		for x := range w {
			l, r := left[x], min(left[x]+1, g.Rect.Dx()-1)
			upper := int(row[l])*(256-part[x]) + int(row[r])*part[x]
			lower := int(below[l])*(256-part[x]) + int(below[r])*part[x]
			out.Pix[y*w+x] = byte((upper*(256-at&255) + lower*(at&255)) >> 16)
		}
	}
	return out
}

// between is where the middle of the i-th of n pixels lies among m, in 1/256.
func between(i, n, m int) int {
	return min(max(((2*i+1)*m*128/n)-128, 0), (m-1)<<8)
}

// invert makes a light code on a dark ground readable.
func invert(g *image.Gray) *image.Gray {
	out := image.NewGray(g.Rect)
	for i, v := range g.Pix {
		out.Pix[i] = 255 - v
	}
	return out
}

// sums has, at (x, y), the sum of all pixels above and to the left.
type sums struct {
	w, h int
	at   []uint32 // of 16 million pixels it holds the sum, just
}

func sumsOf(g *image.Gray) sums {
	w, h := g.Rect.Dx(), g.Rect.Dy()
	s := sums{w, h, make([]uint32, (w+1)*(h+1))}
	for y := range h {
		row := uint32(0)
		for x := range w {
			row += uint32(g.Pix[y*w+x])
			s.at[(y+1)*(w+1)+x+1] = s.at[y*(w+1)+x+1] + row
		}
	}
	return s
}

// mean is the average of the pixels that are at most r away, each way.
func (s sums) mean(x, y, r int) int {
	x0, y0, x1, y1 := max(x-r, 0), max(y-r, 0), min(x+r+1, s.w), min(y+r+1, s.h)
	sum := s.at[y1*(s.w+1)+x1] - s.at[y0*(s.w+1)+x1] - s.at[y1*(s.w+1)+x0] + s.at[y0*(s.w+1)+x0]
	return int(sum) / ((x1 - x0) * (y1 - y0))
}

// blur averages each pixel with those around it, against noise, a screen's own pixels and the seams of a compressed photograph.
func blur(g *image.Gray, r int) *image.Gray {
	s, out := sumsOf(g), image.NewGray(g.Rect)
	for y := range s.h {
		for x := range s.w {
			out.Pix[y*s.w+x] = byte(s.mean(x, y, r))
		}
	}
	return out
}

// sharpen drives each pixel away from the average around it: what a lens out of focus has mixed is parted again.
func sharpen(g *image.Gray, r, strength int) *image.Gray {
	s, out := sumsOf(g), image.NewGray(g.Rect)
	for y := range s.h {
		for x := range s.w {
			v := int(g.Pix[y*s.w+x])
			out.Pix[y*s.w+x] = byte(min(255, max(0, v+strength*(v-s.mean(x, y, r)))))
		}
	}
	return out
}

// stretch uses the whole range of shades, save for the hundredth at each end: a dim screen is as good as a bright one.
func stretch(g *image.Gray) {
	var count [256]int
	for _, v := range g.Pix {
		count[v]++
	}
	dark, light := 0, 255
	for n := len(g.Pix) / 100; dark < 255 && n >= count[dark]; dark++ {
		n -= count[dark]
	}
	for n := len(g.Pix) / 100; light > 0 && n >= count[light]; light-- {
		n -= count[light]
	}
	if dark >= light {
		return
	}
	var shade [256]byte
	for v := range shade {
		shade[v] = byte(min(255, max(0, (v-dark)*255/(light-dark))))
	}
	for i, v := range g.Pix {
		g.Pix[i] = shade[v]
	}
}
