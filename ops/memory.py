"""Return freed memory to the system.

Without this, a process that once read a trace of 100,000 spans would stay some 150 MB larger:

- Python frees reference cycles, such as Django's contexts with everything a page showed, only
  after many more allocations.
- glibc keeps what threads have freed for their next use, and raises its thresholds for larger
  blocks (mallopt(3), "dynamic mmap threshold") unless the thresholds are fixed.
"""

import asyncio
import ctypes
import gc

_LIBC = ctypes.CDLL(None)
_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3  # malloc.h
_THRESHOLD = 1024 * 1024  # bytes
# How many new objects are scanned together; after how many such scans those that stayed are
# scanned again, which takes some 5 ms; after how many of those everything is.
_THRESHOLDS = 5_000, 5, 200
LARGE = 8 * 1024 * 1024  # bytes from which returning memory is worth the time

if hasattr(_LIBC, "mallopt"):
    for _parameter in (_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD):
        _LIBC.mallopt(_parameter, _THRESHOLD)


def settle() -> None:
    """Exclude everything loaded so far from garbage collection, and scan the rest less often.

    It stays until the process ends, and scanning it pauses everything for a tenth of a second. So
    does scanning 10,000 alerts, and Python would do it several times while they are read: whenever
    there are a quarter more objects than at the last time, not counting what is excluded.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(*_THRESHOLDS)


def give_back() -> None:
    """Collect garbage and return free memory to the system; takes some 50 milliseconds.

    With a C library other than glibc, freed memory stays with the process.
    """
    gc.collect()
    if hasattr(_LIBC, "malloc_trim"):
        _LIBC.malloc_trim(0)


def give_back_after(seconds: float) -> None:
    """Call `give_back` after a delay, in a thread."""
    loop = asyncio.get_running_loop()
    loop.call_later(seconds, loop.run_in_executor, None, give_back)
