"""Samplers whose policy can change while the service runs: it is sent, or they ask for it."""

from collections.abc import Sequence

from opentelemetry.context import Context
from opentelemetry.sdk.trace import sampling
from opentelemetry.trace import Link, SpanKind, TraceState
from opentelemetry.util.types import Attributes
from opsportal_sampler import RemoteSampler, jaeger_remote

from ops.vocabulary.policies import ALWAYS, NEVER, Policy, Strategy, rate, refused
from proto.petstore import petstore_pb2


class _Sampler(sampling.Sampler):
    """Asks another one, which can change: a tracer keeps the sampler that it was created with."""

    def __init__(self, start: Policy) -> None:
        self._start = start
        self._inner: sampling.Sampler = _rooted(start)

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
        return self._inner.get_description()

    def restart(self) -> None:
        """Begin again as a process that was restarted; may take two seconds."""
        raise NotImplementedError

    def close(self) -> None:
        """Stop asking, if it does; may take two seconds."""


class ChangingSampler(_Sampler):
    """Decides at the root of a trace, by the latest policy; children follow their parent."""

    def change(self, policy: Policy) -> None:
        """Use this policy from the next trace on."""
        self._inner = _rooted(policy)

    def restart(self) -> None:
        self.change(self._start)


class AskingSampler(_Sampler):
    """Asks a server what its policy is, as every service can that installs opsportal-sampler.

    `asks` are the options of that package; before `restart`, it does not ask.
    """

    def __init__(self, start: Policy, asks: str) -> None:
        super().__init__(start)
        self._asks = f"{asks},initialSamplingRate={start.rate}"
        self._remote: RemoteSampler | None = None

    def restart(self) -> None:
        self.close()
        self._remote = jaeger_remote(self._asks)
        self._inner = sampling.ParentBased(self._remote)

    def close(self) -> None:
        if self._remote:
            self._remote.close()


def _rooted(policy: Policy) -> sampling.Sampler:
    return sampling.ParentBased(_root(policy))


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
