"""Tags and attributes on a page; long ones are folded."""

from django.template import Context
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from ops.sites import Site
from ops.vocabulary import figures, timerange
from ops.vocabulary.filters import DEFAULT_RANGE, TraceQuery, format_query
from ops.vocabulary.spans import NO_SERVICE, Attributes, Span, Value
from ops.vocabulary.tags import searched
from ops.vocabulary.timerange import Moment, TimeRange
from opsportal.dashboard import words
from opsportal.dashboard.page_links import page_url

LONGEST_INLINE = 300
LONGEST_KEY = 120
LONGEST_SEARCHED = 1_000  # characters of a tag: a filter line may have 4,000
LONGEST_START = 80  # shown of a text that is folded
LONGEST_SHOWN = 100_000
MOST_LINES = 6
_YOUNG = 50 * timerange.MINUTE
_AROUND = 30 * timerange.MINUTE


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


def fields(given: Attributes) -> SafeString:
    """Return attributes in one line, `key=value`; long or multi-line values are folded."""
    return format_html_join(" ", "{}", ((_field(k, words.value(v)),) for k, v in given.items()))


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
        figures.count(text.count("\n") + 1, "line") if "\n" in text else f"{len(text):,} characters"
    )
    return format_html(
        '<details class="field"><summary>{} ({}{})</summary><pre><bdi>{}</bdi></pre></details>',
        title,
        size,
        f", the first {LONGEST_SHOWN:,} characters shown" if len(text) > LONGEST_SHOWN else "",
        text[:LONGEST_SHOWN],
    )
