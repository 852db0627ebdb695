"""The time line's page: what is in it for whom, and that it stays small."""

import re

import pytest
from django.contrib.auth.models import User
from django.test import AsyncClient

from ops.actor import Actor, Door
from ops.audit import chain
from ops.audit.models import Outcome
from ops.database import in_database
from ops.rpc.models import Token, TokenUse, make_token
from ops.sampling.actions import change_policy
from ops.versions.models import VersionPeriod
from ops.vocabulary import timerange
from ops.vocabulary.alerts import FIRING
from ops.vocabulary.policies import rate
from ops.vocabulary.timerange import DAY, HOUR, MINUTE
from tests.alerts.making import alert
from tests.alerts.past import SITE, answered, period, watched
from tests.conftest import Person, actor_of
from tests.dashboard.places import Place, heading, link, links, text
from tests.fakes.jaeger import ANY_JAEGER, span, trace

LINE = "/sites/production/timeline/"
pytestmark = pytest.mark.django_db(transaction=True)


def past() -> None:
    """A rollout 50 minutes ago and an alert 40 minutes ago."""
    now = timerange.now_ns()
    watched(now - 2 * DAY, now, "main")
    for version, start, end in (("1.2.0", now - DAY, now - 50 * MINUTE), ("1.3.0", 0, None)):
        VersionPeriod.objects.create(
            site=SITE, key=version, state=VersionPeriod.RUNS, start=start or now - 50 * MINUTE,
            end=end, service="petstore", instance="a", version=version,
        )  # fmt: skip
    period(alert("Slow"), FIRING, now - 40 * MINUTE, now - 10 * MINUTE)


async def test_it_shows_what_happened_as_lanes_and_as_a_list(
    place: Place, viewer: AsyncClient
) -> None:
    await in_database(past)

    page = await viewer.get(LINE)

    assert heading(page) == "1 rollout and 2 alert changes in the last 60 min"
    said = text(page)
    assert "petstore started to run 1.3.0 , before that only 1.2.0" in said
    assert said.index("Slow resolved") < said.index("Slow started firing")
    assert "petstore ran 1.3.0 on 1, since" in said, "the lane's sentence"
    assert "Slow firing," in said
    assert ("Time line", LINE) in links(page)


async def test_a_time_leads_to_its_moment_and_a_window_moves(
    place: Place, viewer: AsyncClient
) -> None:
    await in_database(past)
    page = await viewer.get(f"{LINE}?last=6h")

    moment = next(address for shown, address in links(page) if re.match(r"\d\d:\d\d", shown))
    there = await viewer.get(f"{LINE}{moment}")
    earlier = await viewer.get(f"{LINE}{link(page, 'earlier')}")

    assert "2 alert changes in 6 h" in heading(there)
    assert 'class="moment"' in there.content.decode()
    assert earlier.status_code == 200


async def test_it_is_narrowed_to_kinds_services_and_people(
    place: Place, viewer: AsyncClient
) -> None:
    await in_database(past)

    assert heading(await viewer.get(f"{LINE}?kind=rollouts")) == "1 rollout in the last 60 min"
    of_store = await viewer.get(f"{LINE}?service=store&kind=rollouts&kind=sampling")
    assert heading(of_store) == "Nothing changed in store in the last 60 min"
    by_olga = await viewer.get(f"{LINE}?person=olga")
    assert heading(by_olga) == "Nothing changed by olga in the last 60 min"


async def test_a_wrong_filter_is_refused_and_kept(place: Place, viewer: AsyncClient) -> None:
    page = await viewer.get(f"{LINE}?at=soonish&service=petstore")

    assert page.status_code == 400
    assert heading(page) == "Time line: correct the filter"
    assert 'value="soonish"' in page.content.decode()


async def test_an_unknown_service_is_not_found(place: Place, viewer: AsyncClient) -> None:
    assert (await viewer.get(f"{LINE}?service=nothing")).status_code == 404


def refused() -> None:
    actor = Actor(7, "mallory", Door.GRPC, "198.51.100.7")
    chain.append(actor, "sampling.change_policy", "production/petstore", Outcome.DENIED)
    chain.append(actor, "sampling.change_policy", "staging/store", Outcome.DENIED)
    chain.append(actor, "sampling.change_policy", "production/petstore", Outcome.OK)
    chain.append(actor, "silences.end_silence", "production/silences", Outcome.OK, detail="of old")


async def test_refusals_and_addresses_are_for_those_who_may_read_the_audit_log(
    place: Place, viewer: AsyncClient, auditor: AsyncClient
) -> None:
    await in_database(refused)

    shown, hidden = text(await auditor.get(LINE)), text(await viewer.get(LINE))

    assert "sampling.change_policy production/petstore denied" in shown
    assert "198.51.100.7" in shown
    assert "silences.end_silence production/silences : of old" in shown, "Alertmanager forgot it"
    assert "staging/store" not in shown, "another site's"
    assert shown.count("denied,") == 2, "in the list, and in the lane; what worked is shown as such"
    assert "mallory" not in hidden and "198.51.100.7" not in hidden


def signed_in(user: User, *times: tuple[int, int]) -> None:
    """A token that was used from and to so many nanoseconds ago."""
    now = timerange.now_ns()
    make_token(user, "builds", timerange.to_datetime(now + DAY))
    token = Token.objects.get()
    for start, end in times:
        began, ended = timerange.to_datetime(now - start), timerange.to_datetime(now - end)
        TokenUse.objects.create(token=token, start=began, end=ended)


