package web

import (
	"compress/gzip"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/gin-gonic/gin"
)

func TestAFileIsSentCompressedAndOnlyWhenItHasChanged(t *testing.T) {
	gin.SetMode(gin.ReleaseMode)
	text := strings.Repeat("the same, again and again; ", 40)
	f := NewFile("text/plain", []byte(text))
	if len(f.ETag) != 45 || f.ETag[0] != '"' || f.ETag[44] != '"' {
		t.Errorf("ETag %s", f.ETag)
	}
	ask := func(header, value string) *httptest.ResponseRecorder {
		answer := httptest.NewRecorder()
		c, _ := gin.CreateTestContext(answer)
		c.Request = httptest.NewRequest(http.MethodGet, "/", nil)
		c.Request.Header.Set(header, value)
		f.Serve(c)
		c.Writer.WriteHeaderNow()
		return answer
	}
	if a := ask("Accept", "*/*"); a.Body.String() != text || a.Header().Get("Content-Encoding") != "" || a.Header().Get("Vary") != "Accept-Encoding" {
		t.Errorf("plain: %d bytes %v", a.Body.Len(), a.Header())
	}
	a := ask("Accept-Encoding", "br, gzip")
	r, err := gzip.NewReader(a.Body)
	if err != nil || a.Header().Get("Content-Encoding") != "gzip" {
		t.Fatalf("compressed: %v %v", err, a.Header())
	}
	if unfolded, _ := io.ReadAll(r); string(unfolded) != text {
		t.Error("it unfolds to something else")
	}
	if a := ask("If-None-Match", f.ETag); a.Code != http.StatusNotModified || a.Body.Len() > 0 {
		t.Errorf("again: %d, %d bytes", a.Code, a.Body.Len())
	}
}
