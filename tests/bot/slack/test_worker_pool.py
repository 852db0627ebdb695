import asyncio
from datetime import UTC, datetime

from bot.slack.jobs import Job, new_job
from bot.slack.worker_pool import WorkerPool


def job(ts: str, thread_ts: str = "", **event: str) -> Job:
    event = {"type": "app_mention", "channel": "C1", "user": "U1", "ts": ts, **event}
    event |= {"thread_ts": thread_ts}
    return new_job({"event": event}, "test", datetime.now(UTC))


class Gate:
    """Work that continues on command, and records what was started."""

    def __init__(self) -> None:
        self.begun: list[str] = []
        self.gates: dict[str, asyncio.Event] = {}

    async def __call__(self, job: Job) -> None:
        self.begun.append(job.row.ts)
        gate = self.gates[job.row.ts] = asyncio.Event()
        await gate.wait()

    async def opens(self, ts: str) -> None:
        self.gates[ts].set()
        for _ in range(5):
            await asyncio.sleep(0)


async def test_a_flood_leaves_room_for_others_and_others_come_first() -> None:
    gate = Gate()
    pool = WorkerPool(gate, at_once=4, share=2)
    for number in range(10, 16):
        pool.put(job(f"{number}.0"))
    for number in (20, 21, 22):
        pool.put(job(f"{number}.0", user="U2"))
    pool.put(job("30.0", user="U3"))
    await asyncio.sleep(0)
    assert gate.begun == ["10.0", "11.0", "20.0", "21.0"]
    assert (pool.count("U1"), pool.count("U2"), pool.count("U4")) == (6, 3, 0)
    for ts in ("10.0", "20.0", "11.0"):
        await gate.opens(ts)
    assert gate.begun[4:] == ["12.0", "22.0", "30.0"], "each in turn"
    await pool.finish(0)


async def test_a_thread_keeps_its_order_whoever_asked() -> None:
    gate = Gate()
    pool = WorkerPool(gate, at_once=1, share=9)
    for each in (
        job("1.0"), job("2.0"), job("3.0", "9.0"), job("4.0", "9.0", user="U2"), job("5.0")
    ):  # fmt: skip
        pool.put(each)
    await asyncio.sleep(0)
    for ts in ("1.0", "2.0", "3.0", "4.0"):
        await gate.opens(ts)
    assert gate.begun == ["1.0", "2.0", "3.0", "4.0", "5.0"]
    await pool.finish(0)


async def test_what_waits_for_slack_counts_in_its_own_channel_only() -> None:
    gate = Gate()
    pool = WorkerPool(gate, at_once=4, share=1)
    first = job("1.0")
    for each in (first, job("2.0"), job("3.0", channel="C2")):
        pool.put(each)
    await asyncio.sleep(0)
    pool.free_slot(first)
    await asyncio.sleep(0)
    assert gate.begun == ["1.0", "3.0"]
    await gate.opens("3.0")
    assert gate.begun == ["1.0", "3.0"]
    await gate.opens("1.0")
    assert gate.begun == ["1.0", "3.0", "2.0"]
    await pool.finish(0)


async def test_it_works_on_so_many_at_once_and_lets_the_others_wait() -> None:
    gate = Gate()
    pool = WorkerPool(gate, at_once=2, share=9)
    for number in range(4):
        pool.put(job(f"{number}.0"))
    await asyncio.sleep(0)
    assert gate.begun == ["0.0", "1.0"]
    await gate.opens("0.0")
    assert gate.begun == ["0.0", "1.0", "2.0"]
    assert (len(pool), len(pool.waiting)) == (3, 1)
    await pool.finish(0)


async def test_what_stands_aside_lets_others_work_but_not_in_its_thread() -> None:
    gate = Gate()
    pool = WorkerPool(gate, at_once=1, share=9)
    first = job("1.0")
    for each in (first, job("2.0", "1.0"), job("3.0"), job("4.0")):
        pool.put(each)
    await asyncio.sleep(0)
    pool.free_slot(first)
    await asyncio.sleep(0)
    assert gate.begun == ["1.0", "3.0"]
    await gate.opens("1.0")
    assert gate.begun == ["1.0", "3.0"], "one is worked on"
    await gate.opens("3.0")
    assert gate.begun == ["1.0", "3.0", "2.0"]
    await pool.finish(0)


async def test_a_few_that_are_slow_hold_up_nobody() -> None:
    gate = Gate()
    pool = WorkerPool(gate, at_once=1, share=9, most_slow=2)
    jobs = [job(f"{number}.0") for number in range(5)]
    for each in jobs:
        pool.put(each)
    for each in jobs[:3]:
        await asyncio.sleep(0)
        pool.note_slow(each)
    await asyncio.sleep(0)
    assert gate.begun == ["0.0", "1.0", "2.0"]
    await gate.opens("0.0")
    assert gate.begun == ["0.0", "1.0", "2.0", "3.0"], "the third slow one now counts as one"
    await pool.finish(0)


async def test_it_answers_in_a_thread_one_after_the_other() -> None:
    gate = Gate()
    pool = WorkerPool(gate, at_once=4, share=9)
    for ts, thread in (("1.0", ""), ("2.0", "1.0"), ("3.0", "1.0"), ("4.0", "")):
        pool.put(job(ts, thread))
    await asyncio.sleep(0)
    assert gate.begun == ["1.0", "4.0"]
    await gate.opens("1.0")
    assert gate.begun == ["1.0", "4.0", "2.0"]
    await gate.opens("2.0")
    assert gate.begun == ["1.0", "4.0", "2.0", "3.0"]
    await pool.finish(0)


async def test_it_begins_nothing_more_when_it_ends() -> None:
    gate = Gate()
    pool = WorkerPool(gate, at_once=1, share=9)
    pool.put(job("1.0"))
    pool.put(job("2.0"))
    await asyncio.sleep(0)
    ending = asyncio.ensure_future(pool.finish(5))
    await gate.opens("1.0")
    await ending
    assert gate.begun == ["1.0"]
