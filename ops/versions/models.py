from django.db import models

from ops.watch.periods import Period


class Versions(models.Model):
    """No table; this model only carries the permission."""

    class Meta:
        managed = False
        default_permissions = ()
        permissions = [("view_versions", "Can see versions")]


class VersionPeriod(Period):
    """A time during which an instance ran a version; `key` is a digest of the three."""

    RUNS = "runs"

    service = models.CharField(max_length=63)
    instance = models.TextField()
    version = models.TextField()

    class Meta(Period.Meta):
        indexes = [
            *Period.indexes("version"),
            models.Index(fields=["site", "start"], name="version_by_start"),
        ]
