"""The form that subscribes a channel to alerts."""

from collections.abc import Iterable
from typing import Any

from django import forms

from ops.sites.subscriptions import LONGEST_FILTER
from ops.subscriptions.actions import Channel
from ops.vocabulary.quiet_hours import FORM, QuietHours, parse_quiet_hours
from opsportal.dashboard.fields import DurationField, or_refuse


class SubscriptionForm(forms.Form):
    """Which channel is subscribed to which alerts.

    It offers the channels that are `known`; the action refuses others. Quiet hours without a zone
    are in the viewer's `zone`.
    """

    filter = forms.CharField(
        required=False,
        max_length=LONGEST_FILTER,
        widget=forms.TextInput({"class": "code", "placeholder": 'severity=~"critical|page"'}),
    )
    after = DurationField(required=False, widget=forms.TextInput({"size": 8, "placeholder": "2m"}))
    quiet = forms.CharField(required=False, widget=forms.TextInput({"placeholder": FORM}))

    def __init__(self, typed: Any, *, known: Iterable[Channel], zone: str) -> None:
        super().__init__(typed)
        self._zone = zone
        choices = [(each.id, each.label) for each in known]
        self.fields["channel"] = forms.CharField(
            max_length=64,
            widget=forms.Select(choices=choices),
            # Where the browser alone chooses, a live page takes the form for one that is in use.
            initial=choices[0][0] if choices else None,
        )

    def clean_quiet(self) -> QuietHours | None:
        text = self.cleaned_data["quiet"]
        found: QuietHours | None = or_refuse(self._hours, text) if text else None
        return found

    def _hours(self, text: str) -> QuietHours:
        return parse_quiet_hours(text, self._zone)
