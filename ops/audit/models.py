import json
from typing import Any, NoReturn

from django.db import models
from django.db.models.functions import StrIndex, Substr

LONGEST_ACTOR = 150
LONGEST_TARGET = 255
_DAMAGED: dict[str, Any] = {
    "address": "",
    "origin": {},
    "parameters": {},
    "detail": "This row is damaged. Run manage.py audit_verify for details.",
}


# Of a target such as "production/petstore": people look for it at any site.
SERVICE = Substr("target", StrIndex("target", models.Value("/")) + 1)


class Outcome(models.TextChoices):
    STARTED = "started", "started"
    OK = "ok", "ok"
    FAILED = "failed", "failed"
    UNKNOWN = "unknown", "unknown"
    DENIED = "denied", "denied"


class AuditEntry(models.Model):
    """A row of the audit log, written once by `ops.audit.chain` and never changed.

    `text` is the whole row as canonical JSON and the only column that is hashed; the other
    columns repeat parts of it for searching. The table has no foreign keys, so nothing that
    happens to users can change it.
    """

    seq = models.BigIntegerField("row", primary_key=True)
    at = models.DateTimeField("time", db_index=True)
    request_id = models.CharField("request", max_length=16, db_index=True)
    actor = models.CharField(max_length=LONGEST_ACTOR, db_index=True)
    door = models.CharField(max_length=16, db_index=True)
    action = models.CharField(max_length=64, db_index=True)
    target = models.CharField(max_length=LONGEST_TARGET, db_index=True)
    outcome = models.CharField(max_length=16, choices=Outcome, db_index=True)
    text = models.TextField()
    hash = models.CharField(max_length=64)

    class Meta:
        default_permissions = ("view",)
        ordering = ("-seq",)
        indexes = [models.Index(SERVICE, name="audit_service")]
        verbose_name = "audit entry"
        verbose_name_plural = "audit entries"

    def __str__(self) -> str:
        return f"{self.seq} {self.actor} {self.action} {self.outcome}"

    def save(self, *args: Any, **kwargs: Any) -> NoReturn:
        raise TypeError("audit rows are written by ops.audit.chain.append and never changed")

    def delete(self, *args: Any, **kwargs: Any) -> NoReturn:
        raise TypeError("audit rows are never deleted")

    @property
    def record(self) -> dict[str, Any]:
        """The parsed text, which also has user ID, address, origin, parameters and detail.

        If the text is damaged, the detail says so, so that the log can still be shown.
        """
        try:
            parsed = json.loads(self.text)
            whole = _DAMAGED | parsed if isinstance(parsed, dict) else _DAMAGED
        except (ValueError, TypeError, RecursionError):
            whole = _DAMAGED
        if all(isinstance(whole[key], type(value)) for key, value in _DAMAGED.items()):
            return whole
        return _DAMAGED
