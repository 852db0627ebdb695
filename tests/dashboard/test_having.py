"""Having an alert in the browser: who has it, for everybody; the buttons for those who may."""

import re
from typing import Any

import pytest
from django.test import AsyncClient

from ops.database import in_database
from ops.vocabulary import timerange
from ops.vocabulary.alerts import FIRING
from ops.vocabulary.timerange import HOUR, MINUTE
from tests.alerts.making import alert as made
from tests.alerts.past import period, watched
from tests.conftest import Person
from tests.dashboard.conftest import logged_in
from tests.dashboard.places import Place, link, text
from tests.fakes.jaeger import ANY_JAEGER
from tests.fakes.prometheus import alert

ALERTS = "/sites/production/alerts/"
HAVE = f"{ALERTS}have/"
pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def deep(place: Place) -> None:
    deep = (
        alert(
            "QueueDeep",
            annotations={"summary": f"depth of {pod}"},
            severity="page",
            pod=pod,
            job="petstore",
        )
        for pod in ("one", "two")
    )
    place.prometheus.rule("QueueDeep", *deep)


@pytest.fixture
def mia(person: Person) -> AsyncClient:
    return logged_in(person("mia", "operators"))


def buttons(response: Any) -> list[str]:
    markup = response.content.decode()
    return re.findall(r'<button[^>]* name="do" value="([^"]+)"', markup)


async def press(client: AsyncClient, do: str, **fields: str) -> Any:
    return await client.post(HAVE, {"do": do, "name": "QueueDeep", "back": ALERTS, **fields})


async def test_one_press_has_a_group_and_everybody_sees_it(
    operator: AsyncClient, viewer: AsyncClient
) -> None:
    assert buttons(await operator.get(ALERTS)) == ["have"]
    assert buttons(await viewer.get(ALERTS)) == []

    done = await press(operator, "have")

    assert (done.status_code, done["Location"]) == (302, ALERTS)
    said = text(await viewer.get(ALERTS))
    assert "2 alerts olga has it" in said
    assert "2 of 2 acknowledged" in said
    assert "olga has all alerts of this name, since" in said
    assert buttons(await operator.get(ALERTS)) == ["change"]
    assert "olga has all alerts of this name" in text(await viewer.get(f"{ALERTS}?by=pod"))


@ANY_JAEGER
async def test_the_overview_and_the_service_say_who_has_it(
    operator: AsyncClient, viewer: AsyncClient
) -> None:
    await press(operator, "have")
    assert "▲ 2 page QueueDeep olga has it" in text(await viewer.get("/sites/production/"))
    service = text(await viewer.get("/sites/production/services/petstore/"))
    assert service.count("QueueDeep olga has it") == 2


async def test_an_alert_has_a_note_and_an_end_and_is_handed_over_and_given_back(
    operator: AsyncClient, mia: AsyncClient
) -> None:
    address = link(await operator.get(ALERTS), "depth of one")
    which = {"fingerprint": address.rstrip("/").rpartition("/")[2], "back": address}
    assert buttons(await operator.get(address)) == ["have"]

    await press(operator, "have", note="a  look", lasts="1h", **which)

    hers, others = await operator.get(address), await mia.get(address)
    assert re.search(r"olga has it, since \S+ UTC , until \S+ UTC : a look", text(hers))
    assert buttons(hers) == ["give back", "change", "hand over"]
    assert buttons(others) == ["take over", "hand over"]
    assert "<option selected>mia</option>" in hers.content.decode()
    assert "olga has 1 of 2" in text(await mia.get(ALERTS))

    await press(operator, "hand over", to="mia", **which)
    assert "mia has it, since" in text(await operator.get(address))
    assert "handed over by olga" in text(await operator.get(address))
    await press(operator, "take over", **which)
    await press(operator, "give back", **which)
    assert buttons(await mia.get(address)) == ["have"]


async def test_a_note_and_an_end_are_changed_later(operator: AsyncClient, mia: AsyncClient) -> None:
    address = link(await operator.get(ALERTS), "depth of one")
    which = {"fingerprint": address.rstrip("/").rpartition("/")[2], "back": address}
    operator.cookies["zone"] = "Asia/Kolkata"  # +05:30, also on the days that clocks change
    await press(operator, "have", note="looking", until="04:00", **which)

    hers = await operator.get(address)
    assert "04:00 Kolkata) : looking" in text(hers)
    assert buttons(hers) == ["give back", "change", "hand over"]
    assert 'value="looking"' in hers.content.decode()
    assert buttons(await mia.get(address)) == ["take over", "hand over"]

    await press(operator, "change", note="the store, DB-212", lasts="as it is", **which)
    again = text(await operator.get(address))
    assert "04:00 Kolkata" in again
    assert ": the store, DB-212" in again
    await press(operator, "have", **which)  # of a page that was older
    assert "04:00 Kolkata) : the store, DB-212" in text(await operator.get(address))

    await press(operator, "change", note="", lasts="", **which)
    without = text(await operator.get(address))
    assert "DB-212" not in without.partition("Last 6h")[0]
    assert "04:00 Kolkata" not in without
    refused = await press(operator, "change", until="soon", **which)
    assert refused.status_code == 400
    taken = await press(mia, "change", note="mine", **which)
    assert taken.status_code == 409


