"""Times in answers: Slack would show one in the future as "in 59 minutes"."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta

import pytest

from bot.answers.alerts import alert_list
from bot.answers.sampling import service_sampling
from bot.answers.traces import trace_list
from bot.replies import Reply, Row, Sentence, When
from ops.alerts.actions import AlertList
from ops.sampling.actions import InstanceSampling, SamplingChange, ServiceSampling
from ops.traces.actions import TraceList
from ops.vocabulary import timerange
from ops.vocabulary.alerts import Alert
from ops.vocabulary.filters import TraceQuery
from ops.vocabulary.policies import ALWAYS
from ops.vocabulary.spreads import Spread
from ops.vocabulary.summaries import TraceSummary
from tests.conftest import SiteFile

HOUR = timedelta(hours=1)


def of_traces(at: datetime) -> Reply:
    start = int(at.timestamp()) * timerange.SECOND
    trace = TraceSummary(
        "a" * 32, start, 1, "petstore", "AddPets", 1, 0, ("petstore",), matched=start,
        matched_from=start,
    )  # fmt: skip
    query = TraceQuery(site="demo", service="petstore")
    return trace_list(TraceList(query, start, start + 1, (trace,), 1))


def of_alerts(at: datetime) -> Reply:
    since = int(at.timestamp()) * timerange.SECOND
    alert = Alert("Errors", "firing", "1", since, {}, {}, ("prometheus",), "demo", "ok")
    return alert_list(AlertList("demo", (alert,), (), 1, ()))


def of_sampling(at: datetime) -> Reply:
    instance = InstanceSampling("127.0.0.1:1", ALWAYS, at, confirmed=True)
    change = SamplingChange(
        "demo", "petstore", Spread.read("10%"), ALWAYS, "olga", "slack", at, "id", (instance,)
    )
    now = ServiceSampling("demo", "petstore", (instance,))
    return service_sampling(now, [change], None)


def moments(part: object) -> Iterator[When]:
    """Yield every time in an answer, however deeply it is nested."""
    if isinstance(part, When):
        yield part
    elif isinstance(part, Sentence):
        for each in part.parts:
            yield from moments(each)
    elif isinstance(part, Reply | Row):
        for name in part.__dataclass_fields__:
            yield from moments(getattr(part, name))
    elif isinstance(part, tuple | list):
        for each in part:
            yield from moments(each)


@pytest.mark.parametrize("answer", [of_traces, of_alerts, of_sampling])
def test_it_says_how_long_ago_only_of_what_is_past(
    answer: Callable[[datetime], Reply], site_file: SiteFile
) -> None:
    site_file("[sites.demo.services.petstore]\n")
    assert any(moment.ago for moment in moments(answer(datetime.now(UTC) - HOUR)))
    ahead = [*moments(answer(datetime.now(UTC) + HOUR))]
    assert ahead and not any(moment.ago for moment in ahead)


def test_it_counts_errors_that_are_not_explained(site_file: SiteFile) -> None:
    site_file("[sites.demo.services.petstore]\n")
    trace = TraceSummary("a" * 32, 1, 1, "petstore", "AddPets", 3, 2, ("petstore",))
    query = TraceQuery(site="demo", service="petstore")
    found = TraceList(query, 0, 2, (trace,), 1)
    assert trace_list(found).rows[0].below[0] == "2 errors"
