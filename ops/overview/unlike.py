"""How the traces of an alert's service differ from the hour before it."""

from dataclasses import dataclass, replace

from ops.actor import Actor
from ops.alerts.one import ShownAlert
from ops.errors import NotPermitted, NotSetUp, OpsError
from ops.overview.changing import look_for_changes
from ops.overview.happened import ChangeKind, Happened
from ops.overview.surroundings import BEFORE, LATE, began, ended, services_of
from ops.rights import rights_of
from ops.sites import Service, Site
from ops.traces import actions as traces
from ops.traces.actions import STEP, WindowComparison
from ops.versions import actions as versions
from ops.vocabulary import timerange

EARLIER = 5 * timerange.MINUTE  # what an alert reacts to starts before it
LONGEST = timerange.HOUR  # of what is compared with the hour before


@dataclass(frozen=True, slots=True)
class TracesOfAlert:
    """The traces around an alert compared with the hour before, of the first of its services.

    `rollout` is the service's newest one within 15 minutes before the alert, if any: the later
    window starts a minute before it was noticed, or else five minutes before the alert.
    `comparison` is None if there is nothing to compare, and `problem` says why. `others` are
    services not compared.
    """

    service: str
    others: tuple[str, ...]
    rollout: Happened | None
    comparison: WindowComparison | None
    problem: str = ""

    @classmethod
    def failed(cls, error: OpsError) -> "TracesOfAlert":
        """Return the result of a comparison that failed."""
        return cls("", (), None, None, f"The traces were not compared: {error}")


async def compare_traces_of(actor: Actor, site: Site, shown: ShownAlert) -> TracesOfAlert:
    """Compare them, as far as the user may see them; a failure becomes a sentence."""
    services = services_of(site, shown)
    if not services:
        return TracesOfAlert("", (), None, None)
    service, *others = services
    named = tuple(each.name for each in others)
    now = timerange.now_ns()
    start, end = began(shown, now), ended(shown, now)
    rollout = await _rollout(actor, site, service, start)
    since = rollout.at - LATE if rollout else start - EARLIER
    until = min(end, since + LONGEST)
    if until > now - STEP:
        until = until // STEP * STEP
    found = TracesOfAlert(service.name, named, rollout, None)
    try:
        comparison = await traces.compare_windows(
            actor,
            service=service.name,
            start=since,
            end=max(until, since + timerange.SECOND),
            before_start=since - timerange.HOUR,
            before_end=since,
            site=site.name,
        )
    except NotPermitted:
        return replace(found, problem="You are not allowed to see traces")
    except NotSetUp:
        return found
    except OpsError as error:
        return replace(found, problem=TracesOfAlert.failed(error).problem)
    return replace(found, comparison=comparison)


async def _rollout(actor: Actor, site: Site, service: Service, start: int) -> Happened | None:
    """Return the newest rollout of a service that may have caused an alert, if it is known."""
    if versions.READ not in (await rights_of(actor.user_id)).permissions:
        return None
    found = await look_for_changes(
        actor, site, service, (start - BEFORE, start + LATE), (ChangeKind.ROLLOUTS,)
    )
    return next((each for each in found.found if each.version), None)
