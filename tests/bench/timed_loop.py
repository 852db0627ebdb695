"""`python -m tests.bench.timed_loop FILE COMMAND`: manage.py, with an event loop that takes notes.

A wall clock says little on a shared machine. So this measures the CPU time of each callback on the
loop's own thread, and how long that thread could run but another one had the interpreter: its time
without its own CPU time and without the time in which the system ran something else. uvloop runs
callbacks in C, so the loop is asyncio's. What is longer than NOTED becomes a line of JSON in FILE:

    {"cpu": 0.043, "waited": 0.001, "what": "…"}

A beat measures how long the interpreter is taken while no callback runs; garbage collection counts
as well, because it takes the interpreter on whichever thread it happens.
"""

import asyncio
import gc
import json
import os
import sys
import time
from asyncio import events
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import uvloop
from django.core.management import execute_from_command_line

NOTED = 0.005  # seconds
BEAT = 0.005


class _Notes:
    def __init__(self, file: Path) -> None:
        self._file = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_APPEND)

    def add(self, what: str, *, cpu: float = 0, waited: float = 0) -> None:
        """Write a line if it is long."""
        if cpu > NOTED or waited > NOTED:
            line = json.dumps({"cpu": cpu, "waited": waited, "what": what})
            os.write(self._file, line.encode() + b"\n")


class _Watch:
    """The time since its creation, on this thread, in seconds."""

    def __init__(self, statistics: int) -> None:
        self._statistics = statistics
        self._queued = self._read()
        self._began, self._cpu = time.perf_counter(), time.thread_time()

    def _read(self) -> float:
        """Return for how long this thread has been ready to run while the system ran others."""
        return int(os.pread(self._statistics, 100, 0).split()[1]) / 1e9

    def times(self, idle: float = 0) -> tuple[float, float]:
        """Return the CPU time, and the time in which another thread had the interpreter."""
        cpu, took = time.thread_time() - self._cpu, time.perf_counter() - self._began
        if took - idle < NOTED:
            return cpu, 0
        return cpu, took - idle - cpu - (self._read() - self._queued)


@contextmanager
def _measured(notes: _Notes) -> Iterator[int]:
    """Measure every callback of every loop; yields a file with this thread's statistics."""
    run, statistics = events.Handle._run, os.open("/proc/thread-self/schedstat", os.O_RDONLY)

    def measured(self: events.Handle) -> None:
        watch = _Watch(statistics)
        run(self)
        cpu, waited = watch.times()
        if cpu > NOTED or waited > NOTED:
            notes.add(_what(self), cpu=cpu, waited=waited)

    events.Handle._run = measured  # type: ignore[method-assign]
    yield statistics
    events.Handle._run = run  # type: ignore[method-assign]


def _what(handle: events.Handle) -> str:
    """Name what a callback ran: of a task, its coroutine, and where it waits afterwards."""
    callback: Any = handle._callback  # type: ignore[attr-defined]
    task = getattr(callback, "__self__", None)
    if not isinstance(task, asyncio.Task):
        return str(getattr(callback, "__qualname__", type(callback).__name__))
    names: list[str] = []
    inner: Any = task.get_coro()
    while inner is not None:
        names.append(getattr(inner, "__qualname__", ""))
        inner = getattr(inner, "cr_await", None)
    return " > ".join(each for each in (*names[:1], *names[1:][-3:]) if each)


def _note_collections(notes: _Notes) -> None:
    began = 0.0

    def note(phase: str, info: dict[str, int]) -> None:
        nonlocal began
        if phase == "start":
            began = time.thread_time()
        else:
            took = time.thread_time() - began
            notes.add(f"garbage collection, generation {info['generation']}", waited=took)

    gc.callbacks.append(note)


async def _beat(notes: _Notes, statistics: int) -> None:
    while True:
        watch = _Watch(statistics)
        await asyncio.sleep(BEAT)
        _, waited = watch.times(idle=BEAT)
        notes.add("other threads", waited=waited)


def _run(main: Coroutine[Any, Any, None]) -> None:
    """Run a process's coroutine, in place of uvloop.run."""
    notes = _Notes(Path(sys.argv[1]))
    _note_collections(notes)

    async def beside(statistics: int) -> None:
        beat = asyncio.create_task(_beat(notes, statistics))
        await main
        beat.cancel()

    with _measured(notes) as statistics:
        asyncio.run(beside(statistics))


if __name__ == "__main__":
    uvloop.run = _run  # type: ignore[assignment]
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "opsportal.settings")
    execute_from_command_line(["manage.py", *sys.argv[2:]])