async def test_sign_ins_of_tokens_are_for_those_too(
    place: Place, viewer: AsyncClient, auditor: AsyncClient, person: Person
) -> None:
    user = await in_database(person, "ci")
    await in_database(signed_in, user, (2 * HOUR, 50 * MINUTE), (20 * MINUTE, 5 * MINUTE))

    page, hidden = await auditor.get(LINE), text(await viewer.get(LINE))
    shown = " ".join(text(page).split())

    assert shown.count("(builds) of ci signed in, over gRPC, used until") == 1, "one began before"
    assert shown.count("(builds) of ci was used over gRPC,") == 2, "both have a bar"
    assert "Tokens" in shown
    assert "builds" not in hidden and "Tokens" not in hidden
    assert "builds" in text(await auditor.get(f"{LINE}?person=ci"))
    assert "builds" not in text(await auditor.get(f"{LINE}?person=olga"))


async def test_it_says_that_older_sign_ins_are_left_out(
    place: Place, auditor: AsyncClient, person: Person
) -> None:
    user = await in_database(person, "ci")
    times = [(number * 1_000_000_000,) * 2 for number in range(1, 202)]
    await in_database(signed_in, user, *times)

    page = await auditor.get(LINE)

    assert heading(page).startswith("At least 200 ")
    assert "1 to 50 of 200 entries" in text(page)


async def test_what_nobody_watched_and_who_was_silent_is_said(
    place: Place, viewer: AsyncClient
) -> None:
    now = timerange.now_ns()
    await in_database(watched, now - 30 * MINUTE, now, "main")
    await in_database(answered, "main", now - 20 * MINUTE, now - 10 * MINUTE, fails=True)

    said = text(await viewer.get(LINE))

    assert "not watched for 30 min of it" in said
    assert "main did not answer" in said
    assert "main is away" in said


def storm() -> None:
    now = timerange.now_ns()
    watched(now - 2 * DAY, now, "main")
    for number in range(400):
        each = alert(f"Alert{number % 100}", {"instance": str(number)})
        period(each, FIRING, now - HOUR + number * 1_000_000_000, None)


async def test_a_storm_of_alerts_is_a_page_of_bounded_length(
    place: Place, viewer: AsyncClient
) -> None:
    await in_database(storm)

    page = await viewer.get(f"{LINE}?last=6h")
    alone = await viewer.get(f"{LINE}?last=6h&kind=alerts")

    assert heading(page).startswith("At least 200 alert changes")
    assert "and 92 more: only alerts" in text(page)
    assert "and 60 more" in text(alone)
    assert page.content.count(b"<tr") <= 51
    assert len(page.content) < 150_000


async def test_the_list_has_pages(place: Place, viewer: AsyncClient) -> None:
    await in_database(storm)

    page = await viewer.get(f"{LINE}?last=6h&page=2")

    assert "51 to 100 of 200 entries" in text(page)


@ANY_JAEGER
async def test_pictures_of_other_pages_lead_to_the_moment(
    place: Place, operator: AsyncClient, person: Person
) -> None:
    olga = actor_of(await in_database(person, "oscar", "operators"))
    now = timerange.now_ns()
    place.jaeger.add(
        trace(span("petstore", "AddPets", start=now - 2 * MINUTE)),
        trace(span("petstore", "AddPets", start=now + MINUTE)),
    )
    minutes = [[now // timerange.SECOND - ago * 60, "1"] for ago in range(30)]
    labels = {"version": "1.2.0", "instance": "a"}
    place.prometheus.says("petstore_build_info", (labels, 1))
    place.prometheus.ranges["petstore_build_info"] = [{"metric": labels, "values": minutes}]
    await change_policy(olga, policy=rate(0.5), service="petstore", site=SITE, reason="a look")

    for address in ("traces/?q=to%3Dnow%2B2m from%3Dnow-10m", "versions/"):
        page = (await operator.get(f"/sites/production/{address}")).content.decode()
        mark = re.search(r'<a class="[^"]*ok" href="([^"]*)" tabindex="-1">.*?<title>(.*?)</', page)
        assert mark, address
        assert mark[2].startswith("oscar set sampling of petstore to 50%: a look")
        there = await operator.get(mark[1])
        assert "1 sampling change" in heading(there)


@ANY_JAEGER
async def test_pages_point_into_it(place: Place, auditor: AsyncClient) -> None:
    now = timerange.now_ns()
    row = await in_database(period, alert("Slow"), FIRING, now - 40 * MINUTE, None)
    site = "/sites/production/"

    for address in (site, f"{site}services/petstore/", f"{site}alerts/{row.key}/"):
        assert link(await auditor.get(address), "time line").startswith(LINE), address
    rollouts = link(await auditor.get(f"{site}versions/"), "rollouts in the time line")
    assert rollouts.endswith("kind=rollouts")
    assert link(await auditor.get("/audit/"), "In the time line").endswith("?kind=audit")


async def test_the_audit_log_is_offered_to_those_who_may_read_it(
    place: Place, viewer: AsyncClient, auditor: AsyncClient
) -> None:
    shown = await auditor.get(f"{LINE}?kind=alerts")
    hidden = await viewer.get(f"{LINE}?kind=alerts&kind=audit")

    assert "show audit" in [text for text, _ in links(shown)]
    assert "audit" not in " ".join(text for text, _ in links(hidden))
