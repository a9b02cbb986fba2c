package oauth

import (
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/gin-gonic/gin"
)

// RFC 6265bis §4.1.3.2: a browser takes a __Host- cookie only as another site, or plain http, could not have set it.
func TestAnHTTPSProvidersCookiesAreItsHostsAlone(t *testing.T) {
	for issuer, want := range map[string]struct {
		name   string
		secure bool
	}{"https://login.example": {"__Host-qrlogin-session", true}, "http://localhost:9000": {"qrlogin-session", false}} {
		d := &Door{Issuer: issuer}
		recorder := httptest.NewRecorder()
		c, _ := gin.CreateTestContext(recorder)
		d.setCookie(c, sessionCookie, "x", time.Hour)
		set, err := http.ParseSetCookie(recorder.Header().Get("Set-Cookie"))
		if err != nil {
			t.Fatal(err)
		}
		if set.Name != want.name || set.Secure != want.secure || !set.HttpOnly || set.SameSite != http.SameSiteLaxMode ||
			set.Path != "/" || set.Domain != "" || set.MaxAge != 3600 {
			t.Errorf("%s: %s", issuer, set)
		}
	}
}
