package webphone_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"

	"qrlogin/api/picture"
	"qrlogin/api/picture/picturetest"
)

const photosOfAKind = 10

// Of the photographs that the provider's reader is tested with, how many does a phone read: at one look, as the camera's pictures get it;
// by all that is done with a photo; by that, and the provider's reader after it.
//
//	go test ./provider/internal/webphone -run '^$' -bench Photographs -benchtime 1x
func BenchmarkScannerReadsPhotographs(b *testing.B) {
	for b.Loop() {
		p := openPage(b, chromium)
		var once, search, uploaded int
		for kind, damage := range picturetest.Damages {
			before := search
			for number := range photosOfAKind {
				data, text := picturetest.Damaged(b, kind, number, photosOfAKind)
				got, err := chromedp.Run(p.ctx, chromedp.Evaluate[struct{ Once, Search []string }](
					fmt.Sprintf("read('/photo/%d/%d')", kind, number), chromedp.EvalAwaitPromise))
				if err != nil {
					b.Fatal(err)
				}
				for _, read := range append(got.Once, got.Search...) {
					if read != text {
						b.Errorf("%s, number %d: read %s, which is %s", damage.Kind, number, read, text)
					}
				}
				once += len(got.Once)
				search += len(got.Search)
				if len(got.Search) == 0 {
					texts, err := picture.Read(b.Context(), data, func(string) bool { return true })
					if err != nil {
						b.Fatal(err)
					}
					if slices.Contains(texts, text) {
						uploaded++
					}
				}
			}
			b.Logf("%-14s %d of %d", damage.Kind, search-before, photosOfAKind)
		}
		b.ReportMetric(float64(once), "at-a-look")
		b.ReportMetric(float64(search), "here")
		b.ReportMetric(float64(search+uploaded), "with-the-provider")
		b.ReportMetric(float64(photosOfAKind*len(picturetest.Damages)), "photographs")
		p.close()
	}
}

// stopwatch keeps the time when the camera took its first picture, and when the consent was on the screen.
const stopwatch = `{
	const { play } = HTMLMediaElement.prototype;
	HTMLMediaElement.prototype.play = function () {
		this.requestVideoFrameCallback((now, { captureTime }) => { window.taken = captureTime ?? now; });
		return play.call(this);
	};
	new MutationObserver(() => {
		if (document.querySelector('main[data-screen=consent]') && !window.shown) requestAnimationFrame((now) => { window.shown = now; });
	}).observe(document, { subtree: true, attributes: true });
}`

// From the first picture that the camera takes, which has the code in it, to the consent on the screen: the median.
//
//	go test ./provider/internal/webphone -run '^$' -bench FrameToConsent -benchtime 20x
func BenchmarkScannerFromTheFrameToConsent(b *testing.B) {
	d := newDesk(b)
	p := withCamera(b, d.w)
	call(p, page.AddScriptToEvaluateOnNewDocument, page.AddScriptToEvaluateOnNewDocumentParams{Source: stopwatch})
	var took []float64
	for b.Loop() {
		d.open()
		p.open(d.w.issuer + "/phone")
		p.on("home")
		film(b, d.recorded(4, 0)...)
		p.tap("Scan a code")
		p.await("window.shown")
		took = append(took, js[float64](p, "shown - taken"))
		p.tap("Decline")
		p.on("denied")
	}
	slices.Sort(took)
	b.ReportMetric(took[len(took)/2], "median-ms")
	b.ReportMetric(took[len(took)-1], "slowest-ms")
	p.close("404")
}
