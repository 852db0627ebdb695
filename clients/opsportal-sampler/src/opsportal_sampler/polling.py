"""Polling in a thread of its own, which neither harms nor outlives the service."""

import atexit
import logging
import os
import random
import threading
import weakref
from collections.abc import Callable
from contextlib import suppress
from typing import Protocol

from opentelemetry.context import _SUPPRESS_INSTRUMENTATION_KEY, attach, detach, set_value

LONGEST_BACK_OFF = 30.0
log = logging.getLogger("opsportal_sampler")


class PollError(Exception):
    """A poll that changed nothing; its text is for the log."""

    def __init__(self, text: str, retry_after: float = 0.0) -> None:
        super().__init__(text)
        self.retry_after = retry_after


class Source(Protocol):
    """A server that says how to sample."""

    def poll(self) -> bool:
        """Ask once; return whether to ask again at once. Raises PollError or anything else."""

    def forked(self) -> None:
        """Become another instance: this is a child process now."""

    def leave(self) -> None:
        """Say goodbye, because the process ends."""


class Poller:
    """Polls a source in each interval, from now on and in every child process."""

    def __init__(
        self,
        source: Source,
        interval: float,
        spread: Callable[[float, float], float] = random.uniform,
    ) -> None:
        self._source, self._interval, self._spread = source, interval, spread
        self._failures, self._trouble = 0, ""
        self._stopped = threading.Event()
        self._stopped.set()
        self._polling = threading.Lock()

    def start(self) -> None:
        """Poll until the process ends."""
        atexit.register(self.stop)
        if hasattr(os, "register_at_fork"):
            weak = weakref.WeakMethod(self._forked)
            os.register_at_fork(after_in_child=lambda: (forked := weak()) and forked())
        self._begin()

    def stop(self) -> None:
        """Poll no more, and say goodbye unless the server is away or hangs."""
        if self._stopped.is_set():
            return
        self._stopped.set()
        atexit.unregister(self.stop)
        if self._polling.acquire(timeout=0 if self._failures else 1):
            if not self._failures:
                with suppress(Exception):
                    self._source.leave()
            self._polling.release()

    def turn(self) -> float:
        """Poll once, whatever happens, and return the seconds until the next time."""
        # Where HTTP clients are instrumented, our own polls are not to become traces.
        token = attach(set_value(_SUPPRESS_INSTRUMENTATION_KEY, True))
        try:
            if self._source.poll():
                self._source.poll()
        except Exception as error:  # noqa: BLE001 - the user's service goes on
            return self._failed(error)
        finally:
            detach(token)
        if self._trouble:
            log.info("sampling: the server answers again")
        self._failures, self._trouble = 0, ""
        return self._interval * self._spread(0.9, 1.1)

    def _failed(self, error: Exception) -> float:
        expected = isinstance(error, PollError)
        trouble = str(error) if expected else f"{type(error).__name__}: {error}"
        if trouble != self._trouble:  # said once, not with every poll
            log.warning("sampling stays as it is: %s", trouble)
        self._failures, self._trouble = min(self._failures + 1, 10), trouble
        longer = min(self._interval * (1 << self._failures), LONGEST_BACK_OFF)
        asked = error.retry_after if isinstance(error, PollError) else 0.0
        return max(self._interval, longer, asked) * self._spread(1.0, 1.1)

    def _begin(self) -> None:
        self._stopped.clear()
        try:
            thread = threading.Thread(
                target=self._run, args=(self._stopped,), name="opsportal-sampler", daemon=True
            )
            thread.start()
        except RuntimeError as error:
            log.warning("sampling stays as it is: no thread can be started (%s)", error)

    def _run(self, stopped: threading.Event) -> None:
        while not stopped.is_set():
            with self._polling:
                if stopped.is_set():
                    return
                pause = self.turn()
            stopped.wait(pause)

    def _forked(self) -> None:
        if self._stopped.is_set():
            return
        # Threads do not survive a fork, and what they held stays locked.
        self._stopped, self._polling = threading.Event(), threading.Lock()
        self._failures, self._trouble = 0, ""
        self._source.forked()
        self._begin()
