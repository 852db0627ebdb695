from django.conf import settings
from django.db import models


class OwnSilence(models.Model):
    """A silence that somebody made here, so that they can be warned of its end.

    `key` is its ID in Alertmanager, `matchers` are one line. It was made by `user`, and lasts
    from `since`, when its end was set last, to `until`; `warn_at` is when to warn of that. If
    somebody ended it here, `ended_by` is their name, and `until` when that was.
    """

    site = models.CharField(max_length=63)
    key = models.CharField(max_length=64)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="+")
    matchers = models.TextField()
    since = models.DateTimeField()
    warn_at = models.DateTimeField()
    until = models.DateTimeField(db_index=True)
    ended_by = models.CharField(max_length=150, default="")

    class Meta:
        default_permissions = ()
        constraints = [models.UniqueConstraint(fields=["site", "key"], name="one_row_a_silence")]

    def __str__(self) -> str:
        return f"{self.site}/{self.key}"
