"""Template tags: times, durations, addresses, chips, attributes."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from urllib.parse import urlencode, urlsplit

from django import template
from django.template import Context
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString, mark_safe

from ops import actor
from ops.alerts.notifying import Notified, Routed
from ops.overview.actions import MOST_SERVICES
from ops.silences import rules
from ops.sites import Site
from ops.traces.trace import Trace
from ops.vocabulary import timerange
from ops.vocabulary.acknowledgements import Acknowledgement, Holding
from ops.vocabulary.alerts import Alert
from ops.vocabulary.filters import DEFAULT_RANGE, TraceQuery, format_query
from ops.vocabulary.matchers import Matcher, label_text
from ops.vocabulary.notifications import ALERTNAME
from ops.vocabulary.spans import NO_SERVICE, Attributes, Span, Value
from ops.vocabulary.tags import searched
from ops.vocabulary.timerange import Moment, TimeRange
from opsportal.dashboard import charts, words
from opsportal.dashboard.alert_groups import ALERT, AlertGroup
from opsportal.dashboard.clock import AGREEING, Clock, roughly

register = template.Library()
register.filter("words_name", words.name)
register.filter("number", words.number)
register.filter("percent", words.percent)
register.filter("rate", words.rate)
register.filter("longer", words.longer)
register.filter("duration", timerange.format_duration)
register.filter("sparkline", charts.sparkline)

LONGEST_INLINE = 300
LONGEST_KEY = 120
LONGEST_SEARCHED = 1_000  # characters of a tag: a filter line may have 4,000
LONGEST_START = 80  # shown of a text that is folded
LONGEST_SHOWN = 100_000
MOST_LINES = 6
_YOUNG = 50 * timerange.MINUTE
_AROUND = 30 * timerange.MINUTE
_TONES = {"critical": "error", "page": "error", "error": "error", "warning": "warn", "info": "calm"}
_TONES |= {"firing": "error", "pending": "pending", "": "warn"}
_TONES |= {"stuck": "error", "paused": "pending", "mixed": "warn", "went back": "warn"}


@register.simple_tag
def request_id() -> str:
    """Return the ID that finds this request in the log."""
    return actor.request_id()


@register.simple_tag(takes_context=True)
def page_url(context: Context, name: str, **path: str) -> str:
    """Return a page's address on this site; arguments that start with `q_` become the query."""
    asked = {key[2:]: path.pop(key) for key in list(path) if key.startswith("q_")}
    address: str = context["visit"].url(name, **path)
    return f"{address}?{urlencode(asked)}" if asked else address


@register.simple_tag(takes_context=True)
def then_url(context: Context, trace: Trace) -> str:
    """Return the address of what is known of the time while the trace ran."""
    visit = context["visit"]
    known = {service.jaeger_name for service in visit.site.services.values()}
    services = [("service", name) for name in trace.services if name in known][:MOST_SERVICES]
    moments = (trace.start, trace.start + trace.duration)
    start, end = map(timerange.format_moment, moments)
    asked = urlencode([("start", start), ("end", end), *services])
    return f"{visit.url('traces-then', trace_id=trace.trace_id)}?{asked}"


@register.simple_tag(takes_context=True)
def now_url(context: Context, trace: Trace) -> str:
    """Return the address of its services' current versions; "" if none can have any."""
    visit = context["visit"]
    known = {each.jaeger_name for each in visit.site.services.values() if each.shows_version}
    services = [("service", name) for name in trace.services if name in known][:MOST_SERVICES]
    address = visit.url("traces-now", trace_id=trace.trace_id)
    return f"{address}?{urlencode(services)}" if services else ""


@register.simple_tag(takes_context=True)
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


@register.filter
def plural(number: int, one: str) -> str:
    """Return a count: `{{ 3|plural:"span" }}` is `3 spans`."""
    return words.count(number, one)


