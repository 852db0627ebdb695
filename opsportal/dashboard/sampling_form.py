"""The form that changes a service's sampling."""

from typing import Any

from django import forms

from ops.errors import InvalidInput
from ops.language.times import said_end
from ops.sampling.terms import LONGEST_REASON, PERMANENT, Term, check_then
from ops.vocabulary import timerange
from ops.vocabulary.policies import Policy, Strategy, parse_operations, parse_policy
from opsportal.dashboard.fields import TimedForm, WordField

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
