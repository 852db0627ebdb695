"""What was set for each service, and which instances are known."""

from django.db import models

from ops.sampling.proof import Proof, Way
from ops.sampling.revisions import InForce
from ops.vocabulary.policies import Policy, Strategy

STRATEGIES, WAYS, PROOFS = (
    [(each.value, each.value) for each in of] for of in (Strategy, Way, Proof)
)


class Revision(models.Model):
    """A change of what a service's sampling is to be; its `id` is the revision's number.

    With `until` it is timed; `then_strategy` ("" for none), `then_rate` and `then_operations` say
    what follows if nothing else is set. `operations` are the shares of single operations.
    `previous` is what the instances had, as the text of a Spread, and `before` its parts, None
    without rates of single operations. `answers` are what they said to this very change, by
    address: "" if they confirmed, else why not; nothing else is ever changed. So many more
    instances were `asking` for theirs. `held` is False for what older releases sent once: it is
    history, and nobody is sent it again. The audit log has the same change under the same
    `request_id`.
    """

    at = models.DateTimeField()
    site = models.CharField(max_length=63)
    service = models.CharField(max_length=63)
    strategy = models.CharField(max_length=16, choices=STRATEGIES)
    rate = models.FloatField()
    operations = models.JSONField(default=dict)
    until = models.DateTimeField(null=True)
    then_strategy = models.CharField(max_length=16, choices=STRATEGIES, default="")
    then_rate = models.FloatField(default=0)
    then_operations = models.JSONField(null=True)
    previous = models.CharField(max_length=255)
    before = models.JSONField(null=True)
    actor = models.CharField(max_length=150)
    door = models.CharField(max_length=16)
    reason = models.CharField(max_length=300, default="")
    request_id = models.CharField(max_length=16)
    answers = models.JSONField(default=dict)
    asking = models.PositiveIntegerField(default=0, db_default=0)
    held = models.BooleanField(default=True)

    class Meta:
        default_permissions = ()
        permissions = [
            ("view_sampling", "Can see sampling"),
            ("change_policy", "Can change sampling policies"),
            ("approve_change", "Can make sampling changes that others asked for"),
        ]
        indexes = [
            models.Index(fields=["site", "service", "-id"], name="sampling_revisions"),
            models.Index(fields=["site", "until"], name="sampling_ends"),
        ]

    def __str__(self) -> str:
        return f"{self.id}: {self.site}/{self.service}: {self.policy}"

    @property
    def policy(self) -> Policy:
        return Policy(Strategy(self.strategy), self.rate).by_operation(self.operations)

    @property
    def then(self) -> Policy | None:
        if not self.then_strategy:
            return None
        policy = Policy(Strategy(self.then_strategy), self.then_rate)
        return policy.by_operation(self.then_operations or {})


class Instance(models.Model):
    """An instance of a service that is known, and what is known of its sampling.

    `key` identifies it among those of its service that get their policy the same way: the address
    if we push, else the ID that it gives. `sent_*` is what it got last, and as part of which
    revision; `proof` says what it made of that, and `reason` why it did not confirm.
    `proven_revision` is the last that it confirmed, `said_*` ("" for nothing) what it says is in
    force. `unauthenticated` means that it asked without a key, `one_rate` that it takes a single
    rate only.
    """

    site = models.CharField(max_length=63)
    service = models.CharField(max_length=63)
    way = models.CharField(max_length=8, choices=WAYS)
    key = models.CharField(max_length=255)
    address = models.CharField(max_length=255)
    client = models.CharField(max_length=255, default="")
    first_heard = models.DateTimeField()
    heard = models.DateTimeField()
    sent_revision = models.BigIntegerField(null=True)
    sent_strategy = models.CharField(max_length=16, choices=STRATEGIES, default="")
    sent_rate = models.FloatField(default=0)
    sent_at = models.DateTimeField(null=True)
    proof = models.CharField(max_length=16, choices=PROOFS, default="")
    proven_revision = models.BigIntegerField(null=True)
    proven_at = models.DateTimeField(null=True)
    said_strategy = models.CharField(max_length=16, choices=STRATEGIES, default="")
    said_rate = models.FloatField(default=0)
    reason = models.TextField(default="")
    unauthenticated = models.BooleanField(default=False)
    one_rate = models.BooleanField(default=False, db_default=False)

    class Meta:
        default_permissions = ()
        constraints = [
            models.UniqueConstraint(
                fields=["site", "service", "way", "key"], name="sampling_one_row_per_instance"
            )
        ]

    def __str__(self) -> str:
        return f"{self.site}/{self.service}: {self.key}, {self.proof or 'nothing known'}"

    @property
    def sent(self) -> Policy | None:
        return Policy(Strategy(self.sent_strategy), self.sent_rate) if self.sent_strategy else None

    @property
    def said(self) -> Policy | None:
        return Policy(Strategy(self.said_strategy), self.said_rate) if self.said_strategy else None

    def has(self, what: InForce) -> bool:
        """Return whether it confirmed what is in force."""
        is_this = self.sent_revision == what.revision and self.sent == what.policy.base
        return is_this and self.proof == Proof.CONFIRMED


class RootsSeen(models.Model):
    """What the first spans of a service's new traces proved of a revision; see `roots`.

    `verdicts` are a proof and the policy that the roots carry, by instance. They count until
    `until`, if revision and policy are still in force.
    """

    site = models.CharField(max_length=63)
    service = models.CharField(max_length=63)
    revision = models.BigIntegerField()
    strategy = models.CharField(max_length=16, choices=STRATEGIES)
    rate = models.FloatField()
    until = models.DateTimeField()
    verdicts = models.JSONField(default=dict)

    class Meta:
        default_permissions = ()
        constraints = [
            models.UniqueConstraint(fields=["site", "service"], name="sampling_roots_per_service")
        ]

    def __str__(self) -> str:
        return f"{self.site}/{self.service}: roots of revision {self.revision}"

    def is_of(self, what: InForce) -> bool:
        """Return whether they are of what is in force."""
        policy = Policy(Strategy(self.strategy), self.rate)
        return (self.revision, policy) == (what.revision, what.policy.base)
