package app_test

import (
	"bytes"
	"encoding/binary"
	"hash/crc32"
	"image"
	"image/color"
	"image/draw"
	"image/gif"
	"image/jpeg"
	"image/png"
	"io"
	"net/http"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/skip2/go-qrcode"

	"qrlogin/api/proof"
	"qrlogin/mobile-sim/phone"
)

// The picture of a code, read by the provider. How well it reads is package picture's tests.

// pictureOf is a PNG of these codes side by side on a page.
func pictureOf(t testing.TB, texts ...string) []byte {
	t.Helper()
	return asPNG(t, pageOf(t, texts...))
}

func pageOf(t testing.TB, texts ...string) *image.Gray {
	t.Helper()
	page := image.NewGray(image.Rect(0, 0, 40+180*len(texts), 200))
	draw.Draw(page, page.Rect, image.NewUniform(color.Gray{Y: 250}), image.Point{}, draw.Src)
	for i, text := range texts {
		q, err := qrcode.New(text, qrcode.Medium)
		if err != nil {
			t.Fatal(err)
		}
		draw.Draw(page, image.Rect(0, 0, 160, 160).Add(image.Pt(30+180*i, 20)), q.Image(160), image.Point{}, draw.Src)
	}
	return page
}

func asPNG(t testing.TB, img image.Image) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := png.Encode(&b, img); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// pngHeader is a PNG that says it is so large, with so many bytes of nothing behind it.
func pngHeader(width, height uint32, more int) []byte {
	chunk := binary.BigEndian.AppendUint32([]byte("IHDR"), width)
	chunk = binary.BigEndian.AppendUint32(chunk, height)
	chunk = append(chunk, 8, 2, 0, 0, 0)
	b := append([]byte("\x89PNG\r\n\x1a\n\x00\x00\x00\x0d"), chunk...)
	return append(binary.BigEndian.AppendUint32(b, crc32.ChecksumIEEE(chunk)), make([]byte, more)...)
}

// upload is a scan by a picture.
func (p rawPhone) upload(mediaType string, picture io.Reader) *http.Request {
	p.w.t.Helper()
	r := p.w.request(http.MethodPost, "/phone/scans", picture)
	r.Header.Set("Content-Type", mediaType)
	r.Header.Set("DPoP", p.proof(http.MethodPost, "/phone/scans"))
	return r
}

func (p rawPhone) show(picture []byte) answer {
	p.w.t.Helper()
	return p.w.do(p.upload("image/png", bytes.NewReader(picture)))
}

func TestALoginByAPhotographOfTheCode(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p := w.phone("+8613800138000")
	started := w.start()
	code := pageOf(t, w.frame(started))
	// Held at an angle, in bad light.
	photograph := image.NewGray(image.Rect(0, 0, 600, 600))
	for y := range 600 {
		for x := range 600 {
			dx, dy := float64(x-300)*.8, float64(y-300)*.8
			v := code.GrayAt(200+int(.9*dx-.4*dy), 200+int(.4*dx+.85*dy)).Y
			photograph.SetGray(x, y, color.Gray{Y: 40 + v/3 + byte(x/20)})
		}
	}
	var b bytes.Buffer
	if err := jpeg.Encode(&b, photograph, &jpeg.Options{Quality: 70}); err != nil {
		t.Fatal(err)
	}
	claim, err := p.ScanPicture(t.Context(), &b)
	if err != nil {
		t.Fatal(err)
	}
	if claim.Challenge != started.ChallengeId || claim.Consent.Client.Name != "The Shop" {
		t.Errorf("claimed %+v", claim)
	}
	if _, err := p.Approve(t.Context(), claim, phone.Approval{}); err != nil {
		t.Fatal(err)
	}
	w.poll(started, "wait=5").wants(t, "the login", http.StatusOK, "")
}

func TestAPictureClaimsLikeItsText(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p, other := w.rawPhone().enrolled("+8613800138000"), w.rawPhone().enrolled("+8613800138001")
	started := w.start()
	frame := w.frame(started)
	claim := p.claimOf(p.show(pictureOf(t, frame)))
	for what, again := range map[string]answer{"its text": p.scan(frame), "the picture again": p.show(pictureOf(t, frame))} {
		if p.claimOf(again).Consent != claim.Consent {
			t.Errorf("%s: %s", what, again.Body)
		}
	}
	other.show(pictureOf(t, frame)).wants(t, "by another", http.StatusConflict, "claimed-by-another")
	p.decide(claim, proof.Deny)
	p.show(pictureOf(t, frame)).wants(t, "once it is gone", http.StatusGone, "gone")
}

