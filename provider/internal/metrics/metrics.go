package metrics

import (
	"context"
	"net/http"
	"strconv"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"qrlogin/provider/internal/challenge"
	"qrlogin/provider/internal/limit"
	"qrlogin/provider/internal/web"
)

// Metrics is a provider's. Make it with [New].
type Metrics struct {
	registry *prometheus.Registry

	requests    *prometheus.HistogramVec
	resolved    sync.Map // answered → prometheus.Observer
	refusals    *prometheus.CounterVec
	events      *prometheus.CounterVec
	sms         *prometheus.CounterVec
	verified    prometheus.Counter
	transitions map[challenge.State]prometheus.Counter
	limits      map[string]prometheus.Counter // by the limit's name
	operations  map[string]prometheus.Observer
	wakeUp      prometheus.Histogram
	trips       prometheus.Histogram
	lost        prometheus.Counter
}

// buckets reach from what one processor does at once to where a client gives up.
var buckets = []float64{.0005, .001, .002, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 15}

// New makes metrics with those of the process and of Go.
func New() *Metrics {
	m := &Metrics{
		registry: prometheus.NewRegistry(),
		requests: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "qrlogin_request_seconds", Buckets: buckets,
			Help: "Time that requests took, without what they waited for a challenge to change, by route and class of status.",
		}, []string{"method", "route", "status"}),
		refusals: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "qrlogin_refusals_total", Help: "Errors that were answered, by their code in the protocol.",
		}, []string{"reason"}),
		events: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "qrlogin_events_total", Help: "What is noted for the operator and for owners of accounts, by kind.",
		}, []string{"kind"}),
		sms: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "qrlogin_sms_total", Help: "Enrolment codes that were to be sent, by outcome: sent, or failed.",
		}, []string{"outcome"}),
		verified: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "qrlogin_sms_verified_total", Help: "Enrolment codes that were typed back, right.",
		}),
		transitions: map[challenge.State]prometheus.Counter{},
		limits:      map[string]prometheus.Counter{},
		operations:  map[string]prometheus.Observer{},
		wakeUp: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "qrlogin_wakeup_seconds", Buckets: []float64{.0001, .0002, .0005, .001, .002, .005, .01, .025, .05, .1, .25, 1, 5},
			Help: "Time from this node's writing of a change to the waking of who waits for it on this node.",
		}),
		trips: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "qrlogin_redis_round_trip_seconds", Buckets: buckets, Help: "Time that round trips to Redis took.",
		}),
		lost: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "qrlogin_redis_errors_total", Help: "Round trips to Redis that brought no answer.",
		}),
	}
	states := prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "qrlogin_challenges_total", Help: "Challenges that came to a state, by what this node did. One that runs out of time comes to none.",
	}, []string{"state"})
	for s := challenge.Pending; s < challenge.Purged; s++ {
		m.transitions[s] = states.WithLabelValues(s.String())
	}
	m.transitions[challenge.Purged] = states.WithLabelValues("purged") // its name is that of its outcome
	hit := prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "qrlogin_limit_refusals_total", Help: "Events that were past a limit, by the limit's name.",
	}, []string{"limit"})
	for _, e := range limit.Table {
		m.limits[string(e.Name)] = hit.WithLabelValues(string(e.Name))
	}
	operations := prometheus.NewHistogramVec(prometheus.HistogramOpts{
		Name: "qrlogin_store_seconds", Buckets: buckets, Help: "Time that the store of challenges took, by operation.",
	}, []string{"operation"})
	for _, name := range []string{create, get, await, swap, count} {
		m.operations[name] = operations.WithLabelValues(name)
	}
	m.sms.WithLabelValues("sent")
	m.sms.WithLabelValues("failed")
	m.registry.MustRegister(
		m.requests, m.refusals, m.events, m.sms, m.verified, states, hit, operations, m.wakeUp, m.trips, m.lost,
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}), collectors.NewBuildInfoCollector(),
	)
	return m
}

// Handler answers all of it.
func (m *Metrics) Handler() http.Handler {
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{MaxRequestsInFlight: 3})
}

// Gauge adds something that is asked when somebody looks.
func (m *Metrics) Gauge(name, help string, now func() float64) {
	m.registry.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: name, Help: help}, now))
}

// Total adds something that has been counted elsewhere since the start.
func (m *Metrics) Total(name, help string, now func() int64) {
	m.registry.MustRegister(prometheus.NewCounterFunc(prometheus.CounterOpts{Name: name, Help: help}, func() float64 { return float64(now()) }))
}

// answered is what distinguishes requests.
type answered struct {
	method, route string
	class         int
}

// confirmed is the route to which enrolment codes are typed back.
const confirmed = "/phone/enrollments/:enrollment_id/confirm"

// Request is told of each request that was answered.
func (m *Metrics) Request(o *web.Observed) {
	key := answered{o.Method, o.Route, o.Status / 100}
	if key.route == "" { // anybody may ask for anything
		key.method, key.route = "", "none"
	}
	observer, ok := m.resolved.Load(key)
	if !ok {
		observer, _ = m.resolved.LoadOrStore(key, m.requests.WithLabelValues(key.method, key.route, strconv.Itoa(key.class)+"xx"))
	}
	observer.(prometheus.Observer).Observe(o.Took.Seconds()) //nolint:forcetypeassert // nothing else is stored
	if o.Refusal != "" {
		m.refusals.WithLabelValues(o.Refusal).Inc()
	}
	for _, kind := range o.Events {
		m.events.WithLabelValues(kind).Inc()
	}
	if key.route == confirmed && key.class == 2 {
		m.verified.Inc()
	}
}

// Trip is told of each round trip to Redis.
func (m *Metrics) Trip(took time.Duration, answered bool) {
	m.trips.Observe(took.Seconds())
	if !answered {
		m.lost.Inc()
	}
}

// Sender sends enrolment codes.
type Sender interface {
	Send(ctx context.Context, number, code, acceptLanguage string) error
}

// SMS counts what a sender sends.
func (m *Metrics) SMS(by Sender) Sender { return sender{by, m} }

type sender struct {
	Sender
	m *Metrics
}

func (s sender) Send(ctx context.Context, number, code, acceptLanguage string) error {
	err := s.Sender.Send(ctx, number, code, acceptLanguage)
	outcome := "sent"
	if err != nil {
		outcome = "failed"
	}
	s.m.sms.WithLabelValues(outcome).Inc()
	return err
}
