package tracing

import (
	"context"
	"strings"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
	"go.opentelemetry.io/otel/trace"

	"qrlogin/provider/internal/challenge"
)

// Commands begins a span for a round trip to Redis: the names of the commands of one, several for a pipeline. end takes its error.
func (t *Traces) Commands(ctx context.Context, names []string) (end func(error)) {
	if !recording(ctx) {
		return ended
	}
	operation := names[0]
	for _, name := range names[1:] {
		if name != names[0] {
			operation = ""
		}
	}
	about := []attribute.KeyValue{semconv.DBSystemNameRedis}
	if len(names) > 1 {
		operation = strings.TrimSpace("PIPELINE " + operation)
		about = append(about, semconv.DBOperationBatchSize(len(names)))
	}
	return t.call(ctx, operation, append(about, semconv.DBOperationName(operation)))
}

// Statement begins a span for an SQL statement. system is the database's name in the semantic conventions. end takes its error.
func (t *Traces) Statement(ctx context.Context, system, statement string) (end func(error)) {
	if !recording(ctx) {
		return ended
	}
	operation, table := kindOf(statement)
	about := []attribute.KeyValue{semconv.DBSystemNameKey.String(system), semconv.DBOperationName(operation)}
	if table != "" {
		about = append(about, semconv.DBCollectionName(table))
		operation += " " + table
	}
	return t.call(ctx, operation, about)
}

// kindOf is what a statement does, and with which table first: all that is told of it.
func kindOf(statement string) (operation, table string) {
	words := strings.Fields(statement)
	if len(words) == 0 {
		return "", ""
	}
	operation = strings.ToUpper(words[0])
	for i, word := range words[:len(words)-1] {
		switch word {
		case "FROM", "INTO", "UPDATE":
			if name := strings.TrimRight(words[i+1], ",;)"); !strings.HasPrefix(name, "(") {
				return operation, name
			}
		}
	}
	return operation, ""
}

func (t *Traces) call(ctx context.Context, name string, about []attribute.KeyValue) (end func(error)) {
	_, span := t.tracer.Start(ctx, name, trace.WithSpanKind(trace.SpanKindClient), trace.WithAttributes(about...))
	return func(err error) {
		if err != nil { // its type: its message may quote what was sent
			span.SetStatus(codes.Error, "")
			span.SetAttributes(semconv.ErrorType(err))
		}
		span.End()
	}
}

// recording tells whether a request is being traced. What the provider does by itself begins no traces.
func recording(ctx context.Context) bool { return trace.SpanFromContext(ctx).IsRecording() }

func ended(error) {}

// Waits is the same store, with a span for each wait: from the look that found no news until nobody waits any more. The event "news" in
// it is when the store called.
func (t *Traces) Waits(s challenge.Store) challenge.Store {
	if t == nil {
		return s
	}
	return waits{s, t.tracer}
}

type waits struct {
	challenge.Store
	tracer trace.Tracer
}

func (w waits) Await(ctx context.Context, id challenge.ID, after uint64, notify func()) (challenge.Record, func(), error) {
	if !recording(ctx) {
		return w.Store.Await(ctx, id, after, notify)
	}
	_, span := w.tracer.Start(ctx, "wait")
	r, stop, err := w.Store.Await(ctx, id, after, func() { span.AddEvent("news"); notify() })
	if err != nil || r.Version > after || r.State.Final() { // nobody waits; a span that is not ended is not sent
		return r, stop, err
	}
	return r, func() { stop(); span.End() }, nil
}
