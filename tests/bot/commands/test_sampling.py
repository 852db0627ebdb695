import pytest
from grpc import StatusCode

from bot.replies import FollowUp
from ops.actor import Actor
from tests.bot.conftest import Backends, said

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
    reply = await said(operator, "change sampling 10% now")
    assert reply.failed
    assert reply.summary == (
        "Not every instance confirmed. Sampling of petstore: 1% -> 10%, "
        "confirmed by 2 of 3 instances"
    )
    assert reply.rows[0].cells == (backends.instances[1].address, "NOT CONFIRMED")
    assert "told to fail" in reply.rows[0].below[0]
    now = await said(operator, "sampling")
    assert now.summary == (
        "Sampling of petstore: 10% on 2, unknown on 1, confirmed by 2 of 3 instances just now, "
        "not checked since"
    )
    assert now.rows[0].cells[:2] == (backends.instances[1].address, "10% NOT CONFIRMED")
    assert now.notes[0] == "just now: 1% -> 10% by olga (browser), confirmed by 2 of 3"
    undo = (FollowUp("Undo", "undo sampling petstore"),)
    assert (reply.follow_ups, now.follow_ups) == (undo, undo)


async def test_it_shows_sampling_that_nobody_changed(viewer: Actor, backends: Backends) -> None:
    reply = await said(viewer, "sampling")
    assert reply.summary == "Sampling of petstore is unknown, confirmed by 0 of 3 instances"
    assert [row.cells[1] for row in reply.rows] == ["no change sent yet"] * 3
    assert reply.follow_ups == (), "there is nothing to undo"
    none = await said(viewer, "sampling store")
    assert none.summary == "store has no instances to sample: the site file names none"


async def test_it_refuses_to_change_sampling_for_a_viewer(
    viewer: Actor, backends: Backends
) -> None:
    reply = await said(viewer, "change sampling always")
    assert reply.summary.startswith("Not permitted: victor is not allowed to do this")
    assert [each.told for each in backends.instances] == [[], [], []]
