"""The one place where an OpsError becomes a page of the dashboard."""

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.core.exceptions import RequestDataTooBig, TooManyFieldsSent
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.cache import add_never_cache_headers

from ops.errors import (
    BackendTimeout,
    BackendUnavailable,
    Busy,
    Conflict,
    DatabaseUnavailable,
    InvalidInput,
    NotConfirmed,
    NotFound,
    NotPermitted,
    NotSetUp,
    OpsError,
)
from opsportal.dashboard.visit import Visit, is_piece

RETRY_SECONDS = 5
NAMELESS = "503.html"  # used when the user could not be looked up


@dataclass(frozen=True, slots=True)
class Rendering:
    """HTTP status, the page's heading (`{backend}` is filled in), and what to do next."""

    status: int
    heading: str
    advice: str


RENDERINGS: dict[type[OpsError], Rendering] = {
    InvalidInput: Rendering(400, "Invalid input", "Correct it and try again."),
    NotPermitted: Rendering(
        403,
        "Permission required",
        "An administrator can add you to a group that has it.",
    ),
    NotFound: Rendering(404, "Not found", "Check the name or ID, or search for it."),
    NotSetUp: Rendering(
        404, "Not set up for this site", "Choose another site, or add it to the site file."
    ),
    Conflict: Rendering(409, "Not possible right now", "Check the current state and try again."),
    NotConfirmed: Rendering(
        502, "Not every instance confirmed", "Correct the problems below, then send it again."
    ),
    Busy: Rendering(
        503,
        "OpsPortal is busy",
        "Nothing was lost. Try again in a few seconds.",
    ),
    DatabaseUnavailable: Rendering(
        503,
        "Database unavailable",
        "Nothing was lost. Try again in a few seconds, once the database is back.",
    ),
    BackendTimeout: Rendering(
        504, "{backend} did not answer in time", "Narrow the search, or try again."
    ),
    BackendUnavailable: Rendering(
        502, "{backend} did not answer", "Everything else works. Try again in a while."
    ),
    OpsError: Rendering(
        500, "Something went wrong", "Try again. The log has the details under the request ID."
    ),
}


def rendering(error: OpsError) -> Rendering:
    """Return how to show this error: the rendering of its class or its nearest base class."""
    kind = next(kind for kind in type(error).__mro__ if kind in RENDERINGS)
    return RENDERINGS[kind]


async def page(
    visit: Visit,
    error: OpsError,
    template: str = "pages/error.html",
    context: Mapping[str, Any] | None = None,
) -> HttpResponse:
    """Show the error; a page with a form passes its own template and what was typed.

    A user without permission sees no form either. A script that accepts only plain text gets
    the sentence alone.
    """
    shown = rendering(error)
    if _wants_text(visit.request):
        return _text(error)
    if isinstance(error, NotPermitted):
        template = "pages/error.html"
    backend = error.backend if isinstance(error, BackendUnavailable) else ""
    response = await visit.render(
        template,
        {
            **(context or {}),
            "heading": shown.heading.format(backend=backend),
            "problem": str(error),
            # If a backend is unavailable, what was typed is not at fault.
            "invalid": shown.status < 500,
            "advice": shown.advice,
        },
        status=shown.status,
    )
    return _with_retry(response)


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Answer a request that Django refuses to read: its handler400."""
    large = isinstance(exception, RequestDataTooBig | TooManyFieldsSent)
    sentence = "the request is too large. Shorten what you wrote" if large else ""
    return render(request, "400.html", {"sentence": sentence}, status=400)


def server_error(request: HttpRequest) -> HttpResponse:
    """Answer an error raised outside our own pages: Django's handler500.

    A busy or unavailable database gets its own page, which does not look up the user.
    """
    error = sys.exc_info()[1]
    if not isinstance(error, Busy | DatabaseUnavailable):
        return render(request, "500.html", status=500)
    if is_piece(request):
        return HttpResponse(status=204)  # the page is shown without this piece
    if _wants_text(request):
        return _text(error)
    shown = rendering(error)
    context = {"heading": shown.heading, "problem": str(error), "advice": shown.advice}
    response = render(request, NAMELESS, context, status=shown.status)
    add_never_cache_headers(response)
    return _with_retry(response)


def _wants_text(request: HttpRequest) -> bool:
    return request.get_preferred_type(["text/html", "text/plain"]) == "text/plain"


def _text(error: OpsError) -> HttpResponse:
    status = rendering(error).status
    return _with_retry(HttpResponse(str(error), status=status, content_type="text/plain"))


def _with_retry(response: HttpResponse) -> HttpResponse:
    if response.status_code == 503:
        response["Retry-After"] = str(RETRY_SECONDS)
    return response
