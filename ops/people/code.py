"""The code with which a person links a Slack account to theirs here.

Forty random bits, in Crockford's letters, of which no two look alike: `K7QM-4RTD`.
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
    """A code; neither str() nor repr() shows it, so that no log and no audit row has it."""

    letters: str = field(repr=False)

    def __str__(self) -> str:
        return "not shown"

    @property
    def shown(self) -> str:
        """As its owner reads it."""
        return f"{self.letters[:4]}-{self.letters[4:]}"

    @property
    def digest(self) -> str:
        """What is stored of it: an HMAC under the installation's secret key, in hex."""
        return salted_hmac("ops.people.code", self.letters, algorithm="sha256").hexdigest()


def new_code() -> Code:
    """Return a code that nobody can foresee."""
    return Code("".join(secrets.choice(LETTERS) for _ in range(LENGTH)))


def parse_code(text: str) -> Code:
    """Read a code as people write it: small letters, other dashes, O for 0.

    Raises InvalidInput for what cannot be one.
    """
    written = "".join(letter for letter in text.upper() if letter.isalnum()).translate(_ALIKE)
    if len(written) != LENGTH or not set(written) <= set(LETTERS):
        raise InvalidInput("a code is eight letters and digits, such as K7QM-4RTD")
    return Code(written)
