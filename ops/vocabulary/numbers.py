"""Numbers as other programs write them, for people."""

import math

_SI = ((1e12, "T"), (1e9, "G"), (1e6, "M"))
_PLAIN = 1e-3  # smaller numbers are written with an exponent


def in_words(text: str) -> str:
    """Return `0.228` for `2.2797e-01`, `1.23 T`, `12,345`, `infinite`, `not a number`.

    A text that is no number is returned as it is.
    """
    try:
        number = float(text)
    except ValueError:
        return text
    if math.isnan(number):
        return "not a number"
    if math.isinf(number):
        return "infinite" if number > 0 else "minus infinite"
    size = abs(number)
    if size >= 1e15 or 0 < size < _PLAIN:
        return f"{number:.3g}"
    for unit, letter in _SI:
        if size >= unit:
            return f"{number / unit:.3g} {letter}"
    return f"{number:,.0f}" if size >= 1_000 else f"{number:.3g}"
