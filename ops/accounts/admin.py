"""Links between Slack accounts and users in Django admin; every change is audited."""

from django import forms
from django.contrib import admin

from ops.accounts.models import Identity
from ops.admin import AuditedAdmin


class IdentityForm(forms.ModelForm[Identity]):
    """Accept only well-formed Slack IDs: a mistyped one would never match anyone."""

    slack_user_id = forms.RegexField(
        label="Slack user ID",
        regex=r"^[UW][A-Z0-9]+\Z",
        max_length=32,
        help_text="The bot shows both IDs to anyone it does not know.",
        error_messages={"invalid": "A user ID starts with U or W, such as U0ALICE01."},
    )
    slack_team_id = forms.RegexField(
        label="Slack workspace ID",
        regex=r"^[TE][A-Z0-9]+\Z",
        max_length=32,
        error_messages={"invalid": "A workspace ID starts with T or E, such as T0ACME001."},
    )


@admin.register(Identity)
class IdentityAdmin(AuditedAdmin):
    form = IdentityForm
    list_display = ("slack_user_id", "slack_team_id", "user", "created")
    list_select_related = ("user",)
    search_fields = ("slack_user_id", "user__username", "user__email")
    autocomplete_fields = ("user",)
