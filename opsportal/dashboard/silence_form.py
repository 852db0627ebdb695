"""The form that silences alerts."""

from django import forms

from ops.silences.rules import LONGEST_COMMENT
from opsportal.dashboard.fields import DurationField, MatchersField

LONGEST_MATCHERS = 2_000


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
