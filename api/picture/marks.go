package picture

import (
	"cmp"
	"math"
	"slices"

	"github.com/makiuchi-d/gozxing"
	multi "github.com/makiuchi-d/gozxing/multi/qrcode/detector"
	"github.com/makiuchi-d/gozxing/qrcode/detector"
)

// A code has a mark in three of its corners, and any three marks might be a code's. A hostile picture is full of them, so that
// the search for them ends at so many, and of what three of them span only the likeliest are tried; an honest picture has three
// for each code, and some by chance.
const (
	maxMarks = 100
	maxTries = 25
)

// marks finds the marks in black and white pixels.
func (s *search) marks(bits *gozxing.BitMatrix) (found []*detector.FinderPattern) {
	n := 0
	finder := multi.NewMultiFinderPatternFinder(bits, func(gozxing.ResultPoint) {
		if n++; n > maxMarks || s.ctx.Err() != nil {
			panic("enough marks") // the callback has no other way to end a search
		}
	})
	defer func() {
		_ = recover()
		found = finder.GetPossibleCenters()
	}()
	_, _ = finder.FindMulti(map[gozxing.DecodeHintType]any{gozxing.DecodeHintType_TRY_HARDER: true})
	return nil
}

// triple is three marks, and how little they look like a code's.
type triple struct {
	a, b, c *detector.FinderPattern
	unlike  float64
}

// triples are those that might be a code's, the likeliest first. A code that is seen at an angle has marks of different sizes and
// legs of different lengths; the tolerances allow for one that is tilted away by some fifty degrees.
func triples(marks []*detector.FinderPattern) (found []triple) {
	for i, a := range marks {
		for j, b := range marks[:i] {
			for _, c := range marks[:j] {
				sizes := []float64{a.GetEstimatedModuleSize(), b.GetEstimatedModuleSize(), c.GetEstimatedModuleSize()}
				sides := []float64{
					gozxing.ResultPoint_Distance(a, b), gozxing.ResultPoint_Distance(b, c), gozxing.ResultPoint_Distance(a, c),
				}
				slices.Sort(sizes)
				slices.Sort(sides)
				leg, other, long := sides[0], sides[1], sides[2]
				modules := (leg + other) / 2 / sizes[1] // between the centres of marks: from 14 to 170
				if sizes[2] > 2*sizes[0] || modules < 8 || modules > 250 {
					continue
				}
				square := long * long
				unlike := (math.Abs(square-2*leg*leg) + math.Abs(square-2*other*other)) / square
				if unlike > 1.2 {
					continue
				}
				unlike += (sizes[2] - sizes[0]) / sizes[0]
				// A mark that was met in one line alone is often none.
				for _, m := range []*detector.FinderPattern{a, b, c} {
					if m.GetCount() < 2 {
						unlike += .3
					}
				}
				found = append(found, triple{a, b, c, unlike})
			}
		}
	}
	slices.SortFunc(found, func(a, b triple) int { return cmp.Compare(a.unlike, b.unlike) })
	return found[:min(len(found), maxTries)]
}
