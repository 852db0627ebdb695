"""The form that selects rows of the audit log."""

from typing import Any

from django import forms

from ops.actor import Door
from ops.audit.actions import OUTCOMES, AuditFilter
from opsportal.dashboard.fields import MomentField, TimedForm, WordField


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
