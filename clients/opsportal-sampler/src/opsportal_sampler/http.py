"""HTTP to one server, with a limit to everything: no redirect, no proxy, no endless answer."""

import http.client
import io
import socket
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timezone
from email.message import Message
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import urlsplit

from opsportal_sampler.polling import PollError

SECONDS = 10.0
MOST_BYTES = 1 << 20
LONGEST_RETRY_AFTER = 300.0


@dataclass(frozen=True)
class Url:
    """Where a server is; `str` is for the log."""

    secure: bool
    host: str
    port: int | None
    path: str
    query: str = ""

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        port = f":{self.port}" if self.port else ""
        return f"http{'s' if self.secure else ''}://{host}{port}{self.path}"


@dataclass(frozen=True)
class Answer:
    """What a server answered."""

    status: int
    headers: "Message[str, str]"
    body: bytes

    @property
    def date(self) -> datetime:
        """The server's time, or ours if it does not say."""
        try:
            date = parsedate_to_datetime(self.headers.get("Date", ""))
        except (TypeError, ValueError, OverflowError):
            return datetime.now(timezone.utc)
        return date if date.tzinfo else date.replace(tzinfo=timezone.utc)

    @property
    def kind(self) -> str:
        """The media type, without parameters."""
        return self.headers.get("Content-Type", "").partition(";")[0].strip().lower()

    @property
    def retry_after(self) -> float:
        """The seconds that the server asks to wait."""
        said = self.headers.get("Retry-After", "")
        return min(float(said), LONGEST_RETRY_AFTER) if said.isdecimal() else 0.0


def read_url(text: str) -> Url:
    """Read an address; raises ValueError with the accepted form."""
    accepted = "must be an address such as http://opsportal:5778"
    try:
        url = urlsplit(text)
        host, port = url.hostname, url.port
    except ValueError:
        raise ValueError(accepted) from None
    written = text.isascii() and text.isprintable() and " " not in text
    if url.scheme not in ("http", "https") or not host or not written:
        raise ValueError(accepted)
    if url.username is not None:
        raise ValueError(f"{accepted}, without a user; set OPSPORTAL_SAMPLER_KEY or header=")
    return Url(url.scheme == "https", host, port, url.path.rstrip("/"), url.query)


def fetch(
    url: Url, headers: Mapping[str, str], body: bytes | None = None, seconds: float = SECONDS
) -> Answer:
    """Send one request (a POST if there is a body); raises PollError without a whole answer."""
    deadline = time.monotonic() + seconds
    connects = http.client.HTTPSConnection if url.secure else http.client.HTTPConnection
    connection = connects(url.host, url.port, timeout=seconds)
    target = f"{url.path or '/'}?{url.query}" if url.query else url.path or "/"
    try:
        connection.request("GET" if body is None else "POST", target, body, dict(headers))
        # Its own timeout is for each read: a server that drips would hold us for ever.
        with http.client.HTTPResponse(_Until(connection.sock, deadline)) as response:  # type: ignore[arg-type]
            response.begin()
            content = response.read(MOST_BYTES + 1)
            if len(content) > MOST_BYTES:
                raise PollError(f"{url} answered with more than {MOST_BYTES} bytes")
            if response.length:
                raise PollError(f"{url} broke off its answer")
            return Answer(response.status, response.headers, content)
    except TimeoutError:
        raise PollError(f"{url} did not answer within {seconds:g} s") from None
    except (OSError, http.client.HTTPException, ValueError) as error:
        reason = str(error) or type(error).__name__
        raise PollError(f"{url} cannot be asked: {reason[:200]}") from None
    finally:
        connection.close()


class _Until:
    """A socket as far as HTTPResponse needs it, readable until a deadline."""

    def __init__(self, connected: socket.socket, deadline: float) -> None:
        self._connected, self._deadline = connected, deadline

    def makefile(self, _mode: str) -> io.BufferedIOBase:
        return io.BufferedReader(_Reader(self._connected, self._deadline))


class _Reader(io.RawIOBase):
    def __init__(self, connected: socket.socket, deadline: float) -> None:
        self._connected, self._deadline = connected, deadline

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any, /) -> int:
        left = self._deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError
        self._connected.settimeout(left)
        return self._connected.recv_into(buffer)
