"""What new traces prove of sampling, beside what instances say themselves; pure functions.

    roots of a service's new traces, each with the policy that it was kept by
    ──> by instance, of those begun after it was sent what is in force (others are older, or late)
    ──> all carry it: the weaker proof; all carry something else: contradicted; else no verdict

A root belongs to the instance with its ID, or to the only one on its host. The rest may be from
any other instance, so they count together, and only once every one of these had time to follow.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from ops.sampling.facts import InstanceSampling
from ops.sampling.proof import CHECK, Proof, Way
from ops.sampling.revisions import InForce
from ops.vocabulary import timerange
from ops.vocabulary.policies import Policy
from ops.vocabulary.roots import Root

SOON = 5 * timerange.SECOND  # clocks differ, and what is sent takes a moment
POLL = timerange.MINUTE  # until all processes behind one address have asked, too
ANYBODY = ""  # the key of those roots whose instance is unknown
ROUNDING = 1e-3  # of the thresholds in tracestate, which are cut to a few digits
_FOLLOWS = (Proof.CONFIRMED, Proof.FETCHED, Proof.TOLD)


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the roots of an instance prove, ROOTS or CONTRADICTED, and the policy they carry."""

    proof: Proof
    carried: str


@dataclass(frozen=True, slots=True)
class Asker:
    """An instance. `since` is when it could know what is in force, None if it cannot know it."""

    key: str
    address: str
    since: int | None

    @classmethod
    def of(cls, known: InstanceSampling, sampling: InForce) -> "Asker":
        """Describe a known instance; an unidentified one may be several."""
        # One that another process of ours sent it has no time, but was heard of later.
        sent = known.told_at or known.heard
        knows = known.revision == sampling.revision and known.policy == sampling.policy
        if not (sent and knows and known.proof in _FOLLOWS):
            return cls(key_of(known), known.host, None)
        is_one = known.way is Way.PUSH or known.proof is Proof.CONFIRMED
        at = max(timerange.from_datetime(sent), sampling.since)
        return cls(key_of(known), known.host, at + SOON + (0 if is_one else POLL))


def key_of(known: InstanceSampling) -> str:
    """Return the name of an instance among those of its service."""
    return f"{known.way.value} {known.address}"


def judge(
    roots: Iterable[Root], sampling: InForce, known: Iterable[InstanceSampling]
) -> dict[str, Verdict]:
    """Return what roots prove of the instances, by `key_of`; ANYBODY stands for all others."""
    askers = [(each, Asker.of(each, sampling)) for each in known]
    by_id = {each.address: asker for each, asker in askers}
    by_host: dict[str, list[Asker]] = {}
    for _, asker in askers:
        by_host.setdefault(asker.address, []).append(asker)
    of: dict[str, list[Root]] = {}
    for root in roots:
        found = by_id.get(root.instance) if root.instance else None
        here = [each for host in root.hosts for each in by_host.get(host, ())]
        if found is None and len(here) == 1:
            found = here[0]
        of.setdefault(found.key if found else ANYBODY, []).append(root)
    since = {asker.key: asker.since for _, asker in askers}
    others = [at for key, at in since.items() if key not in of]
    if others and None not in others:
        since[ANYBODY] = max(filter(None, others))
    verdicts = {}
    for key, mine in of.items():
        after = since.get(key)
        fresh = [root for root in mine if after is not None and root.start >= after]
        if fresh and (verdict := _verdict(fresh, sampling)):
            verdicts[key] = verdict
    return verdicts


def _verdict(roots: Sequence[Root], sampling: InForce) -> Verdict | None:
    fitting = [root for root in roots if _fits(root, sampling)]
    if len(fitting) == len(roots):
        return Verdict(Proof.ROOTS, str(sampling.policy))
    if fitting:
        return None  # samplers may have rules of their own for some operations
    newest = max(roots, key=lambda root: root.start)
    return Verdict(Proof.CONTRADICTED, str(newest.carried))


def _fits(root: Root, sampling: InForce) -> bool:
    wanted: Policy = sampling.policy
    share = wanted.of_operation(root.operation)
    if share is None or root.carried.share is None:
        return wanted == root.carried
    return math.isclose(share, root.carried.share, rel_tol=ROUNDING)


def with_roots(
    known: Iterable[InstanceSampling], verdicts: Mapping[str, Verdict]
) -> tuple[InstanceSampling, ...]:
    """Return the instances with what their roots prove: more than they said, or less."""
    return tuple(_with(each, verdicts) for each in known)


def _with(known: InstanceSampling, verdicts: Mapping[str, Verdict]) -> InstanceSampling:
    own, other = verdicts.get(key_of(known)), verdicts.get(ANYBODY)
    verdict = own or other
    if verdict is None or known.proof not in _FOLLOWS:
        return known
    if verdict.proof is Proof.CONTRADICTED:
        whose = "its new traces" if own else "new traces, perhaps of another instance,"
        reason = f"{whose} carry {verdict.carried}; {CHECK}"
        return replace(known, proof=Proof.CONTRADICTED, confirmed=False, reason=reason)
    if known.proof is Proof.CONFIRMED:
        return known
    reason = "" if own else "new traces carry the rate, but not the name of an instance"
    return replace(known, proof=Proof.ROOTS, reason=reason)
