"""The code with which a user links a Slack account.

It is forty random bits in Crockford's alphabet, which has no look-alike letters: `K7QM-4RTD`.
"""

import secrets
from dataclasses import dataclass, field

from django.utils.crypto import salted_hmac

from ops.errors import InvalidInput

LETTERS = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
LENGTH = 8
_ALIKE = str.maketrans("OIL", "011")


@dataclass(frozen=True, slots=True)
class Code:
    """A code; neither str() nor repr() shows it, to keep it out of logs and audit rows."""

    letters: str = field(repr=False)

    def __str__(self) -> str:
        return "not shown"

    @property
    def shown(self) -> str:
        """The code as its owner reads it."""
        return f"{self.letters[:4]}-{self.letters[4:]}"

    @property
    def digest(self) -> str:
        """The stored form: an HMAC under the installation's secret key, in hex."""
        return salted_hmac("ops.accounts.code", self.letters, algorithm="sha256").hexdigest()


def new_code() -> Code:
    """Return an unpredictable code."""
    return Code("".join(secrets.choice(LETTERS) for _ in range(LENGTH)))


def parse_code(text: str) -> Code:
    """Read a code as people type it: lower case, other dashes, O for 0.

    Raises InvalidInput if it cannot be a code.
    """
    written = "".join(letter for letter in text.upper() if letter.isalnum()).translate(_ALIKE)
    if len(written) != LENGTH or not set(written) <= set(LETTERS):
        raise InvalidInput("a code is eight letters and digits, such as K7QM-4RTD")
    return Code(written)
