"""Two bots in their own processes in an hour's trouble, in three minutes: `make chaos`.

tests.bench.trouble is what happens to them; tests.bench.verdict and tests.bench.changes check
the answers and changes. What must hold on any machine is asserted; the rest is figures, which go
into docs/benchmarks.md.
"""

import asyncio
import json
import os
import platform
import re
import shutil
import statistics
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack, ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory

import httpx

from ops.vocabulary.policies import parse_policy
from tests.bench.bot import LOCKED, POST_SECONDS, answered, burst, locked, prepared, shown
from tests.bench.changes import Left, card_of, end_of, undecided, wrongs
from tests.bench.trouble import CHANNELS, SECONDS, SLOWEST, TOGETHER, Trouble, number_of
from tests.bench.verdict import Listed, Question, Verdict, verdict
from tests.fakes.instance import fake_instance
from tests.fakes.jaeger import FakeJaeger
from tests.fakes.slack import Delivery, FakeSlack
from tests.live import databases, portals, servers

BURST = 500
DRAIN_SECONDS = 180.0  # a lease, the claim on a change, the next checks, and the backlog
MARKS = re.compile(r"(?<=<!-- chaos -->\n).*?(?=<!-- end of chaos -->)", re.DOTALL)
PAGE = servers.ROOT / "docs" / "benchmarks.md"
SITES = """
[sites.bench]
default_service = "petstore"
change_now = true
[sites.bench.jaeger]
address = "{jaeger.address}"
[sites.bench.services.petstore]
instances = ["{instance.address}"]
"""


async def settled(trouble: Trouble) -> tuple[Verdict, Listed]:
    """Wait until everything is answered and decided, then until the other cards have expired.

    The wait is limited; what is not answered by then must be listed as lost.
    """
    await _until_settled(trouble, lambda each, _: each.pressed)
    await asyncio.to_thread(asked, trouble.portal, LET_TIME_PASS)
    return await _until_settled(trouble, lambda each, listed: each.key not in listed)


async def _until_settled(
    trouble: Trouble, is_awaited: Callable[[Question, Listed], bool]
) -> tuple[Verdict, Listed]:
    """Wait for the answers, and for the awaited cards to show their end."""
    given_up = time.monotonic() + DRAIN_SECONDS
    while True:
        listed = await asyncio.to_thread(_listed, trouble.portal)
        found = verdict(trouble.questions, trouble.slack, listed)
        cards = undecided(trouble.questions, trouble.slack)
        awaited = found.missing or any(is_awaited(each, listed) for each in cards)
        if not awaited or time.monotonic() > given_up:
            return found, listed
        await asyncio.sleep(2)


def asked(portal: portals.Portal, code: str) -> str:
    return portal.manage("shell", "--verbosity", "0", "--command", code)


def _listed(portal: portals.Portal) -> Listed:
    """Return what the dashboard lists as lost."""
    listed = defaultdict(list)
    for channel, ts, fate in json.loads(asked(portal, LIST_THE_LOST)):
        listed[channel, ts].append(fate)
    return listed


def _left(trouble: Trouble) -> Left:
    """Return what the changes left; raises AssertionError if the audit log does not verify."""
    trouble.portal.manage("audit_verify")
    ahead = time.time() - time.monotonic()
    rows = defaultdict(list)
    for policy, outcome, at in json.loads(asked(trouble.portal, LIST_THE_CHANGES)):
        rows[number_of(parse_policy(policy).rate)].append((outcome, at - ahead))
    told = Counter(number_of(rate) for _, rate in trouble.instance.told)
    return Left(told, rows, trouble.kills)


COUNT_THE_TROUBLES = """
import asyncio
from bot.slack.status import report
print(len(asyncio.run(report()).troubles))
"""
LIST_THE_LOST = """
import asyncio, json
from bot.slack.status import report
lost = asyncio.run(report()).lost
print(json.dumps([[each.place, each.url.rpartition("/p")[2], each.fate] for each in lost]))
"""
LIST_THE_CHANGES = """
import json
from ops.audit.models import AuditEntry
print(json.dumps([
    [each.record["parameters"]["policy"], each.outcome, each.at.timestamp()]
    for each in AuditEntry.objects.filter(action="sampling.change_policy").order_by("seq")
]))
"""
LET_TIME_PASS = """
from django.utils import timezone
from ops.requests.models import ChangeRequest, State
ChangeRequest.objects.filter(state=State.OPEN).update(expires=timezone.now())
"""


