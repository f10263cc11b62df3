"""How stretches of signal are marked as bad, by annotations of files and by markers of streams."""

from __future__ import annotations

from collections.abc import Iterable

from rtalign.core.records import BadStretch

JOINED = "boundary of joined files"
MARKED = "marked as bad"
PREFIX = "BAD_"
"""What a marker of a bad stretch begins with, as MNE's annotations do; no word does."""

MAX_REASON, LONGEST_S = 60, 3600.0
"""Characters of a mark that are kept, and the longest stretch that one marker may mark."""


def is_bad_mark(text: str) -> bool:
    """Whether a marker marks signal as bad, rather than being a word."""
    return text.startswith(PREFIX)


def bad_reason(mark: str) -> str:
    """The reason that a word in a marked stretch is skipped with; a mark that is such a reason stays as it is."""
    is_reason = mark == JOINED or mark.startswith(f"{MARKED}: ")
    return mark[: MAX_REASON + len(MARKED) + 2] if is_reason else f"{MARKED}: {mark[:MAX_REASON]}"


def bad_note(stretches: Iterable[BadStretch]) -> list[str]:
    """A note on what is marked in a recording; none where nothing is."""
    marked = [one for one in stretches if one.reason != JOINED]
    seconds = sum(one.stop - one.start for one in marked)
    return [f"{MARKED}: {len(marked)} stretches, {seconds:.1f} s; words there are skipped"] if marked else []
