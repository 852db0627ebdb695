"""A trace's ID, in whatever form, opens the trace wherever it is pasted."""

from collections.abc import Sequence
from urllib.parse import urlencode

from django.http import HttpResponseRedirect

from ops.language.trace_ids import find_trace_id, pasted_ids
from opsportal.dashboard.visit import Visit, url


def opened(visit: Visit, text: str) -> HttpResponseRedirect | None:
    """Redirect to a trace whose ID or link is all of a text, or to the comparison of two."""
    ids = pasted_ids(text)
    if not ids:
        return None
    if len(ids) > 1:
        return HttpResponseRedirect(comparison(visit.site.name, ids))
    return HttpResponseRedirect(visit.url("traces-one", trace_id=ids[0]))


def mentioned(visit: Visit, text: str) -> HttpResponseRedirect | None:
    """Redirect to the trace that a text mentions which cannot be read, such as a line of a log."""
    found = find_trace_id(text)
    return HttpResponseRedirect(visit.url("traces-one", trace_id=found)) if found else None


def comparison(site: str, ids: Sequence[str]) -> str:
    """Return the address of the comparison of two traces."""
    return f"{url('traces-compare', site)}?{urlencode({'trace': ids}, doseq=True)}"
