"""Memory that was freed goes back to the system.

Left alone, a process that once read a trace of 100,000 spans would stay some 150 MB larger:

- Python leaves what refers to itself, as Django's contexts do with all that a page showed, until
  much else has come.
- glibc keeps what threads have freed for their next use, and the more the larger the blocks were
  (mallopt(3), "dynamic mmap threshold"), unless the thresholds are fixed.
"""

import asyncio
import ctypes
import gc

_LIBC = ctypes.CDLL(None)
_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3  # malloc.h
_THRESHOLD = 1024 * 1024  # bytes
LARGE = 8 * 1024 * 1024  # bytes, from which on giving back is worth its time

if hasattr(_LIBC, "mallopt"):
    for _parameter in (_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD):
        _LIBC.mallopt(_parameter, _THRESHOLD)


def settle() -> None:
    """Leave what a process has loaded by now out of the search for what nobody can reach.

    It stays until the end, and searching it stops everything for a tenth of a second each time.
    """
    gc.collect()
    gc.freeze()


def give_back() -> None:
    """Free what nobody can reach and return it to the system, in some 50 milliseconds.

    With another C library than glibc, what was freed stays with the process.
    """
    gc.collect()
    if hasattr(_LIBC, "malloc_trim"):
        _LIBC.malloc_trim(0)


def give_back_after(seconds: float) -> None:
    """Give back then, beside the event loop."""
    loop = asyncio.get_running_loop()
    loop.call_later(seconds, loop.run_in_executor, None, give_back)
