"""CTM, the time-marked words of speech recognisers: recording, channel, onset, duration, word."""

from __future__ import annotations

from collections.abc import Iterator

from rtalign.datasets.rows import Row


def ctm_rows(text: str, name: str) -> Iterator[Row]:
    """The rows of a CTM file that describes one recording."""
    first = None
    for line, content in enumerate(text.split("\n"), start=1):
        parts = content.split()
        if not parts or content.startswith(";;"):
            continue
        if len(parts) < 5:
            raise ValueError(
                f"{name}, line {line}: {content[:50]!r} is no CTM row; write recording, channel, onset, duration, word"
            )
        first = first or parts[:2]
        if parts[:2] != first and "<ALT" not in content:
            raise ValueError(
                f"{name}, line {line}: recording {' '.join(parts[:2])} follows {' '.join(first)}; "
                "cut the file into one table a recording"
            )
        yield Row(parts[2], parts[3], parts[4], line)
