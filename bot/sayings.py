"""Phrases people use for a command whose name they do not know, and the line that they mean.

The bot suggests the line as a button and never runs it. {} is replaced by the rest of the text.
"""

SAYINGS = {
    "errors": "list traces {} error",
    "show errors": "list traces {} error",
    "list errors": "list traces {} error",
    "errors in": "list traces {} error",
    "errors of": "list traces {} error",
    "failed traces": "list traces {} error",
    "firing": "alerts {}",
    "what fires": "alerts {}",
    "what is firing": "alerts {}",
    "status": "overview {}",
    "dashboard": "overview {}",
    "services": "overview {}",
    "list services": "overview {}",
    "who am i": "overview",
    "whoami": "overview",
    "what version is": "version",
    "diff": "compare {}",
    "set sampling": "change sampling {}",
    "sample": "change sampling {}",
    "increase sampling": "change sampling {}",
    "decrease sampling": "change sampling {}",
    "turn up sampling": "change sampling {}",
    "turn down sampling": "change sampling {}",
    "turn sampling up": "change sampling {}",
    "turn sampling down": "change sampling {}",
    "undo": "undo sampling {}",
    "undo it": "undo sampling",
    "undo that": "undo sampling",
    "undo last change": "undo sampling",
    "undo the change": "undo sampling",
    "go back": "undo sampling {}",
    "revert": "undo sampling {}",
    "reset sampling": "undo sampling {}",
    "roll back": "undo sampling {}",
    "roll back sampling": "undo sampling {}",
    "rollback": "undo sampling {}",
    "rollback sampling": "undo sampling {}",
    "who changed": "sampling history {}",
    "who changed it": "sampling history",
    "who changed sampling": "sampling history {}",
    "history": "sampling history {}",
    "audit": "sampling",
    "audit log": "sampling",
}


def filled(line: str, rest: str) -> str:
    """Put the rest of a text into the {} of a line."""
    return " ".join(line.replace("{}", rest).split())
