// The same with Jaeger's remote sampler for JavaScript: remote.js ENDPOINT OTLP_URL SERVICE.
const { trace } = require('@opentelemetry/api');
const { OTLPTraceExporter } = require('@opentelemetry/exporter-trace-otlp-proto');
const { resourceFromAttributes } = require('@opentelemetry/resources');
const { JaegerRemoteSampler } = require('@opentelemetry/sampler-jaeger-remote');
const { AlwaysOnSampler, BatchSpanProcessor } = require('@opentelemetry/sdk-trace-base');
const { NodeTracerProvider } = require('@opentelemetry/sdk-trace-node');

const [endpoint, url, serviceName] = process.argv.slice(2);
const initialSampler = new AlwaysOnSampler();
const sampler = new JaegerRemoteSampler({ endpoint, serviceName, poolingInterval: 500, initialSampler });
const exporter = new OTLPTraceExporter({ url: `${url}/v1/traces` });
const resource = resourceFromAttributes({ 'service.name': serviceName });
const processor = new BatchSpanProcessor(exporter, { scheduledDelayMillis: 200 });
trace.setGlobalTracerProvider(new NodeTracerProvider({ resource, sampler, spanProcessors: [processor] }));
require('./service.js');
