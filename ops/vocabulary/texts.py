"""Texts that are shown: whatever they come from, a sentence stays short."""


def shortened(text: str, most: int) -> str:
    """Cut a text to `most` characters; a cut text ends with an ellipsis."""
    return text if len(text) <= most else f"{text[: most - 1]}…"
