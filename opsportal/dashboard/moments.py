"""Moments on a page: how long ago, how long until then, and when exactly."""

from datetime import datetime

from django.template import Context
from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe

from ops.vocabulary import timerange
from opsportal.dashboard.clock import AGREEING, Clock, roughly


def ago(context: Context, at: int | datetime) -> SafeString:
    """Return `11 min ago`, with the exact time as its tooltip; it goes on by itself."""
    clock, moment = _clock(context), _nanoseconds(at)
    return _age(context, moment, "ago", clock.ago(moment))


def lasting(context: Context, since: int) -> SafeString:
    """Return `11 min`, for something that started then and still lasts; it goes on by itself."""
    clock = _clock(context)
    return _age(context, since, "lasting", roughly(max(clock.now - since, 0)))


def left(context: Context, until: int | datetime) -> SafeString:
    """Return `in 12 min`; it counts down by itself, without a screen reader saying each second."""
    moment = _nanoseconds(until)
    return _age(context, moment, "left", _clock(context).left(moment), quiet=True)


def ahead(at: int, now: int) -> bool:
    """Return whether a time lies in the future, so that clocks differ."""
    return at > now + AGREEING


def before(at: int | datetime, moment: int) -> str:
    """Return `11 min before`, counted from the moment, or `4 s after`."""
    distance = moment - _nanoseconds(at)
    return f"{roughly(abs(distance))} {'before' if distance >= 0 else 'after'}"


def both(context: Context, at: int | datetime) -> SafeString:
    """Return `14:20:51 UTC (15:20 Paris)`."""
    clock, moment = _clock(context), _nanoseconds(at)
    return _time(clock, moment, clock.both(moment))


def stamp(context: Context, at: int | datetime, precise: bool = False) -> SafeString:
    """Return UTC for a column, followed by the viewer's time: `14:20:51 (15:20 Paris)`."""
    clock, moment = _clock(context), _nanoseconds(at)
    utc = clock.utc(moment, milliseconds=precise)
    here = clock.here(moment)
    second = format_html(' <span class="here">({})</span>', here) if here else ""
    return _time(clock, moment, format_html('<span class="utc">{}</span>{}', utc, second))


def window(context: Context, start: int, end: int) -> str:
    """Return `13:21:07 to 14:21:07 UTC (14:21 to 15:21 Paris)`."""
    return _clock(context).window(start, end)


def since(at: int, start: int) -> str:
    """Return `+12 ms` after the start, or `-3 ms` if a clock is wrong."""
    return f"{'+' if at >= start else ''}{timerange.format_duration(at - start)}"


def until(start: int, at: int) -> str:
    """Return `1 h 29 min`, from the start to a moment."""
    return timerange.format_duration(at - start)


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
