"""Times and durations as text: every style that a person sees."""

from __future__ import annotations


def clock_time(seconds: float) -> str:
    """Time on a clock, floored to seconds: 01:07, or 1:02:03 from an hour on; negative times are 00:00."""
    whole = int(max(seconds, 0))
    hours, minutes = divmod(whole // 60, 60)
    return f"{hours}:{minutes:02d}:{whole % 60:02d}" if hours else f"{minutes:02d}:{whole % 60:02d}"


def position_time(seconds: float) -> str:
    """Position in a recording, floored to seconds: 0:41, or 1:02:03 from an hour on."""
    minutes, rest = divmod(int(seconds), 60)
    return f"{minutes // 60}:{minutes % 60:02d}:{rest:02d}" if minutes >= 60 else f"{minutes}:{rest:02d}"


def age_text(seconds: float) -> str:
    """Time since the newest sample: 0.25 s, 34 s, or `clock_time` from a minute on."""
    if seconds < 10:
        return f"{seconds:.2f} s"
    return f"{seconds:.0f} s" if seconds < 60 else clock_time(seconds)


def duration(seconds: float) -> str:
    """How long work takes: 2.5 s, 75 s, 12 min or 1 h 05 min."""
    if seconds < 10:
        return f"{seconds:.1f} s"
    if seconds < 99.5:
        return f"{seconds:.0f} s"
    if seconds < 5970:
        return f"{seconds / 60:.0f} min"
    return f"{int(seconds / 3600)} h {int(seconds / 60) % 60:02d} min"


def decimal_duration(seconds: float) -> str:
    """A duration as reports write it: 0.25 s, 75 s, 12 min or 1.5 h."""
    if seconds < 1:
        return f"{seconds:.2f} s"
    if seconds < 90:
        return f"{seconds:.0f} s"
    minutes = seconds / 60
    return f"{minutes:.0f} min" if minutes < 90 else f"{minutes / 60:.1f} h"


def long_duration(seconds: float) -> str:
    """As `decimal_duration`, and in days from 48 hours on: 3 d."""
    return decimal_duration(seconds) if seconds < 48 * 3600 else f"{seconds / 86400:,.0f} d"


def rough_duration(seconds: float) -> str:
    """A rough estimate, in one unit without decimals: 45 s, 90 min, 30 h or 3 d."""
    hours = seconds / 3600
    if hours < 1 / 60:
        return f"{seconds:.0f} s"
    return f"{60 * hours:.0f} min" if hours < 2 else f"{hours:.0f} h" if hours < 48 else f"{hours / 24:.0f} d"


def rounded_duration(seconds: float) -> str:
    """Time left, rounded: a multiple of 10 s up to 90 s, then minutes."""
    return f"{10 * max(round(seconds / 10), 1)} s" if seconds < 95 else f"{round(seconds / 60)} min"


def signed_ms(seconds: float) -> str:
    """A lag in milliseconds, with its sign: 0, +230, −100."""
    value = round(1000 * seconds)
    return f"+{value}" if value > 0 else str(value).replace("-", "−")
