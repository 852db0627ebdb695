"""Which process watches a site, when each site was watched, and which sources were silent."""

from django.db import models

from ops.leases import Leased
from ops.watch.periods import Period


class WatchedSite(Leased):
    """The lease on a site: its holder polls the site's sources and writes the history.

    `epoch` grows with each new holder. What a holder writes must carry its own.
    """

    site = models.CharField(max_length=63, unique=True)
    epoch = models.BigIntegerField(default=0)

    class Meta:
        default_permissions = ()

    def __str__(self) -> str:
        return f"{self.site}: {self.holder or 'nobody'}, epoch {self.epoch}"


class Watcher(models.Model):
    """A running watcher process; `seen` is its last sign of life."""

    name = models.CharField(max_length=64, primary_key=True)
    seen = models.DateTimeField()

    class Meta:
        default_permissions = ()

    def __str__(self) -> str:
        return self.name


class Watched(models.Model):
    """A time during which one holder watched a site: from `start` to `end`, Unix nanoseconds.

    `end` is the last renewal of the lease. What lies between two of these is a hole: nobody
    watched.
    """

    site = models.CharField(max_length=63)
    epoch = models.BigIntegerField()
    start = models.BigIntegerField()
    end = models.BigIntegerField()

    class Meta:
        default_permissions = ()
        constraints = [
            models.UniqueConstraint(fields=["site", "epoch"], name="watch_one_per_epoch")
        ]
        indexes = [models.Index(fields=["site", "end"], name="watch_watched_end")]

    def __str__(self) -> str:
        return f"{self.site}, epoch {self.epoch}"


class SourcePeriod(Period):
    """A time during which a source answered, or failed.

    `key` is the subject and the source, such as "alerts prometheus-a". `reason` is the first
    error's sentence, "" while it answers.
    """

    ANSWERS, FAILS = "answers", "fails"

    reason = models.TextField(blank=True, default="")

    class Meta(Period.Meta):
        indexes = Period.indexes("source")
