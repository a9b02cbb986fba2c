package app_test

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	collector "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"

	"qrlogin/provider/app"
	"qrlogin/provider/internal/redisstore"
	"qrlogin/provider/internal/testenv"
)

// receiver takes traces as a collector does.
type receiver struct {
	t   *testing.T
	url string

	mu    sync.Mutex
	bytes []byte
	spans []*tracepb.Span
}

func startReceiver(t *testing.T) *receiver {
	t.Helper()
	r := &receiver{t: t}
	server := httptest.NewServer(r)
	t.Cleanup(server.Close)
	r.url = server.URL
	return r
}

func (r *receiver) ServeHTTP(w http.ResponseWriter, request *http.Request) {
	body, err := io.ReadAll(request.Body)
	var export collector.ExportTraceServiceRequest
	if err == nil {
		err = proto.Unmarshal(body, &export)
	}
	if err != nil || request.URL.Path != "/v1/traces" {
		r.t.Errorf("%s: %v", request.URL, err)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.bytes = append(r.bytes, body...)
	for _, resource := range export.ResourceSpans {
		for _, scope := range resource.ScopeSpans {
			r.spans = append(r.spans, scope.Spans...)
		}
	}
	w.Header().Set("Content-Type", "application/x-protobuf")
}

// requests is what came: the spans of requests by name, and the names of those below each.
func (r *receiver) requests() (spans map[string][]*tracepb.Span, below map[string][]string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	spans, below = map[string][]*tracepb.Span{}, map[string][]string{}
	names := map[string]string{}
	for _, s := range r.spans {
		if s.Kind == tracepb.Span_SPAN_KIND_SERVER {
			spans[s.Name] = append(spans[s.Name], s)
			names[string(s.SpanId)] = s.Name
		}
	}
	for _, s := range r.spans {
		if s.Kind == tracepb.Span_SPAN_KIND_SERVER {
			continue
		}
		above, ok := names[string(s.ParentSpanId)]
		if !ok {
			r.t.Errorf("%s is a part of no request", s.Name)
		}
		below[above] = append(below[above], s.Name)
	}
	return spans, below
}

// wantBelow wants spans of these names below those of a request.
func (r *receiver) wantBelow(request string, names ...string) {
	r.t.Helper()
	_, below := r.requests()
	for _, name := range names {
		if !slices.Contains(below[request], name) {
			r.t.Errorf("%s: no span %q, only %q", request, name, below[request])
		}
	}
}

func attributesOf(s *tracepb.Span) map[string]any {
	all := map[string]any{}
	for _, a := range s.Attributes {
		all[a.Key] = a.Value.GetStringValue()
		if n := a.Value.GetIntValue(); n != 0 {
			all[a.Key] = n
		}
	}
	return all
}

// tracedTo is a world whose traces go to a receiver that this starts. What they say came once the provider is closed.
func tracedTo(t *testing.T, change ...func(*app.Config)) (*receiver, *world) {
	t.Helper()
	r := startReceiver(t)
	t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", r.url)
	return r, newWorld(t, change...)
}

func (w *world) close() {
	w.t.Helper()
	if err := w.provider.Close(); err != nil {
		w.t.Fatal(err)
	}
}

func TestALoginIsTracedAndNothingOfItsSecretsIs(t *testing.T) {
	kinds := map[string]func(*app.Config){"miniredis and SQLite": withStore("miniredis")}
	if redisServer != "" && postgresServer != "" {
		redis := startRedis(t)
		database, stop, err := testenv.Postgres(postgresServer)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(stop)
		kinds["Redis and PostgreSQL"] = func(c *app.Config) { c.Store, c.Database = redis, database }
	}
	for name, kind := range kinds {
		t.Run(name, func(t *testing.T) {
			r, w := tracedTo(t, kind)
			s := &spy{w: w, secrets: map[string]string{"client_secret": shopSecret}}
			s.login("+8613800138000")
			s.mistakes("+8613800138001")
			secretly := w.request("SECRETMETHOD", "/q/"+s.secrets["frame"]+"?secret=SECRETQUERY", nil)
			secretly.Header.Set("tracestate", "a=SECRETSTATE")
			secretly.Header.Set("traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")
			secretly.Header.Set("baggage", "secret=SECRETBAGGAGE")
			w.do(secretly)
			w.close()

			for request, want := range map[string][]string{
				"POST /device_authorization":                     {"SELECT clients", "PIPELINE"},
				"GET /challenges/:id":                            {"evalsha"},
				"POST /phone/enrollments/:enrollment_id/confirm": {"BEGIN", "INSERT devices", "COMMIT"},
				"POST /phone/scans":                              {"SELECT devices", "evalsha"},
				"POST /phone/decisions":                          {"SELECT devices", "evalsha"},
				"POST /token":                                    {"SELECT clients", "wait", "INSERT logins", "PIPELINE"},
				"POST /challenges/:id/receipt":                   {"evalsha"},
				"DELETE /challenges/:id":                         {"evalsha"},
			} {
				r.wantBelow(request, want...)
			}

			if len(s.secrets) < 20 {
				t.Fatalf("only %d secrets were collected", len(s.secrets))
			}
			maps.Copy(s.secrets, map[string]string{
				"a method": "SECRETMETHOD", "a query": "SECRETQUERY", "a tracestate": "SECRETSTATE",
				"baggage": "SECRETBAGGAGE", "a browser": "Browser/1.0", "an HTTP client": "Go-http-client", "an address": "127.0.0.1", "another": "[::1]",
				"a key of Redis": "qrlogin:", "an SQL text": "WHERE",
			})
			for name, secret := range s.secrets {
				if secret == "" || bytes.Contains(r.bytes, []byte(secret)) {
					t.Errorf("%s is in the traces", name)
				}
			}
		})
	}
}

func TestARequestGoesOnWithItsClientsTraceAndTheLogNamesIt(t *testing.T) {
	const traceID, parent = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
	r, w := tracedTo(t)
	started := w.start()
	request := w.byWatch(http.MethodGet, started, "")
	request.Header.Set("traceparent", "00-"+traceID+"-"+parent+"-01")
	w.do(request)
	w.do(w.request(http.MethodGet, "/nowhere/at/all", nil))
	w.close()

	logged := map[string]string{}
	for line := range strings.Lines(w.logs.String()) {
		var of struct {
			Msg, Route string
			TraceID    string `json:"trace_id"`
		}
		if err := json.Unmarshal([]byte(line), &of); err != nil {
			t.Fatal(err)
		}
		if of.Msg == "request" {
			logged[of.Route] = of.TraceID
		}
	}
	spans, _ := r.requests()
	for name, want := range map[string]struct {
		route  any
		status int64
	}{
		"POST /device_authorization": {"/device_authorization", 200},
		"GET /challenges/:id":        {"/challenges/:id", 200},
		"GET":                        {nil, 404},
	} {
		if len(spans[name]) != 1 {
			t.Fatalf("%d spans %q", len(spans[name]), name)
		}
		s := spans[name][0]
		about := attributesOf(s)
		method, route, _ := strings.Cut(name, " ")
		if about["http.request.method"] != method || about["http.route"] != want.route || about["http.response.status_code"] != want.status ||
			about["url.scheme"] != "http" || s.Status.GetCode() != tracepb.Status_STATUS_CODE_UNSET {
			t.Errorf("%s: %v, %v", name, about, s.Status)
		}
		if id := hex.EncodeToString(s.TraceId); logged[route] != id {
			t.Errorf("%s: the log says %q, the trace is %s", name, logged[route], id)
		}
	}
	s := spans["GET /challenges/:id"][0]
	if id, above := hex.EncodeToString(s.TraceId), hex.EncodeToString(s.ParentSpanId); id != traceID || above != parent {
		t.Errorf("the request is in the trace %s, below %s", id, above)
	}
}

func TestALongPollIsTracedAsAWaitForNews(t *testing.T) {
	for _, store := range []string{"memory", "miniredis"} {
		t.Run(store, func(t *testing.T) {
			r, w := tracedTo(t, withStore(store))
			started := w.start()
			view, _ := w.watch(started, 0)
			watch := w.byWatch(http.MethodGet, started, "")
			watch.URL.RawQuery = fmt.Sprintf("after=%d", view.Version)
			watch.Header.Set("User-Agent", "Browser/1.0")
			answered := w.background(watch)
			awaitWaiting(t, 1, w)
			w.cancel(started)
			<-answered
			w.close()
			r.wantBelow("GET /challenges/:id", "wait")
			for _, s := range r.spans {
				if s.Name == "wait" && (len(s.Events) != 1 || s.Events[0].Name != "news") {
					t.Errorf("what happened during the wait: %v", s.Events)
				}
			}
		})
	}
}

func TestAParkedRequestIsOneSpan(t *testing.T) {
	r := startReceiver(t)
	t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", r.url)
	w := tcp(t)
	started := w.start()
	view, _ := w.watch(started, 0)
	watch := w.watching(started, view.Version)
	watch.Header.Set("traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")
	answered := w.background(watch)
	awaitWaiting(t, 1, w)
	time.Sleep(longer)
	w.cancel(started)
	<-answered
	w.close()
	var spans []string
	for _, s := range r.spans {
		if hex.EncodeToString(s.TraceId) == "0af7651916cd43dd8448eb211c80319c" {
			spans = append(spans, s.Name)
		}
	}
	if slices.Sort(spans); !slices.Equal(spans, []string{"GET /challenges/:id", "wait"}) {
		t.Errorf("%q", spans)
	}
}

func TestAFailureOfAStoreIsInTheTraceByItsTypeAlone(t *testing.T) {
	address, stop, err := redisstore.Embedded(slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	defer stop()
	r, w := tracedTo(t, withStore(address))
	started := w.start()
	stop()
	w.poll(started, "").wants(t, "without its Redis", http.StatusServiceUnavailable, "temporarily_unavailable")
	w.close()
	r.wantBelow("POST /token", "evalsha")
	types := map[string]*regexp.Regexp{"POST /token": regexp.MustCompile(`^503$`), "evalsha": regexp.MustCompile(`^[*\w./]+$`)}
	for _, s := range r.spans {
		kind, _ := attributesOf(s)["error.type"].(string)
		want := types[s.Name]
		if failed := s.Status.GetCode() == tracepb.Status_STATUS_CODE_ERROR; failed != (want != nil) || failed && !want.MatchString(kind) || s.Status.GetMessage() != "" {
			t.Errorf("%s: %v, %q", s.Name, s.Status, kind)
		}
	}
}

func TestWithoutAnEndpointNothingIsTraced(t *testing.T) {
	w := newWorld(t)
	w.start()
	if strings.Contains(w.logs.String(), "trace_id") {
		t.Error("a request has a trace")
	}
}
