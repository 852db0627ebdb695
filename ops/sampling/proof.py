"""How instances get their policy, and what is known of what they made of it."""

from enum import StrEnum


class Way(StrEnum):
    """How an instance gets its policy."""

    PUSH = "push"  # we call its ChangeSampler
    REMOTE = "remote"  # it polls, as Jaeger's remote sampling does
    OPAMP = "opamp"

    @property
    def words(self) -> str:
        """What people call it."""
        return {Way.PUSH: "ChangeSampler", Way.REMOTE: "remote sampling", Way.OPAMP: "OpAMP"}[self]


class Proof(StrEnum):
    """What is known of the newest revision on an instance, the strongest first."""

    CONFIRMED = "confirmed"  # it said that it is in force, and nothing contradicts that
    ROOTS = "roots"  # its new traces carry the rate
    FETCHED = "fetched"  # it has asked since
    TOLD = "told"  # it was sent, and no answer is known yet
    REFUSED = "refused"  # it said no
    SILENT = "silent"  # it does not answer
    CONTRADICTED = "contradicted"  # it answered, but something else is in force
    GONE = "gone"  # it has not been heard of for three intervals

    @property
    def words(self) -> str:
        """What it means, for people."""
        return _WORDS[self]


# What to look at if something else is in force than what was sent.
CHECK = "check whether its code or OTEL_TRACES_SAMPLER sets another sampler"
_WORDS = {
    Proof.CONFIRMED: "confirmed",
    Proof.ROOTS: "its new traces carry the rate",
    Proof.FETCHED: "fetched, not confirmed",
    Proof.TOLD: "sent, no answer yet",
    Proof.REFUSED: "refused",
    Proof.SILENT: "no answer",
    Proof.CONTRADICTED: "answered, not in force",
    Proof.GONE: "gone",
}
