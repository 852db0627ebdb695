"""Which user a Slack account belongs to, for a door that has no actor yet."""

from django.contrib.auth.models import User

from ops.accounts.account import SlackAccount
from ops.accounts.models import Identity


def user_of(account: SlackAccount) -> User | None:
    """Return the user linked to the Slack account, active or not."""
    of_account = Identity.objects.select_related("user").filter(
        slack_team_id=account.team_id, slack_user_id=account.user_id
    )
    found = of_account.first()
    return found.user if found else None


def same_email(email: str) -> User | None:
    """Return the one active user with this e-mail address, None if there are none or several."""
    same = list(User.objects.filter(email__iexact=email, is_active=True)[:2]) if email else []
    return same[0] if len(same) == 1 else None
