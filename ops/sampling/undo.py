"""Which policy undoing a service's last change restores. One rule for every door."""

from collections.abc import Sequence

from ops.sampling.facts import SamplingChange
from ops.vocabulary.policies import Policy

LOOK_BACK = 50  # changes to search


def undo_policy(changes: Sequence[SamplingChange]) -> Policy | None:
    """Return the policy to restore, given a service's changes, newest first; None for none.

    This is the last different policy that was in force: of the earlier changes, newest first, the
    first to another policy that at least half of its instances confirmed. A change that most
    instances did not confirm was never in force, and sending the same policy again is not undone.
    What was set for a while only is not restored, as it would then stay.
    """
    if not changes:
        return None
    newest, *earlier = changes
    return next(
        (
            change.policy
            for change in earlier
            if change.policy != newest.policy
            and change.until is None
            and 2 * change.confirmed >= len(change.instances)
        ),
        newest.then,
    )
