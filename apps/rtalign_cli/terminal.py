"""A session on a terminal: a calm panel where there is a screen, one JSON line a second where there is none."""

from __future__ import annotations

import json
import math
import shutil
import sys
import time
from typing import Any, TextIO

from rtalign.core.time_format import clock_time
from rtalign.engine.snapshot import Snapshot
from rtalign.streams.events import StreamHealth
from rtalign_cli.text import ladder

LAMP = {"flowing": "●", "ended": "●", "paused": "‖", "found": "▲", "stale": "▲", "searching": "○", "lost": "■"}
"""A shape for every state, as not everybody sees colours."""
COLOUR = {"flowing": 32, "ended": 32, "paused": 36, "found": 33, "stale": 33, "searching": 33, "lost": 31}
MOST_RUNGS = 18
"""Layers shown as rungs; of more, evenly chosen ones."""


class Panel:
    """Draws snapshots in place; what it said before is overwritten."""

    def __init__(self, out: TextIO = sys.stderr, colour: bool = True) -> None:
        self._out, self._colour, self._height = out, colour, 0

    def draw(self, seen: Snapshot) -> None:
        width = shutil.get_terminal_size((100, 30)).columns
        rows = [_cut(line, width) for line in lines(seen)]
        text = "".join(f"\033[2K{self._painted(row)}\n" for row in rows)
        rest = "\033[2K\n" * max(self._height - len(rows), 0)
        up = f"\033[{self._height}A" if self._height else ""
        self._out.write(up + text + rest)
        self._out.flush()
        self._height = max(len(rows), self._height)

    def _painted(self, row: str) -> str:
        if not self._colour:
            return row
        for state, lamp in LAMP.items():
            row = row.replace(f"{lamp} {state}", f"\033[{COLOUR[state]}m{lamp} {state}\033[0m")
        return row


class JsonLines:
    """One line a second, and one for everything that should be known at once."""

    def __init__(self, out: TextIO = sys.stdout, every_s: float = 1.0) -> None:
        self._out, self._every_s, self._next = out, every_s, 0.0

    def draw(self, seen: Snapshot, last: bool = False) -> None:
        now = time.monotonic()
        if now < self._next and not last:
            return
        self._next = now + self._every_s
        self._out.write(json.dumps(as_line(seen), ensure_ascii=False) + "\n")
        self._out.flush()


def lines(seen: Snapshot) -> list[str]:
    """The whole panel."""
    if seen.phase in ("loading", "failed"):
        return ["", f"  {seen.phase}: {seen.reason}"]
    return ["", *_head(seen), "", *_ladder(seen), "", *_temporal(seen), "", *_story(seen), *_notices(seen)]


def _head(seen: Snapshot) -> list[str]:
    work = seen.work
    waiting = f"{seen.work.language_backlog} behind" if work.language_backlog else "up to date"
    reading = "" if work.language_ms is None else f", {work.language_ms:.0f} ms a word"
    scored = ""
    if work.latency_median_s is not None and work.latency_p99_s is not None:
        scored = f"   scores after {1e3 * work.latency_median_s:.0f} ms (p99 {1e3 * work.latency_p99_s:.0f})"
    rows = [
        f"  MEG       {stream_line(seen.health.meg)}",
        f"  words     {stream_line(seen.health.words, unit='words')}",
        f"            {seen.n_received:,} heard   {seen.n_scored:,} scored   {seen.n_waiting} waiting   {skips(seen)}",
        f"  model     {seen.model}, {seen.context}, {waiting}{reading}",
        f"  engine    {100 * work.load:.0f} % of a core, {work.rss_mb:,.0f} MB{scored}",
    ]
    if work.n_solved:
        rows.append(f"  adapting  decoders solved {work.n_solved} times from today's words")
    if work.shedding:
        rows.append(f"  ▲ overload: {work.shedding}")
    if seen.recording:
        rows.append(f"  record    {_keeping(seen)}")
    if seen.position_s is not None and seen.end_s is not None:
        rows.append(f"  replay    {clock_time(seen.position_s)} of {clock_time(seen.end_s)}, {_speed(seen)}")
    return rows


