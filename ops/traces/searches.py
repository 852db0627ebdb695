"""The searches that find the traces of a statement."""

from collections.abc import Mapping

from ops.sites import Site
from ops.traces.tally import Error, Name
from ops.vocabulary.conditions import Condition
from ops.vocabulary.filters import TraceQuery
from ops.vocabulary.observed import Ran
from ops.vocabulary.tag_words import Tag
from ops.vocabulary.tags import ERROR, FALSE, TRUE
from ops.vocabulary.timerange import Moment, TimeRange

LISTED = 100  # traces
_FAILED: Tag = (ERROR, "true")


class Searches:
    """Searches in a site's traces from start to end (Unix ns), about one service."""

    def __init__(self, site: Site, service: str, start: int, end: int) -> None:
        self._site = site.name
        self.service = service
        self._range = TimeRange(Moment(start), Moment(end))
        self._names: Mapping[str, str] = {
            each.jaeger_name: name for name, each in site.services.items()
        }

    def name_of(self, in_traces: str) -> str:
        """Return a service's name in the site file, or the one in traces if it is not there."""
        return self._names.get(in_traces, in_traces)

    def name_of_operation(self, name: Name) -> str:
        """Return an operation's name, with its service if it is another one."""
        service, operation = self.name_of(name[0]), name[1] or "an operation without a name"
        is_said = service == self.service or operation.startswith(name[0])
        return operation if is_said else f"{operation} of {service}"

    def failing(self) -> TraceQuery:
        """Find the traces in which the service failed."""
        return self._query(self.service, tags=(_FAILED,))

    def of_version(self, ran: Ran) -> TraceQuery:
        """Find the traces in which that version of the service failed."""
        return self._query(self.service, tags=(_FAILED, (ran.version_key, ran.version)))

    def of_instance(self, ran: Ran) -> TraceQuery:
        """Find the traces in which that instance of the service failed."""
        return self._query(self.service, tags=(_FAILED, (ran.instance_key, ran.instance)))

    def of_operation(self, name: Name, *, failed: bool, ran: Ran | None = None) -> TraceQuery:
        """Find the traces that ran an operation, or in which it failed; `ran` says by what."""
        tags: tuple[Tag, ...] = (_FAILED,) if failed else ()
        if ran and ran.instance:
            tags += ((ran.instance_key, ran.instance),)
        elif ran and ran.version:
            tags += ((ran.version_key, ran.version),)
        return self._query(self.name_of(name[0]), operation=name[1], tags=tags)

    def of_error(self, error: Error, *, version: bool = True) -> TraceQuery:
        """Find the traces with that error, or with a failure of its operation if no search can."""
        ran, message = error.first.ran, error.first.message
        tags = (_FAILED, (ran.version_key, ran.version)) if version and ran.version else (_FAILED,)
        says = error.first.is_status and not error.varies and message.lower() not in TRUE + FALSE
        return self._query(
            self.name_of(ran.service),
            operation=error.first.operation,
            tags=tags,
            conditions=(Condition(ERROR, "=", message),) if says else (),
        )

    def _query(
        self,
        service: str,
        *,
        operation: str = "",
        tags: tuple[Tag, ...] = (),
        conditions: tuple[Condition, ...] = (),
    ) -> TraceQuery:
        return TraceQuery(
            site=self._site,
            service=service,
            operation=operation,
            tags=tags,
            conditions=conditions,
            range=self._range,
            limit=LISTED,
        )
