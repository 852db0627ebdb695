"""Forms that turn what users type into typed arguments; each error is shown at its field."""

from collections.abc import Iterable
from functools import partial
from typing import Any

from django import forms

from ops.actor import Door
from ops.audit.actions import OUTCOMES, AuditFilter
from ops.errors import InvalidInput
from ops.incidents.actions import LONGEST_TITLE
from ops.language.times import Clock, said_duration, said_end, said_moment
from ops.sampling.terms import LONGEST_REASON, PERMANENT, Term, check_then
from ops.silences.rules import LONGEST_COMMENT
from ops.vocabulary import timerange
from ops.vocabulary.filters import (
    DEFAULT_LIMIT,
    DEFAULT_RANGE,
    LARGEST_LIMIT,
    TraceQuery,
    format_query,
    parse_query,
)
from ops.vocabulary.matchers import Matcher, parse_matchers
from ops.vocabulary.policies import Policy, Strategy, parse_operations, parse_policy
from ops.vocabulary.timerange import Moment, TimeRange

LONGEST_MATCHERS = 2_000
WINDOWS = ("15m", "1h", "3h", "6h", "12h", "1d", "2d", "7d")


class DurationField(forms.CharField):
    """A duration such as `100ms`, as nanoseconds; 0 if empty."""

    def clean(self, value: Any) -> int:
        text = super().clean(value)
        return or_refuse(said_duration, text) if text else 0


class MomentField(forms.CharField):
    """A time in any of the accepted forms, or as people say it; None if empty.

    A day is its start, or if the moment `ends` a range, its end.
    """

    clock: Clock

    def __init__(self, *, ends: bool = False, **options: Any) -> None:
        super().__init__(required=False, **options)
        self.ends = ends

    def clean(self, value: Any) -> Moment | None:
        text = super().clean(value)
        read = partial(said_moment, clock=self.clock, ends=self.ends)
        moment: Moment | None = or_refuse(read, text) if text else None
        return moment


class TimedForm(forms.Form):
    """A form in which times are those of the viewer's clock."""

    def __init__(self, data: Any = None, *, clock: Clock | None = None, **options: Any) -> None:
        super().__init__(data, **options)
        self.clock = clock or Clock(timerange.now_ns())
        for field in self.fields.values():
            if isinstance(field, MomentField):
                field.clock = self.clock


class TagsField(forms.CharField):
    """Tags and conditions as in the filter line: `error http.status_code>=500`.

    They come as a query with nothing else.
    """

    def clean(self, value: Any) -> TraceQuery:
        query: TraceQuery = or_refuse(parse_query, super().clean(value))
        if query != TraceQuery(tags=query.tags, conditions=query.conditions):
            raise forms.ValidationError(
                "only tags (key=value, key!=value, key>=5) go here; "
                "the other words have their own fields"
            )
        return query


class WordField(forms.ChoiceField):
    """One of a few words; an error lists them all. An optional field also offers "any"."""

    def __init__(self, words: Iterable[str], *, required: bool = True) -> None:
        self.words = tuple(words)
        choices = [(word, word) for word in self.words]
        super().__init__(
            choices=choices if required else [("", "any"), *choices], required=required
        )

    def validate(self, value: str) -> None:
        """Raise ValidationError for any other word."""
        forms.Field.validate(self, value)
        if value and not self.valid_value(value):
            raise forms.ValidationError(f'"{value[:80]}" is not one of: {", ".join(self.words)}')


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


TERMS = (
    ("10m", "10 minutes"),
    ("15m", "15 minutes"),
    ("30m", "30 minutes"),
    ("1h", "1 hour"),
    ("4h", "4 hours"),
    ("1d", "1 day"),
    ("", "good"),
)


class TermField(WordField):
    """How long a change of sampling lasts; "" means for good."""

    def __init__(self) -> None:
        super().__init__((word for word, _ in TERMS if word), required=False)
        self.choices = TERMS


class MatchersField(forms.CharField):
    """Matchers as Alertmanager reads them: `alertname="QueueDeep", team=~"a|b"`."""

    def clean(self, value: Any) -> tuple[Matcher, ...]:
        found: tuple[Matcher, ...] = or_refuse(parse_matchers, super().clean(value))
        return found


class SilenceForm(forms.Form):
    """A silence to be: what it silences, for how long, and why."""

    matchers = MatchersField(
        max_length=LONGEST_MATCHERS,
        widget=forms.TextInput({"class": "code", "placeholder": 'alertname="QueueDeep"'}),
    )
    lasts = DurationField(
        initial="1h", label="For", widget=forms.TextInput({"size": 8, "placeholder": "1h"})
    )
    reason = forms.CharField(
        required=False,
        max_length=LONGEST_COMMENT,
        widget=forms.TextInput({"size": 36, "placeholder": "why, for those who see the silence"}),
    )