@register.simple_tag(takes_context=True)
def ago(context: Context, at: int | datetime) -> SafeString:
    """Return `11 min ago`, with the exact time as its tooltip; it goes on by itself."""
    clock, moment = _clock(context), _nanoseconds(at)
    return _age(context, moment, "ago", clock.ago(moment))


@register.simple_tag(takes_context=True)
def lasting(context: Context, since: int) -> SafeString:
    """Return `11 min`, for something that started then and still lasts; it goes on by itself."""
    clock = _clock(context)
    return _age(context, since, "lasting", roughly(max(clock.now - since, 0)))


@register.simple_tag(takes_context=True)
def left(context: Context, until: int | datetime) -> SafeString:
    """Return `in 12 min`; it counts down by itself, without a screen reader saying each second."""
    moment = _nanoseconds(until)
    return _age(context, moment, "left", _clock(context).left(moment), quiet=True)


@register.filter
def ahead(at: int, now: int) -> bool:
    """Return whether a time lies in the future, so that clocks differ."""
    return at > now + AGREEING


@register.filter
def before(at: int | datetime, moment: int) -> str:
    """Return `11 min before`, counted from the moment, or `4 s after`."""
    distance = moment - _nanoseconds(at)
    return f"{roughly(abs(distance))} {'before' if distance >= 0 else 'after'}"


@register.simple_tag(takes_context=True)
def both(context: Context, at: int | datetime) -> SafeString:
    """Return `14:20:51 UTC (15:20 Paris)`."""
    clock, moment = _clock(context), _nanoseconds(at)
    return _time(clock, moment, clock.both(moment))


@register.simple_tag(takes_context=True)
def stamp(context: Context, at: int | datetime, precise: bool = False) -> SafeString:
    """Return UTC for a column, followed by the viewer's time: `14:20:51 (15:20 Paris)`."""
    clock, moment = _clock(context), _nanoseconds(at)
    utc = clock.utc(moment, milliseconds=precise)
    here = clock.here(moment)
    second = format_html(' <span class="here">({})</span>', here) if here else ""
    return _time(clock, moment, format_html('<span class="utc">{}</span>{}', utc, second))


@register.simple_tag(takes_context=True)
def window(context: Context, start: int, end: int) -> str:
    """Return `13:21:07 to 14:21:07 UTC (14:21 to 15:21 Paris)`."""
    return _clock(context).window(start, end)


@register.filter
def since(at: int, start: int) -> str:
    """Return `+12 ms` after the start, or `-3 ms` if a clock is wrong."""
    return f"{'+' if at >= start else ''}{timerange.format_duration(at - start)}"


@register.filter
def until(start: int, at: int) -> str:
    """Return `1 h 29 min`, from the start to a moment."""
    return timerange.format_duration(at - start)


@register.filter
def share(part: int, whole: int) -> str:
    """Return a part in percent of the whole, at least 1 so that it can be seen."""
    return f"{max(100 * part / max(whole, 1), 1):.1f}"


@register.filter
def tone(word: str) -> str:
    """Return the CSS class for a severity or state."""
    return _TONES.get(word.lower(), "calm")


@register.filter
def notified(routed: Routed | None, alert: Alert) -> Notified | None:
    """Return what the Alertmanagers do about an alert, None if there are none."""
    return routed.of(alert) if routed else None


@register.filter
def held_by(holding: Holding, alert: Alert) -> Acknowledgement | None:
    """Return who has an alert, alone or with all of its name."""
    return holding.of(alert)


@register.filter
def held_group(holding: Holding, group: AlertGroup) -> Acknowledgement | None:
    """Return who has all alerts of a group of one name."""
    return holding.of_group(group.key) if group.by == ALERT else None


@register.filter
def leaves_some(holding: Holding, alerts: Sequence[Alert]) -> bool:
    """Return whether nobody has some of these alerts."""
    return not all(map(holding.of, alerts))


@register.filter
def says_more_than(held: Acknowledgement | None, by: str) -> bool:
    """Return whether an alert says itself who has it: its group of one name may say so for all."""
    return held is not None and not (held.is_of_group and by == ALERT)


