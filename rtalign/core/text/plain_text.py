"""Text of unknown origin as a terminal may show it: no name moves the cursor, hides what follows or forges a line."""

from __future__ import annotations

import re

UNSAFE = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")
"""Control characters but for tab and line feed, characters that turn the direction of writing, and halves of pairs."""


def plain(text: str) -> str:
    r"""A text with every unsafe character written out, so that ESC is shown as \x1b and obeyed by nothing."""
    return UNSAFE.sub(_written_out, text)


def plain_json(line: str) -> str:
    """JSON with every unsafe character escaped, which its readers turn back."""
    return UNSAFE.sub(lambda match: f"\\u{ord(match[0]):04x}", line)


def in_a_line(text: str, most: int = 80) -> str:
    """The beginning of a foreign text as a message may quote it: without ends of lines."""
    return " ".join(text.split())[:most]


def _written_out(match: re.Match[str]) -> str:
    code = ord(match[0])
    return f"\\x{code:02x}" if code < 256 else f"\\u{code:04x}"
