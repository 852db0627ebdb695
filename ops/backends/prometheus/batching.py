"""Send many queries as few: Prometheus spends more time per request than per query.

Each query is marked with its own label, all are joined by `or`, and the answer is split by that
label. This works without knowing anything about the queries:

    label_replace(QUERY, "opsportal_query", "0", "", "")
    or
    label_replace(QUERY, "opsportal_query", "1", "", "")

A query that cannot be joined, such as a scalar or an invalid one, breaks its group; the group is
then halved until that query is alone, and from then on it is sent alone:

    [a b c D e f g h]  refused
    [a b c D] [e f g h]           both at once
    refused    answered
    [a b] [c D]
    answered refused
          [c] [D]                 D's error is its own answer; next time: [a b c e f g h] [D]

Groups are as large as the server answers in two seconds, learned from each answer. A server that
does not join like Prometheus gets one query at a time.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from cachetools import TTLCache

from ops.errors import BackendTimeout, InvalidInput, OpsError
from ops.metrics import watched
from ops.patience import patient

A = TypeVar("A")
LABEL = "opsportal_query"
FEW = 20  # up to this many queries can just as well be sent one by one
_MOST = 50  # queries per group, and characters:
_LONGEST = 30_000
_AIM = 2.0  # seconds that a group may take: well below any timeout
_FIRST_GUESS = 0.1  # seconds per query
_WEIGHT = 0.5  # the weight of the latest measurement
_RETRY_AFTER = 600.0  # seconds after which a query that could not be joined is tried again


@dataclass(frozen=True, slots=True)
class Timed(Generic[A]):
    """An answer and the seconds that the server took for it."""

    answer: A
    seconds: float


@dataclass(frozen=True, slots=True)
class QueryKind(Generic[A]):
    """How to send one query, and how to split the answer to several.

    `split` gets the answer and the number of joined queries; it returns None if a series lacks
    the label that tells them apart. `size` counts the series of an answer.
    """

    send: Callable[[str], Awaitable[Timed[A]]]
    split: Callable[[A, int], Sequence[A] | None]
    size: Callable[[A], int]


class Batcher:
    """What is known about one server: whether it joins queries, how many, and which it cannot."""

    def __init__(self) -> None:
        self._seconds = _FIRST_GUESS
        self._joins: TTLCache[str, bool] = watched("joins", TTLCache(1, _RETRY_AFTER))
        self._alone: TTLCache[str, bool] = watched("queries alone", TTLCache(2_000, _RETRY_AFTER))

    async def run(self, queries: Sequence[str], kind: QueryKind[A]) -> dict[str, A | OpsError]:
        """Return the answer to each query, or its error."""
        distinct = list(dict.fromkeys(queries))
        if len(distinct) < FEW or not await self._can_join(kind):
            groups = [[query] for query in distinct]
        else:
            alone = [query for query in distinct if query in self._alone]
            joined = [query for query in distinct if query not in self._alone]
            groups = [*self._grouped(joined), *([query] for query in alone)]
        answers: dict[str, A | OpsError] = {}
        await asyncio.gather(*(self._send(group, kind, answers) for group in groups))
        return answers

    async def _can_join(self, kind: QueryKind[A]) -> bool:
        """Test once with a query that must return two series; any failure counts as no."""
        if "yes" not in self._joins:
            try:
                timed = await kind.send(joined(["vector(1)", "vector(2)"]))
            except OpsError:
                return False
            parts = kind.split(timed.answer, 2)
            self._joins["yes"] = parts is not None and [*map(kind.size, parts)] == [1, 1]
        return self._joins["yes"]

    def _grouped(self, queries: Sequence[str]) -> Iterator[list[str]]:
        most = max(1, min(_MOST, int(patient(_AIM) / self._seconds)))
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

    async def _send(
        self, group: Sequence[str], kind: QueryKind[A], answers: dict[str, A | OpsError]
    ) -> None:
        try:
            timed = await kind.send(group[0] if len(group) == 1 else joined(group))
        except (InvalidInput, BackendTimeout) as error:
            # The error does not say which query is to blame.
            if isinstance(error, BackendTimeout):
                self._seconds = max(self._seconds, patient(_AIM) / len(group) * 2)
            if len(group) > 1:
                middle = len(group) // 2
                halves = group[:middle], group[middle:]
                await asyncio.gather(*(self._send(half, kind, answers) for half in halves))
                return
            self._alone[group[0]] = True
            answers[group[0]] = error
        except OpsError as error:  # the server's fault: smaller groups would fail as well
            answers |= dict.fromkeys(group, error)
        else:
            self._note(timed.seconds / len(group))
            parts = [timed.answer] if len(group) == 1 else kind.split(timed.answer, len(group))
            if parts is None:  # the answer is not what `or` should return
                self._joins["yes"] = False
                await asyncio.gather(*(self._send([query], kind, answers) for query in group))
                return
            answers |= zip(group, parts, strict=True)

    def _note(self, seconds: float) -> None:
        self._seconds += _WEIGHT * (seconds - self._seconds)


def joined(queries: Sequence[str]) -> str:
    """Join queries, each on its own lines because it may end with a comment."""
    return "\nor\n".join(
        f'label_replace(\n{query}\n, "{LABEL}", "{number}", "", "")'
        for number, query in enumerate(queries)
    )