@register.filter
def said_of(holding: Holding, alerts: Sequence[Alert]) -> str:
    """Return who has these alerts, "" if nobody does: `mia has 1 of 3`."""
    return holding.said_of(alerts)


@register.filter
def silencing(alert: Alert) -> str:
    """Return the matchers of a silence for this alert alone."""
    return ", ".join(map(str, rules.matchers_of(alert)))


@register.filter
def silencing_name(name: str) -> str:
    """Return the matcher of a silence for all alerts of a name."""
    return str(Matcher(ALERTNAME, "=", name))


@register.filter
def tally(alerts: Sequence[Alert]) -> list[tuple[str, str]]:
    """Return a service's alert counts: `[("error", "2 critical"), ("pending", "1 pending")]`."""
    firing = Counter(alert.severity for alert in alerts if alert.state == "firing")
    pending = sum(1 for alert in alerts if alert.state == "pending")
    chips = [
        (tone(severity), f"{number} {words.name(severity, 20) or 'firing'}")
        for severity, number in firing.most_common()
    ]
    return [*chips, *([("pending", f"{pending} pending")] if pending else [])]


@register.filter
def unlike(one: str, other: str) -> bool:
    """Return whether two words differ."""
    return one != other


@register.filter
def query_line(query: TraceQuery) -> str:
    """Return the filter line of a search, without the site, which its address names."""
    return format_query(replace(query, site=""))


@register.filter
def matching(alert: Alert) -> str:
    """Return the filter line that finds the alerts with this name."""
    return str(Matcher("alertname", "=", alert.name))


@register.filter
def door(name: str) -> str:
    """Return a door's name for use after "from"."""
    return {"slack": "Slack", "grpc": "gRPC"}.get(name, f"the {name}")


@register.filter
def links(annotations: Mapping[str, str]) -> list[tuple[str, str]]:
    """Return the annotations that are web addresses, as (word, address)."""
    return [
        (key.removesuffix("_url").removesuffix("_link").replace("_", " "), value)
        for key, value in annotations.items()
        if _is_web_address(value)
    ]


@register.filter
def labels(alert: Alert) -> list[tuple[str, str]]:
    """Return the labels that the heading does not show, as (text, filter line)."""
    return [
        (words.name(label_text(key, value), 200), urlencode({"q": label_text(key, value)}))
        for key, value in sorted(alert.labels.items())
        if key not in ("alertname", "severity")
    ]


@register.filter
def texts(annotations: Mapping[str, str]) -> list[tuple[str, SafeString]]:
    """Return the annotations that are not links, sorted by name; long ones are folded."""
    return [
        (words.name(key, LONGEST_KEY), folded(text))
        for key, text in sorted(annotations.items())
        if not _is_web_address(text)
    ]


@register.filter
def part(some: int, whole: int) -> str:
    """Return `3.1%`, a duration's share of the trace's."""
    return words.percent(some / max(whole, 1))


@register.simple_tag(takes_context=True)
def tags(context: Context, span: Span) -> SafeString:
    """Return the rows of a span's tags, sorted by key, with a search link if it finds the span."""
    rows: list[tuple[str, str, SafeString | str]] = [
        (key, words.value(value), _search_for(context, span, key, value))
        for key, value in span.attributes.items()
    ]
    rows += [(key, words.value(value), "") for key, value in span.repeated]
    rows.sort(key=lambda row: row[0])
    return format_html_join(
        "",
        '<tr><th scope="row"><bdi>{}</bdi></th><td>{}</td><td class="do">{}</td></tr>',
        ((words.name(key, LONGEST_INLINE), folded(text), do) for key, text, do in rows),
    )


def _search_for(context: Context, span: Span, key: str, value: Value) -> SafeString | str:
    query = _finding(context["visit"].site, span, key, value, context["clock"].now)
    if query is None:
        return ""
    address = page_url(context, "traces", q_q=format_query(query))
    return format_html(
        '<a href="{}">search<span class="visually-hidden"> traces by {}</span></a>', address, key
    )


