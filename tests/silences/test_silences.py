"""Silences at every door: what they hide, the rights, the audit log, Alertmanager's refusals."""

import pytest
from django.contrib.auth.models import User
from django.test import AsyncClient

from bot import console
from ops.actor import Actor
from ops.audit.models import AuditEntry
from ops.database import in_database
from ops.errors import BackendUnavailable, Conflict, InvalidInput, NotFound, NotPermitted
from ops.silences import actions
from ops.vocabulary import timerange
from ops.vocabulary.matchers import parse_matchers
from ops.vocabulary.timerange import HOUR
from tests.dashboard.places import heading, text
from tests.fakes.alertmanager import Fault
from tests.silences.conftest import Cluster

pytestmark = pytest.mark.django_db(transaction=True)
A = parse_matchers('alertname="A"')


async def rows(action: str) -> list[AuditEntry]:
    found = AuditEntry.objects.filter(action=action).order_by("seq")
    return await in_database(list, found)


async def test_a_silence_is_made_listed_extended_and_ended(
    operator: Actor, cluster: Cluster
) -> None:
    cluster.fires("A")
    cluster.fires("A", instance="two")
    cluster.fires("B")
    ends = timerange.now_ns() + HOUR

    made = await actions.create_silence(operator, matchers=A, ends_at=ends, comment="known")
    key = made.silence.id
    longer = await actions.extend_silence(operator, key=key, ends_at=ends + HOUR)
    [listed] = (await actions.list_silences(operator)).silences
    ended = await actions.end_silence(operator, key=key)

    assert made.hides == 2
    assert longer.silence.id == key
    assert longer.replaced == ""
    assert listed.alerts == 2
    assert listed.silence.created_by == operator.name, "never a text from the client"
    assert listed.silence.comment == "known"
    assert abs(listed.silence.ends_at - ends - HOUR) < timerange.SECOND
    assert ended.hides == 2
    assert cluster.first.silences[0]["status"]["state"] == "expired"
    [started, ok] = await rows("silences.create_silence")
    assert (started.outcome, ok.outcome) == ("started", "ok")
    assert started.record["parameters"]["matchers"] == 'alertname="A"'
    assert key in ok.record["detail"]
    assert len(await rows("silences.extend_silence")) == 2
    assert len(await rows("silences.end_silence")) == 2


async def test_viewers_cannot_silence(viewer: Actor, cluster: Cluster) -> None:
    cluster.fires("A")

    with pytest.raises(NotPermitted):
        await actions.create_silence(viewer, matchers=A, ends_at=timerange.now_ns() + HOUR)

    assert cluster.first.silences == []
    assert [each.outcome for each in await rows("silences.create_silence")] == ["denied"]


async def test_a_wide_silence_asks_first(operator: Actor, cluster: Cluster) -> None:
    cluster.fires("A")
    wide, ends = parse_matchers('job="petstore"'), timerange.now_ns() + HOUR

    found = await actions.preview_silence(operator, matchers=wide)
    with pytest.raises(Conflict) as caught:
        await actions.create_silence(operator, matchers=wide, ends_at=ends)
    made = await actions.create_silence(operator, matchers=wide, ends_at=ends, confirmed=True)

    assert [each.name for each in found.hides] == ["A"]
    assert "It names no alert" in found.questions[0]
    assert found.questions[0] in str(caught.value)
    assert made.hides == 1


async def test_a_silence_hides_by_labels_not_by_annotations(
    operator: Actor, cluster: Cluster
) -> None:
    cluster.first.has({"alertname": "A"}, "pets")
    cluster.first.alerts[0]["annotations"] = {"summary": "deep"}

    found = await actions.preview_silence(
        operator, matchers=parse_matchers('alertname="A", summary="deep"')
    )

    assert found.hides == ()


async def test_one_that_does_not_answer_is_not_written_to(
    operator: Actor, cluster: Cluster
) -> None:
    cluster.first.fault = Fault.HTML

    made = await actions.create_silence(operator, matchers=A, ends_at=timerange.now_ns() + HOUR)
    found = await actions.list_silences(operator)

    assert made.silence.id
    assert "POST /api/v2/silences" in cluster.second.paths
    assert "POST /api/v2/silences" not in cluster.first.paths
    assert [each.source for each in found.failures] == ["am-a"]


async def test_without_any_nothing_is_said_of_silences(operator: Actor, cluster: Cluster) -> None:
    cluster.first.fault = cluster.second.fault = Fault.MESSAGE

    with pytest.raises(BackendUnavailable):
        await actions.list_silences(operator)


async def test_alertmanagers_refusal_is_its_own_sentence(operator: Actor, cluster: Cluster) -> None:
    cluster.first.silence("old", ends="2226-11-24T15:00:00Z")
    cluster.first.most_silences = 1

    with pytest.raises(InvalidInput) as caught:
        await actions.create_silence(operator, matchers=A, ends_at=timerange.now_ns() + HOUR)

    assert "refuses it: exceeded maximum number of silences: 1" in str(caught.value)
    [_, failed] = await rows("silences.create_silence")
    assert failed.outcome == "failed"


