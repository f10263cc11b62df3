"""Samples and words in, epochs out: the signal pipeline for those sensors of the stream that the bank knows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from rtalign.core.bad_marks import MARKED
from rtalign.core.records import BadStretch, Chunk, Epoch, SkippedWord, Word
from rtalign.core.spatial_filter import SpatialFilter
from rtalign.decoding.decoder_setup import DecoderSetup, SensorMap
from rtalign.engine.sensors_feed import UNUSABLE, SensorsFeed
from rtalign.engine.snapshot import SensorsView
from rtalign.signal.operator_marks import BadMarks
from rtalign.signal.pipeline import Pipeline
from rtalign.signal.sensor_check import SensorCheck
from rtalign.signal.sensor_watch import SensorWatch
from rtalign.streams.events import Notice, SignalChanged

MAX_MATRICES = 32
"""Spatial filters that are kept, one for each choice of sensors."""


class Intake:
    """Open while the current stream fits the bank.

    Parameters
    ----------
    allow_missing : bool
        Whether to go on where sensors of the bank are not in the stream.

    Attributes
    ----------
    stream : SignalChanged or None
        The current stream; None before there was one.
    fitting : SensorMap or None
        How the stream's sensors map to the bank's; None before there was a stream that fits.
    refused : tuple of str
        Why the current stream does not fit; empty where it does.
    n_sensors : int
        How many sensors of the bank the current stream has.
    time_s : float
        Signal time up to which samples have come.
    marks : BadMarks
        What the operator has called bad; it outlives streams and banks.
    """

    def __init__(self, allow_missing: bool) -> None:
        self.allow_missing = allow_missing
        self.stream: SignalChanged | None = None
        self.fitting: SensorMap | None = None
        self.refused: tuple[str, ...] = ()
        self.n_sensors, self.time_s = 0, 0.0
        self._pipeline: Pipeline | None = None
        self._watch: SensorWatch | None = None
        self._check: SensorCheck | None = None
        self._bad: list[BadStretch] = []
        self.marks = BadMarks()
        self._feed: SensorsFeed | None = None
        self._shows = False
        self._missing: tuple[str, ...] = ()
        self._spatial: SpatialFilter | None = None
        self._matrices: dict[bytes, np.ndarray] = {}
        self._lags, self._means = np.zeros(1), np.zeros((1, 0), np.float32)

    @property
    def is_open(self) -> bool:
        return self._pipeline is not None

    def start(self, decoding: DecoderSetup, stream: SignalChanged, now: float) -> list[Notice]:
        """Take in a stream from here on, or refuse it; returns what the user should know of that."""
        self.stream, self._pipeline = stream, None
        fitting = SensorMap.match(decoding, stream.sensors, stream.left_out)
        self.n_sensors = len(fitting.sensors)
        if (fitting.differences and not self.allow_missing) or not fitting.sensors:
            self.refused = fitting.differences or ("the stream has no sensor of the bank",)
            fix = "name the bank of this machine, or pass --allow-missing to ignore missing sensors"
            return [Notice("error", "passport", f"{'; '.join(self.refused)} - {fix}", now)]
        difference, note = compare_grades(decoding.bank.passport if decoding.bank else None, stream.grade)
        if difference and not self.allow_missing:
            self.refused = (difference,)
            fix = "set the grade of the bank at the scanner, or train with that of the stream"
            return [Notice("error", "passport", f"{difference} - {fix}", now)]
        try:
            pipeline = Pipeline(decoding.recipe, fitting.sensors, stream.sfreq)
        except ValueError as error:  # a rate that the bank's filters cannot be built for
            self.refused = (str(error),)
            text = f"{error}; the stream is recorded, and scored again when it comes back at another rate"
            return [Notice("error", "passport", text, now)]
        pipeline.mark_bad(self._bad)
        self._spatial, self._matrices = decoding.bank.spatial if decoding.bank else None, {}
        self.fitting, self._pipeline, self.refused = fitting, pipeline, ()
        self._missing = tuple(s.name for s in decoding.sensors if s.name not in fitting.names)
        self._watch = SensorWatch(fitting.sensors, stream.sfreq)
        self._check = SensorCheck(fitting.sensors, stream.sfreq)
        self._feed = SensorsFeed(fitting.sensors, stream.sfreq) if self._shows else None
        self._lags, shape = decoding.lags_s, (len(decoding.lags_s), len(decoding.sensors or stream.sensors))
        self._means = (
            np.asarray(decoding.bank.tensors["mean_x"], np.float32) if decoding.bank else np.zeros(shape, np.float32)
        )
        ignored = (*fitting.differences, difference) if difference else fitting.differences
        texts = [f"{text}; ignored, as asked for" for text in ignored] + ([note] if note else [])
        if stream.left_out:
            texts.append(f"{', '.join(stream.left_out)} left out: marked as bad when this was recorded")
        return [Notice("warning", "passport", text, now) for text in texts]

    def restart(self, decoding: DecoderSetup) -> None:
        """The signal goes on at another time: nothing of what came before belongs to it."""
        if self._pipeline and self.fitting and self.stream:
            self._pipeline = Pipeline(decoding.recipe, self.fitting.sensors, self.stream.sfreq)
            self._pipeline.mark_bad(self._bad)
            self._watch = SensorWatch(self.fitting.sensors, self.stream.sfreq)

    def add_chunk(self, chunk: Chunk) -> Sequence[Epoch | SkippedWord]:
        """The next samples; returns the epochs that they complete."""
        assert self._pipeline is not None
        assert self.fitting is not None
        assert self._watch is not None
        self.time_s = chunk.end
        assert self._check is not None
        raw = Chunk(self.fitting.select(chunk.data), chunk.start, chunk.sfreq)
        self._check.push(raw)
        if self._feed is not None:
            self._feed.push(raw)
        return self._filled(self._pipeline.push(self._watch.push(raw)))

    def mark_bad(self, stretch: BadStretch) -> None:
        """Skip the words whose signal reaches into a stretch."""
        self._bad.append(stretch)
        if self._pipeline:
            self._pipeline.mark_bad([stretch])

    def take_notices(self, now: float) -> list[Notice]:
        """What the user should know of single sensors since the last call."""
        lines = [line for watch in (self._watch, self._check) if watch for line in watch.take_lines()]
        return [Notice("warning", "sensors", line, now) for line in lines]

    def add_word(self, word: Word) -> Sequence[Epoch | SkippedWord]:
        """The next word; returns its epoch where the signal for it is there already."""
        if self._pipeline is None:
            return [SkippedWord(word, "no signal that fits the bank")]
        return self._filled(self._pipeline.push(word))

    def finish(self) -> Sequence[Epoch | SkippedWord]:
        """No more samples: what becomes of the words that still wait for some."""
        return self._filled(self._pipeline.finish()) if self._pipeline else []

    def _filled(self, epochs: Sequence[Epoch | SkippedWord]) -> Sequence[Epoch | SkippedWord]:
        """Epochs of all sensors of the bank, so that a word that waits does not depend on the stream any more."""
        return [self._judged(e) if isinstance(e, Epoch) else e for e in epochs]

    def _judged(self, epoch: Epoch) -> Epoch | SkippedWord:
        reason = self.marks.reason(*self._span(epoch.word))
        return SkippedWord(epoch.word, reason) if reason else Epoch(epoch.word, self._fill(epoch))

    def _span(self, word: Word) -> tuple[float, float]:
        """The time that a word needs."""
        return word.onset + float(self._lags[0]), word.onset + float(self._lags[-1])

    def _fill(self, epoch: Epoch) -> np.ndarray:
        """(lag, sensor of the bank): training means for sensors that are missing, or were left out meanwhile.

        The bank's spatial filter is built without them.
        """
        assert self.fitting is not None
        assert self._watch is not None
        span = self._span(epoch.word)
        out = self._watch.left_out(*span) | self.marks.left_out(self.fitting.names, *span)
        data = epoch.data
        if self._spatial is not None:
            data = (data @ self._matrix(self._spatial, out)).astype(np.float32)
        data = self.fitting.fill_missing(data)
        if not out.any():
            return data
        places = self.fitting.places[out]
        data = data.copy()
        data[:, places] = self._means[:, places]
        return data

    def _matrix(self, spatial: SpatialFilter, out: np.ndarray) -> np.ndarray:
        """The spatial filter without some sensors, (sensor present,) bool; each choice is computed once."""
        assert self.fitting is not None
        if (key := out.tobytes()) not in self._matrices:
            if len(self._matrices) >= MAX_MATRICES:
                self._matrices.clear()
            names = self.fitting.names
            self._matrices[key] = spatial.matrix(names, {name for name, bad in zip(names, out, strict=True) if bad})
        return self._matrices[key]

    @property
    def left_out(self) -> tuple[str, ...]:
        """Names of the bank's sensors that are left out now, for whatever reason."""
        if self.fitting is None or self._watch is None:
            return ()
        unusable = {name for name, out in zip(self.fitting.names, self._watch.out.tolist(), strict=True) if out}
        return tuple(sorted({*self._missing, *unusable, *self.marks.open_sensors}))

    def sensor_faults(self) -> list[dict[str, Any]]:
        """Every sensor that was left out, or has a fault and is used, with the reason; for the passport of results."""
        if self.fitting is None or self._watch is None or self._check is None:
            return []
        reasons = {state.name: state.text for state in self._check.states if state.fault}
        ever_out = zip(self.fitting.names, self._watch.ever_out.tolist(), strict=True)
        out = {name: UNUSABLE for name, ever in ever_out if ever}
        out |= {mark.sensor: MARKED for mark in self.marks.all if mark.sensor} | dict.fromkeys(self._missing, "missing")
        whole = {name: (f"{why}, not to the end" if name not in self.left_out else why) for name, why in out.items()}
        return [
            {"name": name, "left_out": name in whole, "reason": whole.get(name) or reasons[name]}
            for name in sorted({*whole, *reasons})
        ]

    def show_sensors(self, on: bool) -> None:
        """Collect what a picture of all sensors needs, or no longer."""
        self._shows = on
        if on and self._feed is None and self.fitting is not None and self.stream is not None:
            self._feed = SensorsFeed(self.fitting.sensors, self.stream.sfreq)
        elif not on:
            self._feed = None

    def sensors_view(self) -> SensorsView | None:
        """Every sensor as it is now; None where nobody asked for it, or no stream has come that fits."""
        if self._feed is None or self._check is None or self._watch is None:
            return None
        return self._feed.view(self._check, self._watch.out, self.marks.open_sensors)

    def newest(self, seconds: float) -> Chunk | None:
        """The newest seconds of the filtered signal, in display units; None before there is any."""
        return self._pipeline.buffer.newest(int(seconds * self._pipeline.chain.rate)) if self._pipeline else None


def compare_grades(passport: Mapping[str, Any] | None, grade: int | None) -> tuple[str, str]:
    """How the gradient compensation of a stream differs from that of a bank, and what is not known of it; or nothing.

    Parameters
    ----------
    passport : mapping or None
        Of the bank.
    grade : int or None
        Of the stream.

    Returns
    -------
    difference, note : str
        Either empty.
    """
    entries = passport.get("recordings", ()) if passport else ()
    trained = {entry.get("grade") for entry in entries if isinstance(entry, dict)}
    if len(trained) != 1 or not isinstance(own := trained.pop(), int):
        return "", ""
    if grade is None:
        return "", f"the bank has compensation grade {own}, and the stream does not say which it has: check the scanner"
    return (f"the stream has compensation grade {grade}, the bank {own}", "") if grade != own else ("", "")