def stream_line(stream: StreamHealth, unit: str = "Hz") -> str:
    lamp = LAMP.get(stream.state, "?")
    parts = [f"{lamp} {stream.state}", stream.name]
    if stream.state in ("lost", "stale"):
        parts.append(f"for {clock_time(stream.since_s)}")
    if unit == "Hz" and stream.nominal_hz:
        parts.append(f"{stream.rate_hz:.1f} of {stream.nominal_hz:g} Hz")
        parts.append(f"{stream.n_gaps} gaps" + (f", {stream.n_lost:,} samples lost" if stream.n_lost else ""))
    if stream.age_s is not None and stream.state not in ("ended", "paused"):
        parts.append(f"age {stream.age_s:.2f} s" if stream.age_s < 10 else f"age {clock_time(stream.age_s)}")
    if stream.offset_s is not None and stream.uncertainty_s is not None:
        parts.append(f"clock {1e3 * stream.offset_s:+.2f} ± {1e3 * stream.uncertainty_s:.2f} ms")
    return "   ".join(part for part in parts if part)


def skips(seen: Snapshot) -> str:
    total = sum(seen.skipped.values())
    why = ", ".join(f"{n} {reason}" for reason, n in sorted(seen.skipped.items(), key=lambda item: -item[1])[:3])
    return f"{total:,} skipped" + (f" ({why})" if why else "")


def _keeping(seen: Snapshot) -> str:
    assert seen.recording is not None
    kept = seen.recording
    if kept.problem:
        return f"■ {kept.problem}"
    left = "" if kept.hours_left is None else f", room for {kept.hours_left:.0f} h"
    return f"● {kept.folder}, {kept.megabytes:,.0f} MB{left}"


def _speed(seen: Snapshot) -> str:
    if seen.paused:
        return "paused"
    return "as fast as it goes" if seen.speed is None else f"{seen.speed:g}x"


def _ladder(seen: Snapshot) -> list[str]:
    if seen.refused:
        return [f"  ■ refused: {reason}" for reason in seen.refused]
    if not seen.peaks:
        return [f"  no curves yet: {seen.reason}"]
    step = -(-len(seen.peaks) // MOST_RUNGS)
    return ladder(seen.peaks[::step])


def _temporal(seen: Snapshot) -> list[str]:
    if seen.temporal is None:
        return [f"  temporal score: none - {seen.reason}" if seen.peaks else ""]
    t = seen.temporal
    low, high = t.ci or (math.nan, math.nan)
    return [
        f"  after {seen.n_assessed:,} words: temporal score r = {t.r:.2f} [{low:.2f}, {high:.2f}], "
        f"{t.slope_ms:+.0f} ms from first layer to last",
        f"  p = {t.p_permutation:.2g} against mismatched words",
    ]


def _story(seen: Snapshot) -> list[str]:
    return ["  … " + " ".join(entry.word.text for entry in seen.words[-14:])] if seen.words else []


def _notices(seen: Snapshot) -> list[str]:
    return [f"  {_bell(notice.level)} {notice.text}" for notice in seen.notices[-3:]]


def _bell(level: str) -> str:
    return {"info": "·", "warning": "▲", "error": "■"}.get(level, "·")


def as_line(seen: Snapshot) -> dict[str, Any]:
    """What a script may want to know, flat and rounded."""
    best = max(seen.peaks, key=lambda rung: rung.peak_r, default=None)
    meg, work = seen.health.meg, seen.work
    return {
        "phase": seen.phase, "time_s": round(seen.time_s, 3), "meg": meg.state, "age_s": _round(meg.age_s, 3),
        "rate_hz": round(meg.rate_hz, 2), "gaps": meg.n_gaps, "lost": meg.n_lost, "words": seen.health.words.state,
        "heard": seen.n_received, "scored": seen.n_scored, "waiting": seen.n_waiting, "skipped": seen.skipped,
        "best_layer": best.layer if best else None, "best_r": _round(best.peak_r if best else None, 4),
        "peaks": sum(rung.peak_s is not None for rung in seen.peaks), "why": seen.reason,
        "temporal_r": _round(seen.temporal.r if seen.temporal else None, 4),
        "slope_ms": _round(seen.temporal.slope_ms if seen.temporal else None, 1),
        "load": round(work.load, 3), "rss_mb": round(work.rss_mb), "language_ms": _round(work.language_ms, 1),
        "backlog": work.language_backlog, "latency_p99_s": _round(work.latency_p99_s, 4),
        "solved": work.n_solved, "shedding": work.shedding, "refused": list(seen.refused),
        "recording": seen.recording.problem or seen.recording.folder if seen.recording else None,
        "notice": seen.notices[-1].text if seen.notices else None,
    }  # fmt: skip


def _round(value: float | None, digits: int) -> float | None:
    return None if value is None else round(value, digits)


def _cut(line: str, width: int) -> str:
    return line if len(line) <= width else line[: max(width - 1, 0)] + "…"
