import re
from zoneinfo import ZoneInfo

import pytest
from grpc import StatusCode

from bot import console
from bot.answers.sampling import service_sampling
from bot.replies import FollowUp, When, parts
from ops.actor import Actor, Door
from ops.database import in_database
from ops.sampling.actions import ServiceSampling
from ops.sampling.revisions import InForce
from ops.vocabulary.policies import rate
from ops.vocabulary.timerange import SECOND, to_datetime
from tests.bot.conftest import SITES, Backends, said
from tests.conftest import Person, SiteFile, actor_of

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.mark.parametrize(
    ("line", "told", "policy"),
    [
        ("change sampling never now", ("STNever", 0.0), "never"),
        ("change sampling always now", ("STAlways", 0.0), "always"),
        ("change sampling float 0.25 now", ("STFloat", 0.25), "25%"),
        ("change sampling 25 % now", ("STFloat", 0.25), "25%"),
        ("change sampling to 25% now", ("STFloat", 0.25), "25%"),
        ("change sampling petstore 0.25 now", ("STFloat", 0.25), "25%"),
        ("change sampling of petstore to rate 25% now", ("STFloat", 0.25), "25%"),
        ("Change Sampling Never service=petstore site=demo now", ("STNever", 0.0), "never"),
    ],
)
async def test_it_changes_sampling(
    operator: Actor, backends: Backends, line: str, told: tuple[str, float], policy: str
) -> None:
    reply = await said(operator, line)
    assert reply.summary == (
        f"Sampling of petstore: unknown -> {policy}, confirmed by 3 of 3 instances"
    )
    assert [row.cells[1] for row in reply.rows] == ["confirmed"] * 3
    assert [each.told for each in backends.instances] == [[told]] * 3


async def test_it_says_which_instances_did_not_confirm_and_why(
    operator: Actor, backends: Backends
) -> None:
    await said(operator, "change sampling 1% now")
    backends.instances[1].fails = StatusCode.INTERNAL
    reply = await said(operator, "change sampling 10% permanent now")
    assert reply.failed
    assert reply.summary == (
        "Not every instance confirmed. Sampling of petstore: 1% -> 10%, "
        "confirmed by 2 of 3 instances"
    )
    assert reply.rows[0].cells == (backends.instances[1].address, "NOT CONFIRMED")
    assert "told to fail" in reply.rows[0].below[0]
    now = await said(operator, "sampling")
    assert now.summary == (
        "Sampling of petstore: 10% on 2, unknown on 1, confirmed by 2 of 3 instances"
    )
    assert now.rows[0].cells[:2] == (backends.instances[1].address, "10% NOT CONFIRMED")
    assert now.notes[0] == "In force: 10%, set by olga from browser just now"
    assert now.notes[1] == "just now: 1% -> 10% by olga (browser), confirmed by 2 of 3"
    undo = (FollowUp("Undo", "undo sampling petstore"),)
    assert (reply.follow_ups, now.follow_ups) == (undo, undo)


async def test_it_shows_sampling_that_nobody_changed(viewer: Actor, backends: Backends) -> None:
    reply = await said(viewer, "sampling")
    assert reply.summary == "Sampling of petstore is unknown, confirmed by 0 of 3 instances"
    assert [row.cells[1] for row in reply.rows] == ["no change sent yet"] * 3
    assert reply.follow_ups == (), "there is nothing to undo"
    none = await said(viewer, "sampling store")
    assert none.summary == "store has no instances to sample: the site file names none"


def test_what_is_in_force_is_said_before_anybody_asks_for_it(site_file: SiteFile) -> None:
    site_file("[sites.demo]")
    now = ServiceSampling("demo", "store", (), in_force=InForce(1, rate(0.25), 0))
    assert service_sampling(now, (), None).summary == (
        "Sampling of store: 25%, no instance asks for it yet"
    )


async def test_it_refuses_to_change_sampling_for_a_viewer(
    viewer: Actor, backends: Backends
) -> None:
    reply = await said(viewer, "change sampling always")
    assert reply.summary.startswith("Not permitted: victor is not allowed to do this")
    assert [each.told for each in backends.instances] == [[], [], []]


