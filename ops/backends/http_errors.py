"""What went wrong with a REST backend as an OpsError: its name, its address and what to check.

    no answer   an exception of the client     `translated`: by class along its causes
    an answer   not JSON: a login page, 404    `not_json`: by status and headers
                JSON in another format         `other_format`
                JSON that reports an error     in the backend's own module

A source that answers, however wrongly, does not open the circuit breaker. A proxy that answers
for a source that is down does.
"""

import errno
import socket
import ssl
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from urllib.parse import urljoin, urlsplit

import aiohttp

from ops.backends.error_texts import lacks_tenant
from ops.backends.http import BadCompression, HttpAnswer, InvalidHeader, TooLarge
from ops.causes import causes
from ops.errors import BackendTimeout, BackendUnavailable
from ops.memory import give_back_after

NO_SUCH_PATH = (404, 405, 501)
LIMITED, _NOT_READY = 429, 503
DOWN = (502, 503, 504)  # a proxy answers for a server that does not


@dataclass(frozen=True, slots=True)
class SourceErrors:
    """The errors of one backend of a site.

    `product` is what it should be: "Prometheus". `place` is its name and address, `table` its table
    in the site file, `largest_answer` in bytes; `too_slow` makes the error for an answer that takes
    too long.
    """

    product: str
    name: str
    place: str
    url: str
    table: str
    largest_answer: int
    too_slow: Callable[[], BackendTimeout]

    def unusable(self, words: str, *, answered: bool = True) -> BackendUnavailable:
        """Return the error whose sentence goes on with these words after the place."""
        return BackendUnavailable(f"{self.place} {words}", backend=self.name, answered=answered)

    def other_format(self, status: str) -> BackendUnavailable:
        """Return the error for JSON of another kind; `status` is "" or goes after "answered"."""
        return self.unusable(
            f"answered{status} in a format that is not {self.product}'s; check url in {self.table}"
        )

    def not_json(self, answer: HttpAnswer) -> BackendUnavailable:
        """Return the error for an answer that is probably another program's."""
        status = answer.status
        if 300 <= status < 400 and "location" in answer.headers:
            target = self._target(answer.headers["location"])
            return self.unusable(
                f"redirects to {target}; if that is a login page, set credentials (bearer_token, "
                f"username or headers in {self.table}), otherwise put the new address in url"
            )
        if status == LIMITED:
            return self.limited(answer)
        if lacks_tenant(answer.body):
            return self.unusable(
                f"needs a tenant ({status_of(answer)}{_first_line(answer)}); add X-Scope-OrgID to "
                f"headers in {self.table}"
            )
        if status == _NOT_READY and _is_starting(answer):
            return self.unusable(
                "is starting or stopping (503 Service Unavailable); it answers once it has read "
                "its data",
                answered=False,
            )
        if status in (401, 403):
            return self.unusable(
                f"refused the credentials ({status_of(answer)}{_first_line(answer)}); check "
                f"bearer_token, username or headers in {self.table}"
            )
        if _is_html(answer) and status not in DOWN:
            return self.unusable(
                f"answered {status_of(answer)} with HTML instead of JSON, perhaps from a login "
                f"page or a wrong path; check url and credentials in {self.table}"
            )
        if status in NO_SUCH_PATH:
            return self.unusable(
                f"has no {self.product} API at this path ({status_of(answer)}); check the path in "
                f"url of {self.table}"
            )
        return self.unusable(
            f"answered {status_of(answer)} without JSON{_first_line(answer)}; check url in "
            f"{self.table}",
            answered=status not in DOWN,
        )

    def limited(self, answer: HttpAnswer) -> BackendUnavailable:
        """Return the error for a server that limits our requests."""
        after = answer.headers.get("retry-after", "")
        again = f"it accepts more in {after} s" if after.isdecimal() else "try again in a while"
        return self.unusable(f"is limiting our requests (429 Too Many Requests); {again}")

    def _target(self, location: str) -> str:
        """Return the target of a redirect, without its query, which may hold a secret."""
        try:
            whole = urlsplit(urljoin(self.url, location))
        except ValueError:
            return "an invalid address"
        return whole._replace(query="", fragment="").geturl()[:200]

    @contextmanager
    def translated(self) -> Iterator[None]:
        """Turn every exception of the client into an OpsError that says what to check."""
        try:
            yield
        except TooLarge as error:
            give_back_after(0)
            megabytes = self.largest_answer // 1024**2
            raise self.unusable(
                f"answered with more than the limit of {megabytes} MiB; raise "
                f"largest_answer_mib in {self.table}"
            ) from error
        except BadCompression as error:
            words = f"sent an answer that cannot be read: {error}; check url in {self.table}"
            raise self.unusable(words) from error
        except InvalidHeader as error:
            # The exception's text would show the header, which may be a secret.
            raise self.unusable(
                f"cannot be called: a header in {self.table} has a character that HTTP forbids; "
                "correct it"
            ) from error
        except TimeoutError as error:
            # A timeout of the client itself; `calls` handles the deadline.
            raise self.too_slow() from error
        except (aiohttp.ClientError, OSError) as error:
            raise self._unreached(error) from error

    def _unreached(self, error: Exception) -> BackendUnavailable:
        for cause in causes(error):
            for is_meant, words in _FAILURES:
                if is_meant(cause):
                    return self.unusable(words.format(table=self.table), answered=False)
        if isinstance(error, aiohttp.ClientError):
            reason = str(error) or type(error).__name__
            words = f"cannot be reached: {reason}; check url in {self.table}"
            return self.unusable(words, answered=False)
        # Nothing was sent: the certificates of `ca` cannot be read.
        return self.unusable(f"cannot be called: {error}; check ca in {self.table}")


