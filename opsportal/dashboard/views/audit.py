"""`/audit/`: who did what through which door; and the same rows for other programs."""

import asyncio
import csv
import io
import json
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, fields
from urllib.parse import urlencode

from django.http import HttpResponse, StreamingHttpResponse
from django.urls import reverse
from django.views.decorators.http import require_safe

from ops.audit import actions
from ops.audit.actions import AuditFilter, AuditPage, AuditRow
from ops.audit.models import Outcome
from ops.errors import InvalidInput
from ops.guard import ACTIONS
from ops.sites import sites
from ops.vocabulary import figures
from opsportal.dashboard import words
from opsportal.dashboard.audit_form import AuditForm
from opsportal.dashboard.pages import page
from opsportal.dashboard.visit import Visit, url
from opsportal.dashboard.words import door

ROWS = 100
IN_A_PIECE = 500
_COLUMNS = [field.name for field in fields(AuditRow)]
# Spreadsheets run cells that start like this as formulas; a leading apostrophe prevents that.
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


@require_safe
@page(actions.list_rows)
async def show(visit: Visit) -> HttpResponse:
    """Filter by the fields of AuditForm; `?before=ROW` shows older rows."""
    form = AuditForm(visit.request.GET, label_suffix="", clock=visit.clock.asker)
    valid = form.is_valid()
    filter = form.filter if valid else AuditFilter()
    found = await actions.list_rows(
        visit.actor, filter=filter, before=_before(visit) if valid else 0, limit=ROWS
    )
    asked = visit.request.GET.dict()
    given = {name: str(text) for name, text in asked.items() if text and name in form.fields}
    return await visit.render(
        "pages/audit.html",
        {
            "heading": (
                _heading(visit, found, filter) if valid else "Audit log: correct the filter"
            ),
            "form": form,
            "rows": [(row, _page_of(row)) for row in found.rows] if valid else [],
            "chips": [
                (str(form[name].label), text, _without(given, name)) for name, text in given.items()
            ],
            "older": f"?{urlencode({**given, 'before': found.older})}" if found.older else "",
            "query": f"?{urlencode(given)}" if given else "",
            "names": sorted(ACTIONS),
        },
        status=200 if valid else 400,
    )


@require_safe
@page(actions.list_rows)
async def csv_rows(visit: Visit) -> StreamingHttpResponse:
    """Return all rows that the page shows for the same query, as CSV with a header line."""
    return await _download(visit, "csv", "text/csv; charset=utf-8", _csv, _csv_line(_COLUMNS))


@require_safe
@page(actions.list_rows)
async def json_rows(visit: Visit) -> StreamingHttpResponse:
    """Return all rows that the page shows for the same query, as one JSON object each."""
    return await _download(visit, "jsonl", "application/jsonl; charset=utf-8", _json)


async def _download(
    visit: Visit, ending: str, kind: str, write: Callable[[AuditRow], str], head: str = ""
) -> StreamingHttpResponse:
    form = AuditForm(visit.request.GET, clock=visit.clock.asker)
    if not form.is_valid():
        field, sentences = next(iter(form.errors.items()))
        raise InvalidInput(f"{field}: {' '.join(map(str, sentences))}")
    first = await actions.list_rows(visit.actor, filter=form.filter, limit=IN_A_PIECE)

    async def pieces() -> AsyncIterator[bytes]:
        yield head.encode()
        found = first
        while True:
            yield await asyncio.to_thread(_written, write, found.rows)
            if not found.older:
                return
            found = await actions.list_rows(
                visit.actor, filter=form.filter, before=found.older, limit=IN_A_PIECE
            )

    headers = {"Content-Disposition": f'attachment; filename="audit.{ending}"'}
    return StreamingHttpResponse(pieces(), content_type=kind, headers=headers)


def _written(write: Callable[[AuditRow], str], rows: Iterable[AuditRow]) -> bytes:
    return "".join(map(write, rows)).encode()


def _json(row: AuditRow) -> str:
    return json.dumps({**asdict(row), "at": row.at.isoformat()}, ensure_ascii=False) + "\n"


def _csv(row: AuditRow) -> str:
    cells = {**asdict(row), "at": row.at.isoformat()}
    for name in ("parameters", "origin"):
        cells[name] = json.dumps(cells[name], ensure_ascii=False) if cells[name] else ""
    return _csv_line(cells.values())


def _csv_line(cells: Iterable[object]) -> str:
    line = io.StringIO()
    csv.writer(line).writerow(_harmless(str(cell)) for cell in cells)
    return line.getvalue()


def _harmless(cell: str) -> str:
    return f"'{cell}" if cell.startswith(_FORMULA) else cell


def _before(visit: Visit) -> int:
    text = visit.request.GET.get("before", "")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 19 else 0


def _without(given: dict[str, str], name: str) -> str:
    rest = {key: text for key, text in given.items() if key != name}
    return f"?{urlencode(rest)}" if rest else reverse("audit")


def _page_of(row: AuditRow) -> str:
    """Return the page of the service that was changed, or ""."""
    site, _, service = row.target.partition("/")
    if not row.action.startswith("sampling.") or site not in sites().all:
        return ""
    return f"{url('sampling', site)}?{urlencode({'service': service, 'change': row.request_id})}"


def _heading(visit: Visit, found: AuditPage, filter: AuditFilter) -> str:
    """Return `Latest 12 changes and 1 refusal by olga from Slack since 24 Nov 14:20:51 UTC`."""
    if not found.rows:
        return "Nobody has changed anything yet" if filter == AuditFilter() else "No changes match"
    latest = ["Latest"] if found.older and not _before(visit) else []
    return " ".join([*latest, _counted(found.rows), *_narrowed(visit, found.rows, filter)])


def _counted(rows: Sequence[AuditRow]) -> str:
    """Count the changes, of which each has two rows, and the refusals."""
    refused = {row.request_id for row in rows if row.outcome == Outcome.DENIED}
    changed = {row.request_id for row in rows if row.outcome != Outcome.DENIED}
    kinds = ((len(changed), "change"), (len(refused), "refusal"))
    return " and ".join(figures.count(number, kind) for number, kind in kinds if number)


def _narrowed(visit: Visit, rows: Sequence[AuditRow], filter: AuditFilter) -> Iterator[str]:
    """Give the filter in words."""
    if filter.target:
        yield f"of {words.name(filter.target)}"
    if filter.actor:
        people = {row.actor for row in rows}
        yield f"by {words.name(people.pop() if len(people) == 1 else f'{filter.actor}…')}"
    if filter.door:
        yield f"from {door(filter.door)}"
    if filter.start:
        yield f"since {visit.clock.utc(filter.start)} UTC"
    if filter.end:
        yield f"until {visit.clock.utc(filter.end)} UTC"
    others = ("action", filter.action), ("outcome", filter.outcome), ("request", filter.request_id)
    if named := [f"{one} {words.name(text)}" for one, text in others if text]:
        yield f"({', '.join(named)})"
