package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"sync/atomic"
	"time"

	"go.opentelemetry.io/otel/attribute"
	otelcodes "go.opentelemetry.io/otel/codes"
	sdk "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
	collectorpb "go.opentelemetry.io/proto/slim/otlp/collector/trace/v1"
	commonpb "go.opentelemetry.io/proto/slim/otlp/common/v1"
	resourcepb "go.opentelemetry.io/proto/slim/otlp/resource/v1"
	tracepb "go.opentelemetry.io/proto/slim/otlp/trace/v1"
	"google.golang.org/protobuf/proto"

	"github.com/townline/townline/config"
)

// collector sends spans to an OpenTelemetry collector by OTLP/HTTP. The library's own exporter brings gRPC with it, 8 MB of program
// for a POST. What can't be sent is lost, as the service goes first.
type collector struct {
	url     string
	headers http.Header
	client  *http.Client
	log     *slog.Logger
	self    *resourcepb.Resource
	away    atomic.Bool
}

// collectorMost is how long the collector may take; it holds up nothing but other spans.
const collectorMost = 10 * time.Second

func newCollector(c *config.Config, log *slog.Logger) *collector {
	k := &collector{
		url: c.Watch.Traces + "/v1/traces", headers: http.Header{"Content-Type": {"application/x-protobuf"}}, log: log,
		client: &http.Client{Timeout: collectorMost, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }},
		self: &resourcepb.Resource{Attributes: pairs([]attribute.KeyValue{
			attribute.String("service.name", "townline"), attribute.String("service.version", versionLine()), attribute.String("service.instance.id", rand.Text()),
		})},
	}
	for _, h := range c.Watch.Headers {
		name, value, _ := strings.Cut(h.Reveal(), "=")
		k.headers.Set(name, value)
	}
	return k
}

var _ sdk.SpanExporter = (*collector)(nil)

// ExportSpans: see sdk.SpanExporter. It returns no error, which the library would print: the log tells the first.
func (k *collector) ExportSpans(ctx context.Context, spans []sdk.ReadOnlySpan) error {
	switch err := k.send(ctx, spans); {
	case err != nil && !k.away.Swap(true):
		k.log.Warn("traces can't be sent; they are dropped until they can", "error", err)
	case err == nil && k.away.Swap(false):
		k.log.Info("traces are sent again")
	}
	return nil
}

// Shutdown: see sdk.SpanExporter.
func (k *collector) Shutdown(context.Context) error { return nil }

func (k *collector) send(ctx context.Context, spans []sdk.ReadOnlySpan) error {
	all := make([]*tracepb.Span, len(spans))
	for i, s := range spans {
		all[i] = wired(s)
	}
	body, err := proto.Marshal(&collectorpb.ExportTraceServiceRequest{ResourceSpans: []*tracepb.ResourceSpans{{
		Resource: k.self, ScopeSpans: []*tracepb.ScopeSpans{{Scope: &commonpb.InstrumentationScope{Name: "townline"}, Spans: all}},
	}}})
	if err != nil {
		return err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, k.url, bytes.NewReader(body))
	if err != nil {
		return err
	}
	req.Header = k.headers.Clone()
	resp, err := k.client.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	_, _ = io.Copy(io.Discard, io.LimitReader(resp.Body, 64<<10)) // so that the connection can be used again
	if resp.StatusCode/100 != 2 {
		return fmt.Errorf("the collector answers %d", resp.StatusCode)
	}
	return nil
}

// wired is a span as it goes over the wire.
func wired(s sdk.ReadOnlySpan) *tracepb.Span {
	id, trace := s.SpanContext().SpanID(), s.SpanContext().TraceID()
	w := &tracepb.Span{
		TraceId: trace[:], SpanId: id[:], Name: s.Name(), Kind: spanKind(s.SpanKind()), Attributes: pairs(s.Attributes()),
		StartTimeUnixNano: uint64(s.StartTime().UnixNano()), EndTimeUnixNano: uint64(s.EndTime().UnixNano()), Status: &tracepb.Status{},
	}
	if s.Parent().IsValid() {
		parent := s.Parent().SpanID()
		w.ParentSpanId = parent[:]
	}
	if s.Status().Code == otelcodes.Error {
		w.Status.Code = tracepb.Status_STATUS_CODE_ERROR
	}
	return w
}

func spanKind(k trace.SpanKind) tracepb.Span_SpanKind {
	if k == trace.SpanKindServer {
		return tracepb.Span_SPAN_KIND_SERVER
	}
	return tracepb.Span_SPAN_KIND_INTERNAL
}

func pairs(all []attribute.KeyValue) []*commonpb.KeyValue {
	out := make([]*commonpb.KeyValue, 0, len(all))
	for _, a := range all {
		v := &commonpb.AnyValue{Value: &commonpb.AnyValue_StringValue{StringValue: a.Value.AsString()}}
		if a.Value.Type() == attribute.INT64 {
			v.Value = &commonpb.AnyValue_IntValue{IntValue: a.Value.AsInt64()}
		}
		out = append(out, &commonpb.KeyValue{Key: string(a.Key), Value: v})
	}
	return out
}
