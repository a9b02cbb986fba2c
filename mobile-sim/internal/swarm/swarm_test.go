package swarm

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"qrlogin/provider/app"
)

const (
	registrationToken = "registration-token-of-the-swarms-tests"
	issuer            = "http://localhost:9000" // whom nobody asks: the swarm goes to the nodes
)

// plenty is what a provider for a swarm is started with (docs/mobile-sim.md).
var plenty = []string{"scans-per-device=1000000/10m", "scans-per-account=1000000/10m", "scans-per-network=1000000/10m", "challenges-per-client=1000000/10m"}

// world is a real provider, and the nodes before it.
type world struct {
	t     *testing.T
	codes string
	real  http.Handler
	nodes []*httptest.Server
}

func newWorld(t *testing.T, limits ...string) *world {
	t.Helper()
	w := &world{t: t, codes: filepath.Join(t.TempDir(), "codes")}
	provider, err := app.New(t.Context(), app.Config{
		Issuer: issuer, SMS: "file:" + w.codes, RegistrationToken: registrationToken, Limits: limits,
		Log: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { provider.Close() })
	w.real = provider.Handler()
	return w
}

// lie is a handler before the provider's. The next handler is the provider.
type lie func(w http.ResponseWriter, r *http.Request, provider http.Handler)

func honest(w http.ResponseWriter, r *http.Request, provider http.Handler) { provider.ServeHTTP(w, r) }

// node starts one, which lies.
func (w *world) node(how lie) *httptest.Server {
	server := httptest.NewServer(http.HandlerFunc(func(out http.ResponseWriter, r *http.Request) { how(out, r, w.real) }))
	w.t.Cleanup(func() {
		server.CloseClientConnections()
		server.Close()
	})
	w.nodes = append(w.nodes, server)
	return server
}

func (w *world) config() Config {
	c := Config{
		Token: registrationToken, Codes: w.codes, Logins: 20, Concurrency: 4, OpenRate: 1000, Thought: 5 * time.Millisecond, Deadline: 10 * time.Second, CheckEvery: 1,
	}
	for _, server := range w.nodes {
		c.Nodes = append(c.Nodes, server.URL)
	}
	return c
}

func run(t *testing.T, c Config) Report {
	t.Helper()
	r, err := Run(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// form reads a request's form and leaves it readable.
func form(r *http.Request) map[string][]string {
	body, _ := io.ReadAll(r.Body)
	r.Body = io.NopCloser(bytes.NewReader(body))
	copied := r.Clone(context.Background())
	copied.Body = io.NopCloser(bytes.NewReader(body))
	_ = copied.ParseForm()
	return copied.PostForm
}

// only applies a lie to one route, and to the others none.
func only(route string, how lie) lie {
	return func(w http.ResponseWriter, r *http.Request, provider http.Handler) {
		if r.Method+" "+r.URL.Path == route {
			how(w, r, provider)
			return
		}
		provider.ServeHTTP(w, r)
	}
}

// wants compares what became of the logins, as "done 3 lost 1", leaving out what is none.
func wants(t *testing.T, r Report, want Logins) {
	t.Helper()
	got := r.Logins
	got.Checked, got.LatestMS, got.Late = want.Checked, want.LatestMS, want.Late
	if got != want {
		t.Fatalf("got %+v\nwant %+v\nfailures %v\nerrors %v", got, want, r.Failures, r.Errors)
	}
}

func TestALoginGivesOneTokenAndTheReportHasAllFigures(t *testing.T) {
	t.Parallel()
	w := newWorld(t, plenty...)
	w.node(honest)
	c := w.config()
	c.Waiting, c.PIDs = 30, []int{os.Getpid()}
	r := run(t, c)
	wants(t, r, Logins{Asked: 20, Begun: 20, Done: 20})
	if !r.WellDone() || r.Broken() || r.Refused() || r.Logins.Checked != 20 || len(r.Errors)+len(r.Failures) > 0 {
		t.Errorf("got %+v", r)
	}
	inAll := 0
	for _, n := range r.Timeline.Done {
		inAll += n
	}
	if inAll != 20 || r.Timeline.PauseMS <= 0 || time.Since(r.Began) < time.Duration(r.Seconds)*time.Second {
		t.Errorf("timeline: %+v since %s", r.Timeline, r.Began)
	}
	for _, name := range seriesNames {
		l := r.Latencies[name]
		if l.Count < 20 && name != "scan to page" || l.P50 > l.P90 || l.P90 > l.P99 || l.P99 > l.P999 || l.P999 > l.Max || l.Max <= 0 {
			t.Errorf("%s: %+v", name, l)
		}
	}
	if n := r.Waiting; n.Opened != 30 || n.AtEnd != 30 || n.GaveUp != 0 {
		t.Errorf("waiting: %+v", n)
	}
	p := r.Processes
	if p.CPUPerLogin == nil || p.RSSPerWaiting == nil || p.SwarmCPUPerLogin == nil || *p.RSSBefore <= 0 || p.NotMeasuredBecause != "" {
		t.Errorf("processes: %+v", p)
	}
	var text bytes.Buffer
	if err := r.Print(&text); err != nil {
		t.Fatal(err)
	}
	for _, said := range []string{"20 of 20 done", "lost 0, doubled 0, wrong 0", "30 of 30 browsers", "approval to token", "kB each", "for each login"} {
		if !strings.Contains(text.String(), said) {
			t.Errorf("the report does not say %q:\n%s", said, &text)
		}
	}
}

func TestATimelineShowsThePause(t *testing.T) {
	got := timeline([]time.Duration{50 * time.Millisecond, 60 * time.Millisecond, 560 * time.Millisecond, 700 * time.Millisecond})
	if want := []int{2, 0, 0, 0, 0, 1, 0, 1}; !slices.Equal(got.Done, want) || got.PauseMS != 500 {
		t.Errorf("got %+v, want %v", got, want)
	}
}

func TestTheNextSwarmHasPhonesBesideThoseOfTheLast(t *testing.T) {
	t.Parallel()
	w := newWorld(t, plenty...)
	w.node(honest)
	c := w.config()
	s := &swarm{Config: c, nodes: []node{newNode(c.Nodes[0])}, manySources: true}
	if err := s.discover(t.Context()); err != nil {
		t.Fatal(err)
	}
	var enrolled []string
	for i := range 2 { // from the same number on
		file, err := openCodes(c.Codes)
		if err != nil {
			t.Fatal(err)
		}
		p, err := s.enrol(t.Context(), i, &numbers{next: 7}, file)
		if err != nil {
			t.Fatal(err)
		}
		enrolled = append(enrolled, p.number)
	}
	if enrolled[0] == enrolled[1] {
		t.Fatalf("both are %s", enrolled[0])
	}
}

func TestALoginWhoseTokenDoesNotComeIsLost(t *testing.T) {
	t.Parallel()
	w := newWorld(t, plenty...)
	var swallowed atomic.Pointer[string]
	w.node(only("POST /token", func(out http.ResponseWriter, r *http.Request, provider http.Handler) {
		code := form(r)["device_code"][0]
		if swallowed.CompareAndSwap(nil, &code); code == *swallowed.Load() {
			<-r.Context().Done()
			return
		}
		provider.ServeHTTP(out, r)
	}))
	c := w.config()
	c.Deadline = 2 * time.Second
	r := run(t, c)
	wants(t, r, Logins{Asked: 20, Begun: 20, Done: 19, Lost: 1})
	if !r.Broken() || r.Failures["lost: the deadline was over"] != 1 {
		t.Errorf("got %v", r.Failures)
	}
}

// altered has the provider answer, and changes the body.
func altered(out http.ResponseWriter, r *http.Request, provider http.Handler, change func(body []byte) []byte) {
	recorder := httptest.NewRecorder()
	provider.ServeHTTP(recorder, r)
	body := recorder.Body.Bytes()
	if recorder.Code == http.StatusOK {
		body = change(body)
	}
	maps.Copy(out.Header(), recorder.Header())
	out.Header().Del("Content-Length")
	out.WriteHeader(recorder.Code)
	_, _ = out.Write(body)
}

func TestOtherTokensForACodeThatWasRedeemedAreDoubled(t *testing.T) {
	t.Parallel()
	w := newWorld(t, plenty...)
	var redeemed sync.Map
	w.node(only("POST /token", func(out http.ResponseWriter, r *http.Request, provider http.Handler) {
		code := form(r)["device_code"][0]
		altered(out, r, provider, func(body []byte) []byte {
			if _, again := redeemed.LoadOrStore(code, true); again {
				return bytes.Replace(body, []byte(`"access_token":"`), []byte(`"access_token":"x`), 1)
			}
			return body
		})
	}))
	c := w.config()
	c.CheckEvery = 5
	r := run(t, c)
	wants(t, r, Logins{Asked: 20, Begun: 20, Done: 16, Doubled: 4})
	if !r.Broken() {
		t.Error("nothing is broken")
	}
}

func TestATokenThatNobodyShouldHaveGotIsWrong(t *testing.T) {
	t.Parallel()
	w := newWorld(t, plenty...)
	for name, wrong := range map[string]struct {
		check  int
		change func(first, answer map[string]any)
		why    string
	}{
		"without an access token": {0, func(_, answer map[string]any) { answer["access_token"] = "" }, "there is no token in it"},
		"that is none":            {0, func(_, answer map[string]any) { answer["id_token"] = "x.y.z" }, "the ID token is not one"},
		"of another login":        {0, func(first, answer map[string]any) { maps.Copy(answer, first) }, "nonce is another login's"},
		"of another login's API":  {0, func(first, answer map[string]any) { answer["access_token"] = first["access_token"] }, "the access token is another login's"},
		"of another provider":     {0, claiming("iss", "https://id.example"), "iss is another provider"},
		"for another site":        {0, claiming("aud", []string{"shop"}), "aud is another site"},
		"of another person":       {0, claiming("sub", "somebody else"), "sub is another person"},
		"signed by somebody else": {1, claiming("auth_time", 1), "the ID token's signature is wrong"},
		"of an unknown key":       {1, ofKey("unknown"), "the ID token's key is not published"},
	} {
		t.Run(name, func(t *testing.T) {
			var first map[string]any
			node := w.node(only("POST /token", func(out http.ResponseWriter, r *http.Request, provider http.Handler) {
				altered(out, r, provider, func(body []byte) []byte {
					var answer map[string]any
					if err := json.Unmarshal(body, &answer); err != nil {
						t.Error(err)
					}
					switch {
					case first == nil:
						first = answer
						return body
					case answer["access_token"] == first["access_token"]: // the same, redeemed again
						return body
					}
					wrong.change(first, answer)
					body, _ = json.Marshal(answer)
					return body
				})
			}))
			c := w.config()
			c.Nodes, c.Logins, c.Concurrency, c.CheckEvery = []string{node.URL}, 2, 1, wrong.check
			r := run(t, c)
			wants(t, r, Logins{Asked: 2, Begun: 2, Done: 1, Wrong: 1})
			if r.Failures["wrong: "+wrong.why] != 1 {
				t.Errorf("got %v", r.Failures)
			}
		})
	}
}

// claiming changes a claim of the ID token, under the signature that it has.
func claiming(name string, value any) func(first, answer map[string]any) {
	return part(1, func(claims map[string]any) { claims[name] = value })
}

func ofKey(id string) func(first, answer map[string]any) {
	return part(0, func(header map[string]any) { header["kid"] = id })
}

// part changes the ID token's header (0) or claims (1).
func part(i int, change func(map[string]any)) func(first, answer map[string]any) {
	return func(_, answer map[string]any) {
		parts := strings.Split(answer["id_token"].(string), ".")
		text, _ := base64.RawURLEncoding.DecodeString(parts[i])
		var all map[string]any
		_ = json.Unmarshal(text, &all)
		change(all)
		text, _ = json.Marshal(all)
		parts[i] = base64.RawURLEncoding.EncodeToString(text)
		answer["id_token"] = strings.Join(parts, ".")
	}
}

func TestATokenBeforeTheApprovalIsWrong(t *testing.T) {
	t.Parallel()
	w := newWorld(t, plenty...)
	w.node(only("POST /token", func(out http.ResponseWriter, _ *http.Request, _ http.Handler) {
		_, _ = io.WriteString(out, `{"access_token":"a","id_token":"b","token_type":"Bearer"}`)
	}))
	c := w.config()
	c.CheckEvery = 0
	r := run(t, c)
	wants(t, r, Logins{Asked: 20, Begun: 20, Wrong: 20})
	if r.Failures["wrong: the token came before the approval"] == 0 { // some may be read late
		t.Errorf("got %v", r.Failures)
	}
}

func TestSlowAnswersAreInTheFigures(t *testing.T) {
	t.Parallel()
	w := newWorld(t, plenty...)
	w.node(only("POST /phone/scans", func(out http.ResponseWriter, r *http.Request, provider http.Handler) {
		time.Sleep(60 * time.Millisecond)
		provider.ServeHTTP(out, r)
	}))
	r := run(t, w.config())
	wants(t, r, Logins{Asked: 20, Begun: 20, Done: 20})
	if got := r.Latencies[atScan].P50; got < 60 {
		t.Errorf("half of the scans took %v ms or less", got)
	}
}

func TestWhatALimitRefusesIsCountedAndTheReportNamesTheLimit(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "scans-per-device=3/10m")
	w.node(honest)
	c := w.config()
	c.Logins, c.Concurrency = 5, 1 // of two phones, one that is refused could be faster, and take the other's
	r := run(t, c)
	wants(t, r, Logins{Asked: 5, Begun: 5, Done: 3, Refused: 2})
	if r.Broken() || r.WellDone() || !r.Refused() || r.Errors["POST /phone/scans: 429 too-many-requests"] != 2 {
		t.Errorf("got %v", r.Errors)
	}
	var text bytes.Buffer
	_ = r.Print(&text)
	if !strings.Contains(text.String(), "--limit") || !strings.Contains(text.String(), "scans-per-device") {
		t.Errorf("the report says\n%s", &text)
	}
}

func TestPhonesThatMayNotEnrolAreAnErrorThatNamesTheLimit(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "codes-per-day=1/24h")
	w.node(honest)
	_, err := Run(t.Context(), w.config())
	if err == nil || !strings.Contains(err.Error(), "codes-per-day") {
		t.Fatalf("got %v", err)
	}
}

func TestANodeThatIsBusyIsAskedAgainAfterTheTimeThatItWants(t *testing.T) {
	t.Parallel()
	w := newWorld(t, plenty...)
	var busy atomic.Int64
	w.node(only("POST /phone/decisions", func(out http.ResponseWriter, r *http.Request, provider http.Handler) {
		if busy.Add(1) == 1 {
			out.Header().Set("Retry-After", "1")
			out.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		provider.ServeHTTP(out, r)
	}))
	c := w.config()
	c.Logins, c.Concurrency = 1, 1
	r := run(t, c)
	wants(t, r, Logins{Asked: 1, Begun: 1, Done: 1})
	if got := r.Latencies["approval to token"].Max; got < 1000 || r.Errors["POST /phone/decisions: 503"] != 1 {
		t.Errorf("the token was there after %v ms, with %v", got, r.Errors)
	}
}

// dying is a node that stops for good at the n-th login.
func dying(w *world, n int64) *httptest.Server {
	var begun atomic.Int64
	var server *httptest.Server
	server = w.node(func(out http.ResponseWriter, r *http.Request, provider http.Handler) {
		if r.URL.Path == "/device_authorization" && begun.Add(1) >= n {
			server.Listener.Close()
			go server.CloseClientConnections()
			panic(http.ErrAbortHandler) // closes this one
		}
		provider.ServeHTTP(out, r)
	})
	return server
}

func TestANodeThatDiesCostsNoLogin(t *testing.T) {
	t.Parallel()
	w := newWorld(t, plenty...)
	w.node(honest)
	dying(w, 6)
	w.node(honest)
	c := w.config()
	c.Logins, c.Concurrency, c.Waiting = 60, 12, 0
	r := run(t, c)
	wants(t, r, Logins{Asked: 60, Begun: 60, Done: 60})
	if len(r.Errors) == 0 {
		t.Error("nobody met the node that died")
	}
}

func TestAProviderThatDiesForGoodFailsTheRestAndHangsNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t, plenty...)
	dying(w, 4)
	c := w.config()
	c.Logins, c.Concurrency, c.Deadline = 4, 1, 2*time.Second
	r := run(t, c)
	wants(t, r, Logins{Asked: 4, Begun: 4, Done: 3, Failed: 1})
	if r.Errors["POST /device_authorization: connection refused"] == 0 || r.Broken() || r.Refused() {
		t.Errorf("got %v", r.Errors)
	}
}

