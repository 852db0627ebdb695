from django.db import models

from ops.vocabulary.policies import Policy, Strategy


class Change(models.Model):
    """A change of a service's sampling policy; `previous` is a summary for display.

    The audit log has the same change under the same `request_id`.
    """

    at = models.DateTimeField(auto_now_add=True)
    site = models.CharField(max_length=63)
    service = models.CharField(max_length=63)
    previous = models.CharField(max_length=255)
    strategy = models.CharField(max_length=8, choices=[(s.value, s.value) for s in Strategy])
    rate = models.FloatField()
    actor = models.CharField(max_length=150)
    door = models.CharField(max_length=16)
    request_id = models.CharField(max_length=16)

    class Meta:
        default_permissions = ()
        permissions = [
            ("view_sampling", "Can see sampling"),
            ("change_policy", "Can change sampling policies"),
            ("approve_change", "Can make sampling changes that others asked for"),
        ]
        indexes = [models.Index(fields=["site", "service", "-id"])]

    def __str__(self) -> str:
        return f"{self.site}/{self.service}: {self.policy}"

    @property
    def policy(self) -> Policy:
        return Policy(Strategy(self.strategy), self.rate)


class Delivery(models.Model):
    """What a change sent to one instance, and whether it confirmed; if not, `reason` says why."""

    change = models.ForeignKey(Change, models.CASCADE, related_name="deliveries")
    address = models.CharField(max_length=255)
    told_at = models.DateTimeField(auto_now_add=True)
    confirmed = models.BooleanField()
    reason = models.TextField()

    class Meta:
        default_permissions = ()
        indexes = [models.Index(fields=["address", "-id"])]

    def __str__(self) -> str:
        return f"{self.address}: {'confirmed' if self.confirmed else self.reason}"