@pytest.mark.parametrize(
    ("line", "asked"),
    [
        ("change sampling petstore 100% for=15m", "10% -> 100% on 3 instances for 15 min?"),
        ("change sampling petstore to 100% for 2h", "10% -> 100% on 3 instances for 2 h?"),
        ("change sampling always permanent", "10% -> always on 3 instances?"),
        ("change sampling always", "10% -> always on 3 instances for 30 min?"),
        ("change sampling 1%", "10% -> 1% on 3 instances?"),
        ("sampling off petstore for=1h", "10% -> never on 3 instances for 1 h?"),
        ("sampling off", "10% -> never on 3 instances?"),
        (
            "change sampling to always for fifteen minutes",
            "10% -> always on 3 instances for 15 min?",
        ),
        ("change sampling always for good", "10% -> always on 3 instances?"),
        ("change sampling petstore 20% half an hour", "10% -> 20% on 3 instances for 30 min?"),
    ],
)
async def test_a_raise_ends_by_itself_and_anybody_may_say_when(
    operator: Actor, backends: Backends, line: str, asked: str
) -> None:
    await said(operator, "change sampling 10% now")
    assert (await said(operator, line)).summary == f"Change sampling of petstore: {asked}"


@pytest.mark.parametrize("end", ["until=18:00", "until 6 pm", "because of lunch till 18:00"])
async def test_the_end_is_a_time_of_day_of_the_person_who_asks(
    operator: Actor, backends: Backends, end: str
) -> None:
    tokyo = ZoneInfo("Asia/Tokyo")
    card = await console.answer(operator, f"change sampling always then 1% {end}", tokyo)
    found = [part for part in parts(card.summary) if isinstance(part, When)]
    assert [to_datetime(each.seconds * SECOND).astimezone(tokyo).hour for each in found] == [18]
    assert ("Reason: lunch" in card.notes) == ("lunch" in end)


async def test_a_word_about_time_is_no_slip_of_another(operator: Actor, backends: Backends) -> None:
    offered = await said(operator, "set sampling to 20% till 18:00 then 1%")
    assert re.match(r"change sampling 20% until=20\S+T18:00Z then=1%", offered.follow_ups[0].line)


async def test_a_change_until_the_nearest_six_asks_first(
    operator: Actor, backends: Backends
) -> None:
    assert (await said(operator, "change sampling always until six then=1% now")).card


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("for=15m because of SlowSearch", "SlowSearch"),
        ("due to SlowSearch for a quarter of an hour", "SlowSearch"),
        ('because="SlowSearch since 1.3.0" for=15m', "SlowSearch since 1.3.0"),
        ("for=15m because=“SlowSearch since 1.3.0”", "SlowSearch since 1.3.0"),
        ("for=15m because SlowSearch  since 1.3.0", "SlowSearch since 1.3.0"),
        ("for=15m", ""),
    ],
)
async def test_a_change_says_why_and_until_when(
    operator: Actor, backends: Backends, line: str, reason: str
) -> None:
    await said(operator, "change sampling 10% now")

    done = await said(operator, f"change sampling petstore always now {line}")

    assert done.summary.startswith("Sampling of petstore: 10% -> always, confirmed by 3 of 3")
    assert done.summary.endswith("then 10%")
    assert done.notes == ((f"Reason: {reason}",) if reason else ())
    assert done.follow_ups == (FollowUp("Return to 10% now", "revert sampling petstore"),)
    now = await said(operator, "sampling petstore")
    assert now.notes[0].startswith("In force: always until ")
    assert now.notes[0].endswith(f"from browser just now{f': {reason}' if reason else ''}")
    assert [each.label for each in now.follow_ups] == ["15 minutes more", "Return to 10% now"]
    more = await said(operator, now.follow_ups[0].line)
    assert more.summary.startswith("Sampling of petstore: always -> always, confirmed by 3 of 3")
    refused = await said(operator, now.follow_ups[0].line)
    assert "is not in force any more" in refused.summary
    assert "is not the number of" in (await said(operator, "extend sampling revision=x")).summary


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("change sampling always for=15m permanent", "say one of for=15m, until=18:00"),
        ("change sampling always for=15m until=18:00", "say one of for=15m, until=18:00"),
        ("change sampling always for=1s", "a change lasts at least 10 s"),
        ("change sampling always for=15m", "say what follows, such as then=10%"),
        ("change sampling always for=soon", "is not a duration"),
        ("revert sampling petstore", "no change with an end is in force"),
        ("revert sampling petstore to 99", 'petstore of site "demo" has no revision 99'),
    ],
)
async def test_what_cannot_be_asked_is_refused_with_the_accepted_form(
    operator: Actor, backends: Backends, line: str, problem: str
) -> None:
    assert problem in (await said(operator, line)).summary


async def test_a_change_can_be_ended_at_once(operator: Actor, backends: Backends) -> None:
    await said(operator, "change sampling 10% now")
    await said(operator, "change sampling always for=1h now")

    ended = await said(operator, "revert sampling petstore")
    assert ended.summary.startswith("Sampling of petstore: always -> 10%, confirmed by 3 of 3")

    assert (await said(operator, "sampling")).notes[0].startswith("In force: 10%, set by olga")


