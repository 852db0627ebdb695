"""When to warn of the end of something that lasts for a while.

├───────────── it lasts ─────────────────────┤
since                      warned of       until
                             └── a fifth ────┘
                              but at most so long
"""

SHARE = 5


def last_fifth(since: int, until: int, longest: int) -> int:
    """Return when its last fifth starts: times in Unix nanoseconds, `longest` in nanoseconds."""
    return until - min((until - since) // SHARE, longest)
