package app

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"

	"qrlogin/provider/internal/metrics"
	"qrlogin/provider/internal/operator"
	"qrlogin/provider/internal/redisstore"
	"qrlogin/provider/internal/sqlstore"
)

// observe makes the operator's door, and has metrics look at what counts by itself.
func (p *Provider) observe(c Config, m *metrics.Metrics, store metrics.ShortLived, db *sqlstore.DB) {
	door := &operator.Door{
		Stores:   map[string]func(context.Context) error{"accounts": db.Ready},
		Draining: p.load.waiting.Closed,
		Metrics:  m.Handler(),
	}
	if shared, ok := store.(*redisstore.Store); ok {
		door.Stores["challenges"] = shared.Ready
		shared.Observe(m.Trip)
	}
	p.operate = door.Handler()
	gauge := func(name, help string, value func(Load) int) {
		m.Gauge(name, help, func() float64 { return float64(value(p.Load())) })
	}
	total := func(name, help string, value func(Load) int64) {
		m.Total(name, help, func() int64 { return value(p.Load()) })
	}
	gauge("qrlogin_waiting", "Requests that wait for a challenge to change: pages and sites.", func(l Load) int { return l.Waiting })
	gauge("qrlogin_requests_under_way", "Requests that are worked on.", func(l Load) int { return l.UnderWay })
	gauge("qrlogin_connections", "Connections that are open.", func(l Load) int { return l.Connections })
	total("qrlogin_turned_away_total", "Requests that found no place to wait.", func(l Load) int64 { return l.TurnedAway })
	total("qrlogin_shed_total", "Requests that were refused because too many were worked on.", func(l Load) int64 { return l.Shed })
	total("qrlogin_connections_closed_total", "Connections that were closed for others to have room.", func(l Load) int64 { return l.Closed })
	total("qrlogin_connections_refused_total", "Connections that found no room.", func(l Load) int64 { return l.Refused })
	for name, most := range map[string]int{"waiting": c.WaitingLimit, "requests": c.RequestLimit, "connections": c.ConnectionLimit} {
		m.Gauge("qrlogin_"+name+"_limit", "What is allowed of them at a time, as configured.", func() float64 { return float64(most) })
	}
	m.Gauge("qrlogin_sql_connections", "Connections to the SQL database that are in use.", func() float64 { used, _ := db.Pools(); return float64(used) })
	m.Total("qrlogin_sql_waits_total", "How often somebody had to wait for a connection to the SQL database.", func() int64 { _, waits := db.Pools(); return waits })
}

// OperatorHandler is what the operator is answered: /healthz, /readyz, /metrics. It asks nobody who they are.
func (p *Provider) OperatorHandler() http.Handler { return p.operate }

// ServeOperator answers the operator until ctx is done.
func (p *Provider) ServeOperator(ctx context.Context, l net.Listener) error {
	server := &http.Server{
		Handler: p.operate, ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 5 * time.Second, WriteTimeout: 30 * time.Second, MaxHeaderBytes: 16 << 10,
	}
	defer context.AfterFunc(ctx, func() { _ = server.Close() })()
	if err := server.Serve(l); !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("serve the operator: %w", err)
	}
	return nil
}
