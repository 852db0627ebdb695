"""What happens in the demo and when: a function of the seconds since its start.

Ten minutes show everything, then they repeat with new versions:

    0:40  no e-mail is accepted                 alerts become pending, fire and resolve
    2:15  a good release rolls out              one petstore after the other
    4:00  a bad release reaches two petstores   slow, failing traces; alerts; back at 5:40
    6:50  a Prometheus of the pair is silent    the other one carries on
    8:00  a rule cannot be evaluated
    8:50  the store is locked                   alerts for the store and for the petstores
"""

from collections.abc import Sequence
from dataclasses import dataclass

from opsportal.demo.prometheus import Silence
from opsportal.demo.rollouts import CYCLE, Order, Release, releases

# From and until, in seconds since the start of a cycle.
NO_MAIL = (40, 85)
SILENT = (410, 470)
BROKEN = (480, 525)
LOCKED = (530, 560)
# The shares of statements that time out and of e-mails that are refused.
WELL_STORE, LOCKED_STORE = 0.01, 0.6
WELL_MAILER, DEAD_MAILER = 0.02, 1.0


@dataclass(frozen=True, slots=True)
class Scene:
    """What is so at one moment.

    `store` and `mailer` are shares that fail (see `Trouble`), `silence` that of the second source;
    `broken` says whether a rule is, `releases` which release each petstore runs.
    """

    store: float
    mailer: float
    silence: Silence
    broken: bool
    releases: tuple[Release, ...]


def scene(since: float, orders: Sequence[Order] = ()) -> Scene:
    """Return what is so at that time, after what people ordered."""
    cycle, second = divmod(since, CYCLE)

    def during(times: tuple[float, float]) -> bool:
        return times[0] <= second < times[1]

    silence = Silence.STARTING if cycle % 2 else Silence.FROZEN
    return Scene(
        store=LOCKED_STORE if during(LOCKED) else WELL_STORE,
        mailer=DEAD_MAILER if during(NO_MAIL) else WELL_MAILER,
        silence=silence if during(SILENT) else Silence.NONE,
        broken=during(BROKEN),
        releases=releases(since, orders),
    )
