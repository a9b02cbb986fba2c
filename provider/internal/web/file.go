package web

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"strings"

	"github.com/gin-gonic/gin"
)

// File is one that a door hands out as it is: compressed once, and named by its hash.
type File struct {
	Content []byte
	ETag    string // a strong validator (RFC 9110 §8.8.3), quotes included

	mediaType string
	zipped    []byte // nil where compressing gains nothing
}

// NewFile makes a file of what is embedded.
func NewFile(mediaType string, content []byte) *File {
	sum := sha256.Sum256(content)
	f := &File{Content: content, ETag: `"` + base64.RawURLEncoding.EncodeToString(sum[:]) + `"`, mediaType: mediaType}
	if zipped := zip(content); len(zipped) < len(content)*9/10 {
		f.zipped = zipped
	}
	return f
}

// Serve answers with the file, or that it is still the same. How long it may be kept is for the caller to say.
func (f *File) Serve(c *gin.Context) {
	h := c.Writer.Header()
	h.Set("ETag", f.ETag)
	h.Add("Vary", "Accept-Encoding")
	if c.GetHeader("If-None-Match") == f.ETag {
		c.Status(http.StatusNotModified)
		return
	}
	body := f.Content
	if f.zipped != nil && strings.Contains(c.GetHeader("Accept-Encoding"), "gzip") {
		h.Set("Content-Encoding", "gzip")
		body = f.zipped
	}
	c.Data(http.StatusOK, f.mediaType, body)
}

func zip(content []byte) []byte {
	var b bytes.Buffer
	w, err := gzip.NewWriterLevel(&b, gzip.BestCompression)
	if err != nil {
		panic(err) // a constant level
	}
	_, _ = w.Write(content) // into memory: cannot fail
	_ = w.Close()
	return b.Bytes()
}