func TestAProviderThatComesBackIsWaitedFor(t *testing.T) {
	t.Parallel()
	w := newWorld(t, plenty...)
	var requests, down atomic.Int64
	w.node(func(out http.ResponseWriter, r *http.Request, provider http.Handler) {
		if requests.Add(1) == 60 {
			down.Store(1)
			time.AfterFunc(400*time.Millisecond, func() { down.Store(0) })
			go w.nodes[0].CloseClientConnections()
		}
		if down.Load() > 0 {
			panic(http.ErrAbortHandler) // closes the connection
		}
		provider.ServeHTTP(out, r)
		if down.Load() > 0 {
			panic(http.ErrAbortHandler) // after having done it
		}
	})
	c := w.config()
	c.Waiting = 10
	r := run(t, c)
	wants(t, r, Logins{Asked: 20, Begun: 20, Done: 20})
	if r.Waiting.AtEnd != 10 || len(r.Errors) == 0 {
		t.Errorf("got %+v, %v", r.Waiting, r.Errors)
	}
}

func TestAnApprovalThatNobodyConfirmedIsNotLost(t *testing.T) {
	t.Parallel()
	w := newWorld(t, plenty...)
	drop := func(_ http.ResponseWriter, r *http.Request, _ http.Handler) { panic(http.ErrAbortHandler) }
	w.node(only("POST /phone/decisions", drop))
	c := w.config()
	c.Logins, c.Deadline = 2, 2*time.Second
	r := run(t, c)
	wants(t, r, Logins{Asked: 2, Begun: 2, Failed: 2})
}

