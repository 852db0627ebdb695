"""Read people's own words as what follows a command: what most commands take."""

from collections.abc import Collection, Sequence

from bot.registry import Message, NothingToRead
from ops.errors import OpsError
from ops.language.lines import Word, normal, without_filler, words
from ops.language.names import Kind, Likeness, Name, Names, SiteNames
from ops.language.reading import Reading
from ops.language.times import strict_range
from ops.overview import actions as overview
from ops.sites import sites
from ops.vocabulary.quoting import quote

TIMES = ("last", "from", "to")
_SERVICES = (Kind.SERVICE, Kind.INSTANCE, Kind.VERSION)


async def names_for(message: Message) -> Names:
    """Return the names that the author may see; without any right, only the default site's."""
    try:
        return await overview.names(message.actor)
    except OpsError:
        return Names((SiteNames(sites().default),))


async def read_where(message: Message, text: str) -> Reading:
    """Read `[SERVICE] [site=NAME]`: a service, also by its instance or version, and a site."""
    names = await names_for(message)
    service, site, left = take_there(words(normal(text)), names, *_SERVICES)
    return Reading(where_line(names, service, site), words_left(left))


async def read_where_and_when(message: Message, text: str) -> Reading:
    """Read `[SERVICE] [last=1h] [from=TIME to=TIME] [site=NAME]`."""
    line, said = strict_range(normal(text), message.clock)
    found = words(line)
    times = [each for each in found if each.operator == "=" and each.key in TIMES]
    names = await names_for(message)
    others = [each for each in found if each not in times]
    service, site, left = take_there(others, names, *_SERVICES)
    when = " ".join(f"{each.key}={each.text}" for each in times)
    return Reading(f"{where_line(names, service, site)} {when}".strip(), words_left(left), said)


async def read_alert(message: Message, text: str, missing: str) -> Reading:
    """Read `ALERT [site=NAME]`; raises NothingToRead with what is `missing` without an alert."""
    names = await names_for(message)
    alert, site, left = take_there(words(normal(text)), names, Kind.ALERT)
    if alert is None:
        raise NothingToRead(missing)
    return Reading(f"{quote(alert.name)}{elsewhere(names, alert, site)}", words_left(left))


async def read_site(message: Message, text: str) -> Reading:
    """Read `[site=NAME]`."""
    site, left = take_name(words(normal(text)), await names_for(message), Kind.SITE)
    return Reading(f"site={quote(site.name)}" if site else "", words_left(left))


async def nothing_more(message: Message, text: str) -> Reading:
    """Read nothing, for a command that takes nothing."""
    return Reading("", words_left(words(normal(text))))


def take_name(
    found: Sequence[Word], names: Names, *kinds: Kind, besides: Collection[str] = ()
) -> tuple[Name | None, tuple[Word, ...]]:
    """Take the word that is most like a name of these kinds; returns it and the other words.

    `service=x` and `site=x` are names, too; `besides` are words that name nothing.
    """
    best: tuple[Name, Sequence[Word]] | None = None
    for word in found:
        if not _may_be(word, kinds) or word.small in besides:
            continue
        for name in names.recognise(word.text, *kinds)[:1]:
            if best is None or name.likeness < best[0].likeness:
                best = name, (word,)
    if best is None:
        best = _of_several_words(found, names, kinds)
    if best is None:
        return None, tuple(found)
    return best[0], tuple(each for each in found if each not in best[1])


def _of_several_words(
    found: Sequence[Word], names: Names, kinds: Collection[Kind]
) -> tuple[Name, Sequence[Word]] | None:
    """Return the name that words next to each other are, such as `slow requests`."""
    for length in (3, 2):
        for start in range(len(found) - length + 1):
            some = found[start : start + length]
            if any(each.operator or each.quoted or each.is_filler for each in some):
                continue
            text = " ".join(each.text for each in some)
            for name in names.recognise(text, *kinds, least=Likeness.LETTERS)[:1]:
                return name, some
    return None


def take_there(
    found: Sequence[Word], names: Names, *kinds: Kind
) -> tuple[Name | None, Name | None, tuple[Word, ...]]:
    """Take a name likewise, and a site; if a site is named, its own names come first."""
    name, left = take_name(found, names, *kinds)
    site, rest = take_name(left, names, Kind.SITE)
    if name and site and name.site != site.name:
        others = [each for each in found if each in rest or each not in left]
        there, its_rest = take_name(others, Names((names.site(site.name),)), *kinds)
        if there:
            return there, site, its_rest
    return name, site, rest


def elsewhere(names: Names, name: Name | None, site: Name | None = None) -> str:
    """Return ` site=NAME` if the site that is named, or else the name's, is not the user's own."""
    place = meant.site if (meant := site or name) else ""
    return f" site={quote(place)}" if place and place != names.own.site else ""


def where_line(names: Names, service: Name | None, site: Name | None = None) -> str:
    """Return a service and its site as the commands take them."""
    name = (service.of or service.name) if service else ""
    return f"{name}{elsewhere(names, service, site)}".strip()


def words_left(found: Sequence[Word]) -> tuple[str, ...]:
    """Return the words that are more than filler, as they were typed."""
    return tuple(f"{each.key}{each.operator}{each.text}" for each in without_filler(found))


def _may_be(word: Word, kinds: Collection[Kind]) -> bool:
    if word.operator:
        return word.operator in ("=", ":") and word.key.lower() in (each.value for each in kinds)
    return not word.is_filler
