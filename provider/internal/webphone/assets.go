package webphone

import (
	"bytes"
	"embed"
	"encoding/json"
	"fmt"
	"html/template"
	"slices"

	"qrlogin/provider/internal/web"
)

//go:embed app.js app.css decoder.js src/page.html src/sw.js src/manifest.json icon-*.png
var files embed.FS

// asset is one file that is served.
type asset struct {
	*web.File
	scope string // Service-Worker-Allowed
}

const (
	scriptType = "text/javascript; charset=utf-8"
	pageType   = "text/html; charset=utf-8"
)

// assets is everything but the page and its service worker, by path.
var assets = map[string]*asset{
	"/phone/app.js":               newAsset(scriptType, file("app.js")),
	"/phone/app.css":              newAsset("text/css; charset=utf-8", file("app.css")),
	"/phone/decoder.js":           newAsset(scriptType, file("decoder.js")),
	"/phone/manifest.webmanifest": newAsset("application/manifest+json", file("src/manifest.json")),
	"/phone/icon-192.png":         newAsset("image/png", file("icon-192.png")),
	"/phone/icon-512.png":         newAsset("image/png", file("icon-512.png")),
	"/phone/icon-maskable.png":    newAsset("image/png", file("icon-maskable.png")),
	"/phone/icon-apple.png":       newAsset("image/png", file("icon-apple.png")),
}

var page = newAsset(pageType, render(string(file("src/page.html"))))

// The service worker keeps the shell: the page and what it loads. Its text holds the shell's hashes, so that a browser finds a new one
// whenever anything of the shell has changed.
func init() {
	shell := []string{"/phone", address("/phone/app.js"), address("/phone/app.css"), address("/phone/icon-192.png")}
	list, err := json.Marshal(shell)
	if err != nil {
		panic(err) // texts
	}
	constants := fmt.Sprintf("const VERSION = %q, SHELL = %s;\n", "shell "+page.ETag[1:17], list)
	worker := newAsset(scriptType, slices.Concat([]byte(constants), file("src/sw.js")))
	worker.scope = "/phone" // a worker's scope is the folder of its script otherwise, which the page is not in
	assets["/phone/sw.js"] = worker
}

func file(name string) []byte {
	content, err := files.ReadFile(name)
	if err != nil {
		panic(err) // embedded
	}
	return content
}

func newAsset(mediaType string, content []byte) *asset {
	return &asset{File: web.NewFile(mediaType, content)}
}

// version is the query by which an asset is asked for as it is now.
func (a *asset) version() string { return "v=" + a.ETag[1:13] }

// address is where an asset is to be loaded from, so that it may be kept for good.
func address(path string) string { return path + "?" + assets[path].version() }

func render(text string) []byte {
	var b bytes.Buffer
	err := template.Must(template.New("page").Parse(text)).Execute(&b, map[string]string{
		"Script": address("/phone/app.js"), "Style": address("/phone/app.css"),
		"Icon": address("/phone/icon-192.png"), "AppleIcon": address("/phone/icon-apple.png"),
	})
	if err != nil {
		panic(err) // embedded
	}
	return b.Bytes()
}
