"""How the traces of an alert's service differ from the hour before it."""

from dataclasses import dataclass, replace

from ops.actor import Actor
from ops.alerts.one import ShownAlert
from ops.errors import NotFound, NotPermitted, NotSetUp, OpsError
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
    """The traces of one of an alert's services around it, compared with the hour before.

    `rollout` is the service's newest one within 15 minutes before the alert, if any: the later
    window starts a minute before it was noticed, or else five minutes before the alert.
    `comparison` is None if there is nothing to compare, and `problem` says why.
    """

    service: str
    rollout: Happened | None
    comparison: WindowComparison | None
    problem: str = ""

    @classmethod
    def failed(cls, service: str, error: OpsError) -> "TracesOfAlert":
        """Return the result of a comparison that failed."""
        return cls(service, None, None, f"The traces were not compared: {error}")


async def compare_traces_of(
    actor: Actor, site: Site, shown: ShownAlert, name: str
) -> TracesOfAlert:
    """Compare those of a service, "" for the alert's first one, as far as the user may see them.

    A failure becomes a sentence. Raises NotFound if the alert is not about this service.
    """
    services = services_of(site, shown)
    service = next((each for each in services if name in ("", each.name)), None)
    if service is None and name:
        raise NotFound(f'the traces of "{name[:80]}" are not compared for this alert')
    if service is None:
        return TracesOfAlert("", None, None)
    now = timerange.now_ns()
    start, end = began(shown, now), ended(shown, now)
    rollout = await _rollout(actor, site, service, start)
    since = rollout.at - LATE if rollout else start - EARLIER
    until = min(end, since + LONGEST)
    if until > now - STEP:
        until = until // STEP * STEP
    found = TracesOfAlert(service.name, rollout, None)
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
        return replace(found, problem=TracesOfAlert.failed(service.name, error).problem)
    return replace(found, comparison=comparison)


async def _rollout(actor: Actor, site: Site, service: Service, start: int) -> Happened | None:
    """Return the newest rollout of a service that may have caused an alert, if it is known."""
    if versions.READ not in (await rights_of(actor.user_id)).permissions:
        return None
    found = await look_for_changes(
        actor, site, service, (start - BEFORE, start + LATE), (ChangeKind.ROLLOUTS,)
    )
    return next((each for each in found.found if each.version), None)
