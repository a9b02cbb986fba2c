package app_test

import (
	"encoding/json"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/goccy/go-yaml"

	"qrlogin/api"
	"qrlogin/provider/app"
	"qrlogin/provider/internal/contracttest"
	"qrlogin/provider/internal/testenv"
)

// operated is the operator's listener of a world.
func operated(t *testing.T, w *world) string {
	t.Helper()
	server := httptest.NewServer(contracttest.Wrap(t, w.provider.OperatorHandler()))
	t.Cleanup(server.Close)
	return server.URL
}

func ask(t *testing.T, url string) (int, string) {
	t.Helper()
	response, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, string(body)
}

func TestOneLoginIsCountedOnceInEachOfItsSteps(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	operator := operated(t, w)
	p := w.rawPhone().enrolled("+8613800138000")
	login := w.start()
	answered := make(chan answer, 1)
	go func() { answered <- w.poll(login, "wait=25") }()
	awaitWaiting(t, 1, w)
	p.approve(login)
	token := w.read(<-answered)
	w.poll(w.start(), "wait=0") // not approved
	w.http.Get(w.issuer + "/nowhere")

	status, text := ask(t, operator+"/metrics")
	if status != http.StatusOK {
		t.Fatal(status, text)
	}
	for _, line := range []string{
		`qrlogin_challenges_total{state="pending"} 2`, `qrlogin_challenges_total{state="claimed"} 1`, `qrlogin_challenges_total{state="approved"} 1`,
		`qrlogin_challenges_total{state="redeemed"} 1`, `qrlogin_challenges_total{state="denied"} 0`,
		`qrlogin_request_seconds_count{method="POST",route="/phone/scans",status="2xx"} 1`,
		`qrlogin_request_seconds_count{method="POST",route="/phone/decisions",status="2xx"} 1`,
		`qrlogin_request_seconds_count{method="POST",route="/token",status="2xx"} 1`,
		`qrlogin_request_seconds_count{method="POST",route="/token",status="4xx"} 1`,
		`qrlogin_request_seconds_count{method="",route="none",status="4xx"} 1`,
		`qrlogin_refusals_total{reason="authorization_pending"} 1`, `qrlogin_refusals_total{reason="not-found"} 1`,
		`qrlogin_sms_total{outcome="sent"} 1`, `qrlogin_sms_verified_total 1`, `qrlogin_events_total{kind="device.enrolled"} 1`,
		`qrlogin_limit_refusals_total{limit="scans-per-device"} 0`, `qrlogin_waiting 0`, `qrlogin_waiting_limit 16000`,
	} {
		if !strings.Contains(text, line+"\n") {
			name := strings.FieldsFunc(line, func(r rune) bool { return r == 0x7b || r == 0x20 })[0]
			t.Errorf("no line %s among\n%s", line, strings.Join(regexp.MustCompile(`(?m)^`+name+`.*$`).FindAllString(text, 20), "\n"))
		}
	}
	for what, secret := range map[string]string{
		"the number": "13800138000", "the challenge": login.ChallengeId, "the device code": login.DeviceCode, "the token": token.AccessToken, "the site": "shop",
		"the phone": p.thumbprint(),
	} {
		if strings.Contains(text, secret) {
			t.Errorf("%s is in the metrics", what)
		}
	}
	if !regexp.MustCompile(`(?m)^qrlogin_wakeup_seconds_count [1-9]`).MatchString(text) {
		t.Error("who waited was woken by nothing")
	}
	// What a request waited is not its work.
	sum := regexp.MustCompile(`qrlogin_request_seconds_sum{method="POST",route="/token",status="2xx"} (\S+)`).FindStringSubmatch(text)
	if sum == nil || strings.HasPrefix(sum[1], "NaN") {
		t.Error("no time of the token endpoint")
	}
}

func TestTheOperatorIsNotAnsweredWhereTheWorldIs(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, path := range []string{"/healthz", "/readyz", "/metrics"} {
		if status, body := ask(t, w.issuer+path); status != http.StatusNotFound {
			t.Errorf("%s: %d %s", path, status, body)
		}
	}
}

