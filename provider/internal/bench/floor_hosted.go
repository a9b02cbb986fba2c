package main

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strings"

	"github.com/gin-gonic/gin"

	"qrlogin/api"
)

// The code flow of the floor: a session is the transaction and its challenge at once, and its device_code is the code.

// hostedHTML is as long as the provider's page.
var hostedHTML = []byte(strings.Repeat("qr login\n", 949))

func (f *floor) authorize(c *gin.Context) {
	if c.Query("redirect_uri") != redirectURI {
		c.Status(http.StatusBadRequest)
		return
	}
	back := redirectURI + "?iss=" + url.QueryEscape(f.issuer) + "&state=" + url.QueryEscape(c.Query("state")) + "&code="
	s := f.begin(c.Query("client_id"), c.Query("nonce"), back)
	c.SetCookie("browser", s.Watch, 0, "/", "", false, true)
	goOn(c, "/authorize/"+s.ChallengeId)
}

func (f *floor) hostedPage(c *gin.Context) {
	s := f.visited(c)
	if s == nil {
		return
	}
	f.mu.Lock()
	approved := s.state == api.ChallengeStateApproved
	f.mu.Unlock()
	if approved {
		goOn(c, s.back+s.DeviceCode)
		return
	}
	c.Data(http.StatusOK, "text/html; charset=utf-8", hostedHTML)
}

func (f *floor) hostedChallenge(c *gin.Context) {
	if s := f.visited(c); s != nil {
		c.JSON(http.StatusOK, api.HostedChallenge{ChallengeId: s.ChallengeId, Watch: s.Watch, ExpiresIn: s.ExpiresIn})
	}
}

func (f *floor) hostedFinish(c *gin.Context) {
	s := f.visited(c)
	var body api.HostedFinish
	if s == nil || json.NewDecoder(c.Request.Body).Decode(&body) != nil || body.ChallengeId != s.ChallengeId {
		c.Status(http.StatusBadRequest)
		return
	}
	f.hold(c, s, func() bool { return s.state == api.ChallengeStateApproved })
	location := "/authorize/" + s.ChallengeId
	c.JSON(http.StatusOK, api.HostedOutcome{Location: &location})
}

func goOn(c *gin.Context, to string) {
	c.Header("Location", to)
	c.Status(http.StatusSeeOther)
}

// visited is the session in the path, if this is its browser.
func (f *floor) visited(c *gin.Context) *session {
	s := f.session(c.Param("id"))
	if cookie, err := c.Cookie("browser"); err != nil || s == nil || cookie != s.Watch {
		c.Status(http.StatusUnauthorized)
		return nil
	}
	return s
}
