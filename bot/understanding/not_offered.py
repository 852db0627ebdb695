"""What people ask for that OpsPortal does not do: said in one sentence, with what it can do."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from ops.language.lines import some


@dataclass(frozen=True, slots=True)
class NotOffered:
    """What asks for it, the sentence, and lines instead.

    `verbs` ask for it if a text starts with one; `words` and phrases, separated by commas, do
    wherever they stand. A line with `{service}` or `{alert}` is for a text that names one.
    """

    sentence: str
    instead: tuple[str, ...]
    verbs: str = ""
    words: str = ""

    def asked_by(self, said: frozenset[str], first: str) -> frozenset[str]:
        """Return the words of a text that ask for it; `first` is its first that is no filler."""
        if first in self.verbs.split() and not said & QUESTIONS:
            return frozenset({first})
        phrases = (frozenset(phrase.split()) for phrase in self.words.split(","))
        return next((each for each in phrases if each and each <= said), frozenset())

    def lines(self, named: Mapping[str, str]) -> tuple[str, ...]:
        """Return the lines that fit what a text names, by the kind of thing."""
        return tuple(
            line.format_map(named)
            for line in self.instead
            if all(f"{{{kind}}}" not in line or kind in named for kind in ("service", "alert"))
        )


QUESTIONS = some("what when who which why how did was were is are has have does any")
"""With one of them a verb asks for nothing to be done."""
_LOOK = ("show alert {alert}", "alerts {service}", "alerts", "overview")
NOT_OFFERED = (
    NotOffered(
        "OpsPortal does not resolve alerts; you can say that you have one, or silence it",
        ("ack {alert}", "silence {alert}", "alerts {service}", "alerts"),
        verbs="close dismiss",
        words="resolve, inhibit, maintenance, downtime",
    ),
    NotOffered(
        "OpsPortal does not know who is on call",
        _LOOK,
        words="on call, on-call, oncall, duty, rota, roster, pager, pagerduty, opsgenie, shift",
    ),
    NotOffered(
        "OpsPortal does not page or call anyone",
        _LOOK,
        verbs="page escalate notify wake call dm ping summon phone",
    ),
    NotOffered(
        "OpsPortal does not start, stop or restart services",
        ("version {service}", "alerts {service}", "overview"),
        verbs="stop start kill reload drain cordon evict delete terminate failover bounce recycle",
        words="restart, reboot, respawn, shutdown",
    ),
    NotOffered(
        "OpsPortal does not scale services",
        ("version {service}", "overview"),
        verbs="scale resize",
        words="autoscale, upscale, downscale, replicas",
    ),
    NotOffered(
        "OpsPortal does not deploy releases or roll them back; it shows which versions run",
        ("version {service}", "undo sampling {service}", "version"),
        verbs="deploy release ship promote upgrade downgrade merge install",
        words="rollback, roll back, redeploy",
    ),
    NotOffered(
        "OpsPortal does not keep tickets",
        _LOOK,
        words="ticket, jira, statuspage",
    ),
    NotOffered(
        "OpsPortal does not see machines or containers",
        ("version {service}", "alerts {service}", "overview"),
        verbs="ssh describe",
        words="cpu, memory, ram, disk, heap, nodes, pods, container, namespace",
    ),
)


WORDS = frozenset(
    word for each in NOT_OFFERED for word in f"{each.verbs} {each.words.replace(',', ' ')}".split()
)


def not_offered(said: frozenset[str], first: str, meant: Collection[str]) -> NotOffered | None:
    """Return what a text asks for in vain; `meant` are words that lead to a command after all.

    Words are in small letters; `first` is the first that is more than filler.
    """
    for each in NOT_OFFERED:
        asked_by = each.asked_by(said, first)
        if asked_by and not asked_by <= set(meant):
            return each
    return None