class IncidentForm(forms.Form):
    """An incident to be: what is wrong, and with which services."""

    title = forms.CharField(
        required=False,
        max_length=LONGEST_TITLE,
        widget=forms.TextInput({"placeholder": "petstore slow", "autofocus": True}),
    )

    def __init__(
        self, data: Any = None, *, services: Iterable[str], needs_title: bool = True
    ) -> None:
        super().__init__(data, label_suffix="")
        self.fields["services"] = forms.MultipleChoiceField(
            required=False,
            choices=[(name, name) for name in services],
            widget=forms.CheckboxSelectMultiple,
        )
        self.fields["title"].required = needs_title
        if not needs_title:
            self.fields["title"].widget.attrs["placeholder"] = "optional"


class SamplingForm(TimedForm):
    """A new policy for a service; if valid, `policy` can be sent for `lasts`, followed by `next`.

    An end counts more than a term; without both it is permanent.
    """

    service = forms.CharField(widget=forms.HiddenInput)
    # The field for the rate also takes traces per second.
    strategy = WordField((Strategy.NEVER, Strategy.ALWAYS, Strategy.RATE))
    rate = forms.CharField(required=False, help_text="10% or 0.1")
    operations = forms.CharField(
        required=False,
        widget=forms.Textarea({"rows": 2, "placeholder": "GET /health = 0.1%"}),
        help_text="one a line",
    )
    term = TermField()
    until = forms.CharField(
        required=False, widget=forms.TextInput({"size": 8, "placeholder": "18:00"})
    )
    then = forms.CharField(required=False, help_text="10%, always or never")
    reason = forms.CharField(
        required=False,
        max_length=LONGEST_REASON,
        widget=forms.TextInput({"placeholder": "why, for those who read the log"}),
    )
    policy: Policy
    next: Policy | None = None
    lasts: Term = PERMANENT

    @property
    def ends(self) -> str:
        """The end that was typed, as a moment that stays the same tomorrow."""
        return timerange.format_moment(self.lasts.end) if self.lasts.end else ""

    @property
    def is_timed(self) -> bool:
        return self.lasts != PERMANENT

    def check_next(self, service: str, baseline: Policy | None) -> bool:
        """Return whether it is known what follows; otherwise there is an error at its field."""
        try:
            check_then(service, self.lasts, baseline, self.next)
        except InvalidInput as error:
            self.add_error("then", str(error))
        return not self.errors

    def clean(self) -> dict[str, Any]:
        given: dict[str, Any] = super().clean() or {}
        strategy = given.get("strategy")
        try:
            if strategy:
                rate = given.get("rate", "")
                self.policy = parse_policy(rate if strategy == Strategy.RATE else strategy)
        except InvalidInput as error:
            self.add_error("rate", str(error))
            return given
        try:
            if strategy:
                lines = filter(str.strip, given.get("operations", "").splitlines())
                self.policy = self.policy.by_operation(parse_operations(lines))
        except InvalidInput as error:
            self.add_error("operations", str(error))
        if given.get("term"):
            self.lasts = Term(timerange.parse_duration(given["term"]))
        try:
            if given.get("until"):
                self.lasts = Term(end=said_end(given["until"], self.clock))
        except InvalidInput as error:
            self.add_error("until", str(error))
        try:
            self.next = parse_policy(given["then"]) if given.get("then") else None
        except InvalidInput as error:
            self.add_error("then", str(error))
        return given


class AuditForm(TimedForm):
    """Which audit rows to show; if valid, `filter` holds the query."""

    actor = forms.CharField(required=False, label="User", max_length=150)
    action = forms.CharField(
        required=False, max_length=64, widget=forms.TextInput({"list": "audit-actions"})
    )
    target = forms.CharField(
        required=False, label="Service or target", max_length=255, help_text="petstore"
    )
    door = WordField((door.value for door in Door), required=False)
    outcome = WordField(OUTCOMES, required=False)
    start = MomentField(label="From", help_text="now-1d, 2026-11-24T14:20:51Z, monday")
    end = MomentField(ends=True, label="To", help_text="now")
    request = forms.CharField(required=False, label="Request ID", max_length=16)

    filter: AuditFilter

    def clean(self) -> dict[str, Any]:
        given: dict[str, Any] = super().clean() or {}
        if not self.errors:
            now = self.clock.now
            self.filter = AuditFilter(
                actor=given["actor"],
                door=given["door"],
                action=given["action"],
                target=given["target"],
                outcome=given["outcome"],
                request_id=given["request"],
                start=given["start"].at(now) if given["start"] else 0,
                end=given["end"].at(now) if given["end"] else 0,
            )
        return given


def full_line(query: TraceQuery) -> str:
    """Write a query as a line. It is never empty, because an empty line means the first page."""
    return format_query(query) or f"limit={query.limit}"


def or_refuse(parse: Any, text: str) -> Any:
    """Return what a reader of text makes of a field, or show at the field why it is refused."""
    try:
        return parse(text)
    except InvalidInput as error:
        raise forms.ValidationError(str(error)) from None


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
