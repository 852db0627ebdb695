"""Whether each site is being watched, and when each source last answered."""

from dataclasses import dataclass, replace
from typing import Any

from django.utils import timezone

from ops.database import in_database
from ops.watch.models import SourcePeriod, Watched, WatchedSite
from ops.watch.picture import SourceAnswer, pictures
from ops.watch.subjects import Subject


@dataclass(frozen=True, slots=True)
class SourceReport:
    """A source of one subject, such as alerts. `since` is when it began to answer or to fail.

    `problem` is the sentence of the first failure, "" while it answers. `answered` is when it
    last did, 0 if unknown; `took` is how long the newest poll took. Times are nanoseconds.
    """

    subject: str
    source: str
    since: int
    problem: str
    answered: int = 0
    took: int = 0


@dataclass(frozen=True, slots=True)
class WatchReport:
    """The watch of a site: `holder` is "" if no process watches it now.

    `renewed` is the last sign of life of a watcher, Unix nanoseconds, 0 if there never was one.
    """

    site: str
    holder: str
    renewed: int
    sources: tuple[SourceReport, ...]

    @property
    def trouble(self) -> str:
        """A sentence if it was watched once and is not watched now, else ""."""
        if self.holder or not self.renewed:
            return ""
        return (
            "no watcher is running: nothing is remembered now, and each page asks the sources "
            "itself; start manage.py watch, or manage.py serve, which includes it"
        )


async def watch_report(site: str, *subjects: Subject[Any]) -> WatchReport:
    """Return what the database says of a site's watch, and the newest pictures of subjects."""
    report = await in_database(_read, site)
    known: dict[tuple[str, str], SourceAnswer[Any]] = {}
    for subject in subjects:
        picture = await pictures.newest(site, subject.name, subject.answer)
        for source, answer in picture.sources.items() if picture else ():
            known[subject.name, source] = answer
    unknown: SourceAnswer[Any] = SourceAnswer()
    found = [(each, known.get((each.subject, each.source), unknown)) for each in report.sources]
    sources = (replace(each, answered=last.at, took=last.took) for each, last in found)
    return replace(report, sources=tuple(sources))


def _read(site: str) -> WatchReport:
    row = WatchedSite.objects.filter(site=site).first()
    last = Watched.objects.filter(site=site).order_by("-end").first()
    periods = SourcePeriod.objects.filter(site=site, end=None).order_by("key")
    return WatchReport(
        site=site,
        holder=row.holder if row and row.lease_until > timezone.now() else "",
        renewed=last.end if last else 0,
        sources=tuple(map(_source, periods)),
    )


def _source(row: SourcePeriod) -> SourceReport:
    subject, _, source = row.key.partition(" ")
    return SourceReport(subject, source, row.start, row.reason)