func TestReadinessIsWhatTheStoresSayAndSaysNothingOfWhereTheyAre(t *testing.T) {
	t.Parallel()
	if redisServer == "" {
		return
	}
	dir := t.TempDir()
	redis, err := testenv.RedisOnPort(redisServer, dir)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { redis.Stop() }()
	w := newWorld(t, withStore("redis://"+redis.Addr))
	operator := operated(t, w)
	becomes := func(want int) api.Readiness {
		t.Helper()
		for began := time.Now(); ; time.Sleep(50 * time.Millisecond) {
			status, body := ask(t, operator+"/readyz")
			if host, port, _ := net.SplitHostPort(redis.Addr); strings.Contains(body, port) || strings.Contains(body, host) {
				t.Fatal("the store's address is in ", body)
			}
			var said api.Readiness
			if err := json.Unmarshal([]byte(body), &said); err != nil {
				t.Fatal(body, err)
			}
			if status == want {
				return said
			}
			if time.Since(began) > 30*time.Second {
				t.Fatalf("still %d %s", status, body)
			}
		}
	}
	becomes(http.StatusOK)
	redis.Stop()
	said := becomes(http.StatusServiceUnavailable)
	if said.Status != api.ReadinessStatusUnready || said.Stores["challenges"].Ready || said.Stores["challenges"].DownForSeconds == nil || !said.Stores["accounts"].Ready {
		t.Errorf("%+v", said)
	}
	if status, body := ask(t, operator+"/healthz"); status != http.StatusOK {
		t.Errorf("alive: %d %s", status, body)
	}
	_, text, _ := net.SplitHostPort(redis.Addr)
	port, err := strconv.Atoi(text)
	if err != nil {
		t.Fatal(err)
	}
	if redis, err = testenv.RedisAt(redisServer, dir, port); err != nil {
		t.Fatal(err)
	}
	becomes(http.StatusOK)
	if status, text := ask(t, operator+"/metrics"); status != http.StatusOK || strings.Contains(text, "\nqrlogin_redis_errors_total 0\n") {
		t.Errorf("%d, and no round trip was lost", status)
	}
}

func TestAProviderThatStopsIsNotReady(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	operator := operated(t, w)
	if err := w.provider.Close(); err != nil {
		t.Fatal(err)
	}
	status, body := ask(t, operator+"/readyz")
	if status != http.StatusServiceUnavailable || !strings.Contains(body, `"stopping"`) {
		t.Errorf("%d %s", status, body)
	}
}

var metricName = regexp.MustCompile(`\b(qrlogin|go|process)_[a-z_]+[a-z]\b`)

func TestTheDashboardAndTheAlertsAskForMetricsThatThereAre(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(c *app.Config) { c.Store = "miniredis" })
	p := w.phone("+8613800138000")
	login := w.start()
	if _, err := p.Scan(t.Context(), w.frame(login)); err != nil {
		t.Fatal(err)
	}
	w.poll(login, "wait=0")
	_, text := ask(t, operated(t, w)+"/metrics")
	there := map[string]bool{}
	for _, m := range regexp.MustCompile(`(?m)^([a-z_]+)[ {]`).FindAllStringSubmatch(text, -1) {
		there[m[1]] = true
	}
	wants := func(where, expression string) {
		t.Helper()
		names := metricName.FindAllString(expression, -1)
		if len(names) == 0 {
			t.Errorf("%s asks for nothing: %s", where, expression)
		}
		for _, name := range names {
			if !there[name] {
				t.Errorf("%s: there is no %s", where, name)
			}
		}
	}
	var dashboard struct {
		Panels []struct {
			Title, Type, Description string
			Targets                  []struct{ Expr string }
		}
	}
	read(t, "grafana/qrlogin.json", json.Unmarshal, &dashboard)
	for _, panel := range dashboard.Panels {
		for _, target := range panel.Targets {
			wants(panel.Title, target.Expr)
		}
		if panel.Type != "row" && (len(panel.Targets) == 0 || panel.Description == "") {
			t.Errorf("%s shows nothing, or does not say what", panel.Title)
		}
	}
	var alerts struct {
		Groups []struct {
			Rules []struct {
				Alert, Expr string
				Labels      map[string]string
				Annotations map[string]string
			}
		}
	}
	read(t, "prometheus/alerts.yml", yaml.Unmarshal, &alerts)
	for _, group := range alerts.Groups {
		for _, rule := range group.Rules {
			if rule.Expr != `up{job="qrlogin"} == 0` {
				wants(rule.Alert, rule.Expr)
			}
			if rule.Annotations["summary"] == "" || rule.Annotations["description"] == "" || rule.Labels["severity"] == "" {
				t.Errorf("%s does not say what, why, or how bad", rule.Alert)
			}
		}
	}
	if len(dashboard.Panels) < 8 || len(alerts.Groups) == 0 || len(alerts.Groups[0].Rules) < 8 {
		t.Error("hardly anything is asked for")
	}
}

func read(t *testing.T, name string, unmarshal func([]byte, any) error, into any) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("../../deploy", name))
	if err == nil {
		err = unmarshal(text, into)
	}
	if err != nil {
		t.Fatal(err)
	}
}