func TestALoginWhoseApprovalIsNeverConfirmedIsDoneWithItsToken(t *testing.T) {
	t.Parallel()
	w := newWorld(t, plenty...)
	w.node(only("POST /phone/decisions", func(_ http.ResponseWriter, r *http.Request, provider http.Handler) {
		provider.ServeHTTP(httptest.NewRecorder(), r)
		panic(http.ErrAbortHandler)
	}))
	c := w.config()
	c.Logins, c.Deadline = 2, 2*time.Second
	r := run(t, c)
	wants(t, r, Logins{Asked: 2, Begun: 2, Done: 2})
	if r.Errors["POST /phone/decisions: connection dropped"] == 0 {
		t.Errorf("got %v", r.Errors)
	}
}

func TestASwarmThatIsInterruptedReports(t *testing.T) {
	t.Parallel()
	w := newWorld(t, plenty...)
	ctx, cancel := context.WithCancel(t.Context())
	var begun atomic.Int64
	w.node(only("POST /device_authorization", func(out http.ResponseWriter, r *http.Request, provider http.Handler) {
		if begun.Add(1) == 25 { // ten of which wait
			cancel()
		}
		provider.ServeHTTP(out, r)
	}))
	c := w.config()
	c.Logins, c.Waiting, c.Hold = 10_000, 10, time.Hour
	r, err := Run(ctx, c)
	if err != nil {
		t.Fatal(err)
	}
	l := r.Logins
	if r.Stopped != "interrupted" || l.Begun < 10 || l.Begun > 100 || l.Done != l.Begun || r.WellDone() || r.Broken() || r.Refused() || r.Waiting.AtEnd != 10 {
		t.Errorf("got %q, %+v, %+v", r.Stopped, l, r.Waiting)
	}
}

