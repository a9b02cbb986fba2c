package phone

import (
	"image"
	"strings"

	"github.com/makiuchi-d/gozxing"
	multi "github.com/makiuchi-d/gozxing/multi/qrcode"
	"github.com/makiuchi-d/gozxing/qrcode"
)

// The library compares every three of the marks that look like a code's corner. A hostile picture is full of them, so
// that a search ends when it has seen this many; an honest picture has three for each code, and a few by chance.
const (
	maxMarks      = 300
	maxMarksMulti = 30 // here it also decodes what every three of them span
)

// readCode looks for one code: first for several, to refuse them, then more and more patiently for one.
func readCode(g *image.Gray) (string, error) {
	full := g
	if n := 1 + max(g.Rect.Dx(), g.Rect.Dy())/workingSide; n > 1 {
		g = shrink(g, n)
	}
	if texts := findSeveral(g); len(texts) > 1 {
		return "", ErrTwoCodes
	} else if len(texts) == 1 {
		return texts[0], nil
	}
	ladder := []func() *image.Gray{
		func() *image.Gray { return g },
		func() *image.Gray { return invert(g) },
		func() *image.Gray { return shrink(g, 2) },
		func() *image.Gray { return blur(g) },
	}
	if g != full {
		ladder = append(ladder, func() *image.Gray { return full })
	}
	for _, rung := range ladder {
		variant := rung()
		for _, binarizer := range []func(gozxing.LuminanceSource) gozxing.Binarizer{
			gozxing.NewHybridBinarizer, gozxing.NewGlobalHistgramBinarizer,
		} {
			if text := findOne(variant, binarizer, gozxing.DecodeHintType_TRY_HARDER); text != "" {
				return text, nil
			}
		}
	}
	if text := findOne(g, gozxing.NewHybridBinarizer, gozxing.DecodeHintType_PURE_BARCODE); text != "" {
		return text, nil
	}
	return "", ErrNoCode
}

// findSeveral returns the different texts of the codes that it finds.
func findSeveral(g *image.Gray) (texts []string) {
	// The decoder is a large translation that has panicked on odd input: a panic is "nothing found".
	defer func() { _ = recover() }()
	bitmap, err := gozxing.NewBinaryBitmap(gozxing.NewHybridBinarizer(source(g)))
	if err != nil {
		return nil
	}
	results, err := multi.NewQRCodeMultiReader().DecodeMultiple(bitmap, hints(maxMarksMulti, gozxing.DecodeHintType_TRY_HARDER))
	if err != nil {
		return nil
	}
	seen := map[string]bool{}
	for _, r := range results {
		if text := strings.TrimSpace(r.GetText()); text != "" && !seen[text] {
			seen[text] = true
			texts = append(texts, text)
		}
	}
	return texts
}

// findOne returns the text of a code, or "".
func findOne(g *image.Gray, binarizer func(gozxing.LuminanceSource) gozxing.Binarizer, how gozxing.DecodeHintType) (text string) {
	defer func() { _ = recover() }()
	bitmap, err := gozxing.NewBinaryBitmap(binarizer(source(g)))
	if err != nil {
		return ""
	}
	result, err := qrcode.NewQRCodeReader().Decode(bitmap, hints(maxMarks, how))
	if err != nil {
		return ""
	}
	return strings.TrimSpace(result.GetText())
}

// source hands the pixels over as they are.
func source(g *image.Gray) gozxing.LuminanceSource {
	w, h := g.Rect.Dx(), g.Rect.Dy()
	s, err := gozxing.NewPlanarYUVLuminanceSource(g.Pix, g.Stride, h, 0, 0, w, h, false)
	if err != nil {
		panic(err) // not for a whole picture; findOne and findSeveral recover
	}
	return s
}

// hints ends a search by a panic at too many marks: the callback has no other way, and both callers recover.
func hints(marks int, how gozxing.DecodeHintType) map[gozxing.DecodeHintType]any {
	return map[gozxing.DecodeHintType]any{
		how: true,
		gozxing.DecodeHintType_NEED_RESULT_POINT_CALLBACK: gozxing.ResultPointCallback(func(gozxing.ResultPoint) {
			if marks--; marks < 0 {
				panic("too many marks")
			}
		}),
	}
}
