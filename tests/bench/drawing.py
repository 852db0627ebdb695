"""A real browser with an open page, which says when it has drawn a change."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from playwright.async_api import Page

from tests.bench.pages import window
from tests.live import portals

# A timer that is set in an animation frame runs after that frame has been painted.
DRAWN = """
(word) => new Promise((resolve) => {
  const observer = new MutationObserver(() => {
    if (!document.querySelector("main").innerText.includes(word)) return;
    observer.disconnect();
    requestAnimationFrame(() => setTimeout(() => resolve(Date.now() / 1000)));
  });
  observer.observe(document.body, { childList: true, subtree: true, characterData: true });
})
"""


class Drawing:
    """The page."""

    def __init__(self, page: Page) -> None:
        self._page = page

    async def drawn(self, word: str) -> float:
        """Wait until a word that is not there yet can be seen; returns when (Unix seconds)."""
        at: float = await self._page.evaluate(DRAWN, word)
        return at


@asynccontextmanager
async def drawing(portal: portals.Portal, path: str) -> AsyncIterator[Drawing]:
    """Open a page in Chromium, and wait until it is live."""
    async with window(portal) as opened:
        await opened.page.goto(path)
        await opened.page.locator("#live .state").get_by_text("Live", exact=True).wait_for()
        yield Drawing(opened.page)
