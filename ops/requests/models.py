from django.conf import settings
from django.db import models

from ops.leases import Leased
from ops.sampling.ceiling import Over
from ops.vocabulary.policies import Policy, Strategy


class State(models.TextChoices):
    """How far a requested change has come.

    open ──apply──> applying ──> applied    the change was made, maybe not on every instance
     │                 ├───────> failed     nothing was changed, `problem` says why
     │                 └───────> unknown    it may have been made; its process may be gone
     ├──cancel─────────────────> cancelled  also if the user who asked was deleted
     ├──refuse─────────────────> refused    by somebody else, if it needs their approval
     └──its time is over───────> expired

    If it needs somebody else's approval, only an approver who did not ask for it can apply it.
    """

    OPEN = "open"
    APPLYING = "applying"
    APPLIED = "applied"
    FAILED = "failed"
    CANCELLED = "cancelled"
    REFUSED = "refused"
    EXPIRED = "expired"
    UNKNOWN = "unknown"


class ChangeRequest(Leased):
    """A sampling change that somebody asked for; it is made once somebody applies it.

    `previous` is the policies before, as the text of a Spread, and `before` its parts, None without
    rates of single operations; `instances` is how many instances get
    the change. `asked_by` is None after that user is deleted. `decided_by` applied, cancelled or
    refused it, "" if it was withdrawn because the user was deleted. The lease is held by the
    request ID of the attempt that applies it; that ID also finds the change and its rows in the
    audit log.
    `operations` are the rates of single operations, None for none. `result` is the change as
    ops.requests.results writes it, `problem` an error of the kind `problem_kind`, "" for none.

    The change lasts for `duration` from when it is applied, or until `ends` (Unix nanoseconds), or
    for good if both are 0; `then_strategy` ("" for none) and `then_rate` say what follows.

    It needs somebody else's approval if it has a `ceiling`, in traces a second: it may let through
    more, as far as known `traces`. `why_not` is what was said when it was refused or cancelled.
    """

    key = models.CharField(max_length=16, primary_key=True)
    state = models.CharField(max_length=16, choices=State, default=State.OPEN)
    site = models.CharField(max_length=63)
    service = models.CharField(max_length=63)
    previous = models.CharField(max_length=255)
    before = models.JSONField(null=True)
    strategy = models.CharField(max_length=16, choices=[(s.value, s.value) for s in Strategy])
    rate = models.FloatField()
    operations = models.JSONField(null=True)
    duration = models.BigIntegerField(default=0, db_default=0)
    ends = models.BigIntegerField(default=0, db_default=0)
    then_strategy = models.CharField(max_length=16, default="", db_default="")
    then_rate = models.FloatField(default=0, db_default=0)
    reason = models.CharField(max_length=300, default="", db_default="")
    instances = models.PositiveIntegerField()
    ceiling = models.FloatField(null=True)
    traces = models.FloatField(null=True)
    asked_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+"
    )
    asker = models.CharField(max_length=150)
    door = models.CharField(max_length=16)
    asked_at = models.DateTimeField()
    expires = models.DateTimeField()
    decided_by = models.CharField(max_length=150, default="")
    decided_at = models.DateTimeField(null=True)
    why_not = models.CharField(max_length=300, default="", db_default="")
    result = models.JSONField(null=True)
    problem = models.TextField(default="")
    problem_kind = models.CharField(max_length=32, default="")

    class Meta:
        default_permissions = ()
        indexes = [
            models.Index(fields=["state", "expires"], name="requests_to_close"),
            models.Index(fields=["site", "service", "state"], name="requests_of_a_service"),
        ]

    def __str__(self) -> str:
        return f"{self.key}: {self.site}/{self.service}, {self.state}"

    @property
    def policy(self) -> Policy:
        return Policy(Strategy(self.strategy), self.rate).by_operation(self.operations or {})

    @property
    def over(self) -> Over | None:
        return None if self.ceiling is None else Over(self.service, self.ceiling, self.traces)

    @property
    def then(self) -> Policy | None:
        return Policy(Strategy(self.then_strategy), self.then_rate) if self.then_strategy else None
