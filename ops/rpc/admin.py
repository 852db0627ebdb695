"""API tokens in Django admin: see whose they are, and revoke them."""

from typing import Any

from django.contrib import admin
from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone

from ops.admin import AuditedAdmin, record
from ops.rpc.models import Token


@admin.register(Token)
class TokenAdmin(AuditedAdmin):
    list_display = ("beginning", "user", "name", "created", "expires", "last_used", "revoked")
    list_select_related = ("user",)
    search_fields = ("user__username", "name", "beginning")
    fields = readonly_fields = list_display
    actions = ("revoke",)

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Tokens are created by `manage.py create_token`, which shows each one once."""
        return False

    @admin.action(description="Revoke the selected tokens", permissions=["change"])
    def revoke(self, request: HttpRequest, tokens: QuerySet[Token]) -> None:
        with transaction.atomic():
            good = list(tokens.filter(revoked=None))
            for token in good:
                record(request, "revoke", token, "")
            Token.objects.filter(pk__in=[token.pk for token in good]).update(revoked=timezone.now())
        self.message_user(request, f"{len(good)} revoked; they stop working within five seconds")

    def get_actions(self, request: HttpRequest) -> Any:
        """Offer revoking only: it keeps the record that deleting would lose."""
        actions = super().get_actions(request)
        actions.pop("delete_selected", None)
        return actions
