package main

import (
	"context"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"go.opentelemetry.io/otel/attribute"
	otelcodes "go.opentelemetry.io/otel/codes"
	sdk "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"

	"github.com/townline/townline/channels/exchange"
	"github.com/townline/townline/config"
)

// tracing hands what the exchange follows to OpenTelemetry. This file and otlp.go alone know that library. A span holds the name of a
// channel, a route, a stage and an outcome; no id of anybody's, no address, nothing that was said.
type tracing struct {
	tracer   trace.Tracer
	provider *sdk.TracerProvider
}

// newTracing is nil where nothing is to be traced.
func newTracing(c *config.Config, log *slog.Logger) *tracing {
	if c.Watch.Traces == "" {
		return nil
	}
	// What comes in from outside can't ask to be traced: we take no trace ids from requests.
	p := sdk.NewTracerProvider(
		sdk.WithSampler(sdk.ParentBased(sdk.TraceIDRatioBased(c.Watch.Share))),
		sdk.WithBatcher(newCollector(c, log), sdk.WithBatchTimeout(time.Second)),
		sdk.WithRawSpanLimits(sdk.SpanLimits{AttributeCountLimit: 8, AttributeValueLengthLimit: 64, EventCountLimit: 0, LinkCountLimit: 0}),
	)
	return &tracing{tracer: p.Tracer("townline"), provider: p}
}

// tracesMost is how long the last traces may take when the town closes.
const tracesMost = 2 * time.Second

// close sends what is left.
func (t *tracing) close(ctx context.Context) error { return t.provider.Shutdown(ctx) }

var _ exchange.Tracing = (*tracing)(nil)

// Begin: see exchange.Tracing.
func (t *tracing) Begin(ctx context.Context, kind, channel string) exchange.Trace {
	ctx, span := t.tracer.Start(ctx, kind)
	if !span.IsRecording() {
		return nil
	}
	if channel != "" {
		span.SetAttributes(attribute.String("townline.channel", channel))
	}
	return &followed{tracer: t.tracer, ctx: ctx, whole: span}
}

// followed is one turn, or one message, with the stage that it is in.
type followed struct {
	tracer       trace.Tracer
	ctx          context.Context
	whole, stage trace.Span
}

// Stage: see exchange.Trace.
func (f *followed) Stage(name string) {
	now := time.Now()
	if f.stage != nil {
		f.stage.End(trace.WithTimestamp(now))
	}
	_, f.stage = f.tracer.Start(f.ctx, name, trace.WithTimestamp(now))
}

// End: see exchange.Trace.
func (f *followed) End(outcome string) {
	now := time.Now()
	if f.stage != nil {
		f.stage.End(trace.WithTimestamp(now))
	}
	f.whole.SetAttributes(attribute.String("townline.outcome", outcome))
	if outcome == "failed" || outcome == "dead" {
		f.whole.SetStatus(otelcodes.Error, "")
	}
	f.whole.End(trace.WithTimestamp(now))
}

// requests is h, followed from the first byte to the last. The name is the route as it was set up, never the path that was asked for.
func (t *tracing) requests(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/metrics" || strings.HasSuffix(r.URL.Path, "z") && strings.Count(r.URL.Path, "/") == 1 {
			h.ServeHTTP(w, r)
			return
		}
		ctx, span := t.tracer.Start(r.Context(), "request", trace.WithSpanKind(trace.SpanKindServer))
		inner := r.WithContext(ctx)
		seen := &answered{ResponseWriter: w}
		defer func() {
			r.Pattern = inner.Pattern // whoever is around us counts by it
			if route := inner.Pattern; route != "" {
				span.SetName(route)
				span.SetAttributes(attribute.String("http.route", route))
			}
			span.SetAttributes(attribute.Int("http.response.status_code", seen.code()))
			if seen.code() >= http.StatusInternalServerError {
				span.SetStatus(otelcodes.Error, "")
			}
			span.End()
		}()
		h.ServeHTTP(seen, inner)
	})
}
