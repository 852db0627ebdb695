"""The overview as a reply, which the Home tab shows too, and the reader's permissions."""

from collections.abc import Iterator

from django.apps import apps

from bot.answers import and_more, count, elsewhere
from bot.links import page
from bot.replies import FollowUp, Reply, Row, shortened
from ops.actor import Actor
from ops.guard import ACTIONS
from ops.overview.actions import Overview, ServiceLine
from ops.rights import rights_of
from ops.vocabulary import timerange

MOST_PROBLEMS = 5
MOST_LINES = 30
MOST_MIXED = 3
_NEXT = (
    FollowUp("Alerts", "alerts"),
    FollowUp("Failing traces", "list traces error"),
    FollowUp("Versions", "version"),
    FollowUp("Sampling", "sampling"),
)
BEGIN = (FollowUp("Overview", "overview"), *_NEXT)
_COLUMNS = ("Service", "Alerts", "Version", "Sampling", "Requests", "Failing", "p95")
_NONE = "-"


def overview_reply(found: Overview, rights: str) -> Reply:
    """Return one site: problems first, then a line for each service; `rights` is a sentence.

    Each cell names its value, because only messages in Slack have tables with a heading.
    """
    problems = [*found.problems, *(each for line in found.lines for each in line.problems)]
    told = list(dict.fromkeys(problems))
    failing = len(found.failing or ())
    return Reply(
        ", ".join(_state(found)),
        rows=tuple(map(_row, found.lines)),
        columns=_COLUMNS,
        notes=(
            *and_more(found.services - len(found.lines), "service"),
            *((f"{count(failing, 'trace')} failed recently",) if failing else ()),
            *(shortened(problem, 300) for problem in told[:MOST_PROBLEMS]),
            *and_more(len(told) - MOST_PROBLEMS, "problem"),
            rights,
        ),
        links=page("the overview", "overview", found.site),
        follow_ups=(*_NEXT, FollowUp("Help", "help")),
    )


async def rights_sentence(actor: Actor) -> str:
    """Return the actor's name and permissions: `You are olga and can see traces`."""
    rights = await rights_of(actor.user_id)
    used = {action.permission for action in ACTIONS.values()}
    may = [
        label.removeprefix("Can ")
        for model in apps.get_models()
        for codename, label in model._meta.permissions
        if f"{model._meta.app_label}.{codename}" in rights.permissions & used
    ]
    able = f"can {', '.join(may)}" if may else "have no permissions yet"
    return f"You are {actor.name} and {able}"


def _state(found: Overview) -> Iterator[str]:
    site = elsewhere(found.site)
    if found.alerts is None:
        yield f"Alert status unknown{site}"
    elif firing := len(found.alerts.firing):
        yield f"{count(firing, 'alert')} firing{site}"
    else:
        silent = " that we know of" if found.alerts.failures else ""
        yield f"Nothing is firing{silent}{site}"
    for versions in found.mixed[:MOST_MIXED]:
        yield f"{versions.service} runs {len(versions.counts)} versions"
    if more := len(found.mixed[MOST_MIXED:]):
        yield f"{count(more, 'more service')} with mixed versions"


def _row(line: ServiceLine) -> Row:
    versions = line.versions
    return Row(
        (
            line.service,
            "alerts unknown" if line.alerts is None else count(len(line.alerts), "alert"),
            ("version unknown" if versions.problem else versions.summary) if versions else _NONE,
            f"sampling {line.sampling.policies}" if line.sampling else _NONE,
            _NONE if line.requests is None else f"{line.requests:.3g}/s",
            _NONE if line.failing is None else f"{100 * line.failing:.3g}% failing",
            _NONE if line.p95 is None else f"p95 {timerange.format_duration(line.p95)}",
        )
    )
