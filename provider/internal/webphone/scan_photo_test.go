package webphone_test

import (
	"image"
	"image/color"
	"image/draw"
	"math/rand/v2"
	"testing"

	"qrlogin/api/picture/picturetest"
)

// onAPhoto is a photo of so many pixels with a small code in a corner.
func onAPhoto(t *testing.T, width, height int, text string) image.Image {
	t.Helper()
	photo := image.NewGray(image.Rect(0, 0, width, height))
	draw.Draw(photo, photo.Rect, image.NewUniform(color.Gray{90}), image.Point{}, draw.Src)
	screen := showing(t, text)
	draw.Draw(photo, screen.Bounds().Add(image.Pt(width-1200, 80)), screen, image.Point{}, draw.Src)
	return photo
}

func TestScannerReadsAPhoto(t *testing.T) {
	p := openPage(t, chromium)
	for name, c := range map[string]image.Image{
		"a photo":                 onAPhoto(t, 1280, 960, p.own("4F2")),
		"of twelve megapixels":    onAPhoto(t, 4000, 3000, p.own("4F2")),
		"with others in it":       showing(t, foreign, p.own("4F2")),
		"with the same one twice": showing(t, p.own("4F2"), p.own("4F2")),
	} {
		t.Run(name, func(t *testing.T) {
			p.js("(said.length = 0, true)")
			p.open()
			p.pick(asJPEG(t, c, 80))
			p.awaitTold("text " + p.own("4F2"))
		})
	}
	p.close()
}

func TestScannerSaysWhatIsWrongWithAPhotoAndTakesAnother(t *testing.T) {
	p := openPage(t, chromium)
	p.open()
	p.pick([]byte("not a picture"))
	p.awaitSaid("This is not a picture that can be opened. Choose another one.")
	p.pick(asJPEG(t, showing(t, foreign), 80))
	p.awaitSaid("This is not a login code of " + p.text("location.host"))
	p.pick(asJPEG(t, showing(t, p.own("4F2"), p.own("5G3")), 80))
	p.awaitSaid("There are two codes. Show one alone.")
	if got := p.text("said"); got != "" {
		t.Errorf("told %s", got)
	}
	p.pick(asJPEG(t, showing(t, p.own("4F2")), 80))
	p.awaitTold("text " + p.own("4F2"))
	p.close()
}

// What cannot be read here is the provider's to read, in a size that it takes (openapi.yaml, POST /phone/scans).
func TestScannerHandsOnAPhotoThatItCannotRead(t *testing.T) {
	p := openPage(t, chromium)
	p.open()
	p.pick(asJPEG(t, nothingToSee(), 80))
	p.awaitTold("image image/jpeg 1120x700")

	noise := picturetest.Of(image.NewGray(image.Rect(0, 0, 3600, 3600)), rand.New(rand.NewPCG(1, 1))).Noise(200)
	p.open()
	p.pick(noise.JPEG(t, 100))
	p.await("said.length === 2")
	if !p.js("blob.size <= 4 << 20 && said[1] === 'image image/jpeg 2400x2400'") { // in two steps
		t.Errorf("%s, %s bytes", p.text("said[1]"), p.text("blob.size"))
	}
	p.close()
}

func TestScannerClosesTheCameraForAPhoto(t *testing.T) {
	p := openPage(t, handheld)
	film(t, nothingToSee())
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
