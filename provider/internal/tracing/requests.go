package tracing

import (
	"net/http"
	"strconv"
	"strings"

	"github.com/gin-gonic/gin"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/propagation"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
	"go.opentelemetry.io/otel/trace"

	"qrlogin/provider/internal/web"
)

const traceparent = "traceparent" // W3C Trace Context §3.2

// Requests is the handler that comes before all others: a span for each request, by the semantic conventions for HTTP servers. issuer
// is the public URL, whose scheme the client has spoken. A request that is parked goes on in its span.
func (t *Traces) Requests(issuer string) gin.HandlerFunc {
	scheme, _, _ := strings.Cut(issuer, "://")
	return func(c *gin.Context) {
		span := trace.SpanFromContext(c.Request.Context())
		if !span.SpanContext().IsValid() {
			span = t.begin(c, scheme)
		}
		web.SetTraceID(c, span.SpanContext().TraceID().String())
		defer func() {
			if web.Parked(c) {
				return
			}
			status := c.Writer.Status()
			span.SetAttributes(semconv.HTTPResponseStatusCode(status))
			if status >= http.StatusInternalServerError {
				span.SetStatus(codes.Error, "")
				span.SetAttributes(semconv.ErrorTypeKey.String(strconv.Itoa(status)))
			}
			span.End()
		}()
		c.Next()
	}
}

// begin begins a request's span.
func (t *Traces) begin(c *gin.Context, scheme string) trace.Span {
	// Nothing but a request's place in its trace is taken over; tracestate and baggage may say anything.
	from := propagation.MapCarrier{traceparent: c.GetHeader(traceparent)}
	method, route := methodOf(c.Request), c.FullPath()
	ctx, span := t.tracer.Start(propagation.TraceContext{}.Extract(c.Request.Context(), from), spanName(method, route),
		trace.WithSpanKind(trace.SpanKindServer),
		trace.WithAttributes(semconv.HTTPRequestMethodKey.String(method), semconv.URLScheme(scheme)))
	if route != "" {
		span.SetAttributes(semconv.HTTPRoute(route))
	}
	c.Request = c.Request.WithContext(ctx)
	return span
}

// methodOf is the request's method, or _OTHER: a client may send any word as one.
func methodOf(r *http.Request) string {
	switch r.Method {
	case http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete,
		http.MethodConnect, http.MethodOptions, http.MethodTrace:
		return r.Method
	}
	return "_OTHER"
}

func spanName(method, route string) string {
	if method == "_OTHER" {
		method = "HTTP"
	}
	if route == "" {
		return method
	}
	return method + " " + route
}
