"""What is in force gets to every instance, also to one that restarts, hangs or is new.

Each test sets the clock: a round happens when it says so.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import timedelta
from itertools import pairwise

import grpc
import pytest
from django.db import DatabaseError, connection
from django.utils import timezone

from ops.actor import Actor
from ops.audit.models import AuditEntry
from ops.database import in_database
from ops.errors import NotConfirmed
from ops.sampling import actions
from ops.sampling.models import Instance, Revision
from ops.sampling.proof import Proof
from ops.sampling.reconciling import RECONCILER, SiteReconciling
from ops.sampling.terms import Term
from ops.sites import sites
from ops.vocabulary import timerange
from ops.vocabulary.policies import ALWAYS, NEVER, rate
from ops.watch import lease
from ops.watch.lease import LeaseLost, SiteLease
from ops.watch.models import WatchedSite
from ops.watch.watcher import watch
from tests.conftest import Petstores, SiteFile
from tests.fakes.instance import fake_instance

pytestmark = pytest.mark.django_db(transaction=True)

ALL = ("STAlways", 0.0)
TENTH = ("STFloat", 0.1)


async def leased(holder: str = "a") -> SiteLease:
    [found] = await in_database(lease.claim, holder, ["demo"], 60.0, 1)
    return found


async def reconciling() -> SiteReconciling:
    return SiteReconciling(sites().site("demo"), await leased())


def after(seconds: float) -> int:
    return timerange.now_ns() + int(seconds * timerange.SECOND)


def told(instances: Petstores) -> list[int]:
    return [len(each.told) for each in instances]


@asynccontextmanager
async def serving(site_file: SiteFile, number: int, more: str = "") -> AsyncIterator[Petstores]:
    async with AsyncExitStack() as stack:
        found = [await stack.enter_async_context(fake_instance()) for _ in range(number)]
        name(site_file, found, more)
        yield found


def name(site_file: SiteFile, instances: Petstores, more: str = "") -> None:
    addresses = ", ".join(f'"{each.address}"' for each in instances)
    site_file(f"[sites.demo.services.petstore]\ninstances = [{addresses}]\n{more}")


async def corrections() -> list[dict[str, str]]:
    rows = AuditEntry.objects.filter(action="sampling.correct").order_by("seq")
    return await in_database(lambda: [row.record["parameters"] for row in rows])


async def test_nobody_is_sent_anything_until_somebody_has_set_it(
    operator: Actor, petstores: Petstores
) -> None:
    work = await reconciling()
    await work.round(after(0))
    assert told(petstores) == [0, 0, 0]
    await actions.change_policy(operator, policy=ALWAYS)
    await in_database(Revision.objects.update, held=False)  # as an older release did
    await work.round(after(100))
    assert told(petstores) == [1, 1, 1]


async def test_one_that_restarts_follows_within_an_interval(
    operator: Actor, petstores: Petstores
) -> None:
    await actions.change_policy(operator, policy=rate(0.1))
    work = await reconciling()
    due = await work.round(after(1))
    assert told(petstores) == [1, 1, 1], "they have all just confirmed"
    await work.round(due)
    assert [each.told for each in petstores] == [[TENTH, TENTH]] * 3
    assert await corrections() == [], "nothing was wrong as far as we know"


async def test_one_that_is_new_follows(operator: Actor, site_file: SiteFile) -> None:
    async with serving(site_file, 1) as old, fake_instance() as new:
        await actions.change_policy(operator, policy=rate(0.1))
        name(site_file, [*old, new])
        await (await reconciling()).round(after(1))
        assert (told(old), new.told) == ([1], [TENTH])
        [row] = await corrections()
        made = await in_database(Revision.objects.get)
        assert row == {
            "policy": "10%",
            "revision": f"{made.id}",
            "instances": new.address,
            "service": "petstore",
            "site": "demo",
        }
        now = await actions.current(operator)
        assert [str(each.proof) for each in now.instances] == ["confirmed"] * 2


async def test_one_that_hangs_delays_no_other(operator: Actor, petstores: Petstores) -> None:
    await actions.change_policy(operator, policy=ALWAYS)
    petstores[0].hangs = True
    for each in petstores:
        each.asked.clear()
    work = await reconciling()
    running = asyncio.create_task(work.round(after(31)))
    for each in petstores:
        await each.asked.wait()
    petstores[0].resumed.set()
    await running
    assert told(petstores) == [2, 2, 2]


async def test_one_that_fails_is_tried_again_less_and_less_often(
    operator: Actor, site_file: SiteFile
) -> None:
    async with serving(site_file, 1) as [instance]:
        instance.fails = grpc.StatusCode.INTERNAL
        with pytest.raises(NotConfirmed):
            await actions.change_policy(operator, policy=ALWAYS)
        work, now = await reconciling(), after(1)
        tries: list[int] = []
        while len(tries) < 7:
            instance.asked.clear()
            due = await work.round(now)
            if instance.asked.is_set():
                tries.append(now // timerange.SECOND)
            now = due
        assert [end - start for start, end in pairwise(tries)] == [30, 60, 120, 240, 300, 300]
        [row] = (await actions.current(operator)).instances
        assert row.proof is Proof.REFUSED
        assert "told to fail" in row.reason
        # A person's change is tried at once, and is then looked after as any other.
        instance.fails = None
        await actions.change_policy(operator, policy=NEVER)
        assert instance.told == [("STNever", 0.0)]
        await work.round(now)
        assert instance.told == [("STNever", 0.0)] * 2


async def test_it_returns_at_the_end_of_a_timed_change(
    operator: Actor, petstores: Petstores
) -> None:
    await actions.change_policy(operator, policy=rate(0.1))
    made = await actions.change_policy(operator, policy=ALWAYS, term=Term(timerange.MINUTE))
    assert made.until
    end = timerange.from_datetime(made.until)
    work = await reconciling()
    due = await work.round(end - timerange.SECOND)
    assert due == end, "it wakes up at the end"
    assert {each.told[-1] for each in petstores} == {ALL}
    await work.round(due)
    assert {each.told[-1] for each in petstores} == {TENTH}
    [row] = await corrections()
    assert (row["policy"], row["instances"].count(",")) == ("10%", 2)
    # Once it is over for good, the page says that all have it.
    await in_database(_earlier, timedelta(minutes=2))
    now = await actions.current(operator)
    assert (str(now.policies), now.is_overdue) == ("10%", False)


def _earlier(by: timedelta) -> None:
    for each in Revision.objects.all():
        each.at -= by
        each.until = each.until and each.until - by
        each.save()


async def test_what_is_set_meanwhile_wins(operator: Actor, site_file: SiteFile) -> None:
    """An old policy that arrives late is followed by the new one."""
    async with serving(site_file, 1) as [instance]:
        await actions.change_policy(operator, policy=ALWAYS)
        old = timezone.now() - timedelta(minutes=1)
        await in_database(Instance.objects.update, heard=old)
        instance.hangs = True
        instance.asked.clear()
        work = await reconciling()
        running = asyncio.create_task(work.round(after(0)))
        await instance.asked.wait()
        instance.hangs = False
        await actions.change_policy(operator, policy=rate(0.1))
        instance.resumed.set()
        due = await running
        assert instance.told == [ALL, TENTH, ALL], "the old one came last"
        row = await in_database(Instance.objects.get)
        assert row.sent == rate(0.1), "what came late is not written down as right"
        assert due <= after(1), "it does not wait to put that right"
        await work.round(due)
        assert instance.told[-1] == TENTH


async def test_it_sends_what_the_site_file_says(site_file: SiteFile) -> None:
    async with serving(site_file, 2, 'sampling = "10%"') as instances:
        work = await reconciling()
        await work.round(after(0))
        assert [each.told for each in instances] == [[TENTH], [TENTH]]
        made = await in_database(Revision.objects.get)
        assert (made.door, made.actor) == ("file", "site file")
        name(site_file, instances, 'sampling = "never"')
        again = SiteReconciling(sites().site("demo"), work._lease)
        await again.round(after(1))
        assert [each.told[-1] for each in instances] == [("STNever", 0.0)] * 2


async def test_it_writes_nothing_once_another_has_the_site(
    operator: Actor, petstores: Petstores
) -> None:
    await actions.change_policy(operator, policy=ALWAYS)
    work = await reconciling()
    petstores[0].hangs = True
    petstores[0].asked.clear()
    running = asyncio.create_task(work.round(after(31)))
    await petstores[0].asked.wait()
    over = timezone.now() - timedelta(seconds=1)
    await in_database(WatchedSite.objects.update, lease_until=over)
    await in_database(Instance.objects.update, heard=over)
    other = SiteReconciling(sites().site("demo"), await leased("b"))
    petstores[0].resumed.set()
    with pytest.raises(LeaseLost):
        await running
    rows = await in_database(lambda: list(Instance.objects.values_list("heard", flat=True)))
    assert {*rows} == {over}
    # The other one finds all that it needs.
    await other.round(after(40))
    assert told(petstores) == [3, 3, 3]
    with pytest.raises(LeaseLost):
        await work.round(after(80))
    assert told(petstores) == [3, 3, 3], "it does not even send"


async def test_it_goes_on_when_the_database_is_back(operator: Actor, petstores: Petstores) -> None:
    def rename(old: str, new: str) -> None:
        with connection.cursor() as cursor:
            cursor.execute(f"ALTER TABLE {old} RENAME TO {new}")

    await actions.change_policy(operator, policy=ALWAYS)
    work = await reconciling()
    await in_database(rename, "sampling_revision", "revisions_away")
    with pytest.raises(DatabaseError):
        await work.round(after(31))
    assert told(petstores) == [1, 1, 1]
    await in_database(rename, "revisions_away", "sampling_revision")
    await work.round(after(32))
    assert told(petstores) == [2, 2, 2]


async def test_it_forgets_instances_that_are_gone(operator: Actor, site_file: SiteFile) -> None:
    async with serving(site_file, 2) as [first, second]:
        await actions.change_policy(operator, policy=ALWAYS)
        name(site_file, [first])
        work = await reconciling()
        await work.round(after(31))
        assert await in_database(Instance.objects.count) == 2
        await work.round(after(8 * 86_400))
        row = await in_database(Instance.objects.get)
        assert row.address == first.address
        assert second.told == [ALL]


async def test_a_watcher_does_it_for_a_site_without_any_source(site_file: SiteFile) -> None:
    async with serving(site_file, 1, 'sampling = "10%"') as [instance]:
        stop = asyncio.Event()
        watching = asyncio.create_task(watch(stop, duties=(RECONCILER,)))
        async with asyncio.timeout(60):
            await instance.asked.wait()
        stop.set()
        await watching
    assert await in_database(Revision.objects.count) == 1
