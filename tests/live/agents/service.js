// A service whose root spans are numbered, 100 a second; how they are sampled is the SDK's.
const { trace } = require('@opentelemetry/api');
const tracer = trace.getTracer('agents');
let number = 0;
setInterval(() => tracer.startSpan('work', { attributes: { number: number++ } }).end(), 10);