async def test_the_history_leads_back_to_each_policy(operator: Actor, backends: Backends) -> None:
    await said(operator, "change sampling 10% now")
    await said(operator, 'change sampling always for=1h now because="a look"')

    found = await said(operator, "sampling history petstore")

    assert found.summary == "2 changes of sampling of petstore, newest first"
    assert [row.cells[1] for row in found.rows] == ["10% -> always", "unknown -> 10%"]
    assert found.rows[0].cells[3] == "a look"
    first = found.rows[1].cells[0]
    back = f"revert sampling petstore to {first}"
    assert found.follow_ups == (FollowUp("Back to 10%", back),)
    done = await said(operator, f'{back} because="enough seen"')
    assert done.summary.startswith("Sampling of petstore: always -> 10%, confirmed by 3 of 3")
    assert done.notes == ("Reason: enough seen",)
    none = await said(operator, "sampling history store")
    assert none.summary == "Nobody has changed the sampling of store"


async def test_the_history_is_about_the_time_that_somebody_says(
    operator: Actor, backends: Backends
) -> None:
    await said(operator, "change sampling 10% now")
    lately = await said(operator, "sampling history petstore in the last hour")
    assert lately.summary.startswith("1 change of sampling of petstore from ")
    assert lately.summary.endswith(" UTC, newest first")
    before = await said(operator, "sampling history the day before yesterday")
    assert before.summary.startswith("Nobody changed the sampling of petstore from ")
    problem = (await said(operator, "sampling history tomorrow")).summary
    assert "00:00 is still to come" in problem


async def test_sampling_off_takes_a_reason_in_any_form(operator: Actor, backends: Backends) -> None:
    asked = await said(operator, "sampling off petstore because the disk is full")

    assert asked.summary == "Change sampling of petstore: unknown -> never on 3 instances?"
    assert "Reason: the disk is full" in asked.notes


async def test_a_change_above_the_ceiling_needs_somebody_else(
    operator: Actor, person: Person, backends: Backends, site_file: SiteFile
) -> None:
    limited = 'sampling_ceiling = 50\nrequests = "requests"\n'
    version = 'version = "petstore_build_info"\n'
    site_file(SITES.format(**vars(backends)).replace(version, version + limited))
    backends.prometheus.says("requests", ({}, 200.0))
    ada = actor_of(await in_database(person, "ada", "approvers"), Door.SLACK)

    card = await said(operator, 'change sampling always now because="slow searches"')

    assert card.summary == "Approve sampling of petstore: unknown -> always on 3 instances?"
    assert card.notes[0] == (
        "Over petstore's ceiling of 50 traces/s: about 200 traces/s. Somebody else with the right "
        "to approve has 10 minutes."
    )
    assert any(note.startswith("Requested by olga; open for 10 minutes") for note in card.notes)
    assert card.notes[-1] == (
        f'Or write: approve {card.card}, refuse {card.card} because="…". '
        f"olga can withdraw it: cancel {card.card}"
    )
    assert [each.label for each in card.follow_ups] == ["Approve", "Refuse"]
    approve, refuse = (each.line for each in card.follow_ups)
    alone = await said(operator, approve)
    assert alone.summary.startswith("Not permitted: you asked for this change")
    done = await said(ada, approve)
    assert done.summary.startswith("Sampling of petstore: unknown -> always, confirmed by 3 of 3")
    assert done.notes[0].startswith("Approved by ada at ")
    assert (await said(ada, refuse)).summary == done.summary
    again = await said(operator, "change sampling always")
    refused = await said(ada, f'{again.follow_ups[1].line} because="the disk is full"')
    assert refused.summary.startswith("Refused by ada at ")
    assert refused.notes == ("Reason: the disk is full",)


async def test_operations_can_have_rates_of_their_own(
    operator: Actor, backends: Backends, site_file: SiteFile
) -> None:
    text = SITES.format(**vars(backends))
    site_file(f'{text}\n[sites.demo.remote]\ndefault_sampling = "1%"\n')

    line = 'change sampling store 10% “GET /health”=0.1% "GET /"=never because="noise" now'
    done = await said(operator, line)

    assert "-> 10%, but GET / 0%, GET /health 0.1%" in done.summary
    now = await said(operator, "sampling store")
    assert now.notes[0].startswith("In force: 10%, but GET / 0%, GET /health 0.1%, set by olga")
    await said(operator, 'change sampling store always "GET /"=never for=1h now')
    more = (await said(operator, "sampling store")).follow_ups[0]
    assert "always, but GET / 0%" in (await said(operator, more.line)).summary
    refused = await said(operator, 'change sampling petstore 10% "GET /"=never')
    assert "petstore cannot be sampled at 10%, but GET / 0%" in refused.summary