async def test_an_unknown_silence_is_not_found(operator: Actor, cluster: Cluster) -> None:
    with pytest.raises(NotFound) as sure:
        await actions.end_silence(operator, key="gone")

    assert str(sure.value) == "there is no silence gone, or it has ended"


async def test_one_that_does_not_answer_may_have_it(operator: Actor, cluster: Cluster) -> None:
    cluster.second.fault = Fault.HTML

    with pytest.raises(NotFound) as unsure:
        await actions.end_silence(operator, key="gone")

    assert str(unsure.value).endswith("am-b did not answer and may have it")


async def test_the_bot_asks_with_what_it_hides_then_silences(
    operator: Actor, cluster: Cluster
) -> None:
    cluster.fires("QueueDeep")
    cluster.fires("Other")

    asked = await console.answer(operator, 'silence QueueDeep for 2h because "known"')
    assert cluster.first.silences == []
    done = await console.answer(operator, asked.follow_ups[0].line)
    listed = await console.answer(operator, "silences")
    longer = await console.answer(operator, done.follow_ups[0].line)
    ended = await console.answer(operator, done.follow_ups[1].line)

    assert asked.summary.startswith("Silence 1 alert until ")
    assert [row.cells[0] for row in asked.rows] == ["QueueDeep"]
    assert "Reason: known" in asked.notes
    assert done.summary.startswith("1 alert silenced until ")
    assert listed.summary == "1 silence"
    assert listed.rows[0].cells[1:] == (operator.name, "1", 'alertname="QueueDeep"')
    assert longer.summary.startswith("1 alert silenced until ")
    assert ended.summary == "Silence ended: 1 alert can notify again"
    [silence] = cluster.first.silences
    assert silence["createdBy"] == operator.name
    assert silence["comment"] == "known"


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("silence", "`silence QueueDeep`? Nothing has changed yet"),
        ("silence QueueDeep permanent", "a silence must end"),
        ("silence team!=pets for=1h confirm", "would silence every alert without that label"),
        ("end silence", "no silence is known"),
        ("silence Nothing for=1h", "is called"),
    ],
)
async def test_the_bot_refuses_in_one_sentence(
    operator: Actor, cluster: Cluster, line: str, words: str
) -> None:
    cluster.fires("QueueDeep")

    refused = await console.answer(operator, line)

    assert refused.failed
    assert words in refused.summary
    assert cluster.first.silences == []


async def test_the_pages_preview_make_and_end_it(
    operator: Actor, cluster: Cluster, async_client: AsyncClient
) -> None:
    cluster.fires("QueueDeep")
    await async_client.aforce_login(await User.objects.aget(username=operator.name))
    typed = {"matchers": 'alertname="QueueDeep"', "lasts": "2h", "reason": "<b>known</b>"}
    new, listed = "/sites/production/alerts/silences/new/", "/sites/production/alerts/silences/"

    empty = await async_client.get(new)
    preview = await async_client.get(new, typed)
    made = await async_client.post(new, typed, follow=True)
    key = cluster.first.silences[0]["id"]
    ends = timerange.parse_moment(cluster.first.silences[0]["endsAt"]).nanoseconds
    change = f"{listed}change/"
    longer = await async_client.post(change, {"key": key, "longer": str(ends)}, follow=True)
    ended = await async_client.post(change, {"key": key}, follow=True)

    assert heading(empty) == "Silence alerts"
    assert heading(preview) == "Silence 1 alert for 2 h?"
    assert "QueueDeep" in text(preview)
    assert heading(made) == "1 silence"
    assert "<b>known</b>" in text(made)
    assert "saved" in text(longer)
    again = timerange.parse_moment(cluster.first.silences[0]["endsAt"]).nanoseconds
    assert again == ends + HOUR
    assert heading(ended) == "Nothing is silenced"


async def test_the_page_keeps_what_was_typed_and_says_what_is_wrong(
    operator: Actor, cluster: Cluster, async_client: AsyncClient
) -> None:
    await async_client.aforce_login(await User.objects.aget(username=operator.name))
    new = "/sites/production/alerts/silences/new/"

    wide = await async_client.get(new, {"matchers": 'team!="pets"', "lasts": "1h"})
    wrong = await async_client.get(new, {"matchers": 'team="pets', "lasts": "soon"})

    assert wide.status_code == wrong.status_code == 400
    assert "would silence every alert without that label" in text(wide)
    assert "is not a duration" in text(wrong)
    assert "team=&quot;pets" in wrong.content.decode()


async def test_a_viewer_sees_silences_without_buttons(
    viewer: Actor, cluster: Cluster, async_client: AsyncClient
) -> None:
    cluster.first.silence("s1", ends="2226-11-24T15:00:00Z")
    await async_client.aforce_login(await User.objects.aget(username=viewer.name))

    listed = await async_client.get("/sites/production/alerts/silences/")
    refused = await async_client.post("/sites/production/alerts/silences/change/", {"key": "s1"})

    assert heading(listed) == "1 silence, 1 matches no alert"
    assert "1 hour more" not in text(listed)
    assert refused.status_code == 403
    assert cluster.first.silences[0]["status"]["state"] == "active"
