// A service with Go contrib's Jaeger remote sampler: remote SAMPLING_URL OTLP_HOST_PORT SERVICE.
// Its root spans are numbered, 100 a second.
package main

import (
	"context"
	"os"
	"time"

	"go.opentelemetry.io/contrib/samplers/jaegerremote"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	"go.opentelemetry.io/otel/sdk/resource"
	"go.opentelemetry.io/otel/sdk/trace"
	api "go.opentelemetry.io/otel/trace"
)

func main() {
	ctx := context.Background()
	sampler := jaegerremote.New(os.Args[3],
		jaegerremote.WithSamplingServerURL(os.Args[1]),
		jaegerremote.WithSamplingRefreshInterval(500*time.Millisecond))
	exporter, err := otlptracehttp.New(ctx,
		otlptracehttp.WithEndpoint(os.Args[2]), otlptracehttp.WithInsecure())
	if err != nil {
		panic(err)
	}
	provider := trace.NewTracerProvider(
		trace.WithSampler(trace.ParentBased(sampler)),
		trace.WithBatcher(exporter, trace.WithBatchTimeout(200*time.Millisecond)),
		trace.WithResource(resource.NewSchemaless(attribute.String("service.name", os.Args[3]))))
	tracer := provider.Tracer("agents")
	for number := 0; ; number++ {
		_, span := tracer.Start(ctx, "work", api.WithAttributes(attribute.Int("number", number)))
		span.End()
		time.Sleep(10 * time.Millisecond)
	}
}
