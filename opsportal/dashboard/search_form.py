"""The search for traces as a form, and as a line."""

from typing import Any

from django import forms

from ops.errors import InvalidInput
from ops.language.times import Clock
from ops.vocabulary import timerange
from ops.vocabulary.filters import (
    DEFAULT_LIMIT,
    DEFAULT_RANGE,
    LARGEST_LIMIT,
    TraceQuery,
    format_query,
)
from ops.vocabulary.timerange import TimeRange
from opsportal.dashboard.fields import DurationField, MomentField, TagsField, TimedForm

WINDOWS = ("15m", "1h", "3h", "6h", "12h", "1d", "2d", "7d")


class SearchFields(TimedForm):
    """The filter line's words as fields; if valid, `query` holds the search."""

    site = forms.CharField(required=False, widget=forms.HiddenInput)
    service = forms.CharField(required=False, widget=forms.TextInput({"list": "services"}))
    operation = forms.CharField(required=False, widget=forms.TextInput({"list": "operations"}))
    tags = TagsField(required=False, label="Tags", help_text='error key="two words" key>=500')
    span_min = DurationField(required=False, label="Span at least", help_text="100ms")
    span_max = DurationField(required=False, label="Span at most", help_text="2s")
    trace_min = DurationField(required=False, label="Trace at least", help_text="1s")
    trace_max = DurationField(required=False, label="Trace at most", help_text="10s")
    last = DurationField(required=False, label="Window", widget=forms.Select)
    start = MomentField(label="or from", help_text="2026-11-24T14:20:51Z, now-15m, yesterday 14:00")
    end = MomentField(ends=True, label="to", help_text="now")
    limit = forms.IntegerField(
        required=False, label="At most", min_value=1, max_value=LARGEST_LIMIT, help_text="traces"
    )

    def __init__(
        self, data: Any = None, *, query: TraceQuery | None = None, clock: Clock | None = None
    ) -> None:
        initial = _initial(query or TraceQuery())
        super().__init__(data, initial=initial, label_suffix="", clock=clock)
        last = self["last"].value() or ""
        windows = WINDOWS if last in ("", *WINDOWS) else (*WINDOWS, last)
        self.fields["last"].widget.choices = [
            ("", "from … to …"),
            *((window, f"last {window}") for window in windows),
        ]

    def clean(self) -> dict[str, Any]:
        given: dict[str, Any] = super().clean() or {}
        if not self.errors:
            try:
                self.query = _query(given)
            except InvalidInput as error:
                self.add_error(None, str(error))
        return given


def full_line(query: TraceQuery) -> str:
    """Write a query as a line. It is never empty, because an empty line means the first page."""
    return format_query(query) or f"limit={query.limit}"


def _query(given: dict[str, Any]) -> TraceQuery:
    end = given["end"] or timerange.NOW
    if given["start"]:
        range = TimeRange(given["start"], end)
    elif given["end"]:
        range = TimeRange(end.earlier(given["last"] or timerange.HOUR), end)
    else:
        range = TimeRange.last(given["last"]) if given["last"] else DEFAULT_RANGE
    range.start_end()
    return TraceQuery(
        site=given["site"],
        service=given["service"],
        operation=given["operation"],
        tags=given["tags"].tags,
        conditions=given["tags"].conditions,
        span_min=given["span_min"],
        span_max=given["span_max"],
        trace_min=given["trace_min"],
        trace_max=given["trace_max"],
        range=range,
        limit=given["limit"] or DEFAULT_LIMIT,
    )


def _initial(query: TraceQuery) -> dict[str, Any]:
    durations = ("span_min", "span_max", "trace_min", "trace_max")
    return {
        "site": query.site,
        "service": query.service,
        "operation": query.operation,
        "tags": format_query(TraceQuery(tags=query.tags, conditions=query.conditions)),
        **{key: _duration(getattr(query, key)) for key in durations},
        **_range(query.range),
        "limit": query.limit,
    }


def _duration(nanoseconds: int) -> str:
    return timerange.format_exact(nanoseconds) if nanoseconds else ""


def _range(range: TimeRange) -> dict[str, str]:
    if range.end == timerange.NOW and range.start.relative:
        return {"last": _duration(-range.start.nanoseconds), "start": "", "end": ""}
    return {"last": "", "start": str(range.start), "end": str(range.end)}
