package signout

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"qrlogin/provider/internal/identity"
)

// The bounds of what is delivered. A site has its own, so that one that is away holds up and pushes out no other.
const (
	maxPosts       = 16 // at once
	maxPostsOfSite = 2
	maxQueue       = 4096 // deliveries that are not done
	maxQueueOfSite = 256
)

// delays is when a delivery that failed is tried again.
var delays = []time.Duration{time.Second, 5 * time.Second, 30 * time.Second}

var (
	errRefused = errors.New("the site refuses the logout token")
	errFull    = errors.New("too many logouts wait to be told")
	errClosed  = errors.New("the provider stops")
)

// site is where something is to be delivered.
type site struct {
	queued int
	posts  chan struct{}
}

func (e *Ender) open() {
	e.ctx, e.cancel = context.WithCancel(context.Background())
	e.posts = make(chan struct{}, maxPosts)
	e.sites = map[string]*site{}
}

// tell tells the site of a login that it has ended, in the background.
func (e *Ender) tell(l identity.Login) {
	e.once.Do(e.open)
	s, err := e.enqueue(l.Client)
	if err != nil {
		e.untold(l, err)
		return
	}
	go func() {
		defer e.dequeue(l.Client)
		if err := e.deliver(s, l); err != nil {
			e.untold(l, err)
		}
	}()
}

func (e *Ender) untold(l identity.Login, err error) {
	e.Log.Warn("a site was not told of a logout", "client", l.Client, "error", err)
}

func (e *Ender) enqueue(client string) (*site, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	s := e.sites[client]
	if s == nil {
		s = &site{posts: make(chan struct{}, maxPostsOfSite)}
	}
	switch {
	case e.closed:
		return nil, errClosed
	case e.queued == maxQueue || s.queued == maxQueueOfSite:
		return nil, errFull
	}
	e.sites[client] = s
	s.queued++
	e.queued++
	e.done.Add(1)
	return s, nil
}

func (e *Ender) dequeue(client string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.queued--
	if e.sites[client].queued--; e.sites[client].queued == 0 {
		delete(e.sites, client)
	}
	e.done.Done()
}

// deliver tries until the site has understood, or refused, or the tries are over.
func (e *Ender) deliver(s *site, l identity.Login) error {
	for try := 0; ; try++ {
		err := e.try(s, l)
		if err == nil || errors.Is(err, errRefused) || try == len(delays) {
			return err
		}
		select {
		case <-time.After(delays[try]):
		case <-e.ctx.Done():
			return err
		}
	}
}

// try posts a logout token made for this try (Back-Channel Logout §2.5).
func (e *Ender) try(s *site, l identity.Login) error {
	for _, places := range []chan struct{}{s.posts, e.posts} { // the site's own first: who waits for it takes no common one
		select {
		case places <- struct{}{}:
			defer func() { <-places }()
		case <-e.ctx.Done():
			return errClosed
		}
	}
	client, err := e.Clients.Client(e.ctx, l.Client)
	switch {
	case errors.Is(err, identity.ErrUnknownClient):
		return nil // removed: nobody to tell
	case err != nil:
		return err
	case client.BackchannelLogoutURI == "":
		return nil
	}
	token, err := e.Mint.LogoutToken(client, l.Account, l.ID, time.Now())
	if err != nil {
		return err
	}
	status, err := e.Post.PostForm(e.ctx, client.BackchannelLogoutURI, url.Values{"logout_token": {token}})
	switch {
	case err != nil:
		return err
	case status == http.StatusOK || status == http.StatusNoContent: // §2.8: some frameworks make 204 of an empty 200
		return nil
	case status == http.StatusBadRequest: // §2.8: it is understood, and will be no better the next time
		return errRefused
	default:
		return fmt.Errorf("the site answers %d", status)
	}
}
