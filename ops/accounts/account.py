"""A Slack account, which may be linked to a user."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class SlackAccount:
    """A Slack user of a workspace; `name` and `workspace` are for display, "" if unknown."""

    team_id: str
    user_id: str
    name: str = ""
    workspace: str = ""

    @property
    def key(self) -> str:
        """The unique key: "T0ACME001/U0ALICE01"."""
        return f"{self.team_id}/{self.user_id}"

    def __str__(self) -> str:
        return f"{self.name or self.user_id} in {self.workspace or self.team_id} ({self.key})"
