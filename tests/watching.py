"""What a request reaches: the functions of ours that are called while it is answered."""

import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

OURS = ("ops", "bot", "opsportal")


class Calls:
    """The modules whose functions are called, and those where one is given something huge."""

    def __init__(self, longest: int, most: int) -> None:
        self.longest = longest
        self.most = most
        self.modules: set[str] = set()
        self.given: set[str] = set()

    def look(self, frame: FrameType, event: str, _: object) -> None:
        if event != "call":
            return
        module = frame.f_globals.get("__name__", "")
        if module.partition(".")[0] not in OURS:
            return
        code = frame.f_code
        self.modules.add(module)
        names = code.co_varnames[: code.co_argcount + code.co_kwonlyargcount]
        values = (frame.f_locals.get(name) for name in names)
        if any(map(self._is_huge, values)):
            self.given.add(module)

    def _is_huge(self, value: object) -> bool:
        if isinstance(value, str | bytes):
            return len(value) > self.longest
        return isinstance(value, list | tuple) and len(value) > self.most


@contextmanager
def watched(longest: int, most: int) -> Iterator[Calls]:
    """Watch this thread, and those that begin meanwhile."""
    calls = Calls(longest, most)
    threading.setprofile(calls.look)
    sys.setprofile(calls.look)
    try:
        yield calls
    finally:
        sys.setprofile(None)
        threading.setprofile(None)
