"""A session on a terminal: a view redrawn in place on a screen, one JSON line a second in a pipe."""

from __future__ import annotations

import json
import shutil
import sys
import time
from typing import Any, TextIO

from rtalign.core.text.plain_text import plain, plain_json
from rtalign.core.text.time_format import clock_time
from rtalign.engine.snapshot import ControlView, Snapshot, assessed_words, minutes_of
from rtalign.scoring.headline import correlation_text, headline, p_text, slope_text, waiting_for
from rtalign.scoring.outlook import outlook_text
from rtalign.streams.events import StreamHealth
from rtalign_cli.text import ladder_lines

SYMBOL = {"flowing": "●", "ended": "●", "paused": "‖", "found": "▲", "stale": "▲", "searching": "○", "lost": "■"}
"""A shape for every state, as not everybody can tell the colours apart."""
COLOUR = {"flowing": 32, "ended": 32, "paused": 36, "found": 33, "stale": 33, "searching": 33, "lost": 31}
LEVEL = {"info": "·", "warning": "▲", "error": "■"}
SILENT_S = 2.0
"""A recording to which nothing was added for so long says so."""
MAX_LAYERS = 18
"""Layers shown at most; of more, evenly spaced ones."""


class TerminalView:
    """Draws snapshots in place, each over the one before."""

    def __init__(self, out: TextIO = sys.stderr, colour: bool = True) -> None:
        self._out, self._colour, self._height = out, colour, 0

    def draw(self, snapshot: Snapshot, last: bool = False) -> None:  # noqa: ARG002 - every snapshot is drawn
        """Overwrite the view with this snapshot."""
        width = shutil.get_terminal_size((100, 30)).columns
        rows = [_cut(plain(line.replace("\n", " ")), width) for line in view_lines(snapshot)]
        text = "".join(f"\033[2K{self._coloured(row)}\n" for row in rows)
        rest = "\033[2K\n" * max(self._height - len(rows), 0)
        up = f"\033[{self._height}A" if self._height else ""
        self._out.write(up + text + rest)
        self._out.flush()
        self._height = max(len(rows), self._height)

    def _coloured(self, row: str) -> str:
        if not self._colour:
            return row
        for state, symbol in SYMBOL.items():
            row = row.replace(f"{symbol} {state}", f"\033[{COLOUR[state]}m{symbol} {state}\033[0m")
        return row


class JsonLines:
    """One line a second, and one for the last snapshot."""

    def __init__(self, out: TextIO = sys.stdout, every_s: float = 1.0) -> None:
        self._out, self._every_s, self._next = out, every_s, 0.0

    def draw(self, snapshot: Snapshot, last: bool = False) -> None:
        """Write a line if it is time to, or if this snapshot is the last."""
        now = time.monotonic()
        if now < self._next and not last:
            return
        self._next = now + self._every_s
        self._out.write(plain_json(json.dumps(json_line(snapshot), ensure_ascii=False)) + "\n")
        self._out.flush()


def view_lines(snapshot: Snapshot) -> list[str]:
    """The whole view."""
    if snapshot.phase in ("loading", "failed"):
        return ["", f"  {snapshot.phase}: {snapshot.reason}"]
    return [
        "", *_state(snapshot), "", *_layers(snapshot), "", *_temporal_score(snapshot), "", *_last_words(snapshot),
        *_notices(snapshot),
    ]  # fmt: skip


def _state(snapshot: Snapshot) -> list[str]:
    """Streams, words, model, engine, recording and position."""
    work = snapshot.work
    waiting = f"{work.language_backlog} behind" if work.language_backlog else "up to date"
    reading = "" if work.language_ms is None else f", {work.language_ms:.0f} ms a word"
    delay = ""
    if work.latency_median_s is not None and work.latency_p99_s is not None:
        delay = f"   scores after {1e3 * work.latency_median_s:.0f} ms (p99 {1e3 * work.latency_p99_s:.0f})"
    counts = f"{snapshot.n_received:,} received   {snapshot.n_scored:,} scored   {snapshot.n_waiting} waiting"
    rows = [
        f"  MEG       {stream_line(snapshot.health.meg)}",
        f"  words     {stream_line(snapshot.health.words, unit='words')}",
        f"            {counts}   {skipped_text(snapshot)}",
        f"  model     {snapshot.model}, {snapshot.context}, {waiting}{reading}",
        f"  engine    {100 * work.load:.0f} % of a core, {work.rss_mb:,.0f} MB{delay}",
    ]
    if snapshot.training_overlap:
        rows.append(f"  ▲ no evidence: {snapshot.training_overlap}")
    if work.n_solved:
        rows.append(f"  adapting  decoders solved {work.n_solved} times from today's words")
    if work.shedding:
        rows.append(f"  ▲ overload: {work.shedding}")
    if snapshot.recording:
        rows.append(f"  record    {_recording(snapshot)}")
    if snapshot.position_s is not None and snapshot.end_s is not None:
        rows.append(
            f"  replay    {clock_time(snapshot.position_s)} of {clock_time(snapshot.end_s)}, {_speed(snapshot)}"
        )
    return rows


def stream_line(stream: StreamHealth, unit: str = "Hz") -> str:
    """State, name, rate, age and clock of one stream."""
    parts = [f"{SYMBOL.get(stream.state, '?')} {stream.state}", stream.name]
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


def skipped_text(snapshot: Snapshot) -> str:
    """How many words were skipped, with the three most frequent reasons."""
    total = sum(snapshot.skipped.values())
    frequent = sorted(snapshot.skipped.items(), key=lambda item: -item[1])[:3]
    reasons = ", ".join(f"{n} {reason}" for reason, n in frequent)
    return f"{total:,} skipped" + (f" ({reasons})" if reasons else "")


