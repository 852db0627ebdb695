"""Tokens in Django admin: to see whose they are, and to revoke them."""

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone

from ops.admin import AuditedAdmin, record
from ops.rpc.models import Token


@admin.register(Token)
class TokenAdmin(AuditedAdmin):
    list_display = ("beginning", "user", "name", "created", "expires", "last_used", "revoked")
    search_fields = ("user__username", "name", "beginning")
    readonly_fields = ("beginning", "user", "name", "created", "last_used", "revoked")
    fields = (*readonly_fields, "expires")
    actions = ("revoke",)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    @admin.action(description="Revoke the selected tokens", permissions=["change"])
    def revoke(self, request: HttpRequest, tokens: QuerySet[Token]) -> None:
        for token in tokens.filter(revoked=None):
            record(request, "revoke", token, "")
            Token.objects.filter(pk=token.pk).update(revoked=timezone.now())

    def get_actions(self, request: HttpRequest) -> Any:
        """Revoking keeps the trace that deleting would lose."""
        actions = super().get_actions(request)
        actions.pop("delete_selected", None)
        return actions
