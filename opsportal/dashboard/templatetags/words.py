"""The template tags and filters of all pages; most are written where their subject is."""

from dataclasses import replace

from django import template

from ops import actor
from ops.vocabulary import figures, timerange
from ops.vocabulary.filters import TraceQuery, format_query
from opsportal.dashboard import alert_words, attributes, charts, moments, page_links, words

register = template.Library()
register.filter("words_name", words.name)
register.filter("number", words.number)
register.filter("plural", figures.count)
register.filter("percent", words.percent)
register.filter("rate", words.rate)
register.filter("longer", words.longer)
register.filter("door", words.door)
register.filter("duration", timerange.format_duration)
register.filter("sparkline", charts.sparkline)

_TAGS = (
    attributes.tags,
    moments.ago, moments.both, moments.lasting, moments.left, moments.stamp, moments.window,
    page_links.link_to, page_links.now_url, page_links.page_url, page_links.then_url,
)  # fmt: skip
_FILTERS = (
    alert_words.held_by, alert_words.held_group, alert_words.labels, alert_words.leaves_some,
    alert_words.links, alert_words.matching, alert_words.notified, alert_words.said_of,
    alert_words.says_more_than, alert_words.silencing, alert_words.silencing_name,
    alert_words.tally, alert_words.texts, alert_words.tone,
    attributes.attributes, attributes.fields, attributes.folded,
    moments.ahead, moments.before, moments.since, moments.until,
)  # fmt: skip
for _tag in _TAGS:
    register.simple_tag(_tag, takes_context=True)
for _filter in _FILTERS:
    register.filter(_filter)


@register.simple_tag
def request_id() -> str:
    """Return the ID that finds this request in the log."""
    return actor.request_id()


@register.filter
def share(part: int, whole: int) -> str:
    """Return a part in percent of the whole, at least 1 so that it can be seen."""
    return f"{max(100 * part / max(whole, 1), 1):.1f}"


@register.filter
def unlike(one: str, other: str) -> bool:
    """Return whether two words differ."""
    return one != other


@register.filter
def query_line(query: TraceQuery) -> str:
    """Return the filter line of a search, without the site, which its address names."""
    return format_query(replace(query, site=""))


@register.filter
def part(some: int, whole: int) -> str:
    """Return `3.1%`, a duration's share of the trace's."""
    return words.percent(some / max(whole, 1))
