"""A recorded session: the snapshots of an engine in one small file, and an engine client that plays them again.

What is played goes the way of every snapshot: a message as it comes over the engine's pipe, validated there.  Scores
are kept as whole multiples of `STEP`, as their changes from one to the next, which compress well.
"""

from __future__ import annotations

import lzma
import time
from bisect import bisect_right
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from rtalign.core.records import Annotation, Sensor, sensor_from_dict, sensor_to_dict
from rtalign.core.text.translation import tr
from rtalign.engine import snapshot as snapshots
from rtalign.engine.commands import Command, Inspect, Pause, Play, Reset, Seek, SetAnnotations, SetSpeed, Step, Stop
from rtalign.engine.ledger import WordEntry
from rtalign.engine.process import wire
from rtalign.engine.process.word_list import WordList
from rtalign.engine.snapshot import InspectedWord, Snapshot
from rtalign.streams.events import Notice

SUFFIX = ".rtsession"
DEMO = Path(__file__).with_name("demo" + SUFFIX)
"""The session that is packaged, of a simulated listener; benchmarks/record_demo.py makes it."""
STEP = 1e-4
"""Resolution of the scores that are kept."""
TRACE_SHARE = 1 / 60
"""Resolution of a sensor's signal, as a share of its standard deviation."""
PATTERN_STEPS = 60
"""Resolution of a field pattern: steps from zero to the largest value of all."""
PATTERN_LAGS_S = (-0.1, 0.7)
"""Lags of which field patterns are kept."""
HEARTBEAT_S = 1.0
"""A new snapshot comes at least so often, also while paused: an engine that sends none counts as silent."""
MAX_SPEED = 32.0
"""What a speed of None means."""
N_WORDS = 60
"""Words in a snapshot, as the engine has them."""
SCORES, ASSESSED = ("r",), ("null_lo", "null_hi", "map_hi")
NOT_POSSIBLE = tr("this session was recorded; start one of your own to do that (Ctrl+N)")
SEPARATE = ("r", *ASSESSED, "statistics", "words", "traces", "inspected", "layers", "lags_s", "recording", "report")
"""Fields of a snapshot that are not kept frame by frame, or not at all."""


@dataclass(frozen=True, slots=True, eq=False)
class FieldPatterns:
    """What the head panel shows.  values : (layer, lag, sensor); lags_s : (lag,)."""

    sensors: tuple[Sensor, ...]
    values: np.ndarray
    lags_s: np.ndarray


def save(path: Path, taken: Sequence[Snapshot], patterns: FieldPatterns, about: str) -> None:
    """Write the snapshots of a replay.

    Parameters
    ----------
    path : Path
        The file.
    taken : sequence of Snapshot
        As they came; all with scores must have the same layers and lags.
    patterns : FieldPatterns
        Of the bank.
    about : str
        What the session is, in words that the window shows beside it.
    """
    scored = next(s for s in reversed(taken) if s.r is not None and s.lags_s is not None)
    signal = _joined_traces(taken)
    frames: list[dict[str, Any]] = []
    known: dict[int, WordEntry] = {}
    for one in taken:
        changed = [entry for entry in one.words if known.get(entry.word.index) != entry]
        known |= {entry.word.index: entry for entry in changed}
        plain = snapshots.to_message(replace(one, words=tuple(changed), bank="", sounds=()))
        frames.append({"words": plain["words"]} | {k: v for k, v in plain.items() if k not in SEPARATE})
    within = (patterns.lags_s >= PATTERN_LAGS_S[0] - 1e-9) & (patterns.lags_s <= PATTERN_LAGS_S[1] + 1e-9)
    top = float(np.abs(patterns.values[:, within]).max())
    message = {
        "about": about,
        "layers": list(scored.layers),
        "lags_s": np.asarray(scored.lags_s, float),
        "frames": frames,
        "scores": _packed([s.r for s in taken], STEP),
        "assessed": {name: _packed([getattr(s, name) for s in taken], STEP) for name in ASSESSED},
        "signal": signal,
        "sensors": [sensor_to_dict(sensor) for sensor in patterns.sensors],
        "patterns": _differences(patterns.values[:, within] / (top / PATTERN_STEPS), axis=1),
        "pattern_unit": top / PATTERN_STEPS,
        "pattern_lags_s": np.asarray(patterns.lags_s[within], float),
    }
    path.write_bytes(lzma.compress(wire.pack(message), preset=9 | lzma.PRESET_EXTREME))


