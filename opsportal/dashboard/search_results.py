"""What the search page shows of the traces found, and the addresses of its links."""

from dataclasses import dataclass, replace
from urllib.parse import urlencode

from ops.overview.actions import Happened
from ops.traces.actions import TraceList
from ops.vocabulary.conditions import Condition
from ops.vocabulary.filters import DEFAULT_RANGE, MOST_TAGS, TraceQuery, format_query
from ops.vocabulary.timerange import NOW, format_exact
from opsportal.dashboard.line_marks import mark_of
from opsportal.dashboard.scatter import scatter
from opsportal.dashboard.sheets import sheet
from opsportal.dashboard.timeline_form import SHORTEST, View
from opsportal.dashboard.trace_figures import (
    NEWEST_FIRST,
    SORTS,
    Figures,
    by_operation,
    figures,
    ordered,
)
from opsportal.dashboard.visit import Visit, url

LEAST_LIVELY = 4  # if traces fill less than a fourth of the range, only that part is drawn
ROWS = 100
OPERATIONS, FOLDED = 8, 40  # rows shown by operation, and rows that can be expanded
ERROR = ("error", "true")
FOLLOW = "follow"  # the field in the address of a search that renews itself
HEADS = {"time": "Time, UTC", "duration": "Duration", "spans": "Spans", "errors": "Errors"}


@dataclass(frozen=True, slots=True)
class Chip:
    """A narrower (or wider) search; `count` is None if it is unknown."""

    text: str
    count: int | None
    address: str
    current: bool
    failed: bool = False


@dataclass(frozen=True, slots=True)
class Head:
    """A column head that sorts; `direction` is its aria-sort, "" if another column is sorted."""

    text: str
    address: str
    direction: str


@dataclass(frozen=True, slots=True)
class Operation:
    """A kind of root. Its address filters by it or, for the current one, removes that filter.

    `service` is "" if it is the service that is searched.
    """

    service: str
    operation: str
    figures: Figures
    address: str
    current: bool


@dataclass(frozen=True, slots=True)
class Results:
    """Everything below the filter. Links keep the same time range, whenever they are clicked."""

    visit: Visit
    found: TraceList
    changes: tuple[Happened, ...] = ()

    def context(self) -> dict[str, object]:
        """Return what the page's template shows of the list."""
        found = self.found
        without_tags = replace(found.query, tags=(), conditions=(), operation="", before=None)
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
        """Return the address of a search, in the current order or another."""
        return address(self.visit.site.name, query, sort or self.sort, page)

    def traces(self) -> dict[str, object]:
        """Return the chart, the figures and the table of at least one trace."""
        found, traces = self.found, self.found.traces
        start = _first_shown(found)
        sum_up, operations = figures(traces), self.operations()
        rows = sheet(self.visit.request, ordered(traces, self.sort), ROWS)
        whole = replace(found.query, range=DEFAULT_RANGE, trace_min=0, trace_max=0, before=None)
        return {
            "figures": sum_up,
            "scatter": scatter(
                traces,
                start,
                found.until,
                self.visit.clock,
                [mark_of(self.visit, each) for each in self.changes],
            ),
            "line_address": self._line(start),
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

    def _line(self, start: int) -> str:
        """Return the address of the time line of the chart's time."""
        middle, length = (start + self.found.until) // 2, self.found.until - start
        view = View(self.visit.clock.now, max(length, SHORTEST), middle)
        return f"{self.visit.url('timeline')}{view.query}"

    def chips(self) -> list[Chip]:
        """Return "all" and, if the query has room for another tag, "failed"."""
        query, traces = self.found.query, self.found.traces
        others = tuple(tag for tag in query.tags if tag[0] != "error")
        conditions = tuple(each for each in query.conditions if _is_kept(each))
        everything = replace(query, tags=others, conditions=conditions, operation="", before=None)
        whole = replace(query, before=None)
        narrowed = whole != everything
        if not traces and not narrowed:
            return []
        failed = sum(1 for trace in traces if trace.error_count)
        count = None if narrowed else len(traces)
        chips = [Chip("all", count, self.address(everything), not narrowed)]
        if len(others) + len(conditions) < MOST_TAGS:
            failing = replace(everything, tags=(*others, ERROR))
            chips.append(
                Chip("failed", failed, self.address(failing), whole == failing, failed=True)
            )
        return chips

    def head(self, key: str) -> Head:
        """Return a column's head; the sorted column links to the reverse order."""
        down, up = f"-{key}", key
        direction = {down: "descending", up: "ascending"}.get(self.sort, "")
        sort = up if direction == "descending" else down
        return Head(HEADS[key], self.address(self.found.query, sort), direction)

    def operations(self) -> list[Operation]:
        """Return the kinds of roots, most frequent first."""
        query = self.found.query
        searched = self.found.service_in_traces
        found = []
        for service, operation, sum_up in by_operation(self.found.traces):
            other = "" if service == searched else service
            current = not other and operation == query.operation != ""
            narrowed = replace(
                query,
                service=other or query.service,
                conditions=tuple(each for each in query.conditions if not each.is_about_services)
                if other
                else query.conditions,
                operation="" if current else operation,
                before=None,
            )
            leads_to = self.address(narrowed) if operation else ""
            found.append(Operation(other, operation, sum_up, leads_to, current))
        return found


def _is_kept(condition: Condition) -> bool:
    """Return whether a condition also holds of every operation, failed or not."""
    return condition.key != ("error" if condition.is_tag else "operation")


def _wider(found: TraceList) -> TraceQuery:
    """Return the same search over a window six times as long, for when nothing was found."""
    range = found.query.range
    start = range.start.earlier(5 * (found.end - found.start))
    return replace(found.query, range=replace(range, start=start), before=None)


def line_of(query: TraceQuery) -> str:
    """Return the query as a line, without the site: the address names it."""
    return format_query(replace(query, site=""))


def _first_shown(found: TraceList) -> int:
    """Return where the chart starts, in Unix nanoseconds.

    If the list was cut, nothing is known before its last trace. A long stretch without traces
    is mostly left out.
    """
    oldest = found.traces[-1].matched
    lively = found.until - oldest
    if found.more or lively * LEAST_LIVELY < found.until - found.start:
        return oldest - lively // 20
    return found.start


def _exact(duration: int) -> str:
    return format_exact(duration) if duration else ""


def can_follow(query: TraceQuery) -> bool:
    """Return whether a search may find more later: its range ends now."""
    return query.range.end == NOW and query.before is None


def followed(site: str, query: TraceQuery) -> str:
    """Return the address of a search that renews itself: its range has to end now."""
    return f"{address(site, query)}&{FOLLOW}=1"


def address(site: str, query: TraceQuery, sort: str = NEWEST_FIRST, page: int = 1) -> str:
    """Return the address of a search, without the parts that have their default values."""
    asked = {"q": line_of(query)}
    if sort != NEWEST_FIRST:
        asked["sort"] = sort
    if page != 1:
        asked["page"] = str(page)
    return f"{url('traces', site)}?{urlencode(asked)}"
