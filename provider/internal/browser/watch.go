package browser

import (
	"net/http"
	"strconv"
	"time"

	"github.com/gin-gonic/gin"

	"qrlogin/api"
	"qrlogin/provider/internal/challenge"
	"qrlogin/provider/internal/crowd"
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
	w, err := d.watching(c)
	if err != nil {
		return d.refused(c, err)
	}
	waiter := challenge.NewWaiter(d.Challenges, w.watch.ID, w.after, watchTime, w.news)
	w.place = d.Waiting.Page(w.watch.ID, waiter.End)
	return web.Wait(c, waiter, w.place, w.tell)
}

// watching is one watch: which challenge, the version after which there is news, and who looks.
type watching struct {
	door    *Door
	watch   challenge.Capability
	after   uint64
	browser challenge.Browser
	place   *crowd.Place
	arrived *gin.Context // until the request is admitted
}

// news tells whether the browser is to be answered with this record.
func (w *watching) news(r challenge.Record) (bool, error) {
	if w.arrived != nil {
		if err := w.door.admit(w.arrived, w.watch, r); err != nil {
			return false, err
		}
		w.arrived = nil
	}
	news := r.Version > w.after || r.State.Final() || visits(r, w.browser)
	if !news && !w.place.Take(r.State != challenge.Pending) {
		return false, errFull
	}
	return news, nil
}

// watching reads a watch.
func (d *Door) watching(c *gin.Context) (*watching, error) {
	w := &watching{door: d, arrived: c, browser: present(c)}
	query, err := web.Query(c, "after")
	if err != nil {
		return nil, err
	}
	if text := query.Get("after"); text != "" {
		if w.after, err = strconv.ParseUint(text, 10, 63); err != nil {
			return nil, web.BadRequest.With("after is a version")
		}
	}
	w.watch, err = capability(c)
	return w, err
}

// tell answers a watch with what came of waiting. A browser that is new, or somebody else's, presents itself first.
func (w *watching) tell(c *gin.Context, came web.Outcome) error {
	d, r, err := w.door, *came.Record, came.Err
	if err == nil && visits(r, w.browser) {
		r, err = challenge.DoFrom(c.Request.Context(), d.Challenges, r, func(challenge.Record) (challenge.Event, error) {
			return challenge.Visit{Browser: w.browser}, nil
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
	return challenge.Browser{Address: web.Address(c), UserAgent: web.UserAgent(c)}
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
				Code: f.Code.Link(issuer), FromMs: f.From.Milliseconds(), UntilMs: f.Until.Milliseconds(),
			})
		}
		v.Frames = &frames
	}
	return v
}