func TestAPictureThatIsNotOfOneCodeClaimsNothing(t *testing.T) {
	t.Parallel()
	newTarget(t).unchanged(func(g *target) {
		w, p := g.w, g.phone
		const theirs = "https://login.evil.example/q/4F2ZC6YH3V7Q5K5SYO2MBW4JXE.0.AEBAGBAFAYDQQ"
		second := w.frame(w.start())
		good := pictureOf(t, g.frame)
		var moving, photograph bytes.Buffer
		if err := gif.Encode(&moving, pageOf(t, g.frame), nil); err != nil {
			t.Fatal(err)
		}
		if err := jpeg.Encode(&photograph, pageOf(t, g.frame), nil); err != nil {
			t.Fatal(err)
		}
		for what, c := range map[string]struct {
			picture []byte
			status  int
			code    string
		}{
			"no code":                    {pictureOf(t), 422, "picture-without-code"},
			"somebody else's":            {pictureOf(t, theirs), 404, "code-unknown"},
			"two of somebody else's":     {pictureOf(t, theirs, theirs+"A"), 404, "code-unknown"},
			"a plain text":               {pictureOf(t, "hello"), 404, "code-unknown"},
			"a typed code":               {pictureOf(t, g.started.UserCode), 404, "code-unknown"},
			"like ours, but longer":      {pictureOf(t, strings.Replace(g.frame, "/q/", ".evil.example/q/", 1)), 404, "code-unknown"},
			"ours, but forged":           {pictureOf(t, g.frame[:len(g.frame)-1]+"A"+"A"), 404, "code-unknown"},
			"two of ours":                {pictureOf(t, g.frame, second), 422, "picture-with-several-codes"},
			"two of ours and another":    {pictureOf(t, g.frame, theirs, second), 422, "picture-with-several-codes"},
			"nothing":                    {nil, 422, "picture-unreadable"},
			"half of it":                 {good[:len(good)/2], 422, "picture-unreadable"},
			"half a JPEG":                {photograph.Bytes()[:photograph.Len()/2], 422, "picture-unreadable"},
			"a GIF":                      {moving.Bytes(), 422, "picture-unreadable"},
			"a page":                     {[]byte("<!doctype html><img src=x>"), 422, "picture-unreadable"},
			"the text of the code":       {[]byte(g.frame), 422, "picture-unreadable"},
			"a page with a picture":      {append([]byte("<!--"), good...), 422, "picture-unreadable"},
			"too many pixels":            {pngHeader(4000, 4001, 0), 413, "too-large"},
			"a bomb":                     {pngHeader(30_000, 30_000, 100<<10), 413, "too-large"},
			"too many bytes":             {append(slices.Clone(good), make([]byte, 4<<20)...), 413, "too-large"},
			"a size beyond counting":     {pngHeader(1<<31-1, 1<<31-1, 0), 422, "picture-unreadable"},
			"a JPEG's beginning":         {[]byte("\xff\xd8\xff"), 422, "picture-unreadable"},
			"a WebP's beginning":         {[]byte("RIFF\x0c\x00\x00\x00WEBPVP8L\x00\x00\x00\x00"), 422, "picture-unreadable"},
			"a WebP that promises a lot": {[]byte("RIFF\xf0\xff\xff\x7fWEBPVP8 \xe0\xff\xff\x7f"), 422, "picture-unreadable"},
		} {
			p.show(c.picture).wants(t, what, c.status, c.code)
		}
		tooMany := append(slices.Clone(good), make([]byte, 4<<20)...)
		w.do(chunked(p.upload("image/png", bytes.NewReader(tooMany)))).wants(t, "too many bytes, in chunks", http.StatusRequestEntityTooLarge, "too-large")
		for _, mediaType := range []string{"image/gif", "image/*", "image/svg+xml", "image", "text/html", "application/octet-stream", "image/png, image/png", "*/*", ""} {
			w.do(p.upload(mediaType, bytes.NewReader(good))).wants(t, mediaType, http.StatusUnsupportedMediaType, "unsupported-media-type")
		}
	})
}

