package browser

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"html/template"
	"net/http"
	"strings"

	"github.com/gin-gonic/gin"

	"qrlogin/provider/internal/browser/widget"
)

// zipped is the widget, compressed once.
var zipped = func() []byte {
	var b bytes.Buffer
	w, err := gzip.NewWriterLevel(&b, gzip.BestCompression)
	if err != nil {
		panic(err) // a constant level
	}
	_, _ = w.Write(widget.Script) // into memory: cannot fail
	_ = w.Close()
	return b.Bytes()
}()

// serveWidget hands out the script. Every origin may load it: it is the same for all and knows nothing.
func serveWidget(c *gin.Context) error {
	h := c.Writer.Header()
	h.Set("Access-Control-Allow-Origin", "*")
	h.Set("Cross-Origin-Resource-Policy", "cross-origin")
	h.Set("Cache-Control", "public, max-age=300")
	h.Set("ETag", widget.ETag)
	h.Add("Vary", "Accept-Encoding")
	if c.GetHeader("If-None-Match") == widget.ETag {
		c.Status(http.StatusNotModified)
		return nil
	}
	body := widget.Script
	if strings.Contains(c.GetHeader("Accept-Encoding"), "gzip") {
		h.Set("Content-Encoding", "gzip")
		body = zipped
	}
	c.Data(http.StatusOK, "text/javascript; charset=utf-8", body)
	return nil
}

var (
	//go:embed page.html
	pageHTML string
	//go:embed page.css
	pageCSS string

	pageStyle = template.CSS(pageCSS) //nolint:gosec // embedded at build time

	pageTemplate = template.Must(template.New("page").Parse(pageHTML))

	pagePolicy = "default-src 'none'; style-src " + hash(pageCSS) + "; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)

// hash allows a style or a script of ours in a content security policy.
func hash(content string) string {
	sum := sha256.Sum256([]byte(content))
	return "'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'"
}

// language is the language of a page: Chinese where the browser asks for it first, else English.
func language(c *gin.Context) string {
	if strings.HasPrefix(strings.ToLower(c.GetHeader("Accept-Language")), "zh") {
		return "zh"
	}
	return "en"
}

// page is what a QR code opens in a phone's browser, and where a person with a typed code is sent. It is the same whatever
// the code, asks nothing of the store, and approves nothing: opening it is no consent (SECURITY.md §4).
func (d *Door) page(c *gin.Context) {
	var b bytes.Buffer
	text := pageTexts[language(c)]
	if err := pageTemplate.Execute(&b, pageData{Text: text, CSS: pageStyle, Typed: c.Param("code") == "", Issuer: d.Issuer}); err != nil {
		d.Log.Error("page", "error", err)
		c.Status(http.StatusInternalServerError)
		return
	}
	h := c.Writer.Header()
	h.Set("Content-Security-Policy", pagePolicy)
	h.Set("Referrer-Policy", "no-referrer") // the address holds a code
	h.Set("Cache-Control", "no-store")
	h.Set("Vary", "Accept-Language")
	c.Data(http.StatusOK, "text/html; charset=utf-8", b.Bytes())
}

type pageData struct {
	Text   pageText
	CSS    template.CSS
	Typed  bool
	Issuer string
}

type pageText struct{ Lang, Title, Scanned, Typed, HowTitle, How1, How2, How3, Warning string }

// pageTexts is the page in both languages. The warning is RFC 10027 §6.1.13: user education, in one calm sentence.
var pageTexts = map[string]pageText{
	"en": {
		Lang: "en", Title: "Log in with your phone",
		Scanned:  "You have opened a login code in a browser. Nothing has happened yet, and nobody has been logged in.",
		Typed:    "A code of letters is typed into the app on your phone, not here. Nothing has happened yet.",
		HowTitle: "How it goes on",
		How1:     "Open the app in which you enrolled your phone with this service.",
		How2:     "Scan the code on the page where you want to log in, or type the letters that stand beside it.",
		How3:     "Read who asks, from where and for what. Then decline or approve.",
		Warning:  "Approve only what you began yourself, just now, on a screen in front of you. A code that somebody sent you logs them in, not you.",
	},
	"zh": {
		Lang: "zh", Title: "用手机登录",
		Scanned:  "你在浏览器里打开了一个登录码。目前什么都没有发生，也没有人登录。",
		Typed:    "字母码请在手机应用里输入，不在这里。目前什么都没有发生。",
		HowTitle: "接下来",
		How1:     "打开你在本服务登记过的手机应用。",
		How2:     "扫描你要登录的网页上的二维码，或输入旁边的字母。",
		How3:     "看清是谁在请求、来自哪里、要什么，然后拒绝或同意。",
		Warning:  "只同意你自己刚刚在面前的屏幕上发起的登录。别人发给你的码，登录的是别人，不是你。",
	},
}
