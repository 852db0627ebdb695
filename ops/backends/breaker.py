"""Circuit breaker: calls to a backend that does not answer fail at once instead of waiting.

                           3 failures in a row
    CLOSED ────────────────────────────────────────────> OPEN
    every call goes through                              every call is refused, with the reason
      ^                                                    │        ^
      │ the probe is answered                    after 5 s │        │ the probe fails: 5 s again
      │                                                    v        │
      └──────────────────────────────────────────────── HALF OPEN ──┘
                                                         one call is the probe, others are refused;
                                                         if it is cancelled, the next one is

A backend that refuses a call has answered, so that closes the breaker like a success. The state
is the number of failures and the time of the next try: no timer changes it.
"""

import math
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from ops.errors import BackendUnavailable, OpsError

Clock = Callable[[], float]

FAILURES = 3  # in a row, until the breaker opens
PAUSE = 5.0  # seconds until the next attempt


class Breaker:
    """Circuit breaker: refuses calls to a backend that does not answer, with reason and time."""

    def __init__(self, clock: Clock = time.monotonic) -> None:
        self._clock = clock
        self._failures = 0
        # Only strings: an exception would keep alive everything its frames refer to, such as a
        # large answer, until the backend fails again.
        self._last: tuple[str, str] | None = None
        self._retry_at = 0.0
        self._probing = False

    @contextmanager
    def watch(self) -> Iterator[None]:
        """Let one call through and learn from its outcome; raises BackendUnavailable.

        Only a backend that does not answer counts as failing: a refusal is an answer, and a
        cancelled call proves nothing.
        """
        probe = self._admit()
        try:
            yield
        except OpsError as error:
            if isinstance(error, BackendUnavailable) and not error.answered:
                self._count(error)
            else:
                self._failures = 0
            raise
        else:
            self._failures = 0
        finally:
            # Also for a probe that was cancelled: the next call probes.
            if probe:
                self._probing = False

    def check(self) -> None:
        """Raise BackendUnavailable if a call would be refused now."""
        if self._failures < FAILURES or self._last is None:
            return
        wait = self._retry_at - self._clock()
        if wait > 0 or self._probing:
            sentence, backend = self._last
            again = f"next try in {math.ceil(wait)} s" if wait > 0 else "trying again now"
            raise BackendUnavailable(
                f"{sentence} (failed {self._failures} times in a row; {again})",
                backend=backend,
                why=sentence,
            )

    def _admit(self) -> bool:
        """Raise if the call is refused; note whether it is the attempt after a pause."""
        self.check()
        self._probing = self._failures >= FAILURES
        return self._probing

    def _count(self, error: BackendUnavailable) -> None:
        self._failures += 1
        self._last = str(error), error.backend
        self._retry_at = self._clock() + PAUSE
