"""Phrases that several answers share: counts, sites, links and buttons."""

from bot.links import page
from bot.replies import FollowUp, PageLink
from ops.errors import did_you_mean
from ops.sites import sites
from ops.vocabulary.figures import count
from ops.vocabulary.quoting import quote
from ops.vocabulary.texts import shortened
from ops.vocabulary.timerange import format_moment

LONGEST_VALUE = 160
LONGEST_SENTENCE = 300


def and_more(left: int, what: str) -> tuple[str, ...]:
    """Return `and 3 more errors` as a note, or no note if none are left."""
    return (f"and {count(left, f'more {what}')}",) if left > 0 else ()


def site_key(site: str) -> str:
    """Return ` site=NAME` for a command, or "" for the default site."""
    return "" if site in ("", sites().default) else f" site={site}"


def elsewhere(site: str) -> str:
    """Return ` (site NAME)`, or "" for the default site."""
    return "" if site in ("", sites().default) else f" (site {site})"


def no_service(name: str, site: str) -> str:
    """Say that the site file has no such service, with a hint at what was meant."""
    services = sites().site(site).services
    hint = did_you_mean(name, services) or f"; it has {', '.join(services) or 'none'}"
    return shortened(
        f'There is no service "{shortened(name, 80)}" in the site file{hint}', LONGEST_SENTENCE
    )


def failing_traces(service: str, site: str) -> FollowUp:
    """Return the button that lists a service's failing traces."""
    line = f"list traces {service} error{site_key(site)}"
    return FollowUp(f"Failing traces of {service}", line)


def new_traces(service: str, site: str, since: int) -> FollowUp:
    """Return the button that lists the traces since a moment (Unix nanoseconds)."""
    line = f"list traces {service} from={format_moment(since)}{site_key(site)}"
    return FollowUp(f"New traces of {shortened(service, 30)}", line)


def new_traces_page(service: str, site: str, since: int) -> tuple[PageLink, ...]:
    """Return the page on which the traces since a moment arrive."""
    if not sites().site(site).jaeger:
        return ()
    label = f"new traces of {shortened(service, 30)}, live"
    line = f"service={quote(service)} from={format_moment(since)}"
    return page(label, "traces", site, line=line, follow=True)


def what_changed_before(alert: str, site: str) -> str:
    """Return the line that shows what changed before an alert."""
    return f"what changed before {quote(alert)}{site_key(site)}"


def diagnose(service: str, site: str) -> FollowUp:
    """Return the button that says what is wrong with a service."""
    return FollowUp(f"Diagnose {service}", f"diagnose {service}{site_key(site)}")