async def test_a_group_is_had_with_a_note_and_an_end_from_the_list(
    operator: AsyncClient, viewer: AsyncClient
) -> None:
    await press(operator, "have", note="on it", lasts="30m")

    said = text(await viewer.get(ALERTS))
    assert re.search(
        r"olga has all alerts of this name, since \S+ UTC , until \S+ UTC : on it", said
    )
    assert buttons(await viewer.get(ALERTS)) == []
    assert buttons(await operator.get(ALERTS)) == ["change"]

    await press(operator, "change", note="DB-212", lasts="as it is")
    assert "UTC : DB-212" in text(await viewer.get(ALERTS))


async def test_all_of_the_name_can_be_had_from_one_alert(
    operator: AsyncClient, viewer: AsyncClient
) -> None:
    address = link(await operator.get(ALERTS), "depth of one")
    which = {"fingerprint": address.rstrip("/").rpartition("/")[2], "all": "1"}
    await press(operator, "have", **which)
    assert "olga has all alerts of this name" in text(await viewer.get(address))


async def test_the_second_one_reads_who_has_it(operator: AsyncClient, mia: AsyncClient) -> None:
    await press(mia, "have")

    refused = await press(operator, "have")

    assert refused.status_code == 409
    assert "mia has all QueueDeep alerts since just now" in text(refused)


async def test_it_refuses_viewers_and_leads_nowhere_else(
    operator: AsyncClient, viewer: AsyncClient
) -> None:
    assert (await press(viewer, "have")).status_code == 403
    assert (await press(operator, "keep")).status_code == 400
    elsewhere = await press(operator, "have", back="https://evil.example.com/")
    assert elsewhere["Location"] == ALERTS
    assert (await operator.get(HAVE))["Location"] == ALERTS


@pytest.mark.parametrize(
    ("field", "words"),
    [
        ({"note": "y" * 5_000_000}, "The request is too large. Shorten what you wrote"),
        ({"note": "y" * 5_000}, '"note" has 5,000 characters; the limit is 4,000'),
        ({"note": "\u202egnp.exe"}, "one line of at most 300 characters, none of them invisible"),
        ({"name": "a\0b"}, "the name has a null character; acknowledge its alerts one by one"),
        ({"name": "\U0001f98a" * 300}, "the name has more than 200 characters"),
        ({"name": "<!channel>"}, 'no alert called "<!channel>" is firing or pending'),
        ({"lasts": "-1h"}, '"-1h" is not a duration'),
        ({"until": "yesterday"}, "has passed"),
        ({"lasts": "99999d"}, "an acknowledgement ends within 90 d"),
    ],
    ids=lambda each: next(iter(each)) if isinstance(each, dict) else each[:40],
)
async def test_what_is_too_large_or_hostile_is_refused_with_a_sentence(
    operator: AsyncClient, caplog: pytest.LogCaptureFixture, field: dict[str, str], words: str
) -> None:
    refused = await press(operator, "have", **field)

    assert refused.status_code in (400, 404)
    assert words in text(refused)
    assert "Traceback" not in caplog.text
    assert buttons(await operator.get(ALERTS)) == ["have"], "nobody has it"


async def test_the_history_says_who_had_it_each_time(
    operator: AsyncClient, mia: AsyncClient
) -> None:
    now = timerange.now_ns()
    address = link(await operator.get(ALERTS), "depth of one")
    fingerprint = address.rstrip("/").rpartition("/")[2]
    one = made(
        "QueueDeep", {"pod": "one", "job": "petstore"}, sources=("main",), fingerprint=fingerprint
    )
    await in_database(watched, now - 4 * HOUR, now + HOUR, "main")
    await in_database(period, one, FIRING, now - 3 * HOUR, now - 2 * HOUR)
    await in_database(period, one, FIRING, now - 5 * MINUTE, None)

    assert "nobody yet" in text(await operator.get(address))
    await press(operator, "have", fingerprint=fingerprint)
    await press(operator, "hand over", fingerprint=fingerprint, to="mia")

    history = text(await mia.get(address)).partition("Had it")[2]
    assert "now olga, then mia" in history
    assert history.index("olga, then mia") < history.index("nobody")
