"""Fields of forms, read as the bot and the filter lines read them."""

from collections.abc import Iterable
from functools import partial
from typing import Any

from django import forms

from ops.errors import InvalidInput
from ops.language.times import Clock, said_duration, said_moment
from ops.vocabulary import timerange
from ops.vocabulary.filters import (
    TraceQuery,
    parse_query,
)
from ops.vocabulary.matchers import Matcher, parse_matchers
from ops.vocabulary.timerange import Moment


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


class MatchersField(forms.CharField):
    """Matchers as Alertmanager reads them: `alertname="QueueDeep", team=~"a|b"`."""

    def clean(self, value: Any) -> tuple[Matcher, ...]:
        found: tuple[Matcher, ...] = or_refuse(parse_matchers, super().clean(value))
        return found


def or_refuse(parse: Any, text: str) -> Any:
    """Return what a reader of text makes of a field, or show at the field why it is refused."""
    try:
        return parse(text)
    except InvalidInput as error:
        raise forms.ValidationError(str(error)) from None