func TestASwarmThatNobodyAnswersEnds(t *testing.T) {
	t.Parallel()
	w := newWorld(t, plenty...)
	w.node(only("POST /device_authorization", func(_ http.ResponseWriter, _ *http.Request, _ http.Handler) {
		panic(http.ErrAbortHandler)
	}))
	c := w.config()
	c.Logins, c.Waiting, c.silence = 0, 3, time.Second/4
	if r := run(t, c); r.Stopped != "nobody answers any more" || r.Waiting.Opened != 0 || r.WellDone() {
		t.Errorf("got %q, %+v", r.Stopped, r.Waiting)
	}
}

func TestWhereNobodyAsksNobodyNeedAnswer(t *testing.T) {
	t.Parallel()
	w := newWorld(t, plenty...)
	w.node(honest)
	c := w.config()
	c.Logins, c.Rate, c.silence = 2, 0.5, 1500*time.Millisecond
	wants(t, run(t, c), Logins{Asked: 2, Begun: 2, Done: 2})
}

func TestLoginsBeginAtTheirRate(t *testing.T) {
	t.Parallel()
	w := newWorld(t, plenty...)
	w.node(only("POST /phone/scans", func(out http.ResponseWriter, r *http.Request, provider http.Handler) {
		time.Sleep(30 * time.Millisecond)
		provider.ServeHTTP(out, r)
	}))
	c := w.config()
	c.Rate = 40
	if r := run(t, c); r.Seconds < 19./40 || r.Logins.Done != 20 {
		t.Errorf("20 logins at 40 a second took %v s: %+v", r.Seconds, r.Logins)
	}
	c.Rate, c.Concurrency = 1000, 1
	if r := run(t, c); r.Logins.Late < 18 || r.Logins.LatestMS < 100 || r.Logins.Done != 20 {
		t.Errorf("one phone is never late: %+v", r.Logins)
	}
}

