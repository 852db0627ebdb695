"""Which messages a channel should show now: a function of what is stored, and of the time.

    what fired, for how long  ──┐
    who has it, what is silent ─┤
    the subscription  ──────────┼──> wanted() ──> Feed: messages to post, and the posted as they are
    what was posted  ───────────┤
    now  ───────────────────────┘

- A group (all alerts of one name) that fires is one message, from when its first alert is as old
  as the subscription asks for until it has been quiet for REJOIN. If it fires again before that,
  the same message says so. What resolves before it is old enough, or before it could be posted,
  is never posted; nor is what Alertmanager holds back anyway, until it does no longer.
- If more than MOST_NEW groups would be posted within a minute, those that are not posted yet are
  one message, a storm's summary, with the groups listed in its thread. Further groups join it while
  the storm lasts. So what could not be posted in time is merged, too.
- In quiet hours nothing new is posted. At their end, what still fires is, as above.
- An alert whose sources are silent, or that nobody watches, is never said to have resolved.
- While an alert flaps, its message changes every five minutes at most.

Whoever posts claims a message's key before it posts it, and passes all keys that are claimed and
not final as `posted`. Two processes with the same state get the same keys. See
ops.subscriptions.messages for what the results mean, and ops.subscriptions.actions for how to ask.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

from ops.alerts.fired import Fired
from ops.subscriptions.around import Around
from ops.subscriptions.messages import Feed, Message, Posted
from ops.subscriptions.runs import Run, runs_of
from ops.subscriptions.storms import storm_key, storm_of
from ops.subscriptions.subscription import Subscription
from ops.subscriptions.wording import message_of
from ops.vocabulary import timerange
from ops.vocabulary.alerts import rank_of

MOST_NEW = 10  # groups a minute that are messages of their own
STORM_LASTS = 10 * timerange.MINUTE  # after its newest group, another storm is a new message


def wanted(
    subscription: Subscription,
    fired: Sequence[Fired],
    around: Around,
    posted: Sequence[Posted],
    now: int,
) -> Feed:
    """Return what the channel should show; times are Unix nanoseconds.

    `fired` are the alerts that the subscription's filter selects.
    """
    told = {key for each in posted for key in each.groups}
    runs = {run.key: run for run in runs_of(fired, subscription.minimum_age, now, told)}
    quiet, line = subscription.quiet_until(now), subscription.filter
    fresh = [] if quiet else _fresh(runs.values(), told, around)
    keys = tuple(run.key for run in fresh)
    new: tuple[Message, ...] = ()
    if not fresh or len(fresh) + _lately(posted, runs, now) <= MOST_NEW:
        new = tuple(message_of(run, around, now) for run in fresh)
    elif storm := _storm_to_join(posted, runs, now):
        grown = replace(storm, groups=(*storm.groups, *keys))
        posted = [grown if each is storm else each for each in posted]
    else:
        new = (storm_of(Posted(storm_key(fresh), keys, now), runs, around, now, line),)
    return Feed(subscription, new, tuple(_shown(posted, runs, around, now, line)), quiet)


def _fresh(runs: Iterable[Run], told: set[str], around: Around) -> list[Run]:
    """Return the groups that are firing and not posted yet, the most urgent first."""
    found = [
        run
        for run in runs
        if run.key not in told and any(not around.holds_back(each.alert) for each in run.now)
    ]
    return sorted(found, key=lambda run: (rank_of(run.telling.severity), run.appears, run.key))


def _lately(posted: Iterable[Posted], runs: Mapping[str, Run], now: int) -> int:
    """Return how many groups a message was posted of, or joined a storm, in the last minute."""
    since, number = now - timerange.MINUTE, 0
    for each in posted:
        if each.is_storm:
            number += sum(runs[key].appears > since for key in each.groups if key in runs)
        else:
            number += each.at > since
    return number


def _storm_to_join(posted: Iterable[Posted], runs: Mapping[str, Run], now: int) -> Posted | None:
    """Return the storm that goes on, None if the next one is a new message."""
    since = now - STORM_LASTS
    storms = sorted((each for each in posted if each.is_storm), key=lambda each: -each.at)
    for each in storms:
        newest = max((runs[key].appears for key in each.groups if key in runs), default=0)
        if max(newest, each.at) > since:
            return each
    return None


def _shown(
    posted: Iterable[Posted], runs: Mapping[str, Run], around: Around, now: int, line: str
) -> Iterator[Message]:
    """Yield what was posted as it is now; what nothing is known of any more is left out."""
    alone = {each.key for each in posted if not each.is_storm}
    for each in posted:
        if each.is_storm:
            others = tuple(key for key in each.groups if key not in alone)
            if others:
                yield storm_of(replace(each, groups=others), runs, around, now, line)
        elif run := runs.get(each.key):
            yield message_of(run, around, now)
