"""Deletes what is older than the history, of every site that was ever watched.

So the past of a site that is no longer in the site file goes too.
"""

import time
from collections.abc import Callable, Iterable

from django.db import models

from ops.watch.models import SourcePeriod, Watched, WatchedSite

SLICE = 200  # rows a statement: SQLite is locked meanwhile


def prune(
    remembered: Iterable[type[models.Model]],
    before: int,
    seconds: float,
    clock: Callable[[], float] = time.monotonic,
) -> None:
    """Delete what ended before a time (Unix nanoseconds), in small steps.

    `remembered` are the models of what the subjects remember. After some seconds, what is left
    waits for the next time.
    """
    sites = [*WatchedSite.objects.values_list("site", flat=True)]
    watched = {*Watched.objects.filter(end__gte=before).values_list("site", flat=True).distinct()}
    tables: tuple[type[models.Model], ...] = (*remembered, SourcePeriod, Watched)
    left = [
        (model, site, model is not Watched and site not in watched)
        for model in tables
        for site in sites
    ]
    until = clock() + seconds
    while left and clock() < until:
        left = [each for each in left if _delete(*each, before) == SLICE]


def _delete(model: type[models.Model], site: str, forgotten: bool, before: int) -> int:
    """Delete a slice; what has no end is old too if nobody has watched the site since."""
    rows = model._default_manager.filter(site=site)
    old = rows.filter(end__lt=before).order_by("end")
    slices = [old, rows.filter(end=None)] if forgotten else [old]
    pks = [pk for each in slices for pk in each.values_list("pk", flat=True)[:SLICE]][:SLICE]
    if pks:
        # By these alone: given a site too, SQLite would search all of its rows for them.
        model._default_manager.filter(pk__in=pks).delete()
    return len(pks)
