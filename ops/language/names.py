"""The names that a word can mean, and recognising one however it is spelled.

A name is recognised exactly, in other letters (`QUEUE-DEEP`), in the plural, by a part that no
other name of its kind has (`AddPets` in `petstore.v1.Petstore/AddPets`), or with one slip.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum, IntEnum
from functools import cached_property, lru_cache
from itertools import chain

from ops.vocabulary.slips import is_one_slip

LONGEST = 200  # characters of a name or word that is recognised
SHORTEST_SLIP = 4  # letters: among shorter ones everything is one slip from something
LONGEST_SLIP = 40
SHORTEST_PART = 3
MOST_WITH_SLIPS = 5_000  # names; among more, only those that are spelled right are recognised
_APART = re.compile(r"[-_ ]+")
_PARTS = re.compile(r"[/.: ]+")
_ENDINGS = ("service", "svc", "server", "api", "app")


class Kind(Enum):
    """What a name is the name of."""

    SITE = "site"
    SERVICE = "service"
    OPERATION = "operation"
    ALERT = "alert"
    SEVERITY = "severity"
    STATE = "state"
    LABEL = "label"  # its name
    VALUE = "value"  # of a label, whose name is the Name's `of`
    VERSION = "version"
    INSTANCE = "instance"


class Likeness(IntEnum):
    """How a word resembles a name, the surest first."""

    EXACT = 0
    LETTERS = 1  # but for capitals, hyphens, underscores and blanks
    PLURAL = 2
    PART = 3
    SLIP = 4


@dataclass(frozen=True, slots=True)
class Name:
    """A name that was recognised, on one site.

    `of` is the service of an operation, version or instance, and the label of a value.
    """

    kind: Kind
    name: str
    site: str
    likeness: Likeness = Likeness.EXACT
    of: str = ""


_NONE: Mapping[str, tuple[str, ...]] = {}


@dataclass(frozen=True)
class SiteNames:
    """The names of one site.

    `services` are those of the site file, `others` those that only Jaeger knows; `in_traces` has
    the services whose name in traces differs, by that name. `operations`, `versions` and
    `instances` are by service, `labels` has the values of each label of an alert. `missing` names
    the parts that did not answer in time: "services", "operations", "alerts", "versions".
    """

    site: str
    default_service: str = ""
    services: tuple[str, ...] = ()
    others: tuple[str, ...] = ()
    in_traces: Mapping[str, str] = field(default_factory=dict)
    operations: Mapping[str, tuple[str, ...]] = field(default_factory=lambda: _NONE)
    alerts: tuple[str, ...] = ()
    severities: tuple[str, ...] = ()
    labels: Mapping[str, tuple[str, ...]] = field(default_factory=lambda: _NONE)
    versions: Mapping[str, tuple[str, ...]] = field(default_factory=lambda: _NONE)
    instances: Mapping[str, tuple[str, ...]] = field(default_factory=lambda: _NONE)
    missing: frozenset[str] = frozenset()

    @cached_property
    def _tables(self) -> Mapping[Kind, "_Table"]:
        """The tables in which a word is looked up."""
        services = (*self.services, *self.in_traces, *self.others)
        return {
            Kind.SITE: _table((("", (self.site,)),)),
            Kind.SERVICE: _table((("", services),)),
            Kind.OPERATION: _table(tuple(self.operations.items())),
            Kind.ALERT: _table((("", self.alerts),)),
            Kind.SEVERITY: _table((("", self.severities),)),
            Kind.LABEL: _table((("", tuple(self.labels)),)),
            Kind.VALUE: _table(tuple(self.labels.items())),
            Kind.VERSION: _table(tuple(self.versions.items())),
            Kind.INSTANCE: _table(tuple(self.instances.items())),
        }

    def find(self, word: str, kind: Kind, whose: str, least: Likeness) -> Iterator[Name]:
        """Yield the names of a kind that a word may mean; `whose` keeps those `of` that alone."""
        likeness, found = self._tables[kind].find(word, whose, least)
        for name, of in found:
            meant = self.in_traces.get(name, name) if kind is Kind.SERVICE else name
            yield Name(kind, meant, self.site, likeness, of)


@dataclass(frozen=True)
class Names:
    """The names of all sites, the one that the user is asking about first."""

    sites: tuple[SiteNames, ...]

    @property
    def own(self) -> SiteNames:
        """The site that is meant if no other is named."""
        return self.sites[0]

    def site(self, name: str = "") -> SiteNames:
        """Return a site's names; an unknown site has none but its own."""
        if not name:
            return self.own
        return next((each for each in self.sites if each.site == name), SiteNames(name))

    def site_called(self, word: str) -> str:
        """Return the site of that name, also for short or in other letters; "" for none."""
        return site_called(word, (each.site for each in self.sites))

    def recognise(
        self,
        word: str,
        *kinds: Kind,
        site: str = "",
        of: str = "",
        least: Likeness = Likeness.SLIP,
    ) -> tuple[Name, ...]:
        """Return what a word means: several names if they are equally alike, () for nothing.

        The kinds are in order of preference. With a site only its names count, with `of` only what
        belongs to that; otherwise those of the user's own site come before those of the others. The
        word has to resemble a name at `least` so much.
        """
        if not word or len(word) > LONGEST:
            return ()
        asked = [self.site(site)] if site else self.sites
        found = [
            (each.likeness, number, order, each)
            for number, where in enumerate(asked)
            for order, kind in enumerate(kinds)
            for each in where.find(word, kind, of, least)
        ]
        if not found:
            return ()
        best = min(found, key=lambda each: each[:3])[:3]
        return tuple(dict.fromkeys(each for *key, each in found if tuple(key) == best))


