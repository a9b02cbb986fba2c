package browser

import (
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"strings"

	"github.com/gin-gonic/gin"

	"qrlogin/provider/internal/browser/widget"
	"qrlogin/provider/internal/web"
)

var script = web.NewFile("text/javascript; charset=utf-8", widget.Script)

// serveWidget hands out the script. Every origin may load it: it is the same for all and knows nothing.
func serveWidget(c *gin.Context) error {
	h := c.Writer.Header()
	h.Set("Access-Control-Allow-Origin", "*")
	h.Set("Cross-Origin-Resource-Policy", "cross-origin")
	h.Set("Cache-Control", "public, max-age=300")
	script.Serve(c)
	return nil
}

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
