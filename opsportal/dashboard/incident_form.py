"""The form that opens an incident."""

from collections.abc import Iterable
from typing import Any

from django import forms

from ops.incidents.actions import LONGEST_TITLE


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