def site_called(word: str, sites: Iterable[str]) -> str:
    """Return the site that a word means, also for short (`prod`); "" for none."""
    small, called = folded(word), {folded(site): site for site in sites}
    if small in called or len(small) < SHORTEST_PART:
        return called.get(small, "")
    alike = [
        site
        for name, site in called.items()
        if len(name) >= SHORTEST_PART and (name.startswith(small) or small.startswith(name))
    ]
    return alike[0] if len(alike) == 1 else ""


def folded(text: str) -> str:
    """Return a name for comparing: without capitals, hyphens, underscores and blanks."""
    return _APART.sub("", text.casefold())


_Entry = tuple[str, str]  # a name, and what it is of


@lru_cache(maxsize=128)
def _table(names: tuple[tuple[str, tuple[str, ...]], ...]) -> "_Table":
    return _Table((name, of) for of, own in names for name in own if 0 < len(name) <= LONGEST)


class _Table:
    """The names of one kind by every form under which they are recognised."""

    def __init__(self, entries: Iterable[_Entry]) -> None:
        self._exact: dict[str, list[_Entry]] = {}
        self._folded: dict[str, list[_Entry]] = {}
        for entry in sorted({*entries}):
            self._exact.setdefault(entry[0], []).append(entry)
            self._folded.setdefault(folded(entry[0]), []).append(entry)

    @cached_property
    def _parts(self) -> Mapping[str, list[_Entry]]:
        found: dict[str, list[_Entry]] = {}
        for small, entries in self._folded.items():
            for part in {*_parts_of(small)}:
                found.setdefault(part, []).extend(entries)
        return found

    @cached_property
    def _slips(self) -> Mapping[str, list[str]]:
        """Each name, and each with one letter missing."""
        found: dict[str, list[str]] = {}
        if len(self._folded) <= MOST_WITH_SLIPS:
            for small in self._folded:
                if SHORTEST_SLIP <= len(small) <= LONGEST_SLIP:
                    for form in {small, *_shortened(small)}:
                        found.setdefault(form, []).append(small)
        return found

    def find(self, word: str, whose: str, least: Likeness) -> tuple[Likeness, Sequence[_Entry]]:
        """Return the names that the word resembles most, and how; at `least` so much."""
        if not self._exact:
            return Likeness.SLIP, ()
        small = folded(word)
        for likeness in Likeness:
            if likeness > least:
                break
            found = self._alike(word, small, likeness)
            if kept := [each for each in found if whose in ("", each[1])]:
                return likeness, kept
        return least, ()

    def _alike(self, word: str, small: str, likeness: Likeness) -> Sequence[_Entry]:
        match likeness:
            case Likeness.EXACT:
                return self._exact.get(word, ())
            case Likeness.LETTERS:
                return self._folded.get(small, ())
            case Likeness.PLURAL:
                found = (self._folded.get(single) for single in _singulars(small))
                return next(filter(None, found), ())
            case Likeness.PART:
                return self._parts.get(small, ()) if len(small) >= SHORTEST_PART else ()
        if not SHORTEST_SLIP <= len(small) <= LONGEST_SLIP:
            return ()
        near = {
            name
            for form in (small, *_shortened(small))
            for name in self._slips.get(form, ())
            if is_one_slip(small, name)
        }
        return [*chain.from_iterable(self._folded[name] for name in sorted(near))]


def _singulars(small: str) -> Iterator[str]:
    if small.endswith("ies"):
        yield f"{small[:-3]}y"
    if small.endswith("es"):
        yield small[:-2]
    if small.endswith("s"):
        yield small[:-1]


def _parts_of(small: str) -> Iterator[str]:
    """Yield what a name is called for short: its last segment, or all but `-service`."""
    segments = [part for part in _PARTS.split(small) if part]
    if len(segments) > 1:
        yield segments[-1]
    if small.startswith("/"):
        yield small.lstrip("/")
    for ending in _ENDINGS:
        if small.endswith(ending) and len(small) > len(ending):
            yield small.removesuffix(ending)
        if not small.endswith(ending):
            yield f"{small}{ending}"


def _shortened(small: str) -> Iterator[str]:
    for at in range(len(small)):
        yield small[:at] + small[at + 1 :]
