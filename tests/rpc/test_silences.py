"""Silences and acknowledgements over gRPC, in the name of the token's user."""

from collections.abc import AsyncIterator, Awaitable

import grpc.aio
import pytest
from django.contrib.auth.models import User
from grpc import StatusCode

from ops.audit.models import AuditEntry
from ops.database import in_database
from ops.rpc import silence_messages
from ops.silences.facts import ShownSilence, SilenceList
from ops.vocabulary import timerange
from ops.vocabulary.matchers import Matcher
from ops.vocabulary.notifications import Silence
from ops.vocabulary.timerange import HOUR
from proto.ops import ops_pb2
from tests.conftest import Person, SiteFile
from tests.rpc.conftest import Client
from tests.silences.conftest import Cluster, clustered

pytestmark = pytest.mark.django_db(transaction=True)
A = ['alertname="A"']


@pytest.fixture
async def cluster(site_file: SiteFile) -> AsyncIterator[Cluster]:
    async with clustered(site_file) as running:
        yield running


def an_hour(**more: object) -> ops_pb2.CreateSilenceReq:
    ends_at = timerange.now_ns() + HOUR
    return ops_pb2.CreateSilenceReq(**{"matchers": A, "ends_at": ends_at, **more})  # type: ignore[arg-type]


async def refused(call: Awaitable[object]) -> tuple[StatusCode, str]:
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await call
    return caught.value.code(), caught.value.details() or ""


async def test_a_silence_is_previewed_made_listed_extended_and_ended(
    ops: Client, guest: User, cluster: Cluster
) -> None:
    cluster.fires("A")
    cluster.fires("A", instance="two")

    preview = await ops.PreviewSilence(ops_pb2.PreviewSilenceReq(matchers=A))
    made = await ops.CreateSilence(an_hour(comment="known"))
    key, ends_at = made.silence.id, made.silence.ends_at
    longer = await ops.ExtendSilence(ops_pb2.ExtendSilenceReq(id=key, ends_at=ends_at + HOUR))
    [listed] = (await ops.Silences(ops_pb2.SilencesReq())).silences
    cluster.first.always_replaces = True
    another = await ops.ExtendSilence(ops_pb2.ExtendSilenceReq(id=key, ends_at=ends_at))
    ended = await ops.EndSilence(ops_pb2.EndSilenceReq(id=another.silence.id))
    gone = await refused(ops.EndSilence(ops_pb2.EndSilenceReq(id=key)))
    after = await ops.Silences(ops_pb2.SilencesReq())

    assert ([*preview.matchers], preview.total, [*preview.questions]) == (A, 2, [])
    assert [each.labels["alertname"] for each in preview.hides] == ["A", "A"]
    assert (made.silence.created_by, made.silence.comment) == ("guest", "known")
    assert (made.silence.alerts, made.replaced) == (2, "")
    assert (longer.silence.id, longer.silence.ends_at) == (key, ends_at + HOUR)
    assert (listed.id, [*listed.matchers], listed.alerts) == (key, A, 2)
    assert (listed.state, listed.is_idle) == ("active", False)
    assert (another.replaced, another.silence.id != key) == (key, True)
    assert (ended.silence.state, ended.silence.alerts) == ("expired", 2)
    assert gone[0] is StatusCode.NOT_FOUND
    assert (after.total, after.next_page_token) == (0, "")


async def test_one_without_an_alert_is_listed_as_idle(
    ops: Client, guest: User, cluster: Cluster
) -> None:
    await ops.CreateSilence(an_hour())

    [listed] = (await ops.Silences(ops_pb2.SilencesReq())).silences

    assert (listed.alerts, listed.is_idle) == (0, True)


@pytest.mark.parametrize(
    ("wish", "code", "words"),
    [
        ({"matchers": ['job="petstore"']}, StatusCode.FAILED_PRECONDITION, "It names no alert"),
        ({"matchers": ['a!="b"']}, StatusCode.INVALID_ARGUMENT, "would silence every alert"),
        ({"matchers": []}, StatusCode.INVALID_ARGUMENT, "needs a matcher"),
        ({"matchers": ["{"]}, StatusCode.INVALID_ARGUMENT, ""),
        ({"ends_at": 0}, StatusCode.INVALID_ARGUMENT, "must end in the future"),
        ({"ends_at": -1}, StatusCode.INVALID_ARGUMENT, "must end in the future"),
        ({"site": "nowhere"}, StatusCode.NOT_FOUND, "nowhere"),
    ],
)
async def test_the_rules_hold(
    ops: Client,
    guest: User,
    cluster: Cluster,
    wish: dict[str, object],
    code: StatusCode,
    words: str,
) -> None:
    found, details = await refused(ops.CreateSilence(an_hour(**wish)))

    assert found is code
    assert words in details
    assert cluster.first.silences == []


