"""sensors: the check before start, of a live signal or a recording: which sensors are fit, and why others are not."""

from __future__ import annotations

import argparse
import shlex
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from rtalign.core.head.shape import region_of
from rtalign.core.progress import Progress
from rtalign.core.records import DISPLAY_UNITS, Chunk, Sensor
from rtalign.signal.sensor_check import SensorCheck, SensorState
from rtalign_cli.checks import require_paths
from rtalign_cli.text import print_lines

PATIENCE_S = 30.0
"""How long a live signal may take to come."""
POLL_S = 0.2


def sensors(args: argparse.Namespace, progress: Progress) -> dict[str, Any]:
    """Judge every sensor over some seconds; returns what was found, with the sensors to leave out."""
    if args.recording is not None and args.meg is not None:
        raise ValueError(f"name a recording or a stream, not both: {args.recording} and --meg {args.meg}")
    signal = _recorded(args) if args.recording is not None else _live(args.meg, args.seconds, progress)
    check: SensorCheck | None = None
    seconds = 0.0
    for own, chunk in signal:
        check = check or SensorCheck(own, chunk.sfreq)
        check.push(chunk)
        seconds += len(chunk.data) / chunk.sfreq
        if seconds >= args.seconds:
            break
    if check is None or not check.n_blocks:
        raise ValueError(f"{seconds:.1f} s of signal came, and the check needs at least one; is its sender running?")
    result = _found(own, check.states, seconds)
    if not (args.quiet or args.json):
        print_lines(_lines(result))
    return result


def _recorded(args: argparse.Namespace) -> Iterator[tuple[Sequence[Sensor], Chunk]]:
    """The beginning of a recording, with or without words."""
    from rtalign.recordings import open_recordings
    from rtalign.recordings.formats import MneRecording
    from rtalign.recordings.formats.mne_file import is_signal_file

    require_paths([args.recording], "recording")
    path = Path(args.recording)
    recording: Any = MneRecording(path) if is_signal_file(path) else open_recordings(path)[0]
    for chunk in recording.chunks(1.0):
        yield recording.sensors, chunk


def _live(meg: str | None, seconds: float, progress: Progress) -> Iterator[tuple[Sequence[Sensor], Chunk]]:
    """The signal of a stream as it comes; ends where it stays away."""
    from rtalign.streams.events import Notice, SignalChanged
    from rtalign.streams.fieldtrip import buffer_backend
    from rtalign.streams.live.source import LiveSource

    progress.say(f"reading {meg or 'the first MEG stream'} for {seconds:g} s")
    source = LiveSource(meg, None, None, backend=buffer_backend(meg, None))
    own: Sequence[Sensor] = ()
    last = time.monotonic()
    try:
        while time.monotonic() - last < PATIENCE_S:
            for event in source.poll(POLL_S):
                if isinstance(event, SignalChanged):
                    own = event.sensors
                elif isinstance(event, Chunk):
                    last = time.monotonic()
                    yield own, event
                elif isinstance(event, Notice) and event.level != "info":
                    progress.say(event.text)
    finally:
        source.close()


def _found(own: Sequence[Sensor], states: Sequence[SensorState], seconds: float) -> dict[str, Any]:
    kinds = {}
    for kind in dict.fromkeys(state.kind for state in states):
        members = [state for state in states if state.kind == kind]
        density, line = (float(np.median([getattr(s, what) for s in members])) for what in ("density", "line"))
        kinds[kind] = {"n": len(members), "density": density, "line": line, "unit": DISPLAY_UNITS[kind]}
    faults = [state for state in states if state.fault]
    names = {state.name for state in faults}
    regions = Counter(region for sensor in own if sensor.name not in names and (region := region_of(sensor)))
    return {
        "seconds": round(seconds, 3),
        "n_sensors": len(states),
        "n_fit": len(states) - len(faults),
        "kinds": kinds,
        "fit_by_region": dict(sorted(regions.items())),
        "faults": [asdict(state) | {"text": state.text} for state in faults],
        "bads": ",".join(state.name for state in faults),
    }


def _lines(result: dict[str, Any]) -> list[str]:
    """Noise by kind, how many sensors are fit in each region, one line a fault, and the verdict."""
    lines = [
        f"{kind:7} {entry['n']:4} sensors   noise {entry['density']:8.3g} {entry['unit']}/rHz"
        f"   line {entry['line']:8.3g} {entry['unit']}"
        for kind, entry in result["kinds"].items()
    ]
    if result["fit_by_region"]:
        lines.append("fit by region: " + ", ".join(f"{name} {n}" for name, n in result["fit_by_region"].items()))
    lines += [fault["text"] for fault in result["faults"]]
    verdict = f"{result['n_fit']} of {result['n_sensors']} sensors are fit, by {result['seconds']:.0f} s of signal"
    return [*lines, verdict + (f"; leave out with --bads {shlex.quote(result['bads'])}" if result["bads"] else "")]
