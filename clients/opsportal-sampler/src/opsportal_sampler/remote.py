"""Jaeger's remote sampling over HTTP, with what OpsPortal adds to it."""

import re
from dataclasses import replace
from urllib.parse import quote, urlencode

from opsportal_sampler.http import Answer, Url, fetch
from opsportal_sampler.instance import Instance
from opsportal_sampler.polling import PollError
from opsportal_sampler.sampler import Phase, RemoteSampler, Report
from opsportal_sampler.strategies import InvalidDocument, read_document
from opsportal_sampler.version import USER_AGENT

INTERVAL = 60.0
_PRINTABLE = "".join(map(chr, range(0x21, 0x7F))).replace("%", "")
_ETAG = re.compile(r'(W/)?"[\x21\x23-\x7e]{0,250}"')


class JaegerRemote:
    """The source that `endpoint=` names."""

    def __init__(
        self,
        sampler: RemoteSampler,
        endpoint: Url,
        instance: Instance,
        header: tuple[str, str] | None = None,
    ) -> None:
        self._sampler, self._instance = sampler, instance
        path = endpoint.path if endpoint.path.endswith("/sampling") else f"{endpoint.path}/sampling"
        service = urlencode({"service": instance.service})
        query = f"{endpoint.query}&{service}" if endpoint.query else service
        self._url = replace(endpoint, path=path, query=query)
        self._headers = {
            "User-Agent": USER_AGENT,
            "Accept": "application/json",
            **dict([header] if header else []),
        }
        self._etag: str | None = None

    def poll(self) -> bool:
        """Ask, apply what is new, and return true so that it is acknowledged at once."""
        report = self._sampler.report()
        etag = self._etag if report.phase is Phase.DOCUMENT else None
        answer = fetch(self._url, self._headers | self._said(report, etag))
        if answer.status == 304 and etag:
            self._sampler.set_clock(answer.date)
            return False
        if answer.status != 200:
            raise PollError(f"{self._url} answered {answer.status}", answer.retry_after)
        self._apply(answer)
        applied = self._sampler.report().phase is Phase.DOCUMENT
        return applied and self._etag not in (None, etag)

    def forked(self) -> None:
        """Ask as the child process."""
        self._sampler.forked()
        self._instance.forked()

    def leave(self) -> None:
        """Do nothing: the protocol has no goodbye."""

    def _said(self, report: Report, etag: str | None) -> dict[str, str]:
        said = {
            "X-Service-Instance-Id": quote(self._instance.id, safe=_PRINTABLE),
            "X-Sampling-Phase": report.phase.value,
            "X-Sampling-Applied": report.applied,
        }
        if report.revision is not None:
            said["X-Sampling-Revision"] = str(report.revision)
        if etag:
            said["If-None-Match"] = etag
        return said

    def _apply(self, answer: Answer) -> None:
        if answer.kind not in ("application/json", ""):
            raise PollError(f"{self._url} answered with {answer.kind[:80]} instead of JSON")
        try:
            document = read_document(answer.body)
        except InvalidDocument as error:
            raise PollError(f"{self._url} sent an invalid document: {error}") from None
        self._sampler.apply(document, answer.date)
        etag = answer.headers.get("ETag", "")
        self._etag = etag if _ETAG.fullmatch(etag) else None
