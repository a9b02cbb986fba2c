package browser

import (
	"net/http"
	"strconv"
	"time"

	"github.com/gin-gonic/gin"

	"qrlogin/api"
	"qrlogin/provider/internal/challenge"
	"qrlogin/provider/internal/web"
)

const (
	watchTime  = 25 * time.Second // proxies commonly cut a silent connection after 30 s
	frameCount = 8                // 40 s of frames: more than a poll lasts, so that rotating costs no request
)

// errFull is for who would have to wait while too many do: a browser that looks this often sees its code in time, for as many frames as
// it gets, and that a phone has scanned.
var errFull = web.Problem{
	Status: http.StatusServiceUnavailable, Code: "waiting-full", Title: "Too many wait now, and there is no news; ask again", RetryAfter: 10 * time.Second,
}

// watch is the long poll of the page that shows the code.
func (d *Door) watch(c *gin.Context) error {
	query, err := web.Query(c, "after")
	if err != nil {
		return err
	}
	var after uint64
	if text := query.Get("after"); text != "" {
		if after, err = strconv.ParseUint(text, 10, 63); err != nil {
			return web.BadRequest.With("after is a version")
		}
	}
	watch, err := capability(c)
	if err != nil {
		return d.refused(c, err)
	}
	browser := present(c)
	ctx, cancel := web.Waiting(c, d.Drain)
	defer cancel()
	place := d.Waiting.Page(watch.ID, cancel)
	defer place.Leave()
	admitted := false
	began := time.Now()
	r, err := challenge.Wait(ctx, d.Challenges, watch.ID, after, watchTime, func(r challenge.Record) (bool, error) {
		if !admitted {
			if err := d.admit(c, watch, r); err != nil {
				return false, err
			}
			admitted = true
		}
		news := r.Version > after || r.State.Final() || visits(r, browser)
		if !news && !place.Take(r.State != challenge.Pending) {
			return false, errFull
		}
		return news, nil
	})
	web.Waited(c, began)
	return d.tell(c, browser, r, err)
}

// tell answers a watch with what came of waiting. A browser that is new, or somebody else's, presents itself first.
func (d *Door) tell(c *gin.Context, browser challenge.Browser, found *challenge.Record, err error) error {
	r := *found
	if err == nil && visits(r, browser) {
		r, err = challenge.DoFrom(c.Request.Context(), d.Challenges, r, func(challenge.Record) (challenge.Event, error) {
			return challenge.Visit{Browser: browser}, nil
		})
	}
	if err == nil {
		err = r.Err()
	}
	if err != nil {
		return d.refused(c, err)
	}
	c.Header("Cache-Control", "no-store")
	c.JSON(http.StatusOK, view(d.Issuer, r))
	return nil
}

// present takes the browser's attributes from its own connection, not from the site's word (DESIGN.md §3).
func present(c *gin.Context) challenge.Browser {
	return challenge.Browser{Address: c.ClientIP(), UserAgent: web.UserAgent(c)}
}

// visits tells whether the browser has something new to say of itself.
func visits(r challenge.Record, b challenge.Browser) bool {
	return r.State == challenge.Pending && r.Browser != b
}

// view is what the page learns: the state and what to draw, and nothing of whom (SECURITY.md §1.6).
func view(issuer string, r challenge.Record) api.ChallengeView {
	v := api.ChallengeView{
		State: api.ChallengeState(r.State.String()), Version: int64(r.Version),
		ExpiresInMs: max(0, r.ExpiresAt.Sub(r.Now).Milliseconds()),
	}
	if r.State == challenge.Confirming {
		left := r.TriesLeft()
		v.TriesLeft = &left
	}
	if r.State == challenge.Pending {
		frames := make([]api.Frame, 0, frameCount)
		for _, f := range r.Frames(r.Now, frameCount) {
			frames = append(frames, api.Frame{
				Code: issuer + "/q/" + f.Code.String(), FromMs: f.From.Milliseconds(), UntilMs: f.Until.Milliseconds(),
			})
		}
		v.Frames = &frames
	}
	return v
}