def _recording(snapshot: Snapshot) -> str:
    assert snapshot.recording is not None
    recording = snapshot.recording
    if recording.problem:
        return f"■ {recording.problem}"
    if recording.silent_s is None:
        return "○ waits for the first sample or marker"
    left = "" if recording.hours_left is None else f", room for {recording.hours_left:.0f} h"
    symbol = "▲ nothing comes" if recording.silent_s > SILENT_S else "●"
    return f"{symbol} {recording.folder}, {recording.megabytes:,.0f} MB{left}"


def _speed(snapshot: Snapshot) -> str:
    if snapshot.paused:
        return "paused"
    return "as fast as possible" if snapshot.speed is None else f"{snapshot.speed:g}x"


def _layers(snapshot: Snapshot) -> list[str]:
    if snapshot.refused:
        return [f"  ■ refused: {reason}" for reason in snapshot.refused]
    if not snapshot.peaks:
        return [f"  no curves yet: {waiting_for(snapshot.n_words, snapshot.n_assessed, snapshot.reason)}"]
    step = -(-len(snapshot.peaks) // MAX_LAYERS)
    return ladder_lines(snapshot.peaks[::step])


def _temporal_score(snapshot: Snapshot) -> list[str]:
    """The sentence of every view, and below it what it rests on."""
    if not snapshot.peaks:
        return [""]
    score, over = snapshot.temporal, snapshot.phase == "ended"
    lines = [f"  {headline(score, snapshot.peaks, snapshot.lags_s, snapshot.reason, over).sentence}"]
    if score is not None:
        evidence = f"{correlation_text(score)}, {slope_text(score)}, {p_text(score)} against chance"
        lines.append(f"  after {snapshot.n_assessed:,} words: {evidence}")
    if snapshot.outlook is not None:
        lines.append(f"  {outlook_text(snapshot.outlook, assessed_words(snapshot), minutes_of(snapshot))}")
    return lines


def _last_words(snapshot: Snapshot) -> list[str]:
    return ["  … " + " ".join(entry.word.text for entry in snapshot.words[-14:])] if snapshot.words else []


def _notices(snapshot: Snapshot) -> list[str]:
    return [f"  {LEVEL.get(notice.level, '·')} {notice.text}" for notice in snapshot.notices[-3:]]


def json_line(snapshot: Snapshot) -> dict[str, Any]:
    """What a script may need, flat and rounded."""
    best = max(snapshot.peaks, key=lambda peak: peak.peak_r, default=None)
    meg, work = snapshot.health.meg, snapshot.work
    return {
        "phase": snapshot.phase, "time_s": round(snapshot.time_s, 3), "meg": meg.state, "age_s": _round(meg.age_s, 3),
        "rate_hz": round(meg.rate_hz, 2), "gaps": meg.n_gaps, "lost": meg.n_lost, "words": snapshot.health.words.state,
        "received": snapshot.n_received, "scored": snapshot.n_scored, "waiting": snapshot.n_waiting,
        "skipped": snapshot.skipped,
        "best_layer": best.layer if best else None, "best_r": _round(best.peak_r if best else None, 4),
        "peaks": sum(peak.peak_s is not None for peak in snapshot.peaks), "reason": snapshot.reason,
        "temporal_r": _round(snapshot.temporal.r if snapshot.temporal else None, 4),
        "slope_ms": _round(snapshot.temporal.slope_ms if snapshot.temporal else None, 1),
        "outlook": _outlook(snapshot),
        "controls": {name: _control(view) for name, view in snapshot.controls.items()},
        "training_overlap": snapshot.training_overlap or None,
        "load": round(work.load, 3), "rss_mb": round(work.rss_mb), "language_ms": _round(work.language_ms, 1),
        "backlog": work.language_backlog, "latency_p99_s": _round(work.latency_p99_s, 4),
        "solved": work.n_solved, "shedding": work.shedding, "refused": list(snapshot.refused),
        "recording": snapshot.recording.problem or snapshot.recording.folder if snapshot.recording else None,
        "recorded": snapshot.recording.n_samples if snapshot.recording else None,
        "recorded_markers": snapshot.recording.n_markers if snapshot.recording else None,
        "notice": snapshot.notices[-1].text if snapshot.notices else None,
    }  # fmt: skip


def _outlook(snapshot: Snapshot) -> dict[str, Any] | None:
    """Layers that are below their limit, and how many times the words of now they need."""
    found = snapshot.outlook
    if found is None:
        return None
    return {"layers": found.n_layers, "times": _round(found.times, 2), "low": _round(found.low, 2),
            "high": _round(found.high, 2)}  # fmt: skip


def _control(view: ControlView) -> dict[str, Any]:
    """The scores of a control, as far as the line has those of all."""
    best = max(view.peaks, key=lambda peak: peak.peak_r, default=None)
    return {
        "scored": view.n_words, "best_layer": best.layer if best else None,
        "best_r": _round(best.peak_r if best else None, 4),
        "peaks": sum(peak.peak_s is not None for peak in view.peaks), "reason": view.reason,
        "temporal_r": _round(view.temporal.r if view.temporal else None, 4),
        "slope_ms": _round(view.temporal.slope_ms if view.temporal else None, 1),
    }  # fmt: skip


def _round(value: float | None, digits: int) -> float | None:
    return None if value is None else round(value, digits)


def _cut(line: str, width: int) -> str:
    return line if len(line) <= width else line[: max(width - 1, 0)] + "…"
