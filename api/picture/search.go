package picture

import (
	"context"
	"image"
	"math"
	"slices"
	"strings"

	"github.com/makiuchi-d/gozxing"
	"github.com/makiuchi-d/gozxing/qrcode/decoder"
	"github.com/makiuchi-d/gozxing/qrcode/detector"
)

const (
	workingPixels = 2_100_000 // a larger picture is read at a fraction of its size first
	leastSide     = 21        // pixels, one for each module of the smallest code
	maxTexts      = 8
)

// search is one look for codes.
type search struct {
	ctx    context.Context
	enough func(text string) bool
	texts  []string
	done   bool // one of the texts is enough
}

// in climbs a ladder of views, the cheapest first: most pictures are read from the first, and one without a code costs all.
func (s *search) in(full *image.Gray) ([]string, error) {
	g := full
	w, h := g.Rect.Dx(), g.Rect.Dy()
	if min(w, h) < leastSide {
		return nil, nil
	}
	if n := int(math.Ceil(math.Sqrt(float64(w*h) / workingPixels))); n > 1 {
		g = shrink(g, n)
		w, h = g.Rect.Dx(), g.Rect.Dy()
	}
	stretch(g)
	ladder := []func() *image.Gray{
		func() *image.Gray { return g },
		func() *image.Gray { return shrink(g, 2) },     // noise
		func() *image.Gray { return blur(g, 1) },       // a screen's own pixels
		func() *image.Gray { return sharpen(g, 4, 3) }, // out of focus
		func() *image.Gray { return resize(g, w*3/2, h) },
		func() *image.Gray { return resize(g, w, h*3/2) }, // seen from far aside
		func() *image.Gray { // small
			if g == full {
				return resize(g, 2*w, 2*h)
			}
			stretch(full)
			return full
		},
		func() *image.Gray { return sharpen(g, 4, 10) },
		func() *image.Gray { return blur(g, 2) },
	}
	for _, rung := range ladder {
		view := rung()
		for range 2 { // dark on light, light on dark
			for _, binarizer := range []func(gozxing.LuminanceSource) gozxing.Binarizer{
				gozxing.NewHybridBinarizer, gozxing.NewGlobalHistgramBinarizer,
			} {
				if s.ctx.Err() != nil {
					return s.texts, s.ctx.Err()
				}
				if s.look(view, binarizer); s.done {
					return s.texts, nil
				}
			}
			view = invert(view)
		}
	}
	return s.texts, nil
}

// look looks for codes in one view.
func (s *search) look(g *image.Gray, binarizer func(gozxing.LuminanceSource) gozxing.Binarizer) {
	// The library is a large translation that has panicked on odd input: a panic is "nothing found".
	defer func() { _ = recover() }()
	w, h := g.Rect.Dx(), g.Rect.Dy()
	source, err := gozxing.NewPlanarYUVLuminanceSource(g.Pix, w, h, 0, 0, w, h, false)
	if err != nil {
		return
	}
	bits, err := binarizer(source).GetBlackMatrix()
	if err != nil {
		return
	}
	used := map[*detector.FinderPattern]bool{}
	for _, t := range triples(s.marks(bits)) {
		if s.ctx.Err() != nil {
			return
		}
		if used[t.a] || used[t.b] || used[t.c] {
			continue
		}
		if text := decode(bits, t); text != "" {
			used[t.a], used[t.b], used[t.c] = true, true, true
			s.found(text)
		}
	}
}

// found notes a text.
func (s *search) found(text string) {
	if !slices.Contains(s.texts, text) && len(s.texts) < maxTexts {
		s.texts = append(s.texts, text)
		s.done = s.done || s.enough(text)
	}
}

// decode returns the text of the code that has these marks, or "".
func decode(bits *gozxing.BitMatrix, t triple) string {
	defer func() { _ = recover() }()
	bl, tl, tr := gozxing.ResultPoint_OrderBestPatterns(t.a, t.b, t.c)
	grid, err := detector.NewDetector(bits).ProcessFinderPatternInfo(detector.NewFinderPatternInfo(
		bl.(*detector.FinderPattern), tl.(*detector.FinderPattern), tr.(*detector.FinderPattern)))
	if err != nil {
		return ""
	}
	code, err := decoder.NewDecoder().Decode(grid.GetBits(), nil)
	if err != nil {
		return ""
	}
	return strings.TrimSpace(code.GetText())
}
