"""Addresses of pages on the site that is shown."""

from urllib.parse import urlencode

from django.template import Context
from django.utils.html import format_html
from django.utils.safestring import SafeString

from ops.overview.actions import MOST_SERVICES
from ops.traces.trace import Trace
from ops.vocabulary import timerange


def page_url(context: Context, name: str, **path: str) -> str:
    """Return a page's address on this site; arguments that start with `q_` become the query."""
    asked = {key[2:]: path.pop(key) for key in list(path) if key.startswith("q_")}
    address: str = context["visit"].url(name, **path)
    return f"{address}?{urlencode(asked)}" if asked else address


def then_url(context: Context, trace: Trace) -> str:
    """Return the address of what is known of the time while the trace ran."""
    visit = context["visit"]
    known = {service.jaeger_name for service in visit.site.services.values()}
    services = [("service", name) for name in trace.services if name in known][:MOST_SERVICES]
    moments = (trace.start, trace.start + trace.duration)
    start, end = map(timerange.format_moment, moments)
    asked = urlencode([("start", start), ("end", end), *services])
    return f"{visit.url('traces-then', trace_id=trace.trace_id)}?{asked}"


def now_url(context: Context, trace: Trace) -> str:
    """Return the address of its services' current versions; "" if none can have any."""
    visit = context["visit"]
    known = {each.jaeger_name for each in visit.site.services.values() if each.shows_version}
    services = [("service", name) for name in trace.services if name in known][:MOST_SERVICES]
    address = visit.url("traces-now", trace_id=trace.trace_id)
    return f"{address}?{urlencode(services)}" if services else ""


def link_to(context: Context, trace_id: str, span_id: str) -> SafeString:
    """Return a link to a span of this trace or of another."""
    address = page_url(context, "traces-one", trace_id=trace_id, q_span=span_id)
    here = trace_id == context["trace"].trace_id
    return format_html(
        '<a href="{}#span-{}">{}span <code>{}</code></a>',
        address,
        span_id,
        "" if here else format_html("<code>{}</code> ", trace_id),
        span_id,
    )
