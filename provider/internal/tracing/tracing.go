package tracing

import (
	"cmp"
	"context"
	"crypto/rand"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"time"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	"go.opentelemetry.io/otel/sdk/resource"
	sdk "go.opentelemetry.io/otel/sdk/trace"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
	"go.opentelemetry.io/otel/trace"
)

// FlushTime is how long Close may take to send what has not been sent yet.
const FlushTime = 2 * time.Second

// Traces makes spans and sends them. Nil makes none. Make it with [Open].
type Traces struct {
	log      *slog.Logger
	provider *sdk.TracerProvider
	tracer   trace.Tracer
}

// Open reads the environment as the OpenTelemetry specification says, and answers nil where it configures no traces. The collector is
// not looked for: what it does not take is lost, and logged. The caller closes it.
func Open(ctx context.Context, log *slog.Logger) (*Traces, error) {
	wanted, err := configured()
	if err != nil || !wanted {
		return nil, err
	}
	exporter, err := otlptracehttp.New(ctx)
	if err != nil {
		return nil, fmt.Errorf("tracing: %w", err)
	}
	about, err := resource.New(ctx,
		resource.WithAttributes(semconv.ServiceName("qrlogin-provider"), semconv.ServiceInstanceID(rand.Text())),
		resource.WithTelemetrySDK(), resource.WithFromEnv()) // the later counts
	if err != nil {
		return nil, fmt.Errorf("tracing: %w", err)
	}
	// The library's own complaints have one place for the whole process.
	otel.SetErrorHandler(otel.ErrorHandlerFunc(func(err error) { log.Warn("traces", "error", err) }))
	provider := sdk.NewTracerProvider(sdk.WithBatcher(exporter), sdk.WithResource(about))
	return &Traces{log: log, provider: provider, tracer: provider.Tracer("qrlogin/provider")}, nil
}

// configured tells whether traces are wanted, and refuses what they cannot be sent by.
func configured() (bool, error) {
	if strings.EqualFold(os.Getenv("OTEL_SDK_DISABLED"), "true") {
		return false, nil
	}
	to := cmp.Or(os.Getenv("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"), os.Getenv("OTEL_EXPORTER_OTLP_ENDPOINT"))
	switch exporter := os.Getenv("OTEL_TRACES_EXPORTER"); {
	case exporter == "none", exporter == "" && to == "":
		return false, nil
	case exporter != "" && exporter != "otlp":
		return false, fmt.Errorf("OTEL_TRACES_EXPORTER is %q; there is otlp, and none", exporter)
	}
	by := cmp.Or(os.Getenv("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL"), os.Getenv("OTEL_EXPORTER_OTLP_PROTOCOL"))
	if by != "" && by != "http/protobuf" && by != "http/json" {
		return false, fmt.Errorf("OTEL_EXPORTER_OTLP_PROTOCOL is %q; there is http/protobuf, and http/json", by)
	}
	return true, nil
}

// Close sends what has not been sent, for at most [FlushTime]. That a collector does not answer is no failure of the provider's.
func (t *Traces) Close() error {
	ctx, cancel := context.WithTimeout(context.Background(), FlushTime)
	defer cancel()
	if err := t.provider.Shutdown(ctx); err != nil {
		t.log.Warn("the last traces were not sent", "error", err)
	}
	return nil
}
