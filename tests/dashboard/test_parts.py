"""What is rendered for open pages: once for all who see the same, and only as long as they do."""

import asyncio
from dataclasses import dataclass, field
from typing import Any, cast

from prometheus_client import REGISTRY

from ops.watch import notices
from ops.watch.notices import Notice
from opsportal.dashboard.live.parts import MOST, Gone, Kind, Part, Parts
from opsportal.dashboard.live.viewers import Viewer
from tests.dashboard.sockets import WITHIN, patched, read

NOBODY = cast(Viewer, None)
SUBJECTS = frozenset({"alerts"})


@dataclass(eq=False)
class Page:
    """A socket that counts how often it is woken."""

    viewer: Viewer = NOBODY
    woken: asyncio.Event = field(default_factory=asyncio.Event)
    ended: bool = False
    first: Any = None

    def wake(self) -> None:
        self.woken.set()

    def end(self) -> None:
        self.ended = True

    async def news(self) -> None:
        async with asyncio.timeout(WITHIN):
            await self.woken.wait()
        self.woken.clear()


class Rendering:
    """Renders a text that a test sets."""

    def __init__(self) -> None:
        self.text: str | None = "one\ntwo\n"
        self.times = 0
        self.gone: set[Viewer] = set()

    async def __call__(self, viewer: Viewer) -> str | None:
        self.times += 1
        if viewer in self.gone:
            raise Gone
        return self.text


def kind(rendering: Rendering) -> Kind:
    return Kind("page", "production", SUBJECTS, 3600.0, rendering)


def joined(parts: Parts, rendering: Rendering) -> tuple[Page, Part]:
    page = Page()
    part = parts.join("key", kind(rendering), page)
    assert part is not None
    page.first = part
    return page, part


async def test_who_missed_something_receives_everything() -> None:
    parts, rendering = Parts(), Rendering()
    page, part = joined(parts, rendering)
    await page.news()
    assert read(part.since(0))["text"] == "one\ntwo\n"
    for number, text in enumerate(["one\n2\n", "one\n2\n3\n"], 2):
        rendering.text = text
        await notices.send(Notice("production", "alerts"))
        while part.number < number:
            await page.news()
    last = read(part.since(2))
    assert (last["number"], last["base"]) == (3, 2)
    assert patched("one\n2\n", last["delta"]) == "one\n2\n3\n"
    assert read(part.since(1))["text"] == "one\n2\n3\n"
    assert read(part.since(3)).keys() == {"part", "number", "at", "now"}
    parts.leave("key", page)


async def test_it_renders_once_for_all_and_not_for_other_news() -> None:
    parts, rendering = Parts(), Rendering()
    pages = [joined(parts, rendering)[0] for _ in range(100)]
    for page in pages:
        await page.news()
    once = rendering.times
    part = pages[0].first
    await notices.send(Notice("staging", "alerts"))
    await notices.send(Notice("production", "versions"))
    rendering.text = None  # it cannot be rendered at present: what is shown gets old
    await notices.send(Notice("production", "alerts"))
    async with asyncio.timeout(WITHIN):
        while rendering.times == once:
            await pages[0].news()
    assert (once <= 2, rendering.times, part.number) == (True, once + 1, 1)
    for page in pages:
        parts.leave("key", page)


async def test_it_renders_for_another_if_one_is_gone() -> None:
    parts, rendering = Parts(), Rendering()
    lost = Page(cast(Viewer, "lost"))
    rendering.gone.add(lost.viewer)
    lost.first = parts.join("key", kind(rendering), lost)
    stays, part = joined(parts, rendering)
    await stays.news()
    assert part.number == 1
    assert not stays.ended
    for page in (lost, stays):
        parts.leave("key", page)


async def test_there_are_only_so_many_and_none_is_left() -> None:
    before = REGISTRY.get_sample_value("opsportal_live_parts")
    parts, rendering, page = Parts(), Rendering(), Page()
    kept = [parts.join(number, kind(rendering), page) for number in range(MOST)]
    assert all(kept) and parts.join("one more", kind(rendering), page) is None
    for number in range(MOST):
        parts.leave(number, page)
    assert REGISTRY.get_sample_value("opsportal_live_parts") == before
