"""Minutes and seconds as people read them."""

from __future__ import annotations


def clock(seconds: float) -> str:
    """01:07, or 1:02:03 from an hour on."""
    whole = int(max(seconds, 0))
    hours, minutes = divmod(whole // 60, 60)
    return f"{hours}:{minutes:02d}:{whole % 60:02d}" if hours else f"{minutes:02d}:{whole % 60:02d}"


def place(seconds: float) -> str:
    """0:41, or 1:02:03 from an hour on: where something stands in a recording."""
    minutes, rest = divmod(int(seconds), 60)
    return f"{minutes // 60}:{minutes % 60:02d}:{rest:02d}" if minutes >= 60 else f"{minutes}:{rest:02d}"
