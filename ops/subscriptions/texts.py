"""How much of a text that came with an alert is shown: it is hostile, and a message is short."""

LONGEST_NAME = 80
LONGEST_LINE = 200


def shortened(text: str, most: int) -> str:
    """Cut a text to `most` characters; a cut text ends with an ellipsis."""
    return text if len(text) <= most else f"{text[: most - 1]}…"
