"""A site at a glance, which the Home tab shows too."""

from collections.abc import Iterator

from bot.answers.phrases import LONGEST_SENTENCE, and_more, elsewhere
from bot.links import page
from bot.replies import FollowUp, Reply, Row
from ops.overview.actions import Overview, ServiceLine
from ops.vocabulary import timerange
from ops.vocabulary.figures import count
from ops.vocabulary.texts import shortened

MOST_PROBLEMS = 5
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
            *((f"at least {count(failing, 'trace')} failed in the last hour",) if failing else ()),
            *(shortened(problem, 300) for problem in told[:MOST_PROBLEMS]),
            *and_more(len(told) - MOST_PROBLEMS, "problem"),
            rights,
        ),
        links=page("the overview", "overview", found.site),
        follow_ups=(*_NEXT, FollowUp("Help", "help")),
    )


def _state(found: Overview) -> Iterator[str]:
    site = elsewhere(found.site)
    if found.alerts is None:
        yield f"Alert status unknown{site}"
    else:
        yield f"{shortened(found.alerts.headline(), LONGEST_SENTENCE)}{site}"
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
