"""Audited Django admin: every write leaves an audit row in the same transaction."""

from collections.abc import Mapping
from typing import Any

from django.contrib import admin
from django.db.models import Model
from django.http import HttpRequest

from ops.actor import Actor, Door
from ops.audit import chain
from ops.audit.models import Outcome


class AuditedAdmin(admin.ModelAdmin[Any]):
    """A ModelAdmin that writes an audit row for every addition, change and deletion.

    The row and the change are committed together: if the row cannot be written, the change is
    rolled back.
    """

    def standing(self, object: Any) -> dict[str, str]:
        """Return the object's current values for the audit row; never a secret."""
        return {}

    def log_addition(self, request: HttpRequest, object: Model, message: Any) -> Any:
        record(request, "add", object, message, self.standing(object))
        return super().log_addition(request, object, message)

    def log_change(self, request: HttpRequest, object: Model, message: Any) -> Any:
        record(request, "change", object, message, self.standing(object))
        return super().log_change(request, object, message)

    def log_deletions(self, request: HttpRequest, queryset: Any) -> Any:
        for object in queryset:
            record(request, "delete", object, "")
        return super().log_deletions(request, queryset)


def record(
    request: HttpRequest,
    verb: str,
    object: Model,
    message: Any,
    standing: Mapping[str, str] | None = None,
) -> None:
    """Write the row; `message` names changed fields, `standing` has the values to record."""
    name = object._meta.model_name or ""
    chain.append(
        Actor(
            request.user.pk,
            request.user.get_username(),
            Door.BROWSER,
            str(request.META.get("REMOTE_ADDR") or ""),
        ),
        f"admin.{verb}_{name}",
        f"{name}/{object}"[:255],
        Outcome.OK,
        parameters=standing,
        detail=_text(message),
    )


def _text(message: Any) -> str:
    if isinstance(message, str):
        return message
    parts = []
    for item in message:
        for verb, what in item.items():
            fields = ", ".join(what.get("fields", ()))
            parts.append(" ".join(word for word in (verb, what.get("name", ""), fields) if word))
    return "; ".join(parts)