def figures(trouble: Trouble, found: Verdict, listed: Listed) -> list[str]:
    """Return the lines of the page; asserts what does not depend on the machine."""
    slack, questions, counts = trouble.slack, trouble.questions, trouble.counts
    violations = [each for each in slack.violations if "acknowledgement took" not in each]
    wrong = wrongs(questions, slack, listed, _left(trouble))
    assert not wrong, f"changes: {wrong}"
    assert not violations, violations
    assert not found.missing, f"without an answer and not shown as lost: {found.missing}"
    assert not found.twice, f"answered more than once: {found.twice}"
    assert not found.disordered, f"out of order: {found.disordered}"
    assert not found.unlisted, f"lost, and not shown as lost: {found.unlisted}"
    limited = sum(fault.status == 429 for _, _, fault in slack.failed)
    firsts = [each.deliveries[0] for each in questions]
    heard = [each.seconds for each in firsts if each.acked.is_set()]
    cards = [each for each in questions if each.card]
    now = sum(each.changes for each in questions) - len(cards)
    presses = [press.delivery for each in cards for press in each.presses]
    pressed = [each.seconds for each in presses if each.acked.is_set()]
    ends = Counter(end_of(card_of(each, slack)) for each in cards)
    return [
        f"In {SECONDS:.0f} s: {len(questions)} mentions in {CHANNELS} channels, "
        f"{found.followers} of them in the thread of another, {now} of them changes without a "
        f"card and {len(cards)} with one, on which buttons were clicked {len(presses)} times; "
        f"{counts['deliveries again']} redeliveries, {counts['refreshes']} refreshes, "
        f"{counts['broken networks']} times all connections broken, {counts['kills']} times a "
        f"bot killed, each amid {TOGETHER} more mentions, {limited} calls refused with 429, "
        f"{found.lost} posts whose answer was lost, Jaeger taking up to {SLOWEST:g} s.",
        "",
        "| | |",
        "|---|--:|",
        _row("answered exactly once", found.once),
        _row("answered more than once; out of order in their thread; lost unseen", "0; 0; 0"),
        *(_row(f"the dashboard says: the answer {fate}", n) for fate, n in found.fates.items()),
        _row("not in Slack", found.absent),
        _row("changes made; made twice", f"{len(trouble.instance.told)}; 0"),
        *(_row(f"cards: {end}", n) for end, n in ends.most_common()),
        _row("acknowledged only after Slack delivered again", len(firsts) - len(heard)),
        _row("of these, after a later one in their thread was sent", found.late),
        _row("the others acknowledged: p50, p99, longest", _spread(heard)),
        _row("clicks never acknowledged", len(presses) - len(pressed)),
        _row("the other clicks acknowledged: p50, p99, longest", _spread(pressed)),
    ]


def unready(trouble: Trouble) -> int:
    """Return how many bots report on their health address that Slack does not reach them."""
    answers = [httpx.get(f"http://{bot.health}/readyz") for bot in trouble.bots]
    return sum(answer.status_code == 503 for answer in answers)


def reported(trouble: Trouble) -> int:
    """Return how many bots the dashboard reports so."""
    return int(asked(trouble.portal, COUNT_THE_TROUBLES))


async def silence(trouble: Trouble) -> list[str]:
    """Measure how soon health address and dashboard show that Slack is silent, and is back."""
    lines = ["", "| Slack is | on `/readyz` after | on the dashboard after |", "|---|--:|--:|"]
    for word, ill in (("silent", len(trouble.bots)), ("back", 0)):
        trouble.slack.silent = word == "silent"
        seen = await asyncio.gather(
            asyncio.to_thread(_seconds_until, lambda: unready(trouble), ill),
            asyncio.to_thread(_seconds_until, lambda: reported(trouble), ill),
        )
        lines.append(_row(word, *seen))
    return lines


def _seconds_until(count: Callable[[], int], wanted: int) -> str:
    began = time.monotonic()
    servers.until(lambda: count() == wanted, "what bots say of Slack is true")
    return f"{time.monotonic() - began:.0f} s"


def _row(*cells: object) -> str:
    return f"| {' | '.join(map(str, cells))} |"


def _spread(seconds: Sequence[float]) -> str:
    p99 = statistics.quantiles(seconds, n=100, method="inclusive")[98]
    parts = (statistics.median(seconds), p99, max(seconds))
    return ", ".join(f"{part * 1000:,.0f} ms" for part in parts)


async def bursts(slack: FakeSlack, database: str) -> str:
    """Send a burst of mentions, then another while nothing can be recorded."""
    slack.seconds["chat.postMessage"] = POST_SECONDS
    await burst(slack, 10)
    sent: list[Delivery] = await burst(slack, BURST)
    said = f"A burst: {shown(sent)}; {await answered(slack, sent, 180)}."
    with locked(database):
        sent = await burst(slack, LOCKED)
    said += f"\n\nThe database locked: {shown(sent)}; {await answered(slack, sent, 180)}."
    slack.seconds.clear()
    return said


async def main() -> None:
    """Start everything, let the trouble happen, write the result."""
    async with AsyncExitStack() as servers_, FakeSlack() as slack:
        jaeger = await servers_.enter_async_context(FakeJaeger())
        instance = await servers_.enter_async_context(fake_instance())
        with ExitStack() as stack:
            folder = Path(stack.enter_context(TemporaryDirectory(prefix="opsportal-chaos-")))
            kind, database = database_of(stack)
            sites = SITES.format(jaeger=jaeger, instance=instance)
            portal = await asyncio.to_thread(prepared, folder, slack, sites, database)
            trouble = Trouble(slack, jaeger, instance, portal, folder, stack)
            try:
                trouble.bots = [await trouble.start(), await trouble.start()]
                lines = [
                    machine(kind),
                    "",
                    await bursts(slack, portal.environment["DATABASE_URL"]),
                    "",
                ]
                slack.channels.update(f"C0CHAOS{each:03}" for each in range(CHANNELS))
                slack.channel_seconds = 1.0
                await trouble.run()
                lines += await asyncio.to_thread(figures, trouble, *await settled(trouble))
                lines += await silence(trouble)
            finally:
                await asyncio.to_thread(stack.close)
    text = "\n".join(lines) + "\n"
    print(text)
    PAGE.write_text(MARKS.sub(lambda _: text, PAGE.read_text()))


def database_of(stack: ExitStack) -> tuple[str, str]:
    """Return the name and URL of PostgreSQL if it is installed, else of SQLite."""
    if any(Path("/usr/lib/postgresql").glob("*/bin")) and shutil.which("psql"):
        return "PostgreSQL", stack.enter_context(databases.postgresql())
    return "SQLite", ""


def machine(database: str) -> str:
    return (
        f"Measured with {os.cpu_count()} cores, Python {platform.python_version()} and {database}, "
        "everything on one machine."
    )


if __name__ == "__main__":
    asyncio.run(main())
