"""The versions of a service's instances, counted."""

import re
from collections import Counter
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class InstanceVersion:
    """One instance; `version` is "" if it is down or reports none."""

    instance: str
    version: str


@dataclass(frozen=True, slots=True)
class ServiceVersions:
    """The versions of a service. `problem` is one sentence if nothing is known, else "".

    `empty` means that Prometheus answered with nothing, `coming` that it has not answered yet.

    `total` counts the instances that should exist: it exceeds `len(instances)` if the site file
    or `up` lists more instances than report a version.
    """

    site: str
    service: str
    instances: tuple[InstanceVersion, ...]
    total: int
    warnings: tuple[str, ...] = ()
    problem: str = ""
    empty: bool = False
    coming: bool = False

    @property
    def known(self) -> int:
        """How many instances report a version."""
        return len(self._versions())

    @property
    def counts(self) -> tuple[tuple[str, int], ...]:
        """Each version and the number of instances that run it, newest first."""
        newest_first = sorted(self._versions(), key=_natural, reverse=True)
        return tuple(Counter(newest_first).items())

    @property
    def summary(self) -> str:
        """`1.2.0 on 3 of 3`, or `1.3.0 on 1 of 3, 1.2.0 on 2 of 3`, or `1.2.0, 2 of 3 known`.

        The newest version comes first. `unknown` if no instance reports a version.
        """
        if not self.counts:
            return "unknown"
        partial = f", {self.known} of {self.total} known" if self.known < self.total else ""
        if len(self.counts) == 1 and partial:
            return self.counts[0][0] + partial
        each = (f"{version} on {count} of {self.total}" for version, count in self.counts)
        return ", ".join(each) + partial

    @property
    def spread(self) -> str:
        """`1.2.0`, or `1.3.0 on petstore-3, 1.2.0 on 2 others`: the versions in a sentence.

        "" if no instance reports a version.
        """
        if len(self.counts) == 1 and self.known >= self.total:
            return self.counts[0][0]
        parts = [
            f"{version} on {self._where(version, count, others=index > 0)}"
            for index, (version, count) in enumerate(self.counts)
        ]
        left = f"{self.total - self.known} unknown" if parts and self.known < self.total else ""
        return ", ".join([*parts, *([left] if left else [])])

    def _where(self, version: str, count: int, *, others: bool) -> str:
        if count > 1:
            return f"{count} others" if others else f"{count} instances"
        [name] = [each.instance for each in self.instances if each.version == version]
        return name or ("another" if others else "one instance")

    def _versions(self) -> list[str]:
        return [each.version for each in self.instances if each.version]


def _natural(version: str) -> list[tuple[int, int, str]]:
    """Sort versions naturally: 1.9 before 1.10, 1.3.0-rc1 before 1.3.0."""
    parts = [
        (1, int(part), "") if part.isdigit() else (-1 if part[0] == "-" else 0, 0, part)
        for part in re.findall(r"[0-9]+|[^0-9]+", version)
    ]
    return [*parts, (0, 0, "")]