def _packed(values: Sequence[np.ndarray | None], step: float) -> dict[str, Any]:
    """Arrays that differ from the one before, as changes in steps, and which of them each snapshot has (-1: none)."""
    distinct: list[np.ndarray] = []
    which = []
    for value in values:
        if value is not None and not (distinct and np.array_equal(distinct[-1], value, equal_nan=True)):
            distinct.append(value)
        which.append(len(distinct) - 1 if value is not None else -1)
    if not distinct:
        return {"which": which, "changes": np.zeros((0, 0, 0), np.int32)}
    return {"which": which, "changes": _differences(np.nan_to_num(np.stack(distinct)) / step, axis=0)}


def _differences(values: np.ndarray, axis: int) -> np.ndarray:
    """Rounded, each less the one before along an axis."""
    return np.diff(np.round(values).astype(np.int32), axis=axis, prepend=0)


def _joined_traces(taken: Sequence[Snapshot]) -> dict[str, Any]:
    """The overlapping traces of all snapshots as one signal, in steps of each sensor."""
    first = next(s.traces for s in taken if s.traces is not None)
    begin, rate = first.start, first.rate
    end = max(s.traces.start + len(s.traces.data) / rate for s in taken if s.traces is not None)
    joined = np.zeros((round((end - begin) * rate) + 1, first.data.shape[1]))
    spans = []
    for one in taken:
        at = None if one.traces is None else round((one.traces.start - begin) * rate)
        spans.append([0, 0] if at is None or one.traces is None else [max(at, 0), max(at, 0) + len(one.traces.data)])
        if at is not None and one.traces is not None:
            joined[max(at, 0) : max(at, 0) + len(one.traces.data)] = np.nan_to_num(one.traces.data)
    unit = joined.std(axis=0) * TRACE_SHARE
    return {
        "start": begin, "rate": rate, "names": list(first.names), "units": list(first.units), "spans": spans,
        "unit": unit, "changes": _differences(joined / unit, axis=0),
    }  # fmt: skip


class RecordedSession:
    """A file of `save`, read: its snapshots are made when they are asked for.

    Attributes
    ----------
    about : str
        What the session is.
    positions : list of float
        Position of each snapshot in the recording, in seconds, ascending.
    patterns : FieldPatterns
        For the head panel.
    words : WordList
        All words of the recording.
    """

    def __init__(self, path: Path) -> None:
        try:
            with lzma.open(path) as stream:
                message = wire.read(stream)
            self._open(message)
        except (OSError, ValueError, TypeError, KeyError, IndexError, lzma.LZMAError, EOFError) as error:
            raise ValueError(
                tr("{path} is not a recorded session of this version: {error}", path=path, error=error)
            ) from None

    def _open(self, message: Any) -> None:
        self.about = str(message["about"])
        self._frames, signal = message["frames"], message["signal"]
        self._fixed = {"layers": message["layers"], "lags_s": message["lags_s"]}
        scores = {"r": message["scores"], **message["assessed"]}
        self._arrays = {name: np.cumsum(part["changes"], axis=0) * STEP for name, part in scores.items()}
        self._which = {name: part["which"] for name, part in scores.items()}
        self._signal = np.cumsum(signal["changes"], axis=0) * signal["unit"]
        self._traces = {name: signal[name] for name in ("rate", "names", "units")}
        self._starts, self._spans = float(signal["start"]), signal["spans"]
        values = np.cumsum(message["patterns"], axis=1) * float(message["pattern_unit"])
        sensors = tuple(sensor_from_dict(entry) for entry in message["sensors"])
        self.patterns = FieldPatterns(sensors, values.astype(np.float32), message["pattern_lags_s"])
        self.positions = [float(frame["position_s"] or 0.0) for frame in self._frames]
        self._words = _words_by_frame(self._frames)
        onsets = {w["word"]["index"]: w["word"] for words in self._words for w in words}
        spoken = sorted(onsets.values(), key=lambda word: word["onset"])
        self.words = WordList(np.array([w["onset"] for w in spoken], float), tuple(w["text"] for w in spoken))

    def __len__(self) -> int:
        return len(self._frames)

    def at(self, i: int) -> Snapshot:
        """A snapshot, validated as one that comes from an engine."""
        arrays = {name: self._arrays[name][which[i]] if which[i] >= 0 else None for name, which in self._which.items()}
        first, last = self._spans[i]
        start = self._starts + first / self._traces["rate"]
        traces = self._traces | {"start": start, "data": self._signal[first:last]} if last > first else None
        message = {**self._frames[i], **self._fixed, **arrays, "traces": traces, "words": self._words[i]}
        return snapshots.from_message(message)


