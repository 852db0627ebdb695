"""An incident as Markdown: it reads as a story, and hostile texts stay texts."""

from dataclasses import replace
from zoneinfo import ZoneInfo

import pytest

from ops.alerts.during import AlertsDuring
from ops.incidents.causes import Causes
from ops.incidents.facts import Entry, EntryKind
from ops.incidents.gathering import Story
from ops.incidents.lines import Target
from ops.incidents.markdown import write_up
from ops.incidents.markdown_text import escaped
from ops.incidents.services import ServiceDuring, rollout_steps, sampled
from ops.incidents.story import lines
from ops.traces.windows import FailureGroup, Share, Window, WindowComparison
from ops.vocabulary.filters import TraceQuery
from ops.vocabulary.timerange import MINUTE
from tests.incidents.test_story import ALL, ONE, ROLLED_BACK, at, change, group, incident

UTC = ZoneInfo("UTC")
JOINED = "\N{WORD JOINER}"  # what keeps a name from being one


def address(target: Target) -> str:
    return f"https://ops.example.com/{target.kind}/{target.key}"


def story(*entries: Entry, **fields: object) -> Story:
    whole = incident(*entries, closed_at=at(35), closer="alice", **fields)
    service = ServiceDuring(
        "petstore",
        steps=rollout_steps("petstore", ROLLED_BACK, at(0), at(30)),
        sampled=sampled(None, [change(12, ALL, ONE, lasts=15)], at(0), at(30)),
    )
    alerts = AlertsDuring((group("QueueDeep", (7, 26)), group("SlowSearch", (11, 24))))
    told = lines(whole, alerts, [service], ())
    return Story(whole, at(-8), at(35), alerts, (service,), told)


def test_it_reads_as_a_story() -> None:
    note = Entry(at(15), EntryKind.NOTE, "bob", "browser", "only petstore-3\nstore is fine")
    pin = Entry(at(16), EntryKind.PINNED, "bob", "browser", "4bf92f3577b34da6")

    text = write_up(story(note, pin), (), UTC, address)

    assert text.splitlines()[:14] == [
        "# petstore slow",
        "",
        "Incident 3 on production, about petstore. alice opened it on 24 November 2026 at 12:12. "
        "alice closed it at 12:35, after 23 min. All times are UTC.",
        "",
        "## Summary",
        "",
        "**What broke:** Alerts fired for 19 min, from 12:07 to 12:26: QueueDeep (19 min) and "
        "SlowSearch (13 min). The first one said “depth 412 over 100”.",
        "",
        "**Why:** petstore started to roll out 1.3.0 at 12:06, 1 min before the first alert.",
        "",
        "**What was done:** alice had more traces kept from 12:12 on, to see the cause. petstore "
        "went back to 1.2.0 at 12:24; the last alert resolved 2 min later. alice and bob worked on "
        "it.",
        "",
        "**How it ended:** The last alert resolved at 12:26. alice closed the incident at 12:35.",
        "",
    ]
    assert (
        "- **12:06** [petstore](<https://ops.example.com/versions/>) started rolling 1.2.0 → 1.3.0 "
        "(1 of 3 instances)"
    ) in text
    assert "- **12:15** **bob**: “only petstore-3 store is fine”" in text
    assert (
        "## Pinned traces\n\n"
        "- [4bf92f3577b34da6](<https://ops.example.com/trace/4bf92f3577b34da6>), by bob"
    ) in text


def test_its_traces_say_how_many_failed_and_of_what_most() -> None:
    minutes = ((at(12), Share(100, 10)), (at(13), Share(20, 10)), (at(14), Share(1, 1)))
    every = Window(at(5), at(25), Share(121, 21), cut=False, since=at(5), minutes=minutes)
    failures = [failed("no price", 12), failed("<b>|", 9)]
    found = WindowComparison(
        site="production", service="petstore", now=every, before=replace(every, minutes=()),
        statements=(), left_out=0, failures=tuple(failures), failures_left_out=0, unchanged=(),
        compared=0, failing=TraceQuery(),
    )  # fmt: skip

    text = write_up(story(), [Causes(incident(), "petstore", at(0), at(35), found)], UTC, address)

    assert (
        "Of 121 petstore traces looked at, 17% failed, at most 50% in the minute of 12:13." in text
    )
    assert "The most frequent error: no price in Buy, in 12 traces.\n" in text
    assert "| \\<b\\>\\| in Buy | 1.3.0 | 9 | [" in text