// A desk is full of codes; a polyglot's other meanings are nobody's business here.
func TestWhatStandsBesideTheCodeDoesNotMatter(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p := w.rawPhone().enrolled("+8613800138000")
	frame := w.frame(w.start())
	good := pictureOf(t, frame)
	for what, picture := range map[string][]byte{
		"somebody else's code": pictureOf(t, "https://shop.example/menu", frame),
		"the same code":        pictureOf(t, frame, frame),
		"a page behind it":     slices.Concat(good, []byte("<script>alert(1)</script>")),
		"another type":         good,
	} {
		mediaType := "image/png"
		if what == "another type" {
			mediaType = "image/jpeg; q=1"
		}
		w.do(p.upload(mediaType, bytes.NewReader(picture))).wants(t, what, http.StatusOK, "")
	}
}

// SECURITY.md §6: the size is read before the pixels.
func TestAHostilePictureCostsNoMemory(t *testing.T) {
	w := newWorld(t)
	p := w.rawPhone().enrolled("+8613800138000")
	bomb := pngHeader(30_000, 30_000, 100<<10)
	p.show(bomb)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for range 10 {
		p.show(bomb).wants(t, "a bomb", http.StatusRequestEntityTooLarge, "too-large")
	}
	runtime.ReadMemStats(&after)
	if each := (after.TotalAlloc - before.TotalAlloc) / 10; each > 4<<20 {
		t.Errorf("allocated %d bytes for each", each)
	}
}

// unreadable is a body that must not be read.
type unreadable struct{ t *testing.T }

func (u unreadable) Read([]byte) (int, error) {
	u.t.Error("the body was read")
	return 0, io.EOF
}

func TestAPictureIsNotReadBeforeTheProofIsJudged(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.http.Transport.(*http.Transport).ExpectContinueTimeout = time.Minute
	ask := func(p rawPhone, proof string) answer {
		r := p.upload("image/png", unreadable{t})
		r.ContentLength = 1000
		r.Header.Set("Expect", "100-continue") // the server asks for the body when it begins to read
		r.Header.Set("DPoP", proof)
		return w.do(r)
	}
	p := w.rawPhone().enrolled("+8613800138000")
	ask(p, "").wants(t, "no proof", http.StatusUnauthorized, "proof-invalid")
	ask(p, p.proof(http.MethodPost, "/phone/decisions")).wants(t, "another's proof", http.StatusUnauthorized, "proof-invalid")
	stranger := w.rawPhone()
	ask(stranger, stranger.proof(http.MethodPost, "/phone/scans")).wants(t, "a stranger", http.StatusUnauthorized, "device-unknown")
}

// A frame is judged when the request's headers arrive: what a picture takes to be sent and read does not make it stale.
func TestASlowUploadDoesNotMakeTheCodeStale(t *testing.T) {
	t.Parallel()
	inBubble(t, func(t *testing.T, w *world) {
		p := w.rawPhone().enrolled("+8613800138000")
		started := w.start()
		frame := w.frame(started)
		picture := pictureOf(t, frame)
		slowly := func(p rawPhone) answer {
			body, write := io.Pipe()
			go func() {
				_, _ = write.Write(picture[:len(picture)/2])
				time.Sleep(10 * time.Second)
				_, _ = write.Write(picture[len(picture)/2:])
				_ = write.Close()
			}()
			return w.do(p.upload("image/png", body))
		}
		time.Sleep(25 * time.Second)
		p.release(p.claimOf(slowly(p)))
		p.show(picture).wants(t, "35 s after it was shown", http.StatusUnprocessableEntity, "code-stale")
	})
}

func TestAnUploadThatStopsIsEnded(t *testing.T) {
	t.Parallel()
	inBubble(t, func(t *testing.T, w *world) {
		p := w.rawPhone().enrolled("+8613800138000")
		body, write := io.Pipe()
		go func() { _, _ = write.Write([]byte("\x89PNG\r\n\x1a\n")) }()
		w.do(p.upload("image/png", body)).wants(t, "a stalled upload", http.StatusBadRequest, "bad-request")
		_ = write.Close()
	})
}