def _words_by_frame(frames: Sequence[dict[str, Any]]) -> list[list[dict[str, Any]]]:
    """The newest words of every frame, from the words that changed in it."""
    known: dict[int, dict[str, Any]] = {}
    found = []
    for frame in frames:
        known |= {entry["word"]["index"]: entry for entry in frame["words"]}
        found.append([known[index] for index in sorted(known)[-N_WORDS:]])
    return found


class RecordedEngine:
    """Plays a recorded session as an engine that replays a recording: pause, seek, step and speed work.

    Parameters
    ----------
    session : RecordedSession
        What to play.
    speed : float or None
        Times real time; None as fast as can be followed.
    loop : bool
        Whether it starts again at its end, for a screen that nobody attends.
    clock : callable
        Monotonic time in seconds.

    Attributes
    ----------
    session : RecordedSession
        What is played.
    word_list : WordList
        All words of the recording.
    recording : None
        Nothing is recorded.
    """

    recording = None

    def __init__(
        self,
        session: RecordedSession,
        speed: float | None = 1.0,
        loop: bool = False,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.session, self._loop, self._clock = session, loop, clock
        self.word_list: WordList | None = session.words
        self.alive, self.pid = True, 0
        self._speed = speed
        self._paused, self._from_s, self._since = False, session.positions[0], clock()
        self._notices: tuple[Notice, ...] = ()
        self._inspected: int | None = None
        self._annotations: tuple[Annotation, ...] = ()
        self._made: tuple[object, Snapshot] | None = None
        self._n_made = 0

    @property
    def newest(self) -> Snapshot:
        """The snapshot of this moment; the same object until something in it changes, or a second has passed."""
        position = self._position()
        if self._loop and position >= self.session.positions[-1] and self.alive:
            self._go(self.session.positions[0])
            position = self._position()
        i = max(bisect_right(self.session.positions, position) - 1, 0)
        beat = self._clock() // HEARTBEAT_S
        key = i, self._paused, self._speed, self._notices, self._inspected, self._annotations, self.alive, beat
        if self._made is None or self._made[0] != key:
            self._n_made += 1
            self._made = key, self._make(i)
        return self._made[1]

    def _make(self, i: int) -> Snapshot:
        one, over = self.session.at(i), not self.alive or i == len(self.session) - 1
        entry = next((entry for entry in one.words if entry.word.index == self._inspected), None)
        if self._paused:
            meg, words = (replace(stream, state="paused") for stream in (one.health.meg, one.health.words))
            one = replace(one, health=replace(one.health, meg=meg, words=words))
        return replace(
            one, sequence=self._n_made, phase="ended" if over else "running", paused=self._paused, speed=self._speed,
            end_s=self.session.positions[-1], notices=self._notices, annotations=self._annotations,
            inspected=InspectedWord(entry, None, None) if entry is not None else None,
        )  # fmt: skip

    def _position(self) -> float:
        if self._paused:
            return self._from_s
        passed = (self._clock() - self._since) * (self._speed or MAX_SPEED)
        return min(self._from_s + passed, self.session.positions[-1])

    def _go(self, to_s: float) -> None:
        positions = self.session.positions
        self._from_s, self._since = min(max(to_s, positions[0]), positions[-1]), self._clock()

    def send(self, command: Command) -> None:
        """Execute a command; one that needs an engine is answered with a notice."""
        self._go(self._position())
        match command:
            case Stop():
                self.alive = False
            case Pause():
                self._paused = True
            case Play():
                self._paused = False
            case Seek(to_s):
                self._go(to_s)
            case SetSpeed(factor):
                self._speed = factor
            case Step(words):
                self._paused = True
                self._go(self._onset(words))
            case Reset():
                self._go(0.0)
            case Inspect(word):
                self._inspected = word
            case SetAnnotations(annotations):
                self._annotations = annotations
            case _:
                self._notices = (*self._notices, Notice("warning", "command", NOT_POSSIBLE, self._position()))

    def _onset(self, words: int) -> float:
        """Just behind the onset of the next word, or of the one before."""
        onsets, here = self.session.words.onsets, self._position()
        if words > 0:
            return float(next((onset for onset in onsets if onset > here + 1e-3), onsets[-1])) + 1e-3
        return float(next((onset for onset in reversed(onsets) if onset < here - 2e-3), onsets[0])) + 1e-3

    def wait(self, timeout_s: float | None = None) -> int:  # noqa: ARG002
        return 0

    def kill(self) -> None:
        self.alive = False
