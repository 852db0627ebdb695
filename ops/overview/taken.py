"""Which sampling took a trace: what its root says of it, and what was in force where it begins."""

from dataclasses import dataclass

from ops.actor import Actor
from ops.guard import action
from ops.overview.figures import known
from ops.overview.snapshot import if_allowed
from ops.rights import rights_of
from ops.sampling import actions as sampling
from ops.sampling.actions import SamplingChange
from ops.sites import sites
from ops.traces import actions as traces
from ops.vocabulary.policies import Policy, percent
from ops.vocabulary.roots import PARAMS, TYPES, carried
from ops.vocabulary.roots import share as share_of

LONGEST_WORD = 40
_NEAR = 1e-3  # relative: the thresholds in tracestate are cut to a few digits


@dataclass(frozen=True, slots=True)
class Taken:
    """How a trace was taken, by the service in which it begins (its name in traces).

    `carried` is the policy that its root carries, None if it carries none that is known here; then
    `said` is what its sampler wrote there, "" for nothing. `change` was in force for that service
    at its start, None if that is not known, `in_force` what it says of the root's operation.
    """

    service: str
    carried: Policy | None
    said: str
    change: SamplingChange | None
    in_force: Policy | None

    @property
    def sentence(self) -> str:
        """`100%, as the trace itself says; that was in force in petstore`."""
        own = _words(self.carried) if self.carried else self.said
        then = _words(self.in_force) if self.in_force else ""
        if own and not then:
            return f"{own}, as the trace itself says"
        if own and self._agrees:
            return f"{own}, as the trace itself says; that was in force in {self.service}"
        if own:
            return f"{own}, as the trace itself says, though {then} was in force"
        return f"{then}, the policy of {self.service} then; the trace does not record it"

    @property
    def _agrees(self) -> bool:
        one, other = self.carried, self.in_force
        if one is None or other is None:
            return False
        if one.share is None or other.share is None:
            return one == other
        return abs(one.share - other.share) <= _NEAR * max(one.share, other.share)


@action("overview.explain_taken", permission=traces.READ)
async def explain_taken(actor: Actor, *, trace_id: str, site: str = "") -> Taken | None:
    """Return which sampling took a trace, None if its root is missing or nothing is known.

    What was in force is left out for those who may not see it. Raises NotFound.
    """
    trace = await traces.show_trace(actor, trace_id=trace_id, site=site, timed=False)
    root = min(trace.tree.roots, key=trace.spans.starts.__getitem__, default=None)
    if root is None:
        return None
    span = trace.spans.store[root]
    own = carried(span.attributes, span.trace_state)
    words = [
        f"{key}={str(span.attributes[key])[:LONGEST_WORD]}"
        for key in (*TYPES, *PARAMS)
        if key in span.attributes
    ]
    said = "" if own else " ".join(words)
    services = sites().site(trace.site).services.values()
    name = next((each.name for each in services if each.jaeger_name == trace.service), "")
    may = (await rights_of(actor.user_id)).permissions
    change = known(
        await if_allowed(
            sampling.READ in may and bool(name),
            lambda: sampling.policy_at(actor, at=trace.start, service=name, site=trace.site),
        )
    )
    in_force = _of_operation(change.policy, trace.operation) if change else None
    if not (own or said or in_force):
        return None
    return Taken(trace.service, own, said, change, in_force)


def _words(policy: Policy) -> str:
    """Return a share in percent: samplers that keep all or none write that as a share too."""
    return str(policy) if policy.share is None else percent(policy.share)


def _of_operation(policy: Policy, operation: str) -> Policy:
    """Return what a policy says of one operation."""
    share = dict(policy.operations).get(operation)
    if share is None:
        return policy.base
    return share_of(share) or policy.base