def failed(message: str, traces: int) -> FailureGroup:
    return FailureGroup(
        service="petstore", operation="Buy", version="1.3.0", message=message, traces=traces,
        before=0, is_new=True, example="4b", duration=MINUTE, query=TraceQuery(),
    )  # fmt: skip


def test_an_open_incident_says_what_is_so_now() -> None:
    alerts = AlertsDuring((group("QueueDeep", (7, 35), lasts=True),))

    text = write_up(Story(incident(), at(-8), at(35), alerts, (), ()), (), UTC, address)

    assert "**Now:** An alert is still firing. The incident is open.\n" in text
    assert "Alerts have been firing for 28 min, since 12:07: QueueDeep (28 min)." in text
    assert "**Why" not in text and "**What was done" not in text


def test_one_that_is_closed_while_an_alert_fires_says_so() -> None:
    alerts = AlertsDuring((group("QueueDeep", (7, 35), lasts=True),))
    closed = incident(closed_at=at(35), closer="alice")

    text = write_up(Story(closed, at(-8), at(35), alerts, (), ()), (), UTC, address)

    assert "Alerts were firing for 28 min, since 12:07: QueueDeep (28 min)." in text
    assert "**How it ended:** An alert was still firing when it was closed. alice closed" in text


def test_what_fired_on_and_off_is_told_as_that() -> None:
    alerts = AlertsDuring((group("QueueDeep", (7, 9), (19, 20)),))
    one = Story(incident(), at(-8), at(35), alerts, (), ())

    text = write_up(one, (), UTC, address)

    assert (
        "Alerts fired on and off from 12:07 to 12:20, for 3 min in all: QueueDeep (3 min)." in text
    )


def test_times_are_in_the_zone_that_is_named() -> None:
    text = write_up(story(), (), ZoneInfo("Europe/Berlin"), address)

    assert "at 13:12. alice closed it at 13:35" in text
    assert "All times are Europe/Berlin." in text
    assert "12:06" not in text


@pytest.mark.parametrize(
    ("hostile", "said"),
    [
        ("[x](javascript:alert(1))", r"\[x\](javascript:alert(1))"),
        ("<script>&amp;", r"\<script\>\&amp;"),
        ("a|b\n# c\n- d", r"a\|b \# c - d"),
        ("**bold** _it_ `code` ~~no~~", r"\*\*bold\*\* \_it\_ \`code\` \~\~no\~\~"),
        (
            "see https://evil.example www.evil.example",
            r"see https\://evil.example www\.evil.example",
        ),
        ("![i](http://x) $x$", r"\!\[i\](http\://x) \$x\$"),
        ("@here (@olga) a@b.example", f"\\@{JOINED}here (\\@{JOINED}olga) a\\@b.example"),
        ("1. one", r"1\. one"),
        ("- - 1.3.0", r"\- - 1.3.0"),
        ("\u202egnp.exe\u2066\x00\x1b[31m", r"gnp.exe \[31m"),
        ("x" * 500, f"{'x' * 399}…"),
    ],
)
def test_what_people_and_alerts_say_stays_text(hostile: str, said: str) -> None:
    assert escaped(hostile) == said


def test_nothing_hostile_breaks_a_line_or_a_link() -> None:
    note = Entry(at(15), EntryKind.NOTE, "mallory](x)", "browser", "# no\n\n| heading |\n```")
    text = write_up(story(note, title="a](b)\n# c"), (), UTC, address)

    assert text.startswith("# a\\](b) \\# c\n")
    assert "**mallory\\](x)**: “\\# no \\| heading \\| \\`\\`\\`”" in text
    assert [each for each in text.splitlines() if each.startswith("# ")] == ["# a\\](b) \\# c"]
