"""Pictures in Redis: a hash for each site and subject, with epoch, number, time and body."""

from dataclasses import dataclass
from hashlib import sha256
from typing import Any

import redis

SECONDS = 0.8  # a reader asks the sources itself after that
# A watcher that was stopped and wakes up must not overwrite what a later one has written.
_WRITE = """
if tonumber(ARGV[1]) < tonumber(redis.call('HGET', KEYS[1], 'epoch') or '0') then return 0 end
redis.call('HSET', KEYS[1], 'epoch', ARGV[1], 'number', ARGV[2], 'at', ARGV[3], 'body', ARGV[4])
redis.call('PEXPIRE', KEYS[1], ARGV[5])
return 1
"""


@dataclass(frozen=True, slots=True)
class Stored:
    """A picture as it is stored; `at` is Unix nanoseconds. Without a body it is only the head."""

    epoch: int
    number: int
    at: int
    body: bytes = b""


class SharedPictures:
    """Pictures that the processes share; methods block and raise redis.RedisError."""

    def __init__(self, url: str) -> None:
        self._redis: Any = redis.Redis.from_url(
            url, socket_connect_timeout=SECONDS, socket_timeout=SECONDS
        )
        self._write: Any = self._redis.register_script(_WRITE)

    def write(self, site: str, subject: str, stored: Stored, keep_ms: int) -> bool:
        """Store a picture, unless there is one of a later epoch; returns whether it was."""
        values = [stored.epoch, stored.number, stored.at, stored.body, keep_ms]
        return bool(self._write(keys=[_key(site, subject)], args=values))

    def head(self, site: str, subject: str) -> Stored | None:
        """Return the newest picture's head, None if there is no picture."""
        return _stored(self._redis.hmget(_key(site, subject), "epoch", "number", "at"))

    def read(self, site: str, subject: str) -> Stored | None:
        """Return the newest picture, None if there is none."""
        return _stored(self._redis.hmget(_key(site, subject), "epoch", "number", "at", "body"))


def _key(site: str, subject: str) -> str:
    return f"opsportal:picture:{sha256(f'{site} {subject}'.encode()).hexdigest()[:32]}"


def _stored(values: list[bytes | None]) -> Stored | None:
    epoch, number, at, *body = values
    if epoch is None or number is None or at is None:
        return None
    return Stored(int(epoch), int(number), int(at), (body[0] or b"") if body else b"")
