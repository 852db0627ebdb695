"""A sampler whose policy can change while the service runs."""

from collections.abc import Sequence

from opentelemetry.context import Context
from opentelemetry.sdk.trace import sampling
from opentelemetry.trace import Link, SpanKind, TraceState
from opentelemetry.util.types import Attributes

from ops.vocabulary.policies import ALWAYS, NEVER, Policy, Strategy, rate, refused
from proto.petstore import petstore_pb2


class ChangingSampler(sampling.Sampler):
    """Decides at the root of a trace, by the latest policy; children follow their parent.

    A tracer keeps the sampler that it was created with, so this one changes internally.
    """

    def __init__(self, policy: Policy) -> None:
        self.change(policy)

    def change(self, policy: Policy) -> None:
        """Use this policy from the next trace on."""
        self.policy = policy
        self._inner = sampling.ParentBased(_root(policy))

    def should_sample(
        self,
        parent_context: Context | None,
        trace_id: int,
        name: str,
        kind: SpanKind | None = None,
        attributes: Attributes = None,
        links: Sequence[Link] | None = None,
        trace_state: TraceState | None = None,
    ) -> sampling.SamplingResult:
        return self._inner.should_sample(
            parent_context, trace_id, name, kind, attributes, links, trace_state
        )

    def get_description(self) -> str:
        return f"ChangingSampler{{{self.policy}}}"


def _root(policy: Policy) -> sampling.Sampler:
    match policy.strategy:
        case Strategy.NEVER:
            return sampling.ALWAYS_OFF
        case Strategy.ALWAYS:
            return sampling.ALWAYS_ON
        case Strategy.RATE:
            return sampling.TraceIdRatioBased(policy.rate)
        case Strategy.PER_SECOND:
            raise refused(str(policy))  # ChangeSampler cannot ask for it


def read_policy(sampler: petstore_pb2.Sampler) -> Policy:
    """Return the policy that a request asks for; raises InvalidInput, for an unset one too."""
    match sampler.type:
        case petstore_pb2.STNever:
            return NEVER
        case petstore_pb2.STAlways:
            return ALWAYS
        case petstore_pb2.STFloat:
            return rate(sampler.float_value)
    known = petstore_pb2.SamplerType.values()
    name = petstore_pb2.SamplerType.Name(sampler.type) if sampler.type in known else ""
    raise refused(name or f"type {sampler.type}")
