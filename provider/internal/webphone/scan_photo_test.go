package webphone_test

import (
	"bytes"
	"image"
	"image/draw"
	"image/jpeg"
	"math/rand/v2"
	"testing"
)

// onAPhoto is a photo of so many pixels with a screen in its upper right.
func onAPhoto(t *testing.T, width, height int, screen []byte) []byte {
	t.Helper()
	picture, err := jpeg.Decode(bytes.NewReader(screen))
	if err != nil {
		t.Fatal(err)
	}
	photo := image.NewGray(image.Rect(0, 0, width, height))
	draw.Draw(photo, picture.Bounds().Add(image.Pt(width-1200, 80)), picture, image.Point{}, draw.Src)
	return asJPEG(t, photo, 80)
}

func TestScannerReadsAPhoto(t *testing.T) {
	t.Parallel()
	p := openPage(t, chromium)
	for name, c := range map[string][]byte{
		"a photo":                 onAPhoto(t, 1280, 960, showing(t, p.own("4F2"))),
		"in a corner of one":      onAPhoto(t, 3600, 2700, showing(t, p.own("4F2"))),
		"with others in it":       showing(t, foreign, p.own("4F2")),
		"with the same one twice": showing(t, p.own("4F2"), p.own("4F2")),
	} {
		t.Run(name, func(t *testing.T) {
			p.js("(said.length = 0, true)")
			p.open()
			p.pick(c)
			p.awaitTold("text " + p.own("4F2"))
		})
	}
	p.close()
}

func TestScannerSaysWhatIsWrongWithAPhotoAndTakesAnother(t *testing.T) {
	t.Parallel()
	p := openPage(t, chromium)
	p.open()
	p.pick([]byte("not a picture"))
	p.awaitSaid("This is not a picture that can be opened. Choose another one.")
	p.pick(showing(t, foreign))
	p.awaitSaid("This is not a login code of " + p.text("location.host"))
	p.pick(showing(t, p.own("4F2"), p.own("5G3")))
	p.awaitSaid("There are two codes. Show one alone.")
	if got := p.text("said"); got != "" {
		t.Errorf("told %s", got)
	}
	p.pick(showing(t, p.own("4F2")))
	p.awaitTold("text " + p.own("4F2"))
	p.close()
}

// What cannot be read here is the provider's to read, in a size that it takes (openapi.yaml, POST /phone/scans).
func TestScannerHandsOnAPhotoThatItCannotRead(t *testing.T) {
	t.Parallel()
	p := openPage(t, chromium)
	p.open()
	p.pick(nothingToSee(t))
	p.awaitTold("image image/jpeg 1120x700")

	noise := image.NewGray(image.Rect(0, 0, 2600, 2600)) // in which nothing can be left out
	if _, err := rand.NewChaCha8([32]byte{}).Read(noise.Pix); err != nil {
		t.Fatal(err)
	}
	p.open()
	p.pick(asJPEG(t, noise, 100))
	p.await("said.length === 2")
	if !p.js("blob.size <= 4 << 20 && said[1] === 'image image/jpeg 2400x2400'") { // in two steps
		t.Errorf("%s, %s bytes", p.text("said[1]"), p.text("blob.size"))
	}
	p.close()
}

func TestScannerClosesTheCameraForAPhoto(t *testing.T) {
	p := openPage(t, handheld)
	film(t, nothingToSee(t))
	p.open()
	p.awaitSaid(pointing)
	p.pick([]byte("not a picture"))
	p.await(dark)
	p.awaitSaid("This is not a picture that can be opened. Choose another one.")
	p.press("again")
	p.awaitSaid(pointing)
	p.close()
}

func TestScannerHasATypedCodeWrittenAsItShouldBe(t *testing.T) {
	t.Parallel()
	p := openPage(t, chromium)
	for typed, want := range map[string]string{
		"wdjbmjht":     "WDJB-MJHT",
		"WDJB-MJHT":    "WDJB-MJHT",
		" wdjb mjht x": "WDJB-MJHT",
		"w1d2aj,b":     "WDJB",
		"wdjbm":        "WDJB-M",
		"ｗｄｊｂｍ":        "WDJB-M",
		"wdjbm\b":      "WDJB",
	} {
		p.js("(type(), true)")
		p.keys(typed)
		if got := p.text("document.querySelector('input').value"); got != want {
			t.Errorf("%q becomes %q", typed, got)
		}
	}
	// In the middle, too.
	p.js("(document.querySelector('input').value = 'WDB-MJHT', document.querySelector('input').setSelectionRange(2, 2), true)")
	p.keys("j")
	if got := p.text("document.querySelector('input').value + document.querySelector('input').selectionStart"); got != "WDJB-MJHT3" {
		t.Errorf("it is %s", got)
	}
	p.close()
}
