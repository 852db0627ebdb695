"""One Alertmanager of a site: what our actions ask of it."""

import asyncio
from collections.abc import Awaitable, Callable, Hashable
from typing import TypeVar
from urllib.parse import quote

from ops.backends import safe_json
from ops.backends.alertmanager.reading import Reading, Routing, write_silence
from ops.backends.calls import Calls
from ops.backends.http import HttpAnswer, HttpClient
from ops.backends.http_errors import DOWN, LIMITED, SourceErrors, status_of
from ops.errors import BackendUnavailable, InvalidInput, NotFound, OpsError
from ops.sites import AlertmanagerSource, Site
from ops.toml_file import which_of
from ops.vocabulary.notifications import Silence

T = TypeVar("T")
_MUCH_TO_READ = 200_000  # bytes from which an answer is parsed in a thread: about 5 ms of work
OK, BAD_REQUEST, NOT_FOUND = 200, 400, 404
_LONGEST_REASON = 300  # characters of an error's own text


class Alertmanager:
    """One instance. Methods raise BackendTimeout or BackendUnavailable, and what they name."""

    def __init__(self, site: Site, source: AlertmanagerSource) -> None:
        self.source = source
        self.name = f"Alertmanager {source.name} of {site.name}"
        self.place = f"{self.name} at {source.url}"
        which = which_of(source.name, 0, site.alertmanager)
        self._calls = Calls("alertmanager", self.name, self.place, source.timeout)
        self._errors = SourceErrors(
            "Alertmanager",
            self.name,
            self.place,
            source.url,
            f"[[sites.{site.name}.alertmanager]]{which}",
            source.largest_answer,
            self._calls.too_slow,
        )
        self._changes = 0
        self._client = HttpClient(
            source.headers,
            secure=source.url.startswith("https:"),
            ca=source.ca,
            largest=source.largest_answer,
        )

    async def routing(self) -> Routing:
        """Return this instance's alerts with who is notified, and the silences in force."""
        return await self._call(("routing", self._changes), self._routing)

    def read_anew(self) -> None:
        """Ask again from now on: what was read before a change is no answer any more."""
        self._changes += 1

    async def set_silence(self, silence: Silence) -> str:
        """Create a silence or, if it has an ID, change that one; return its ID now.

        A change of matchers or start makes a new silence in place of the old one. Raises
        InvalidInput with Alertmanager's reason, NotFound for an unknown ID. If it raises
        BackendTimeout, the silence may exist.
        """
        answer = await self._write("POST", "silences", json=write_silence(silence))
        if answer.status == NOT_FOUND and silence.id:
            raise NotFound(f"{self.name} has no silence {silence.id[:80]}")
        if answer.status == BAD_REQUEST:
            raise InvalidInput(f"{self.name} refuses it{_reason(self._json(answer))}")
        body = self._body(answer)
        key = body.get("silenceID") if isinstance(body, dict) else None
        if not isinstance(key, str):
            raise self._errors.other_format("")
        return key

    async def end_silence(self, key: str) -> None:
        """End a silence now, also one that has ended; raises NotFound."""
        answer = await self._write("DELETE", f"silence/{quote(key, safe='')}")
        if answer.status == NOT_FOUND:
            raise NotFound(f"{self.name} has no silence {key[:80]}")
        if answer.status != OK:
            self._body(answer)
            raise self._errors.other_format(f" {status_of(answer)}")

    async def close(self) -> None:
        await self._client.close()

    async def _routing(self) -> Routing:
        # One after the other: a silence that is made in between is in the second answer, so that
        # no alert is held back by one that we do not know.
        alerts = await self._send("alerts")
        # Releases before 0.34 ignore the condition and send expired ones too.
        silences = await self._send("silences?expired=false")

        def parse() -> Routing:
            reading = Reading()
            try:
                found = reading.notifications(self._body(alerts))
                return Routing(found, reading.silences(self._body(silences)), reading.unreadable)
            except safe_json.TooMuch as error:
                words = f"answered with {error}, more than the limit"
                raise self._errors.unusable(words) from error
            except TypeError as error:
                raise self._errors.other_format("") from error

        much = len(alerts.body) + len(silences.body) > _MUCH_TO_READ
        return await asyncio.to_thread(parse) if much else parse()

    async def _call(self, key: Hashable, call: Callable[[], Awaitable[T]]) -> T:
        try:
            return await self._calls.read(key, call)
        except BackendUnavailable as error:
            # Other connections may lead to the same dead server, behind a load balancer.
            if not error.answered:
                self._client.renew()
            raise

    async def _write(self, method: str, path: str, json: object = None) -> HttpAnswer:
        return await self._calls.write(lambda: self._send(path, method, json))

    async def _send(self, path: str, method: str = "GET", json: object = None) -> HttpAnswer:
        with self._errors.translated():
            url = f"{self.source.url}/api/v2/{path}"
            return await self._client.request(method, url, json=json)

    def _body(self, answer: HttpAnswer) -> object:
        body = self._json(answer)
        if answer.status != OK:
            raise self._reported(answer, body)
        return body

    def _json(self, answer: HttpAnswer) -> object:
        try:
            found: object = safe_json.read(answer.body)
        except ValueError:
            raise self._errors.not_json(answer) from None
        return found

    def _reported(self, answer: HttpAnswer, body: object) -> OpsError:
        """Return the error that it reports."""
        if answer.status == LIMITED:
            return self._errors.limited(answer)
        words = f"answered {status_of(answer)}{_reason(body)}; check its log"
        return self._errors.unusable(words, answered=answer.status not in DOWN)


def _reason(body: object) -> str:
    """Return why it refuses: it says so as a string, or as `{"code": …, "message": …}`."""
    said = body.get("message") if isinstance(body, dict) else body
    return f": {said[:_LONGEST_REASON]}" if isinstance(said, str) and said else ""
