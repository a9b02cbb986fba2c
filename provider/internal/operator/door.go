package operator

import (
	"context"
	"encoding/json"
	"net/http"
	"sync"
	"time"

	"qrlogin/api"
)

const (
	patience = time.Second // how long a store may take to answer
	fresh    = time.Second // how long its answer stands, however often it is asked for
)

// Door answers the operator. Its fields are set before use.
type Door struct {
	Stores   map[string]func(context.Context) error // what has to answer, by a name that says nothing of where it is
	Draining func() bool                            // the server is stopping
	Metrics  http.Handler

	mu    sync.Mutex
	looks map[string]*look
}

// look is the last look at a store.
type look struct {
	mu       sync.Mutex
	at, down time.Time // down: since when it has not answered
}

// Handler is the door's HTTP surface.
func (d *Door) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) {
		answer(w, http.StatusOK, api.Health{Status: api.HealthStatusOk})
	})
	mux.HandleFunc("GET /readyz", d.ready)
	mux.Handle("GET /metrics", d.Metrics)
	return mux
}

func (d *Door) ready(w http.ResponseWriter, r *http.Request) {
	said := api.Readiness{Status: api.ReadinessStatusReady, Stores: map[string]api.StoreReadiness{}}
	var mu sync.Mutex
	var all sync.WaitGroup
	for name, ask := range d.Stores {
		all.Go(func() {
			down := d.look(name).since(r.Context(), ask)
			mu.Lock()
			defer mu.Unlock()
			store := api.StoreReadiness{Ready: down.IsZero()}
			if !store.Ready {
				seconds := int(time.Since(down).Seconds())
				store.DownForSeconds = &seconds
				said.Status = api.ReadinessStatusUnready
			}
			said.Stores[name] = store
		})
	}
	all.Wait()
	if d.Draining() {
		said.Status = api.ReadinessStatusStopping
	}
	status := http.StatusOK
	if said.Status != api.ReadinessStatusReady {
		status = http.StatusServiceUnavailable
	}
	answer(w, status, said)
}

func (d *Door) look(name string) *look {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.looks == nil {
		d.looks = map[string]*look{}
	}
	if d.looks[name] == nil {
		d.looks[name] = &look{}
	}
	return d.looks[name]
}

// since asks the store, unless it was asked a moment ago, and answers since when it is down. Of many who ask at once one does.
func (l *look) since(ctx context.Context, ask func(context.Context) error) time.Time {
	l.mu.Lock()
	defer l.mu.Unlock()
	if time.Since(l.at) < fresh {
		return l.down
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), patience) // the answer is for others, too
	defer cancel()
	began := time.Now()
	if err := ask(ctx); err == nil {
		l.down = time.Time{}
	} else if l.down.IsZero() {
		l.down = began
	}
	l.at = time.Now()
	return l.down
}

func answer(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body) // who has gone needs no answer
}
