package signout

import (
	"context"
	"log/slog"
	"net/url"
	"sync"
	"time"

	"qrlogin/provider/internal/identity"
)

// Store is the logins. An end answers the logins that it ended, each login once and for one caller: those that had ended
// before are not among them.
type Store interface {
	Login(ctx context.Context, id string) (identity.Login, error)
	EndLogin(ctx context.Context, id string, at time.Time) ([]identity.Login, error)
	EndSession(ctx context.Context, session string, at time.Time) ([]identity.Login, error)
	EndLogins(ctx context.Context, account string, at time.Time) ([]identity.Login, error)     // with the account's sessions
	DeleteAccount(ctx context.Context, account string, at time.Time) ([]identity.Login, error) // with all that names it
}

// Clients is the sites.
type Clients interface {
	Client(ctx context.Context, id string) (identity.Client, error)
}

// Mint signs logout tokens.
type Mint interface {
	LogoutToken(client identity.Client, account, loginID string, now time.Time) (string, error)
}

// Post posts a form and answers the status.
type Post interface {
	PostForm(ctx context.Context, target string, form url.Values) (status int, err error)
}

// Ender ends logins.
type Ender struct {
	Store   Store
	Clients Clients
	Mint    Mint
	Post    Post
	Log     *slog.Logger

	once   sync.Once
	ctx    context.Context // of the deliveries, which outlive the requests
	cancel context.CancelFunc
	posts  chan struct{} // a place for each that is under way
	done   sync.WaitGroup

	mu     sync.Mutex
	sites  map[string]*site // that something is to be delivered to
	queued int
	closed bool
}

// Login ends a login, and the whole session when it belongs to one, with all that they gave out, and tells their sites.
func (e *Ender) Login(ctx context.Context, id string) error {
	login, err := e.Store.Login(ctx, id)
	if err != nil {
		return err
	}
	if login.Session != "" {
		return e.Session(ctx, login.Session)
	}
	return e.One(ctx, id)
}

// One ends a login alone, whatever it belongs to, and tells its site.
func (e *Ender) One(ctx context.Context, id string) error {
	return e.told(e.Store.EndLogin(context.WithoutCancel(ctx), id, time.Now()))
}

// Session ends a session and all of its logins, and tells their sites.
func (e *Ender) Session(ctx context.Context, id string) error {
	return e.told(e.Store.EndSession(context.WithoutCancel(ctx), id, time.Now()))
}

// Account ends all logins and sessions of an account, and tells their sites. It answers how many logins ended.
func (e *Ender) Account(ctx context.Context, account string) (int, error) {
	ended, err := e.Store.EndLogins(context.WithoutCancel(ctx), account, time.Now())
	return len(ended), e.told(ended, err)
}

// Delete deletes an account with all that is kept of it, and tells the sites of the logins that ended by it.
func (e *Ender) Delete(ctx context.Context, account string) error {
	return e.told(e.Store.DeleteAccount(context.WithoutCancel(ctx), account, time.Now()))
}

// Tell tells the sites of logins that have ended with something else.
func (e *Ender) Tell(ended []identity.Login) { _ = e.told(ended, nil) }

// told tells the sites of the logins that an end has answered. That ran to its end, whoever asked for it and went away.
func (e *Ender) told(ended []identity.Login, err error) error {
	for _, l := range ended {
		e.tell(l)
	}
	return err
}

// Revoke voids what one login gave out: its code or a refresh token was used twice (RFC 6749 §4.1.2, RFC 9700 §4.14.2). The
// site is told nothing: it learns by its tokens, and a thief would learn too.
func (e *Ender) Revoke(ctx context.Context, id string) error {
	_, err := e.Store.EndLogin(context.WithoutCancel(ctx), id, time.Now())
	return err
}

// Close waits until everything is delivered or the context ends, and then gives up. Logins that end later end untold.
func (e *Ender) Close(ctx context.Context) {
	e.once.Do(e.open)
	e.mu.Lock()
	e.closed = true
	e.mu.Unlock()
	defer e.done.Wait()
	defer e.cancel()
	delivered := make(chan struct{})
	go func() {
		e.done.Wait()
		close(delivered)
	}()
	select {
	case <-delivered:
	case <-ctx.Done():
	}
}
