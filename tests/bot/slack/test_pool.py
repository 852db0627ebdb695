import asyncio
from datetime import UTC, datetime

from bot.slack.letters import Letter, new_letter
from bot.slack.pool import Pool


def letter(ts: str, thread_ts: str = "") -> Letter:
    event = {"type": "app_mention", "channel": "C1", "ts": ts, "thread_ts": thread_ts}
    return new_letter({"event": event}, "test", datetime.now(UTC))


class Gate:
    """Work that goes on when it is told to; notes what has begun."""

    def __init__(self) -> None:
        self.begun: list[str] = []
        self.gates: dict[str, asyncio.Event] = {}

    async def __call__(self, letter: Letter) -> None:
        self.begun.append(letter.row.ts)
        gate = self.gates[letter.row.ts] = asyncio.Event()
        await gate.wait()

    async def opens(self, ts: str) -> None:
        self.gates[ts].set()
        for _ in range(5):
            await asyncio.sleep(0)


async def test_it_works_on_so_many_at_once_and_lets_so_many_wait() -> None:
    gate = Gate()
    pool = Pool(gate, at_once=2, most_waiting=1)
    assert [pool.put(letter(f"{n}.0")) for n in range(4)] == [True, True, True, False]
    await asyncio.sleep(0)
    assert gate.begun == ["0.0", "1.0"]
    await gate.opens("0.0")
    assert gate.begun == ["0.0", "1.0", "2.0"]
    assert pool.room == 1
    await pool.finish(0)


async def test_it_answers_in_a_thread_one_after_the_other() -> None:
    gate = Gate()
    pool = Pool(gate, at_once=4, most_waiting=9)
    for ts, thread in (("1.0", ""), ("2.0", "1.0"), ("3.0", "1.0"), ("4.0", "")):
        pool.put(letter(ts, thread))
    await asyncio.sleep(0)
    assert gate.begun == ["1.0", "4.0"]
    await gate.opens("1.0")
    assert gate.begun == ["1.0", "4.0", "2.0"]
    await gate.opens("2.0")
    assert gate.begun == ["1.0", "4.0", "2.0", "3.0"]
    await pool.finish(0)


async def test_it_begins_nothing_more_when_it_ends() -> None:
    gate = Gate()
    pool = Pool(gate, at_once=1, most_waiting=9)
    pool.put(letter("1.0"))
    pool.put(letter("2.0"))
    await asyncio.sleep(0)
    ending = asyncio.ensure_future(pool.finish(5))
    await gate.opens("1.0")
    await ending
    assert gate.begun == ["1.0"]