func TestABrowserWhoseCodeHasEndedShowsAnother(t *testing.T) {
	t.Parallel()
	w := newWorld(t, plenty...)
	var looks, cancelled atomic.Int64
	w.node(func(out http.ResponseWriter, r *http.Request, provider http.Handler) {
		look := int64(0)
		if r.URL.Query().Get("after") > "0" {
			look = looks.Add(1)
		}
		switch {
		case r.Method == http.MethodDelete:
			cancelled.Add(1)
		case look == 1: // as the provider says after three minutes
			_, _ = io.WriteString(out, `{"state":"pending","version":2,"expires_in_ms":100000,"frames":[]}`)
			return
		case look == 2: // as it says after five
			out.WriteHeader(http.StatusGone)
			return
		}
		provider.ServeHTTP(out, r)
	})
	c := w.config()
	c.Logins, c.Waiting, c.Hold = 0, 3, 2500*time.Millisecond
	r := run(t, c)
	if r.Waiting.Renewed != 2 || r.Waiting.AtEnd != 3 || cancelled.Load() != 1 || !r.WellDone() {
		t.Errorf("got %+v, and %d were cancelled; %v", r.Waiting, cancelled.Load(), r.Errors)
	}
}

func TestBrowsersThatAreTurnedAwayGiveUp(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "challenges-per-client=2/10m")
	w.node(honest)
	c := w.config()
	c.Logins, c.Waiting = 0, 5
	r := run(t, c)
	if r.Waiting.Opened != 2 || r.Waiting.GaveUp != 3 || r.WellDone() || r.Errors["POST /device_authorization: 429 slow_down"] != 3 {
		t.Errorf("got %+v, %v", r.Waiting, r.Errors)
	}
}