def _finding(site: Site, span: Span, key: str, value: Value, now: int) -> TraceQuery | None:
    """Return the search for a tag that finds this span, or None.

    It covers the last hour or, for an older span, the hour around it.
    """
    text = searched(span, key, value, site.jaeger.tag_values if site.jaeger else "")
    known = site.services.get(span.service)
    if known is not None and known.jaeger_name != span.service:
        return None  # the site file uses that name for another service
    if text is None or len(key) + len(text) > LONGEST_SEARCHED:
        return None
    if span.service == NO_SERVICE or not span.start:
        return None
    lasts = DEFAULT_RANGE
    if not now - _YOUNG < span.start <= now:
        lasts = TimeRange(Moment(max(span.start - _AROUND, 0)), Moment(span.start + _AROUND))
    return TraceQuery(service=span.service, tags=((key, text),), range=lasts)


@register.filter
def attributes(given: Attributes) -> SafeString:
    """Return the rows of a table of attributes, sorted by key."""
    return format_html_join(
        "",
        '<tr><th scope="row"><bdi>{}</bdi></th><td>{}</td></tr>',
        (
            (words.name(key, LONGEST_INLINE), folded(words.value(value)))
            for key, value in sorted(given.items())
        ),
    )


@register.filter
def fields(given: Attributes) -> SafeString:
    """Return attributes in one line, `key=value`; long or multi-line values are folded."""
    return format_html_join(" ", "{}", ((_field(k, words.value(v)),) for k, v in given.items()))


@register.filter
def folded(text: str) -> SafeString:
    """Return a text; a long one, or one with many lines, is folded behind its start.

    At most LONGEST_SHOWN characters are shown.
    """
    if len(text) <= LONGEST_INLINE and text.count("\n") < MOST_LINES:
        return format_html("<bdi>{}</bdi>", text)
    start = words.name(text[:LONGEST_START].partition("\n")[0], LONGEST_START)
    return _fold(format_html("<bdi>{}</bdi>…", start), text)


def _field(name: str, text: str) -> SafeString:
    key = words.name(name, LONGEST_KEY)
    if len(text) <= LONGEST_INLINE and "\n" not in text:
        return format_html(
            '<span class="field"><b><bdi>{}</bdi></b>=<bdi>{}</bdi></span>', key, text
        )
    return _fold(format_html("<b><bdi>{}</bdi></b>", key), text)


def _fold(title: SafeString, text: str) -> SafeString:
    size = (
        words.count(text.count("\n") + 1, "line") if "\n" in text else f"{len(text):,} characters"
    )
    return format_html(
        '<details class="field"><summary>{} ({}{})</summary><pre><bdi>{}</bdi></pre></details>',
        title,
        size,
        f", the first {LONGEST_SHOWN:,} characters shown" if len(text) > LONGEST_SHOWN else "",
        text[:LONGEST_SHOWN],
    )


def _time(clock: Clock, at: int, text: str) -> SafeString:
    iso = timerange.format_moment(at)
    return format_html('<time datetime="{}" title="{}">{}</time>', iso, clock.exact(at), text)


def _age(context: Context, at: int, kind: str, text: str, *, quiet: bool = False) -> SafeString:
    """Return an age that the browser keeps counting, see static/dashboard/live/clock.js.

    For open pages the browser writes it: what does not change must be rendered the same again.
    """
    return format_html(
        '<time datetime="{}" title="{}" data-age="{}"{}>{}</time>',
        timerange.format_moment(at),
        _clock(context).exact(at),
        kind,
        mark_safe(' aria-live="off"') if quiet else "",
        "" if context.get("live_update") else text,
    )


def _clock(context: Context) -> Clock:
    clock: Clock = context["clock"]
    return clock


def _nanoseconds(at: int | datetime) -> int:
    return at if isinstance(at, int) else timerange.from_datetime(at)


def _is_web_address(text: str) -> bool:
    try:
        parts = urlsplit(text)
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and bool(parts.hostname)
