"""Which user a Slack account belongs to, for a door that has no actor yet."""

from collections.abc import Collection

from django.contrib.auth.models import User

from ops.accounts.account import SlackAccount
from ops.accounts.models import Identity


def users_of(accounts: Collection[SlackAccount]) -> list[User]:
    """Return the users linked to any of one person's Slack accounts, active or not."""
    keys = {account.key for account in accounts}
    near = Identity.objects.select_related("user").filter(
        slack_team_id__in={account.team_id for account in accounts},
        slack_user_id__in={account.user_id for account in accounts},
    )
    found = {each.user.pk: each.user for each in near if each.account.key in keys}
    return list(found.values())


def accounts_of(user_id: int) -> list[SlackAccount]:
    """Return the Slack accounts that a user has linked."""
    return [each.account for each in Identity.objects.filter(user_id=user_id).order_by("pk")]


def same_email(email: str) -> User | None:
    """Return the one active user with this e-mail address, None if there are none or several."""
    same = list(User.objects.filter(email__iexact=email, is_active=True)[:2]) if email else []
    return same[0] if len(same) == 1 else None
