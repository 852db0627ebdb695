"""Many queries asked as few: Prometheus takes longer to be asked than to answer.

Each is marked with a label of its own, all are joined by `or`, and the answer is taken apart by
that label. So nothing needs to be known of what the queries say:

    label_replace(QUERY, "opsportal_query", "0", "", "")
    or
    label_replace(QUERY, "opsportal_query", "1", "", "")

One that cannot be joined, as a scalar, or that is wrong, spoils its group; the group is then
halved until that one is alone, and it is asked alone from then on. As many are joined as the
server answers in a moment. A server that does not join as Prometheus does is asked one by one.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from cachetools import TTLCache

from ops.errors import BackendTimeout, InvalidInput, OpsError
from ops.metrics import watched

A = TypeVar("A")
LABEL = "opsportal_query"
FEW = 20  # queries that are as well asked one by one
_MOST = 50  # queries of a group, and characters:
_LONGEST = 30_000
_MOMENT = 2.0  # seconds that a group may take: well below any timeout
_FIRST_GUESS = 0.1  # seconds for one query
_LEARNS = 0.5  # the weight of what was seen last
_FORGOTTEN = 600.0  # seconds after which what could not be joined is tried again


@dataclass(frozen=True, slots=True)
class Timed(Generic[A]):
    """An answer and the seconds that the server took for it."""

    answer: A
    seconds: float


@dataclass(frozen=True, slots=True)
class Asking(Generic[A]):
    """How one query is asked, and how the answer to several is taken apart.

    `apart` gets the answer and how many were joined; it returns None when they are not all told
    apart by their label. `size` counts the series of an answer.
    """

    ask: Callable[[str], Awaitable[Timed[A]]]
    apart: Callable[[A, int], Sequence[A] | None]
    size: Callable[[A], int]


class Together:
    """What is known of one server: whether it joins queries, how many, and which it does not."""

    def __init__(self) -> None:
        self._seconds = _FIRST_GUESS
        self._joins: TTLCache[str, bool] = watched("joins", TTLCache(1, _FORGOTTEN))
        self._alone: TTLCache[str, bool] = watched("queries alone", TTLCache(2_000, _FORGOTTEN))

    async def each(self, queries: Sequence[str], asking: Asking[A]) -> dict[str, A | OpsError]:
        """Return the answer to each query, or the error that it meets."""
        distinct = list(dict.fromkeys(queries))
        if len(distinct) < FEW or not await self._can_join(asking):
            groups = [[query] for query in distinct]
        else:
            alone = [query for query in distinct if query in self._alone]
            joined = [query for query in distinct if query not in self._alone]
            groups = [*self._grouped(joined), *([query] for query in alone)]
        answers: dict[str, A | OpsError] = {}
        await asyncio.gather(*(self._group(group, asking, answers) for group in groups))
        return answers

    async def _can_join(self, asking: Asking[A]) -> bool:
        """Ask once for what must come back as two series. Whatever fails is no yes."""
        if "yes" not in self._joins:
            try:
                timed = await asking.ask(joined(["vector(1)", "vector(2)"]))
            except OpsError:
                return False
            parts = asking.apart(timed.answer, 2)
            self._joins["yes"] = parts is not None and [*map(asking.size, parts)] == [1, 1]
        return self._joins["yes"]

    def _grouped(self, queries: Sequence[str]) -> Iterator[list[str]]:
        most = max(1, min(_MOST, int(_MOMENT / self._seconds)))
        group: list[str] = []
        length = 0
        for query in queries:
            if group and (len(group) >= most or length + len(query) > _LONGEST):
                yield group
                group, length = [], 0
            group.append(query)
            length += len(query)
        if group:
            yield group

    async def _group(
        self, group: Sequence[str], asking: Asking[A], answers: dict[str, A | OpsError]
    ) -> None:
        try:
            timed = await asking.ask(group[0] if len(group) == 1 else joined(group))
        except (InvalidInput, BackendTimeout) as error:
            if isinstance(error, BackendTimeout):
                self._seconds = max(self._seconds, _MOMENT / len(group) * 2)
            if len(group) > 1:
                middle = len(group) // 2
                halves = group[:middle], group[middle:]
                await asyncio.gather(*(self._group(half, asking, answers) for half in halves))
                return
            self._alone[group[0]] = True
            answers[group[0]] = error
        except OpsError as error:
            answers |= dict.fromkeys(group, error)
        else:
            self._note(timed.seconds / len(group))
            parts = [timed.answer] if len(group) == 1 else asking.apart(timed.answer, len(group))
            if parts is None:
                self._joins["yes"] = False
                await asyncio.gather(*(self._group([query], asking, answers) for query in group))
                return
            answers |= zip(group, parts, strict=True)

    def _note(self, seconds: float) -> None:
        self._seconds += _LEARNS * (seconds - self._seconds)


def joined(queries: Sequence[str]) -> str:
    """Join queries. Each has lines of its own, as it may end with a comment."""
    return "\nor\n".join(
        f'label_replace(\n{query}\n, "{LABEL}", "{number}", "", "")'
        for number, query in enumerate(queries)
    )
