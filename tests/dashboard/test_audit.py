"""The audit log as a page, and as files for other programs."""

import csv
import io
import json
import re
from typing import Any
from urllib.parse import quote

import pytest
from django.test import AsyncClient

from ops.actor import Actor, Door, new_request_id
from ops.audit import chain
from ops.audit.models import Outcome
from ops.database import in_database
from opsportal.dashboard.views.audit import IN_A_PIECE, ROWS
from tests.dashboard.places import Place, heading, link, links, text

AUDIT = "/audit/"
CHANGE = {"service": "petstore", "strategy": "rate", "rate": "10%"}
pytestmark = pytest.mark.django_db(transaction=True)


async def write(
    action: str = "sampling.change_policy",
    actor: str = "olga",
    door: Door = Door.SLACK,
    target: str = "production/petstore",
    outcome: Outcome = Outcome.OK,
    detail: str = "",
    **parameters: str,
) -> None:
    new_request_id()
    who = Actor(1, actor, door, "192.0.2.7", {"channel": "C1"})
    await in_database(
        chain.append, who, action, target, outcome, parameters=parameters, detail=detail
    )


async def body(response: Any) -> str:
    return "".join([piece.decode() async for piece in aiter(response)])


async def test_it_shows_who_did_what_newest_first(place: Place, auditor: AsyncClient) -> None:
    await write(detail="-one-")
    await write(detail="-two-", policy="10%")
    page = await auditor.get(AUDIT)
    said = text(page)
    assert heading(page) == "2 changes"
    assert said.index("-two-") < said.index("-one-")
    assert "olga from Slack, 192.0.2.7" in said
    assert "policy = 10%" in said and "channel C1" in said


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("actor=ol", {"-change-", "-refused-"}),
        ("door=grpc", {"-other-"}),
        ("action=sampling.", {"-change-", "-refused-", "-staging-"}),
        ("target=petstore", {"-change-", "-refused-", "-staging-"}),
        ("target=production/petstore", {"-change-", "-refused-"}),
        ("outcome=denied", {"-refused-"}),
        ("actor=olga&outcome=ok", {"-change-"}),
        ("start=now-1h", {"-change-", "-refused-", "-other-", "-staging-"}),
        ("end=now-1h", set()),
        ("actor=%25", set()),
    ],
)
async def test_it_filters(place: Place, auditor: AsyncClient, query: str, found: set[str]) -> None:
    await write(detail="-change-")
    await write(detail="-refused-", outcome=Outcome.DENIED)
    await write("admin.add_user", "peter", Door.GRPC, "user/petra", detail="-other-")
    await write(actor="peter", target="staging/petstore", detail="-staging-")
    everything = {"-change-", "-refused-", "-other-", "-staging-"}
    page = await auditor.get(f"{AUDIT}?{query}")
    assert {word for word in everything if word in text(page)} == found
    downloaded = await body(await auditor.get(f"{AUDIT}rows.jsonl?{query}"))
    assert {json.loads(line)["detail"] for line in downloaded.splitlines()} == found
    if not found:
        assert heading(page) == "No changes match"
        assert link(page, "Show all rows") == AUDIT


@pytest.mark.parametrize(
    ("query", "says"),
    [
        ("", "2 changes and 1 refusal"),
        ("actor=ol", "1 change and 1 refusal by olga"),
        ("actor=o&door=slack", "2 changes and 1 refusal by o… from Slack"),
        ("target=petstore&outcome=denied", "1 refusal of petstore (outcome denied)"),
        (
            "start=now-1d&end=now%2B1d",
            r"2 changes and 1 refusal since .* until .*UTC",
        ),
    ],
)
async def test_its_heading_and_title_say_what_is_listed(
    place: Place, auditor: AsyncClient, query: str, says: str
) -> None:
    await write()
    await write(outcome=Outcome.DENIED)
    await write(actor="otto", target="production/store")
    page = await auditor.get(f"{AUDIT}?{query}")
    assert re.fullmatch(says.replace("(", r"\(").replace(")", r"\)"), heading(page))
    assert f"{heading(page)} · OpsPortal</title>" in page.content.decode()


@pytest.mark.parametrize(
    "query", ["start=yesteryear", "door=window", "outcome=good", f"actor={'x' * 151}"]
)
async def test_it_says_what_is_wrong_with_a_filter_and_keeps_it(
    place: Place, auditor: AsyncClient, query: str
) -> None:
    await write()
    page = await auditor.get(f"{AUDIT}?{query}")
    assert page.status_code == 400
    assert "correct the filter" in heading(page)
    assert query.partition("=")[2] in page.content.decode()
    assert (await auditor.get(f"{AUDIT}rows.csv?{query}")).status_code == 400


async def test_it_leads_from_a_change_to_its_rows_and_back(
    place: Place, auditor: AsyncClient, operator: AsyncClient
) -> None:
    await operator.post("/sites/production/sampling/change/", CHANGE)
    await write(detail="another")
    changes = await auditor.get("/sites/production/sampling/")
    page = await auditor.get(link(changes, "rows"))
    assert re.fullmatch(r"1 change \(request [0-9a-f]{16}\)", heading(page))
    back = await auditor.get(link(page, "production/petstore"))
    assert "2 of 2 instances confirmed" in text(back)


async def test_it_shows_a_long_log_a_sheet_at_a_time(place: Place, auditor: AsyncClient) -> None:
    number = ROWS + 5
    for each in range(number):
        await write(detail=f"row-{each}-")
    await write(actor="peter")
    first = await auditor.get(f"{AUDIT}?actor=olga")
    assert heading(first) == f"Latest {ROWS} changes by olga"
    second = await auditor.get(f"{AUDIT}{link(first, 'older rows')}")
    assert heading(second) == "5 changes by olga"
    shown = text(first) + text(second)
    assert all(shown.count(f"row-{each}-") == 1 for each in range(number))
    assert "older rows" not in text(second)


async def test_it_downloads_all_that_matches(place: Place, auditor: AsyncClient) -> None:
    number = IN_A_PIECE + 3
    for each in range(number):
        await write(detail=str(each))
    lines = (await body(await auditor.get(f"{AUDIT}rows.jsonl"))).splitlines()
    assert [json.loads(line)["detail"] for line in lines] == [*map(str, range(number))][::-1]
    assert json.loads(lines[0])["origin"] == {"channel": "C1"}


HOSTILE = [
    '=HYPERLINK("http://x")',
    "+1",
    "-1",
    "@SUM(A1)",
    'a"b,c\nd',
    "<script>alert(1)</script>",
]


@pytest.mark.parametrize("value", HOSTILE)
async def test_it_makes_nothing_live_of_what_others_wrote(
    place: Place, auditor: AsyncClient, value: str
) -> None:
    await write(actor=value, target=value, detail=value, text=value)
    rows = [*csv.DictReader(io.StringIO(await body(await auditor.get(f"{AUDIT}rows.csv"))))]
    assert rows[0]["detail"].removeprefix("'") == value
    assert not rows[0]["detail"].startswith(("=", "+", "-", "@"))
    page = await auditor.get(AUDIT)
    assert "<script>alert" not in page.content.decode()
    wanted = f"{AUDIT}?actor={quote(value, safe='/')}"
    assert wanted in [address for _, address in links(page)]
    assert heading(await auditor.get(wanted)).startswith("1 change by ")


@pytest.mark.parametrize("path", ["", "rows.csv", "rows.jsonl"])
async def test_it_refuses_who_may_not_read_it(place: Place, viewer: AsyncClient, path: str) -> None:
    assert (await viewer.get(f"{AUDIT}{path}")).status_code == 403
