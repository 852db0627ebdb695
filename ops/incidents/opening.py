"""What an incident is about, from what it is opened from."""

from collections.abc import Iterable, Mapping, Sequence

from ops.actor import Actor
from ops.alerts import actions as alerts
from ops.errors import InvalidInput, NotFound, OpsError
from ops.incidents.facts import LONGEST_TITLE, MOST_SERVICES, Origin, OriginKind, Thread
from ops.incidents.store import Draft
from ops.sites import Site
from ops.traces import actions as traces
from ops.vocabulary.alert_filters import AlertFilter
from ops.vocabulary.alerts import Alert
from ops.vocabulary.matchers import Matcher
from ops.vocabulary.notifications import ALERTNAME
from ops.vocabulary.texts import shortened

LONGEST_NAME = 200  # of a group of alerts


async def draft(
    actor: Actor,
    site: Site,
    *,
    title: str,
    services: Sequence[str],
    origin: Origin,
    thread: Thread | None,
) -> Draft:
    """Return the incident that is meant; raises InvalidInput, and the errors of what it is from."""
    title = " ".join(title.replace("\0", "").split())
    if len(title) > LONGEST_TITLE:
        raise InvalidInput(
            f"the title has {len(title):,} characters; the limit is {LONGEST_TITLE}. Shorten it, "
            "and write the rest in a note"
        )
    if len(services) > MOST_SERVICES:
        raise InvalidInput(f"{len(services)} services; an incident has {MOST_SERVICES} at most")
    named = tuple(dict.fromkeys(site.service(each).name for each in services))
    if origin.kind is OriginKind.NOTHING:
        found = await _by_hand(actor, site, title, named)
    else:
        found = await _FROM[origin.kind](actor, site, origin.key)
    return Draft(
        site=site.name,
        title=title or found.title[:LONGEST_TITLE],
        services=named or found.services,
        begins=found.begins,
        origin=found.origin,
        thread=thread,
        pins=found.pins,
    )


async def _from_alert(actor: Actor, site: Site, fingerprint: str) -> Draft:
    shown = await alerts.show_alert(actor, fingerprint=fingerprint, site=site.name)
    services = services_of(site, [shown.alert.labels])
    begins = shown.pending_since or shown.firing_since
    title = _titled(services, shown.alert.name)
    return Draft(site.name, title, services, begins, Origin(OriginKind.ALERT, fingerprint))


async def _from_group(actor: Actor, site: Site, name: str) -> Draft:
    meant = AlertFilter(matchers=(Matcher(ALERTNAME, "=", name),), site=site.name)
    found = await alerts.list_alerts(actor, filter=meant)
    if not found.alerts:
        raise NotFound(f'no alert called "{name[:80]}" is active')
    services = services_of(site, [each.labels for each in found.alerts])
    title = _titled(services, name)
    origin = Origin(OriginKind.GROUP, name[:LONGEST_NAME])
    return Draft(site.name, title, services, _since(found.alerts), origin)


async def _from_trace(actor: Actor, site: Site, trace_id: str) -> Draft:
    trace = await traces.show_trace(actor, trace_id=trace_id, site=site.name, timed=False)
    known = {each.jaeger_name: each.name for each in site.services.values()}
    failing = (each.service for each in trace.errors)
    passed = [*failing, trace.service, *trace.services]
    services = tuple(dict.fromkeys(known[each] for each in passed if each in known))
    title = f"{trace.service or 'a trace'} {trace.operation}".strip()
    return Draft(
        site.name,
        _titled((), f"{title} failed" if trace.errors else title),
        services[:MOST_SERVICES],
        trace.start,
        Origin(OriginKind.TRACE, trace.trace_id),
        pins=(trace.trace_id,),
    )


_FROM = {
    OriginKind.ALERT: _from_alert,
    OriginKind.GROUP: _from_group,
    OriginKind.TRACE: _from_trace,
}


async def _by_hand(actor: Actor, site: Site, title: str, services: tuple[str, ...]) -> Draft:
    """Begin with the alerts that are active for its services, if they are known."""
    if not title and not services:
        raise InvalidInput("what is wrong? Give a title, such as: petstore slow")
    begins = 0
    try:
        found = await alerts.list_alerts(actor, filter=AlertFilter(site=site.name))
        meant = [each for each in found.alerts if {*services_of(site, [each.labels])} & {*services}]
        begins = _since(meant)
    except OpsError:
        pass  # without alerts it begins now
    return Draft(site.name, title or ", ".join(services), services, begins)


def services_of(site: Site, labels: Iterable[Mapping[str, str]]) -> tuple[str, ...]:
    """Return the services whose alerts have such labels."""
    found = [service.name for each in labels for service in site.services_of(each)]
    return tuple(dict.fromkeys(found))[:MOST_SERVICES]


def _titled(services: Sequence[str], what: str) -> str:
    said = f"{what} on {', '.join(services)}" if services else what
    return shortened(said, LONGEST_TITLE)


def _since(alerts: Iterable[Alert]) -> int:
    return min((each.active_at or each.since for each in alerts if each.since), default=0)
