"""One Alertmanager of a site: what our actions ask of it."""

from typing import Any
from urllib.parse import quote

from ops.backends.alertmanager.reading import Reading, Routing, write_silence
from ops.backends.http import HttpAnswer
from ops.backends.http_errors import DOWN, LIMITED, SourceErrors, status_of
from ops.backends.rest import RestBackend
from ops.errors import InvalidInput, NotFound, OpsError
from ops.sites import AlertmanagerSource, Site
from ops.vocabulary.notifications import Silence

OK, BAD_REQUEST, NOT_FOUND = 200, 400, 404
_LONGEST_REASON = 300  # characters of an error's own text


class Alertmanager(RestBackend[SourceErrors]):
    """One instance. Methods raise BackendTimeout or BackendUnavailable, and what they name."""

    def __init__(self, site: Site, source: AlertmanagerSource) -> None:
        super().__init__(
            "Alertmanager", site, source, site.alertmanager, root="/api/v2", errors=SourceErrors
        )
        self._changes = 0

    async def routing(self) -> Routing:
        """Return this instance's alerts with who is notified, and the silences in force."""
        return await self._call(("routing", self._changes), self._routing)

    async def kept_silences(self) -> tuple[Silence, ...]:
        """Return all silences that it keeps: also those that have ended, of the last days."""
        return await self._call(("silences", self._changes), self._kept_silences)

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
            raise self.errors.other_format("")
        return key

    async def end_silence(self, key: str) -> None:
        """End a silence now, also one that has ended; raises NotFound."""
        answer = await self._write("DELETE", f"silence/{quote(key, safe='')}")
        if answer.status == NOT_FOUND:
            raise NotFound(f"{self.name} has no silence {key[:80]}")
        if answer.status != OK:
            self._body(answer)
            raise self.errors.other_format(f" {status_of(answer)}")

    async def _routing(self) -> Routing:
        # One after the other: a silence that is made in between is in the second answer, so that
        # no alert is held back by one that we do not know.
        alerts = await self._send("GET", "alerts")
        # Releases before 0.34 ignore the condition and send expired ones too.
        silences = await self._send("GET", "silences?expired=false")

        def parse() -> Routing:
            reading = Reading()
            found = reading.notifications(self._body(alerts))
            return Routing(found, reading.in_force(self._body(silences)), reading.unreadable)

        return await self._parsed(parse, len(alerts.body) + len(silences.body), TypeError)

    async def _kept_silences(self) -> tuple[Silence, ...]:
        answer = await self._send("GET", "silences")
        body = self._body(answer)
        return await self._parsed(lambda: Reading().silences(body), len(answer.body), TypeError)

    async def _write(self, method: str, path: str, **content: Any) -> HttpAnswer:
        return await self._calls.write(lambda: self._send(method, path, **content))

    def _body(self, answer: HttpAnswer) -> object:
        body = self._json(answer)
        if answer.status != OK:
            raise self._reported(answer, body)
        return body

    def _reported(self, answer: HttpAnswer, body: object) -> OpsError:
        """Return the error that it reports."""
        if answer.status == LIMITED:
            return self.errors.limited(answer)
        words = f"answered {status_of(answer)}{_reason(body)}; check its log"
        return self.errors.unusable(words, answered=answer.status not in DOWN)


def _reason(body: object) -> str:
    """Return why it refuses: it says so as a string, or as `{"code": …, "message": …}`."""
    said = body.get("message") if isinstance(body, dict) else body
    return f": {said[:_LONGEST_REASON]}" if isinstance(said, str) and said else ""
