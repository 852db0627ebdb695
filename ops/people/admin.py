"""Who in Slack is who here, set by hand; every change is audited."""

from django.contrib import admin

from ops.admin import AuditedAdmin
from ops.people.models import Identity


@admin.register(Identity)
class IdentityAdmin(AuditedAdmin):
    list_display = ("slack_user_id", "slack_team_id", "user", "created")
    list_select_related = ("user",)
    search_fields = ("slack_user_id", "user__username", "user__email")
    autocomplete_fields = ("user",)
