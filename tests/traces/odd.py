"""Values and names of every odd kind that a tag can have."""

from typing import Any

NAMES = (
    "", " ", "  lead", "trail  ", "two words", "two\nlines", "a\ttab", "a\0nul", "\x1funit", "\x7f",
    'say "so"', '"all of it"', "it's", "`tick`", '"', '\\"', "back\\slash", "ends\\", "\\\\", "\\n",
    "a=b=c", "=", "==x", "[x]", "tags=[a,b]", "a,b", ",", "service=x", "error", "last=1h",
    ".*", "5..", "a|b", "(x)", "a{2}", "^$", "?", "+", "~", "&", "#", "@", "<", "*",
    "<script>alert(1)</script>", "&amp; &lt;", "{{ 7 * 7 }}", "{% x %}", "%41%00", "${x}",
    "\N{GRINNING FACE}", "\U0001f469\u200d\U0001f469\u200d\U0001f467", "\u05e9\u05dc\u05d5\u05dd",
    "\u202eevil", "\u2028line\u2029par", "\u00a0nbsp\u00a0", "\u3000", "\ufeff", "e\u0301",
    "\u00e9", "\u0130I\u0131i", "\u00df", "\x85",
    "*bold* _it_ <@U1> <!channel> :x: https://x.example",
    "100", "100.0", "1e3", "NaN", "true", "null", "[1,2]", '{"a":1}', "x" * 250,
)  # fmt: skip

VALUES: tuple[Any, ...] = (
    100.0, -0.0, 0.0, 1.0, 0.1, 1 / 3, 1e-6, 9.99e-7, 1e-7, 1.5e-10, 5e-324, 1e20, 1e21, 1e22,
    123456789012345680000.0, 1.7976931348623157e308, -2.5e-9, float("nan"), float("inf"),
    float("-inf"), 0, 1, -1, 2**63 - 1, -(2**63), 2**53 + 1, True, False, None,
    b"", b"\x01\x02\x03", b"\xff\xfe<script>", bytes(range(64)),
    [], [[]], [100.0, 1e-7, -0.0, 1e21], ["a", 1, True, None, 0.5, b"\x01", b""], [float("nan")],
    {}, {"b": 1, "a": {"c": [1, {"d": 2.0}]}}, {"<k>": "<&>\u2028", "": ""}, {"x": float("inf")},
    ["\x01\b\f\n\r\t\x1f\x7f\"\\/"], ["\N{GRINNING FACE}", "\u05e9"],
)  # fmt: skip