func TestAPublicSiteNeedsNoSecret(t *testing.T) {
	t.Parallel()
	codes := filepath.Join(t.TempDir(), "codes")
	provider, err := app.New(t.Context(), app.Config{
		Issuer: issuer, SMS: "file:" + codes, Log: slog.New(slog.DiscardHandler),
		Clients: []app.Client{{ID: "tv", Name: "TV", Scopes: []string{"openid", "phone"}}},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { provider.Close() })
	w := &world{t: t, codes: codes, real: provider.Handler()}
	w.node(honest)
	c := w.config()
	c.Token, c.Client = "", "tv"
	wants(t, run(t, c), Logins{Asked: 20, Begun: 20, Done: 20})
}

func TestNodesOfTwoProvidersAreNoProvider(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.node(honest)
	w.node(only("GET /.well-known/openid-configuration", func(out http.ResponseWriter, _ *http.Request, _ http.Handler) {
		_, _ = io.WriteString(out, `{"issuer":"https://id.example"}`)
	}))
	if _, err := Run(t.Context(), w.config()); err == nil || !strings.Contains(err.Error(), "one issuer") {
		t.Fatalf("got %v", err)
	}
}

func TestWhatCannotWorkIsSaidBeforeAnybodyIsAsked(t *testing.T) {
	good := Config{
		Nodes: []string{"http://localhost:9000"}, Token: "t", Codes: "codes", Logins: 1, Concurrency: 1, OpenRate: 1, Deadline: time.Second,
	}
	if err := good.Check(); err != nil {
		t.Fatal(err)
	}
	for want, change := range map[string]func(*Config){
		"no provider":          func(c *Config) { c.Nodes = nil },
		"not a plain URL":      func(c *Config) { c.Nodes = []string{"localhost:9000"} },
		"is not on this":       func(c *Config) { c.Nodes = append(c.Nodes, "https://id.example") },
		"--anywhere":           func(c *Config) { c.Nodes = []string{"http://localhost.example"} },
		"nothing to do":        func(c *Config) { c.Logins = 0 },
		"concurrency":          func(c *Config) { c.Concurrency = maxPhones + 1 },
		"a rate":               func(c *Config) { c.Rate = -1 },
		"deadline":             func(c *Config) { c.Deadline = 0 },
		"less than nothing":    func(c *Config) { c.CheckEvery = -1 },
		"enrol by codes":       func(c *Config) { c.Codes = "" },
		"a site is needed":     func(c *Config) { c.Client = "and a token" },
		"open files":           func(c *Config) { c.Waiting = 1_999_999_999 },
		"registration token":   func(c *Config) { c.Token = "" },
		"raise its limit (uli": func(c *Config) { c.Waiting = 1_999_999_999 },
	} {
		c := good
		c.Nodes = slices.Clone(c.Nodes)
		change(&c)
		if err := c.Check(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v", want, err)
		}
	}
	good.Nodes, good.Anywhere = []string{"https://id.example"}, true
	if err := good.Check(); err != nil {
		t.Errorf("anywhere: %v", err)
	}
}

func TestQuantilesAreSamples(t *testing.T) {
	var samples []time.Duration
	for i := range 1000 {
		samples = append(samples, time.Duration(1000-i)*time.Millisecond)
	}
	if got, want := distribution(samples), (Latency{Count: 1000, P50: 500, P90: 900, P99: 990, P999: 999, Max: 1000}); got != want {
		t.Errorf("got %+v", got)
	}
	if got, want := distribution(samples[:1]), (Latency{Count: 1, P50: 1, P90: 1, P99: 1, P999: 1, Max: 1}); got != want {
		t.Errorf("of one: %+v", got)
	}
}

func TestAnErrorThatIsNoCodeIsNotRepeated(t *testing.T) {
	for body, want := range map[string]string{
		`{"error":"invalid_grant"}`: "invalid_grant", `{"code":"code-stale","title":"x"}`: "code-stale", `no JSON`: "",
		`{"error":"\u001b[2J"}`: "", `{"code":"` + strings.Repeat("x", 65) + `"}`: "",
	} {
		if got := (answer{body: []byte(body)}).code(); got != want {
			t.Errorf("%s: %q", body, got)
		}
	}
}

func TestACodeIsReadWhenItsLineIsWhole(t *testing.T) {
	path := filepath.Join(t.TempDir(), "codes")
	if err := os.WriteFile(path, []byte(`{"to":"+1","code":"old"}`+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	c, err := openCodes(path)
	if err != nil {
		t.Fatal(err)
	}
	f, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	for _, step := range []struct{ write, want string }{
		{"", ""}, {`{"to":"+1","co`, ""}, {`de":"1"}` + "\n" + `{"to":"+2",`, "1"}, {`"code":"2"}` + "\n" + `{"to":"+1","code":"3"}` + "\n", "3"},
	} {
		if _, err := f.WriteString(step.write); err != nil {
			t.Fatal(err)
		}
		if got, err := c.find("+1"); err != nil || got != step.want {
			t.Errorf("after %q: %q, %v", step.write, got, err)
		}
	}
}