def _is_no_tls(cause: BaseException) -> bool:
    """Return whether a handshake was answered in plain text; OpenSSL's reason is a code."""
    return isinstance(cause, ssl.SSLError) and _reason(cause) == "WRONG_VERSION_NUMBER"


def _reason(error: ssl.SSLError) -> str:
    return getattr(error, "reason", None) or ""  # asyncio's own errors of this class have none


def _is_mixed(cause: BaseException) -> bool:
    """Return whether a host's addresses failed for different reasons.

    aiohttp joins those into one OSError without a number. For example, nothing listens on one of
    localhost's two addresses, and a container has no other.
    """
    found = cause.__cause__
    return (
        isinstance(cause, aiohttp.ClientConnectorError)
        and type(found) is OSError
        and found.errno is None
    )


def _is_unreachable(cause: BaseException) -> bool:
    """Return whether a packet found no way; these errors have a number, but no class."""
    return isinstance(cause, OSError) and cause.errno in (errno.EHOSTUNREACH, errno.ENETUNREACH)


def _is(*kinds: type[BaseException]) -> Callable[[BaseException], bool]:
    return lambda cause: isinstance(cause, kinds)


_REFUSES = "refused the connection; check that it is running and that the port is right"
_CLOSES = "closes connections without an answer; if it uses TLS, write https:// in url"
# What can go wrong on the way; the latest cause that is listed counts, and of that the first line.
_FAILURES: tuple[tuple[Callable[[BaseException], bool], str], ...] = (
    (_is_no_tls, "does not speak TLS; write http:// in url of {table}"),
    (
        _is(aiohttp.ClientConnectorCertificateError, ssl.SSLCertVerificationError),
        "has a certificate that is not trusted; set ca in {table} to its CA",
    ),
    (
        _is(aiohttp.ClientConnectorDNSError, socket.gaierror),
        "cannot be found: its host name does not resolve; check url in {table}",
    ),
    (_is(ConnectionRefusedError), _REFUSES),
    (
        _is_unreachable,
        "cannot be reached: there is no route to its address; check url in {table}",
    ),
    (_is(aiohttp.ServerDisconnectedError), _CLOSES),
    (_is(aiohttp.ClientPayloadError), "ended its answer early; check its log"),
    (
        _is(aiohttp.ClientResponseError),
        "does not speak HTTP; check the port in url of {table}",
    ),
    (_is(ConnectionResetError, ConnectionAbortedError, BrokenPipeError), _CLOSES),
    (_is_mixed, _REFUSES),
)


def status_of(answer: HttpAnswer) -> str:
    """Return an answer's status as text, such as "404 Not Found"."""
    return f"{answer.status} {answer.reason}".strip()


def _is_html(answer: HttpAnswer) -> bool:
    """Return whether it is a page, whatever its header says."""
    declared = "html" in answer.headers.get("content-type", "")
    return declared or answer.body[:200].lstrip()[:1] == b"<"


def _is_starting(answer: HttpAnswer) -> bool:
    """Return whether Prometheus itself says that it is not ready, and not a proxy for it.

    It does so while it replays its log (web.Handler.testReady).
    """
    said = answer.body.strip() == b"Service Unavailable"
    return said or "x-prometheus-stopping" in answer.headers


def _first_line(answer: HttpAnswer) -> str:
    """Return `: ` and the first line of a plain-text answer, "" for anything else."""
    if _is_html(answer):
        return ""
    lines = answer.body[:2_000].decode(errors="replace").strip().splitlines()
    return f": {lines[0][:200]}" if lines else ""
