package webphone_test

import (
	"bytes"
	"image"
	"net/http"
	"testing"

	"github.com/chromedp/cdproto/browser"
	"github.com/chromedp/chromedp"
)

// withCamera is an enrolled phone whose browser may use its camera.
func withCamera(t testing.TB, w *world) *handset {
	t.Helper()
	p := newHandsetIn(t, w, handheld, chromedp.WithNewBrowserContext())
	_, err := chromedp.CallBrowser(p.ctx, browser.SetPermission, browser.SetPermissionParams{
		Permission: &browser.PermissionDescriptor{Name: "camera"}, Setting: browser.PermissionSettingGranted,
		Origin: w.issuer, BrowserContextID: chromedp.FromContext(p.ctx).BrowserContextID,
	})
	if err != nil {
		t.Fatal(err)
	}
	p.enrol("+86 138 0013 8000", 0)
	return p
}

// The whole way, in two browsers: the computer's shows the living code, the phone's camera sees a film of it.
func TestScannerLogsInByAFilmOfTheScreen(t *testing.T) {
	d := newDesk(t)
	p := withCamera(t, d.w)
	film(t, d.recorded(3, 3)...)
	p.tap("Scan a code")
	p.on("consent")
	p.says("Log in to Kiln Lane?")
	d.await(`shadow.querySelector('.card').dataset.phase === 'claimed'`)
	p.tap("Approve")
	p.on("approved")
	d.await("location.pathname === '/account'")
	p.close("404")
}

// A phone on its stand films the screen in a mirror: the phone's own decoder reads no mirrored codes, the provider's does.
func TestScannerLogsInByAPhotoThatTheProviderReads(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	p := newHandset(t, d.w)
	p.enrol("+86 138 0013 8000", 0)
	p.tap("Scan a code")
	p.on("scan")
	p.says("There is no camera here.")
	p.upload("input[type=file]", "photo.jpg", mirrored(t, d.screen()))
	p.on("consent")
	p.says("Log in to Kiln Lane?")
	p.close("404")
}

func mirrored(t testing.TB, shot []byte) []byte {
	t.Helper()
	screen, _, err := image.Decode(bytes.NewReader(shot))
	if err != nil {
		t.Fatal(err)
	}
	size := screen.Bounds().Size()
	out := image.NewGray(image.Rectangle{Max: size})
	for y := range size.Y {
		for x := range size.X {
			out.Set(size.X-1-x, y, screen.At(x, y))
		}
	}
	return asJPEG(t, out, 90)
}

func TestScannerLeavesAPhotoWithoutACodeToTheProvidersWords(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p := newHandset(t, w)
	p.enrol("+86 138 0013 8000", 0)
	p.tap("Scan a code")
	p.on("scan")
	p.upload("input[type=file]", "photo.jpg", nothingToSee(t))
	p.says("There is no QR code in the picture that can be read.")
	if w.times("POST /phone/scans") != 1 {
		t.Errorf("%d pictures were sent", w.times("POST /phone/scans"))
	}
	p.close("422")
}

func TestScannerLeadsToTheTypedCode(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p := newHandset(t, w)
	p.enrol("+86 138 0013 8000", 0)
	login := w.start("tv")
	p.tap("Scan a code")
	p.on("scan")
	p.tap("Type it")
	p.on("type")
	letters := login.UserCode
	p.fill("code", letters[:4]+letters[5:]+"\r")
	p.on("consent")
	p.says("Log in to Television?")
	p.close("404")
}

// The picture for the documentation: the decoder is long in coming, so the scanner stays.
func TestRealBrowserShowsTheScanner(t *testing.T) {
	d := newDesk(t)
	p := withCamera(t, d.w)
	d.w.intercept("GET /phone/decoder.js", func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
	film(t, d.screen())
	p.tap("Scan a code")
	p.on("scan")
	p.says("Point the camera at the code on the screen")
	p.await("document.querySelector('video').currentTime > 0")
	p.keep("scan")
	p.tap("Close")
	p.on("home")
	p.close("404")
}
