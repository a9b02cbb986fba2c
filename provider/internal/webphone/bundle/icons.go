package main

import (
	"bytes"
	"image"
	"image/color"
	"image/png"
	"math"
	"os"
)

// The mark, in a field of 24 by 24: three corners of a QR code, and a tick where the fourth would be.
var (
	corners = [][2]float64{{8.2, 8.2}, {15.8, 8.2}, {8.2, 15.8}} // their middles
	tick    = [][2]float64{{12.9, 16}, {15.2, 18.2}, {19.2, 13.8}}

	ground = color.NRGBA{0x0b, 0x6b, 0x53, 0xff}
	ink    = color.NRGBA{0xff, 0xff, 0xff, 0xff}
)

// icons is the mark in every shape that a platform asks for: a tile with round corners, or one that fills its square for those who cut
// the shape themselves (of a maskable icon they may cut a tenth on every side).
var icons = map[string]struct {
	size        int
	round, mark float64 // the tile's corners, in the field; the mark's size
}{
	"icon-192.png":      {192, 5.2, 1},
	"icon-512.png":      {512, 5.2, 1},
	"icon-maskable.png": {512, 0, 0.86},
	"icon-apple.png":    {180, 0, 1},
}

func drawIcons() error {
	for name, icon := range icons {
		picture := image.NewPaletted(image.Rect(0, 0, icon.size, icon.size), palette())
		for i := range picture.Pix {
			x, y := unit(i%icon.size, icon.size), unit(i/icon.size, icon.size)
			pixel := 24 / float64(icon.size)
			tile := cover(square(x-12, y-12, 12, icon.round), pixel)
			mark := cover(distance((x-12)/icon.mark+12, (y-12)/icon.mark+12)*icon.mark, pixel)
			picture.Pix[i] = uint8(math.Round(tile*shades))*(shades+1) + uint8(math.Round(mark*shades))
		}
		var b bytes.Buffer
		encoder := png.Encoder{CompressionLevel: png.BestCompression}
		if err := encoder.Encode(&b, picture); err != nil {
			return err
		}
		if err := os.WriteFile(name, b.Bytes(), 0o644); err != nil {
			return err
		}
	}
	return nil
}

func unit(at, size int) float64 { return (float64(at) + 0.5) * 24 / float64(size) }

// distance is how far outside the mark a point is; negative inside.
func distance(x, y float64) float64 {
	nearest := math.Inf(1)
	for _, c := range corners {
		ring := math.Abs(square(x-c[0], y-c[1], 2.55, 0.9)) - 0.45
		dot := square(x-c[0], y-c[1], 0.95, 0.3)
		nearest = min(nearest, ring, dot)
	}
	for i, b := range tick[1:] {
		nearest = min(nearest, line(x, y, tick[i], b)-0.62)
	}
	return nearest
}

// square is the distance from a square with round corners around the origin, half a side large.
func square(x, y, half, round float64) float64 {
	dx, dy := math.Abs(x)-half+round, math.Abs(y)-half+round
	return math.Hypot(max(dx, 0), max(dy, 0)) + min(max(dx, dy), 0) - round
}

func line(x, y float64, a, b [2]float64) float64 {
	dx, dy := b[0]-a[0], b[1]-a[1]
	along := ((x-a[0])*dx + (y-a[1])*dy) / (dx*dx + dy*dy)
	along = min(max(along, 0), 1)
	return math.Hypot(x-a[0]-along*dx, y-a[1]-along*dy)
}

// cover is how much of a pixel lies inside what is this far away.
func cover(distance, pixel float64) float64 { return min(max(0.5-distance/pixel, 0), 1) }

const shades = 7 // between nothing and all: few colours make a small file

// palette is every shade of the tile with every shade of the mark on it.
func palette() color.Palette {
	var all color.Palette
	for tile := range shades + 1 {
		for mark := range shades + 1 {
			part := func(a, b uint8) uint8 { return a + uint8((float64(b)-float64(a))*float64(mark)/shades) }
			all = append(all, color.NRGBA{part(ground.R, ink.R), part(ground.G, ink.G), part(ground.B, ink.B), uint8(255 * tile / shades)})
		}
	}
	return all
}
