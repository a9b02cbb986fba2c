package webphone_test

import (
	"testing"

	"github.com/chromedp/cdproto/browser"
)

const (
	pointing = "Point the camera at the code on the screen"
	foreign  = "https://other.example/q/4F2ZC6YH3V7Q5K5SYO2MBW4JXE.0.AEBAGBAFAYDQQ"
)

func (p *scanPage) own(id string) string {
	return p.URL + "/q/" + id + "ZC6YH3V7Q5K5SYO2MBW4JXE.0.AEBAGBAFAYDQQ"
}

func TestScannerReadsTheCodeThatTheCameraSeesAndClosesIt(t *testing.T) {
	p := openPage(t, handheld)
	film(t, showing(t, p.own("4F2")), showing(t, p.own("4F2")))
	p.open()
	p.awaitTold("text " + p.own("4F2"))
	p.await(dark)
	p.awaitSaid("Code found")
	if !p.js("getComputedStyle(scanner).position === 'fixed' && !document.querySelector('.finder').checkVisibility()") {
		t.Error("it has lost its look")
	}
	if got := p.text("said.filter((what) => what.startsWith('text')).length"); got != "1" {
		t.Errorf("told %s times", got)
	}
	if !p.loaded("/phone/decoder.js") {
		t.Error("who has read it?")
	}
	p.close()
}

// RFC 10027 §6.1.5.
func TestScannerSaysThatACodeIsNoneOfThisIssuerAndGoesOn(t *testing.T) {
	p := openPage(t, handheld)
	film(t, showing(t, foreign))
	p.open()
	p.awaitSaid("This is not a login code of " + p.text("location.host"))
	if got := p.text("said"); got != "" || p.js(dark) {
		t.Errorf("told %s", got)
	}
	p.close()
}

func TestScannerTakesOursBesideTheCodesOfOthers(t *testing.T) {
	p := openPage(t, handheld)
	film(t, showing(t, foreign, p.own("4F2")))
	p.open()
	p.awaitTold("text " + p.own("4F2"))
	p.close()
}

func TestScannerTakesNoneOfTwoOfOurs(t *testing.T) {
	p := openPage(t, handheld)
	film(t, showing(t, p.own("4F2"), p.own("5G3")))
	p.open()
	p.awaitSaid("There are two codes. Show one alone.")
	if got := p.text("said"); got != "" {
		t.Errorf("told %s", got)
	}
	p.close()
}

func TestScannerWithoutPermissionLeavesTheOtherWaysAndMayAskAgain(t *testing.T) {
	p := openPage(t, handheld)
	film(t, showing(t, p.own("4F2")))
	p.permit(browser.PermissionSettingDenied)
	p.open()
	p.await("document.querySelector('[role=status]').textContent.startsWith('This page may not use the camera. Allow it')")
	if !p.js("['photo', 'type', 'close', 'again'].every((name) => document.querySelector('.' + name).checkVisibility())") {
		t.Error("a way is missing")
	}
	p.permit(browser.PermissionSettingGranted)
	p.press("again")
	p.awaitTold("text " + p.own("4F2"))
	p.awaitTold("vibrate 40")
	p.close()
}

func TestScannerSaysThatThereIsNoCamera(t *testing.T) {
	p := openPage(t, chromium)
	p.open()
	p.awaitSaid("There is no camera here. Choose a photo of the code, or type it.")
	p.press("type")
	p.awaitTold("type")
	p.close()
}

func TestScannerSaysThatTheCameraDoesNotOpen(t *testing.T) {
	p := openPage(t, handheld)
	p.before(`navigator.mediaDevices.getUserMedia = async () => { throw new DOMException('', 'NotReadableError'); };`)
	p.open()
	p.await("document.querySelector('[role=status]').textContent.startsWith('The camera does not open.')")
	p.close()
}

func TestScannerThatIsClosedWhileTheCameraOpensLeavesItClosed(t *testing.T) {
	p := openPage(t, handheld)
	film(t, nothingToSee(t))
	p.js("(window.held = new Promise((resolve) => { window.letGo = resolve; }), true)")
	p.open()
	p.await("tracks.length === 1")
	p.press("close")
	p.awaitTold("close")
	p.js("(letGo(), true)")
	p.await(dark)
	p.close()
}

