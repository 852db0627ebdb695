"""Which of a channel's subscriptions tells of an alert that several of them select.

an alert  ──> the subscription that has posted a message about its group, which is not final
└─> else the one that tells it first: without quiet hours, at the least age
"""

from collections.abc import Mapping, Sequence

from ops.alerts.fired import Fired
from ops.subscriptions.messages import AllPosted
from ops.subscriptions.runs import digest_of
from ops.subscriptions.subscription import Subscription

Selected = Mapping[int, Sequence[Fired]]  # by the subscription's ID


def shared_out(
    subscriptions: Sequence[Subscription], selected: Selected, posted: AllPosted
) -> Selected:
    """Return what each of these subscriptions of one channel tells, no alert more than once."""
    if len(subscriptions) < 2:
        return selected
    owned = {each.id: _digests(posted, each) for each in subscriptions}
    owner: dict[str, tuple[bool, int]] = {}  # by fingerprint: whether it is only the first, and who
    for each in sorted(subscriptions, key=_eagerness):
        for one in selected[each.id]:
            place = (digest_of(one.alert.name) not in owned[each.id], each.id)
            known = owner.get(one.alert.fingerprint)
            if known is None or place[0] < known[0]:
                owner[one.alert.fingerprint] = place
    return {
        id: [one for one in every if owner[one.alert.fingerprint][1] == id]
        for id, every in selected.items()
    }


def _eagerness(each: Subscription) -> tuple[bool, int, int]:
    return each.quiet is not None, each.minimum_age, each.number


def _digests(posted: AllPosted, subscription: Subscription) -> set[str]:
    messages = posted.get(subscription.id, ())
    return {key.partition("-")[0] for each in messages for key in each.groups}
