package signout

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"qrlogin/provider/internal/identity"
)

// world is everything around an Ender: what it asks for, what it is answered, and what came of it.
type world struct {
	*Ender
	start time.Time

	mu       sync.Mutex
	logins   []identity.Login
	clients  map[string]identity.Client
	storeErr error
	mintErr  error
	answers  map[string][]int         // by site: the statuses of its answers, the last for good; 0 is no answer
	hang     map[string]time.Duration // by site: how long it takes
	told     []string                 // "<site> <login> <seconds since the start>", of each post
	tokens   []string
	under    map[string]int // posts under way, by site, "" for all
	most     map[string]int // the most there ever were
	log      bytes.Buffer
}

// inBubble runs a test on a world of these logins, "<id> <site>" or "<id> <site> <session>".
func inBubble(t *testing.T, run func(t *testing.T, w *world), logins ...string) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(logins...)
		run(t, w)
		w.Close(t.Context())
	})
}

func newWorld(logins ...string) *world {
	w := &world{start: time.Now(), clients: map[string]identity.Client{}, answers: map[string][]int{}, hang: map[string]time.Duration{},
		under: map[string]int{}, most: map[string]int{}}
	for _, l := range logins {
		w.add(l)
	}
	w.Ender = &Ender{Store: w, Clients: w, Mint: w, Post: w, Log: slog.New(slog.NewTextHandler(locked{w}, nil))}
	return w
}

func (w *world) add(login string) {
	f := append(strings.Fields(login), "")
	w.logins = append(w.logins, identity.Login{ID: f[0], Client: f[1], Session: f[2], Account: "account-" + f[0]})
	w.clients[f[1]] = identity.Client{ID: f[1], BackchannelLogoutURI: "https://" + f[1] + ".example/logout"}
}

type locked struct{ *world }

func (l locked) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.log.Write(p)
}

func (w *world) Login(_ context.Context, id string) (identity.Login, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, l := range w.logins {
		if l.ID == id {
			return l, nil
		}
	}
	return identity.Login{}, identity.ErrUnknownLogin
}

func (w *world) EndLogin(ctx context.Context, id string, at time.Time) ([]identity.Login, error) {
	return w.end(ctx, at, func(l identity.Login) bool { return l.ID == id })
}

func (w *world) EndSession(ctx context.Context, session string, at time.Time) ([]identity.Login, error) {
	return w.end(ctx, at, func(l identity.Login) bool { return l.Session == session })
}

func (w *world) EndLogins(ctx context.Context, account string, at time.Time) ([]identity.Login, error) {
	return w.end(ctx, at, func(l identity.Login) bool { return l.Account == account })
}

func (w *world) DeleteAccount(ctx context.Context, account string, at time.Time) ([]identity.Login, error) {
	ended, err := w.EndLogins(ctx, account, at)
	w.mu.Lock()
	defer w.mu.Unlock()
	w.logins = slices.DeleteFunc(w.logins, func(l identity.Login) bool { return l.Account == account })
	return ended, err
}

func (w *world) end(ctx context.Context, at time.Time, which func(identity.Login) bool) (ended []identity.Login, err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	for i, l := range w.logins {
		if which(l) && l.EndedAt.IsZero() {
			w.logins[i].EndedAt = at
			ended = append(ended, w.logins[i])
		}
	}
	return ended, w.storeErr
}

func (w *world) Client(_ context.Context, id string) (identity.Client, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.storeErr != nil {
		return identity.Client{}, w.storeErr
	}
	c, ok := w.clients[id]
	if !ok {
		return c, identity.ErrUnknownClient
	}
	return c, nil
}

func (w *world) LogoutToken(c identity.Client, account, loginID string, now time.Time) (string, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return fmt.Sprintf("%s %s %s %d", c.ID, loginID, account, now.UnixNano()), w.mintErr
}

func (w *world) PostForm(ctx context.Context, target string, form url.Values) (int, error) {
	site := strings.TrimSuffix(strings.TrimPrefix(target, "https://"), ".example/logout")
	w.mu.Lock()
	w.told = append(w.told, fmt.Sprintf("%s %s %v", site, strings.Fields(form.Get("logout_token"))[1], time.Since(w.start).Seconds()))
	w.tokens = append(w.tokens, form.Get("logout_token"))
	for _, k := range []string{"", site} {
		w.under[k]++
		w.most[k] = max(w.most[k], w.under[k])
	}
	status := 200
	if a := w.answers[site]; len(a) > 0 {
		status = a[0]
		if len(a) > 1 {
			w.answers[site] = a[1:]
		}
	}
	hang := w.hang[site]
	w.mu.Unlock()
	var err error
	select {
	case <-time.After(hang):
	case <-ctx.Done():
		err = ctx.Err()
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.under[site]--
	w.under[""]--
	if err == nil && status == 0 {
		err = errors.New("connection refused")
	}
	return status, err
}

func (w *world) posts() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.told)
}

// heard fails unless the sites were told exactly this, in whatever order.
func (w *world) heard(t *testing.T, want ...string) {
	t.Helper()
	got := w.posts()
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("told %q, want %q", got, want)
	}
}

func (w *world) ended() (ids []string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, l := range w.logins {
		if !l.EndedAt.IsZero() {
			ids = append(ids, l.ID)
		}
	}
	return ids
}

func (w *world) logged() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.log.String()
}

func (w *world) signOut(t *testing.T, id string) {
	t.Helper()
	if err := w.Ender.Login(t.Context(), id); err != nil {
		t.Errorf("%s: %v", id, err)
	}
}
