"""What the page of a search shows of the traces found, and where each of its links leads."""

from dataclasses import dataclass, replace
from urllib.parse import urlencode

from ops.filters import DEFAULT_RANGE, MOST_TAGS, TraceQuery, format_query
from ops.sites import sites
from ops.timerange import format_exact
from ops.traces.actions import TraceList
from opsportal.dashboard.found import (
    NEWEST_FIRST,
    SORTS,
    Figures,
    by_operation,
    figures,
    ordered,
)
from opsportal.dashboard.scatter import scatter
from opsportal.dashboard.sheets import sheet
from opsportal.dashboard.visit import Visit, url

LEAST_LIVELY = 4  # a range with traces in less than a fourth of it is not drawn whole
ROWS = 100
OPERATIONS, FOLDED = 8, 40  # rows that stand by operation, and that can be unfolded
ERROR = ("error", "true")
HEADS = {"time": "Time, UTC", "duration": "Duration", "spans": "Spans", "errors": "Errors"}


@dataclass(frozen=True, slots=True)
class Chip:
    """A narrower (or wider) search; `count` is None where it is not known."""

    text: str
    count: int | None
    address: str
    current: bool
    failed: bool = False


@dataclass(frozen=True, slots=True)
class Head:
    """A column's head that sorts; `direction` is what aria-sort has, "" for another column."""

    text: str
    address: str
    direction: str


@dataclass(frozen=True, slots=True)
class Operation:
    """A kind of root; its address narrows to it or, where it is the current one, lifts that.

    `service` is "" where it is the one that is searched.
    """

    service: str
    operation: str
    figures: Figures
    address: str
    current: bool


@dataclass(frozen=True, slots=True)
class Results:
    """What stands below the filter. Every link asks for the same times, whenever it is followed."""

    visit: Visit
    found: TraceList

    def context(self) -> dict[str, object]:
        """What the page's template shows of the list."""
        found = self.found
        without_tags = replace(found.query, tags=(), operation="", before=None)
        return {
            "found": found,
            "failing": ERROR in found.query.tags,
            "chips": self.chips(),
            "permalink": address(self.visit.site.name, found.query),
            "older": self.address(found.older) if found.older else "",
            "newer": self.address(found.newer) if found.newer else "",
            "wider": self.address(_wider(found)),
            "without_tags": self.address(without_tags),
            **(self.traces() if found.traces else {}),
        }

    @property
    def sort(self) -> str:
        asked = self.visit.request.GET.get("sort", "")
        return asked if asked in SORTS else NEWEST_FIRST

    def address(self, query: TraceQuery, sort: str = "", page: int = 1) -> str:
        """A search in the order that is shown, or in another."""
        return address(self.visit.site.name, query, sort or self.sort, page)

    def traces(self) -> dict[str, object]:
        """The picture, the figures and the table of at least one trace."""
        found, traces = self.found, self.found.traces
        start = _first_shown(found)
        sum_up, operations = figures(traces), self.operations()
        rows = sheet(self.visit.request, ordered(traces, self.sort), ROWS)
        whole = replace(found.query, range=DEFAULT_RANGE, trace_min=0, trace_max=0, before=None)
        return {
            "figures": sum_up,
            "scatter": scatter(traces, start, found.until, self.visit.clock),
            "narrow_line": line_of(whole),
            "narrow_min": _exact(found.query.trace_min),
            "narrow_max": _exact(found.query.trace_max),
            "operations": operations[:OPERATIONS],
            "folded": operations[OPERATIONS : OPERATIONS + FOLDED],
            "more_operations": max(len(operations) - OPERATIONS, 0),
            "unlisted": max(len(operations) - OPERATIONS - FOLDED, 0),
            "heads": {key: self.head(key) for key in HEADS},
            "sheet": rows,
            "before": self.address(found.query, page=rows.previous),
            "after": self.address(found.query, page=rows.next),
        }

    def chips(self) -> list[Chip]:
        """All of the window, and those that failed, where a query has room for that tag."""
        query, traces = self.found.query, self.found.traces
        others = tuple(tag for tag in query.tags if tag[0] != "error")
        everything = replace(query, tags=others, operation="", before=None)
        whole = replace(query, before=None)
        narrowed = whole != everything
        if not traces and not narrowed:
            return []
        failed = sum(1 for trace in traces if trace.error_count)
        count = None if narrowed else len(traces)
        chips = [Chip("all", count, self.address(everything), not narrowed)]
        if len(others) < MOST_TAGS:
            failing = replace(everything, tags=(*others, ERROR))
            chips.append(
                Chip("failed", failed, self.address(failing), whole == failing, failed=True)
            )
        return chips

    def head(self, key: str) -> Head:
        """The column that is sorted by turns round, another begins with what is largest."""
        down, up = f"-{key}", key
        direction = {down: "descending", up: "ascending"}.get(self.sort, "")
        sort = up if direction == "descending" else down
        return Head(HEADS[key], self.address(self.found.query, sort), direction)

    def operations(self) -> list[Operation]:
        """The kinds of roots, the most frequent first."""
        query = self.found.query
        searched = _name_in_jaeger(query)
        found = []
        for service, operation, sum_up in by_operation(self.found.traces):
            other = "" if service == searched else service
            current = not other and operation == query.operation != ""
            narrowed = replace(
                query,
                service=other or query.service,
                operation="" if current else operation,
                before=None,
            )
            leads_to = self.address(narrowed) if operation else ""
            found.append(Operation(other, operation, sum_up, leads_to, current))
        return found


def _wider(found: TraceList) -> TraceQuery:
    """The same search over a window six times as long, for when nothing was found."""
    range = found.query.range
    start = range.start.earlier(5 * (found.end - found.start))
    return replace(found.query, range=replace(range, start=start), before=None)


def _name_in_jaeger(query: TraceQuery) -> str:
    """The service as traces name it, which may not be how the site file does."""
    known = sites().site(query.site).services.get(query.service)
    return known.jaeger_name if known else query.service


def line_of(query: TraceQuery) -> str:
    """The query as a line; which site is meant stands in the address."""
    return format_query(replace(query, site=""))


def _first_shown(found: TraceList) -> int:
    """Return where the picture begins, in Unix nanoseconds.

    Where the list was cut, nothing is known of what comes before its last trace; and most of a
    range in which nothing was is left out.
    """
    oldest = found.traces[-1].matched
    lively = found.until - oldest
    if found.more or lively * LEAST_LIVELY < found.until - found.start:
        return oldest - lively // 20
    return found.start


def _exact(duration: int) -> str:
    return format_exact(duration) if duration else ""


def address(site: str, query: TraceQuery, sort: str = NEWEST_FIRST, page: int = 1) -> str:
    """Return the address of a search, shortest where nothing else is asked for."""
    asked = {"q": line_of(query)}
    if sort != NEWEST_FIRST:
        asked["sort"] = sort
    if page != 1:
        asked["page"] = str(page)
    return f"{url('traces', site)}?{urlencode(asked)}"