func TestScannerClosesTheCameraWhileThePageIsNotSeen(t *testing.T) {
	p := openPage(t, handheld)
	film(t, nothingToSee(t))
	p.open()
	p.awaitSaid(pointing)
	p.js("(Object.defineProperty(document, 'hidden', { value: true, configurable: true }), document.dispatchEvent(new Event('visibilitychange')))")
	p.await(dark)
	film(t, showing(t, p.own("4F2")))
	p.js("(Object.defineProperty(document, 'hidden', { value: false }), document.dispatchEvent(new Event('visibilitychange')))")
	p.awaitTold("text " + p.own("4F2"))
	p.close()
}

func TestScannerSaysThatTheCameraWasTakenAway(t *testing.T) {
	p := openPage(t, handheld)
	film(t, nothingToSee(t))
	p.open()
	p.awaitSaid(pointing)
	p.js("tracks[0].dispatchEvent(new Event('ended'))")
	p.await("document.querySelector('[role=status]').textContent.startsWith('The camera does not open.')")
	p.close()
}

func TestScannerHasALightWhereTheCameraHasOne(t *testing.T) {
	p := openPage(t, handheld)
	film(t, nothingToSee(t))
	p.open()
	p.awaitSaid(pointing)
	if p.js("document.querySelector('.torch').checkVisibility()") {
		t.Error("a light without a lamp")
	}
	p.before(`MediaStreamTrack.prototype.getCapabilities = () => ({ torch: true });
		MediaStreamTrack.prototype.applyConstraints = async ({ advanced: [{ torch }] }) => { said.push('torch ' + torch); };`)
	p.open()
	p.awaitSaid(pointing)
	p.press("torch")
	p.awaitTold("torch true")
	p.await("document.querySelector('.torch').ariaPressed === 'true'")
	p.press("torch")
	p.awaitTold("torch false")
	p.close()
}

func TestScannerReadsByTheBrowsersOwnDetectorWhereThereIsOne(t *testing.T) {
	p := openPage(t, handheld)
	film(t, nothingToSee(t))
	p.before(`window.BarcodeDetector = class {
		static getSupportedFormats = async () => ['ean_13', 'qr_code'];
		detect = async (picture) => [{ rawValue: location.origin + '/q/' + picture.constructor.name }];
	}`)
	p.open()
	p.awaitTold("text " + p.URL + "/q/HTMLCanvasElement")
	if p.loaded("/phone/decoder.js") {
		t.Error("the decoder was loaded")
	}
	p.close()
}

// A browser may have the interface, and nothing behind it.
func TestScannerReadsByItsDecoderWhereTheDetectorCannot(t *testing.T) {
	for name, detector := range map[string]string{
		"knows no QR codes": `static getSupportedFormats = async () => [];`,
		"fails":             `static getSupportedFormats = async () => ['qr_code']; detect = () => Promise.reject(new DOMException('', 'NotSupportedError'));`,
	} {
		t.Run(name, func(t *testing.T) {
			p := openPage(t, handheld)
			film(t, showing(t, p.own("4F2")))
			p.before(`window.BarcodeDetector = class { ` + detector + ` }`)
			p.open()
			p.awaitTold("text " + p.own("4F2"))
			p.close()
		})
	}
}

func TestScannerWithoutItsDecoderSaysSoAndTriesAgain(t *testing.T) {
	p := openPage(t, handheld)
	film(t, showing(t, p.own("4F2")))
	p.mu.Lock()
	p.broken = true
	p.mu.Unlock()
	p.open()
	p.await("document.querySelector('[role=status]').textContent.startsWith('The part that reads codes could not be loaded.')")
	p.await(dark)
	p.mu.Lock()
	p.broken, p.console = false, nil // the browser itself noted the failed request
	p.mu.Unlock()
	p.press("again")
	p.awaitTold("text " + p.own("4F2"))
	p.close()
}

func TestScannerStandsStillForWhoWantsThat(t *testing.T) {
	p := openPage(t, handheld)
	film(t, nothingToSee(t))
	p.look("light", "reduce")
	p.open()
	p.awaitSaid(pointing)
	if !p.js("document.getAnimations().length === 0") {
		t.Error("it moves")
	}
	p.close()
}

func TestScannerIsGoodForAxe(t *testing.T) {
	p := openPage(t, handheld)
	film(t, nothingToSee(t))
	for _, setting := range []browser.PermissionSetting{browser.PermissionSettingGranted, browser.PermissionSettingDenied} {
		p.permit(setting)
		p.open()
		p.await("document.querySelector('[data-state]')")
		complaints, err := axe.Complaints(p.ctx)
		if err != nil || len(complaints) > 0 {
			t.Errorf("%s: %q, %v", setting, complaints, err)
		}
		p.js("(scanner.stop(), true)")
	}
	p.close()
}
