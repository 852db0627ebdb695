"""Words in double quotes, with \\" and \\\\ inside, as every filter line has them."""

import re

QUOTED = r'"(?:[^"\\]|\\.)*"'
# Characters that nothing on the way changes; keyboards and Slack alter others.
_PLAIN = re.compile(r"""(?:[!#-'*-<>-Z^_a-z{|}~()]|(?=[^\W_])[^\x00-\x7f])+""")


def quote(text: str) -> str:
    """Put a string in double quotes if it needs them to be one word."""
    return text if _PLAIN.fullmatch(text) else in_quotes(text)


def in_quotes(text: str) -> str:
    """Put a string in double quotes; `unquote` undoes it."""
    return '"{}"'.format(text.replace("\\", "\\\\").replace('"', '\\"'))


def unquote(word: str) -> str:
    """Undo `quote`. A backslash before anything but a quote or a backslash is kept."""
    if len(word) >= 2 and word[0] == word[-1] == '"':
        return re.sub(r'\\(["\\])', r"\1", word[1:-1])
    return word
