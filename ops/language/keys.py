"""What other tools' keys are called here: Jaeger's, TraceQL's, Lucene's and Prometheus's."""

import re
from collections.abc import Iterable

from ops.language.lines import some
from ops.language.names import site_called
from ops.vocabulary.tag_words import KEYS

_SCOPES = re.compile(r"(?:(?:resource|span|process|attributes?|tags?)[.]|(?:span|trace):|[.])(?=.)")
_SEPARATORS = re.compile("[-_.:]+")
_TRACES = {
    "service": "service services svc app application servicename",
    "operation": "operation operations op opname operationname name spanname endpoint",
    "site": "site env environment deploymentenvironment deploymentenvironmentname",
    "min": "min minimum minduration durationmin mindur",
    "max": "max maximum maxduration durationmax maxdur",
    "trace-min": "tracemin mintraceduration tracedurationmin",
    "trace-max": "tracemax maxtraceduration tracedurationmax",
    "duration": "duration dur latency elapsed spanduration slower longer",
    "trace-duration": "traceduration",
    "last": "last lookback past window",
    "from": "from start starttime begin since after fromtime",
    "to": "to end endtime until till totime",
    "limit": "limit n num top maxresults maxtraces searchdepth",
    "error": "error errors failed haserror iserror",
    "status": "status spanstatus statuscode otelstatuscode httpstatus httpcode code",
    "trace ID": "traceid",
}
_TRACE_KEYS = {name: key for key, names in _TRACES.items() for name in names.split()}
# Real tags whose names start like a scope.
_TAGS = ("span.kind", "process.pid", "process.command", "http.status_code")
_ALERTS = {
    "alert": "alert alerts alertname alertnames name rule",
    "severity": "severity sev priority level",
    "state": "state states status is",
    "service": "service services svc app application servicename",
    "site": "site env environment deploymentenvironment",
    "last": "last lookback past window",
    "since": "since from start after activesince",
    "age": "age duration for firingfor older longer",
}
_ALERT_KEYS = {name: key for key, names in _ALERTS.items() for name in names.split()}
# Those that no tag is called: such a key is read as ours wherever it is written.
_OTHER_TOOLS = some(
    """
    service.name servicename service_name operationname operation_name minduration
    min_duration maxduration max_duration lookback deployment.environment otel.status_code
    """
)


def without_scope(key: str) -> str:
    """Return the name of a tag without TraceQL's scope: `http.method` for `span.http.method`."""
    return key if key in _TAGS else _SCOPES.sub("", key, count=1) if _SCOPES.match(key) else key


def trace_key(key: str) -> str:
    """Return what a key of a filter for traces is here, "" if it is a tag's."""
    small = without_scope(key.casefold())
    if small in KEYS:
        return {"start": "from", "end": "to"}.get(small, small)
    return _TRACE_KEYS.get(_SEPARATORS.sub("", small), "")


def alert_key(key: str) -> str:
    """Return what a key means in a filter for alerts, "" if it is a label's."""
    return _ALERT_KEYS.get(_SEPARATORS.sub("", key.casefold()), "")


def is_of_another_tool(key: str, value: str, sites: Iterable[str] = ()) -> bool:
    """Return whether what was written as a tag is surely another tool's key.

    An environment is one if it is the name of a site.
    """
    small = key.casefold()
    return (
        small in _OTHER_TOOLS
        or small.startswith(("resource.", "."))
        or (_TRACE_KEYS.get(small) == "site" and bool(site_called(value, sites)))
        or (small in ("status", "span.status") and value.casefold() in ("error", "ok", "unset"))
        or (small == "status_code" and value.isdigit())
    )
