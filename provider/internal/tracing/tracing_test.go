package tracing

import (
	"bytes"
	"context"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

func TestTheEnvironmentSaysWhetherThereAreTraces(t *testing.T) {
	const (
		to, of, by = "OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_TRACES_EXPORTER"
		as, asOf   = "OTEL_EXPORTER_OTLP_PROTOCOL", "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL"
		here       = "http://127.0.0.1:1"
	)
	for name, c := range map[string]struct {
		env     map[string]string
		traces  bool
		refusal string
	}{
		"nothing":                   {},
		"a name alone":              {env: map[string]string{"OTEL_SERVICE_NAME": "login"}},
		"a collector":               {env: map[string]string{to: here}, traces: true},
		"a collector of traces":     {env: map[string]string{of: "http://127.0.0.1:1/x"}, traces: true},
		"the one on this machine":   {env: map[string]string{by: "otlp"}, traces: true},
		"as protobuf":               {env: map[string]string{to: here, as: "http/protobuf"}, traces: true},
		"no traces":                 {env: map[string]string{to: here, by: "none"}},
		"nothing at all":            {env: map[string]string{to: here, "OTEL_SDK_DISABLED": "true"}},
		"an exporter there is not":  {env: map[string]string{by: "zipkin"}, refusal: `OTEL_TRACES_EXPORTER is "zipkin"`},
		"a protocol there is not":   {env: map[string]string{to: here, as: "grpc"}, refusal: `is "grpc"`},
		"a protocol for the traces": {env: map[string]string{of: here, asOf: "grpc"}, refusal: `is "grpc"`},
	} {
		t.Run(name, func(t *testing.T) {
			for key, value := range c.env {
				t.Setenv(key, value)
			}
			traces, err := Open(t.Context(), slog.New(slog.DiscardHandler))
			if (traces != nil) != c.traces || (err != nil) != (c.refusal != "") || err != nil && !strings.Contains(err.Error(), c.refusal) {
				t.Fatalf("%v, %v", traces, err)
			}
			if traces != nil {
				if err := traces.Close(); err != nil {
					t.Error(err)
				}
			}
		})
	}
}

func TestACollectorThatNeverAnswersFailsNothingAndIsLogged(t *testing.T) {
	asked, over := make(chan struct{}, 1), make(chan struct{})
	collector := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { asked <- struct{}{}; <-over }))
	defer collector.Close()
	defer close(over)
	t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", collector.URL)
	for _, patience := range []string{"OTEL_EXPORTER_OTLP_TIMEOUT", "OTEL_BSP_EXPORT_TIMEOUT"} {
		t.Setenv(patience, "3600000") // ms: longer than a test may take
	}
	var logs bytes.Buffer
	traces, err := Open(t.Context(), slog.New(slog.NewTextHandler(&logs, nil)))
	if err != nil {
		t.Fatal(err)
	}
	_, span := traces.tracer.Start(t.Context(), "a request")
	span.End()
	if err := traces.Close(); err != nil {
		t.Error(err)
	}
	<-asked
	if !strings.Contains(logs.String(), context.DeadlineExceeded.Error()) {
		t.Errorf("the log: %s", &logs)
	}
}

func TestOfAStatementItsKindAndItsFirstTableAreTold(t *testing.T) {
	for statement, want := range map[string][2]string{
		"SELECT a, b FROM clients WHERE id = $1":                                      {"SELECT", "clients"},
		"\n\tSELECT EXISTS (SELECT 1 FROM logins WHERE id = $1)":                      {"SELECT", "logins"},
		"INSERT INTO sessions (id, account)\n\tSELECT $1, $2 WHERE EXISTS (SELECT 1)": {"INSERT", "sessions"},
		"UPDATE accounts SET left_at = $2 WHERE id = $1":                              {"UPDATE", "accounts"},
		"DELETE FROM devices WHERE account = $1 RETURNING id":                         {"DELETE", "devices"},
		"WITH x AS (SELECT 1 FROM (SELECT 2)) SELECT * FROM refresh_tokens, logins":   {"WITH", "refresh_tokens"},
		"SELECT pg_advisory_xact_lock($1)":                                            {"SELECT", ""},
		"SELECT 1 FROM":                                                               {"SELECT", ""},
		"BEGIN":                                                                       {"BEGIN", ""},
		"":                                                                            {"", ""},
	} {
		if operation, table := kindOf(statement); operation != want[0] || table != want[1] {
			t.Errorf("%q: %q, %q", statement, operation, table)
		}
	}
}
