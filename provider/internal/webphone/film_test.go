package webphone_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"image"
	"image/color"
	"image/draw"
	"image/jpeg"
	"os"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/skip2/go-qrcode"
)

// recording is a camera: of each screen it takes a picture, in which the screen is small, turned, seen from the side, not quite in focus
// and grainy, and all that a little otherwise each time, since a hand holds it.
const recording = `async (screens) => {
	const random = (() => { let x = 1; return () => (x = (x * 48271) % 2147483647) / 2147483647; })();
	const grain = new OffscreenCanvas(1280, 720), pixels = new ImageData(1280, 720);
	for (let i = 0; i < pixels.data.length; i += 4) pixels.data.fill(256 * random(), i, i + 3), (pixels.data[i + 3] = 32);
	grain.getContext('2d').putImageData(pixels, 0, 0);
	return Promise.all(screens.map(async (screen, n) => {
		const picture = await createImageBitmap(await (await fetch('data:image/jpeg;base64,' + screen)).blob());
		const frame = new OffscreenCanvas(1280, 720), context = frame.getContext('2d');
		context.fillStyle = '#5a5650';
		context.fillRect(0, 0, 1280, 720);
		const sway = Math.sin(n), scale = 560 / picture.height;
		context.filter = 'blur(1px)';
		context.translate(640 + 9 * sway, 360 - 5 * sway);
		context.rotate(((7 + sway) * Math.PI) / 180);
		context.transform(0.96, 0.05, -0.06 - 0.01 * sway, 1, 0, 0);
		context.scale(scale, scale);
		context.drawImage(picture, -picture.width / 2, -picture.height / 2);
		context.filter = 'none';
		context.resetTransform();
		context.drawImage(grain, 0, 0);
		return new Uint8Array(await (await frame.convertToBlob({ type: 'image/jpeg', quality: 0.8 })).arrayBuffer()).toBase64();
	}));
}`

// film puts into the camera what it sees of a screen, in one JPEG after the other. The browser makes them: it has little time before the
// codes in them are stale.
func film(t testing.TB, screens ...[]byte) {
	t.Helper()
	list, err := json.Marshal(screens) // in base64
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := chromedp.NewContext(chromium)
	defer cancel()
	frames, err := chromedp.Run(ctx, chromedp.Evaluate[[]string]("("+recording+")("+string(list)+")", chromedp.EvalAwaitPromise))
	if err != nil {
		t.Fatal(err)
	}
	var reels []byte
	for _, frame := range frames {
		if reels, err = base64.StdEncoding.AppendDecode(reels, []byte(frame)); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(reel, reels, 0o600); err != nil {
		t.Fatal(err)
	}
}

// nothingToSee is a screen without a code.
func nothingToSee(t testing.TB) []byte { return showing(t) }

// showing is a screen with codes, from left to right.
func showing(t testing.TB, texts ...string) []byte {
	t.Helper()
	screen := image.NewRGBA(image.Rect(0, 0, 1120, 700))
	draw.Draw(screen, screen.Rect, image.NewUniform(color.RGBA{225, 230, 240, 255}), image.Point{}, draw.Src)
	for n, text := range texts {
		code, err := qrcode.New(text, qrcode.Medium)
		if err != nil {
			t.Fatal(err)
		}
		picture := code.Image(300)
		place := image.Pt(screen.Rect.Dx()/2+(2*n+1-len(texts))*200-150, 200)
		draw.Draw(screen, picture.Bounds().Add(place), picture, image.Point{}, draw.Src)
	}
	return asJPEG(t, screen, 85)
}

func asJPEG(t testing.TB, img image.Image, quality int) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := jpeg.Encode(&b, img, &jpeg.Options{Quality: quality}); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}
