"""What was true at a past moment, by the real Prometheus."""

import time

from ops.vocabulary.timerange import SECOND, format_moment
from tests.live import servers
from tests.live.conftest import Person


def test_it_tells_what_ran_and_fired_at_a_past_moment(operator: Person) -> None:
    def then(start: int, end: int) -> str:
        moments = {"start": format_moment(start), "end": format_moment(end)}
        return operator.opens("/traces/abc/then/", service="petstore", **moments)

    before = time.time_ns() - 3600 * SECOND
    servers.until(lambda: "MixedVersions" in operator.opens("/alerts/", q="state=firing"), "fires")
    moment = time.time_ns()
    servers.until(lambda: time.time_ns() > moment + 5 * SECOND, "that moment is past")

    page = then(moment, moment + SECOND)
    assert "petstore ran 1.3.0 on 127.0.0.1:" in page
    assert ", 1.2.0 on 2 others" in page
    assert "MixedVersions was firing ( info )" in page
    assert "No sampling, versions or alerts are known" in then(before, before)