async def test_a_confirmed_one_is_made(ops: Client, guest: User, cluster: Cluster) -> None:
    made = await ops.CreateSilence(an_hour(matchers=['{job="petstore"}'], confirmed=True))

    assert [*made.silence.matchers] == ['job="petstore"']


async def test_at_alertmanagers_limit_the_old_one_stays(
    ops: Client, guest: User, cluster: Cluster
) -> None:
    made = await ops.CreateSilence(an_hour())
    cluster.first.always_replaces, cluster.first.most_silences = True, 1
    longer = ops_pb2.ExtendSilenceReq(id=made.silence.id, ends_at=made.silence.ends_at + HOUR)

    code, details = await refused(ops.ExtendSilence(longer))

    assert code is StatusCode.INVALID_ARGUMENT
    assert "The silence stays as it was, until 20" in details


@pytest.mark.parametrize("token", ["x", "/a", "-1/a", "12"])
async def test_a_page_token_is_read_or_refused(
    ops: Client, guest: User, cluster: Cluster, token: str
) -> None:
    call = ops.Silences(ops_pb2.SilencesReq(page_token=token))

    if token == "12":
        assert (await call).total == 0
    else:
        assert (await refused(call))[0] is StatusCode.INVALID_ARGUMENT


def test_a_list_is_cut_into_pages_that_every_client_accepts() -> None:
    """Alertmanager accepts comments of megabytes from others."""
    matcher = Matcher("alertname", "=", "A" * 5_000)
    silences = [
        Silence(f"s{n:05}", (matcher,) * 150, 0, 1_000 + n // 2, "x" * 10_000, "c" * 5_000_000)
        for n in range(25)
    ]
    whole = SilenceList("demo", tuple(ShownSilence(each, 0) for each in silences))
    seen, token, pages = [], "", 0
    while (pages == 0 or token) and pages <= len(silences):
        page = silence_messages.silences(whole, silence_messages.place_of(token))
        assert page.ByteSize() < 4 * 1024 * 1024
        seen += [each.id for each in page.silences]
        token, pages = page.next_page_token, pages + 1

    assert seen == [each.id for each in silences]
    assert pages > 1


async def test_an_alert_is_had_handed_over_and_given_back(
    ops: Client, guest: User, cluster: Cluster, person: Person
) -> None:
    cluster.fires("A")
    await in_database(person, "mia", "operators")
    until = timerange.now_ns() + HOUR

    had = await ops.Acknowledge(ops_pb2.AcknowledgeReq(name="A", note="on it", until=until))
    [alert] = (await ops.Alerts(ops_pb2.AlertsReq())).alerts
    over = await ops.HandOver(ops_pb2.HandOverReq(name="A", to="mia"))
    late = await refused(ops.Acknowledge(ops_pb2.AcknowledgeReq(name="A")))
    not_mine = await refused(ops.GiveBack(ops_pb2.GiveBackReq(name="A")))
    back = await ops.HandOver(ops_pb2.HandOverReq(name="A", to="guest"))
    done = await ops.GiveBack(ops_pb2.GiveBackReq(name="A"))
    alone = await ops.Acknowledge(ops_pb2.AcknowledgeReq(fingerprint=alert.fingerprint, until=-1))

    assert (had.name, had.fingerprint, had.ended, had.end) == ("A", "", 0, "")
    assert (had.held.person, had.held.note, had.held.until) == ("guest", "on it", until)
    assert had.held.all
    assert alert.held == had.held
    assert (over.held.person, over.held.given_by) == ("mia", "guest")
    assert late[0] is not_mine[0] is StatusCode.FAILED_PRECONDITION
    assert late[1].startswith("mia has all A alerts")
    assert back.held.person == "guest"
    assert (done.end, done.ended > 0) == ("given back", True)
    assert (alone.fingerprint, alone.held.until, alone.held.all) == (alert.fingerprint, 0, False)
    actions = AuditEntry.objects.filter(outcome="ok").order_by("seq")
    assert [row.record["door"] for row in await in_database(list, actions)] == ["grpc"] * 5
