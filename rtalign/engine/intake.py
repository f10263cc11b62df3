"""The way in: samples and words of the stream of now, through a pipeline for those sensors that the bank knows."""

from __future__ import annotations

from collections.abc import Sequence

from rtalign.core.records import Chunk, Epoch, SkippedWord, Word
from rtalign.decoding.decoder_setup import DecoderSetup, SensorMap
from rtalign.signal.pipeline import Pipeline
from rtalign.streams.events import Changed, Notice


class Intake:
    """Open while the stream of now fits the bank.

    fitting : how the sensors meet the bank's; None before there was a stream that fits.
    refused : why the stream of now does not; empty when it does.
    n_sensors : of the stream of now, those that the bank knows.    time_s : signal time up to which samples have come.
    """

    def __init__(self, allow_missing: bool) -> None:
        self.allow_missing = allow_missing
        self.stream: Changed | None = None
        self.fitting: SensorMap | None = None
        self.refused: tuple[str, ...] = ()
        self.n_sensors, self.time_s = 0, 0.0
        self._pipeline: Pipeline | None = None

    @property
    def is_open(self) -> bool:
        return self._pipeline is not None

    def begin(self, decoding: DecoderSetup, stream: Changed, now: float) -> list[Notice]:
        """Take in this stream from here on, or refuse it; what is to be said of that."""
        self.stream, self._pipeline = stream, None
        fitting = SensorMap.match(decoding, stream.sensors)
        self.n_sensors = len(fitting.sensors)
        if (fitting.differences and not self.allow_missing) or not fitting.sensors:
            self.refused = fitting.differences or ("the stream has no sensor of the bank",)
            cure = "give the bank that fits this machine, or pass --allow-missing to do without"
            return [Notice("error", "passport", f"{'; '.join(self.refused)} - {cure}", now)]
        self.fitting, self.refused = fitting, ()
        self._pipeline = Pipeline(decoding.recipe, fitting.sensors, stream.sfreq)
        return [Notice("warning", "passport", f"{said}; done without, as asked", now) for said in fitting.differences]

    def move(self, decoding: DecoderSetup) -> None:
        """The signal goes on elsewhere: nothing of what came before belongs to it."""
        if self._pipeline and self.fitting and self.stream:
            self._pipeline = Pipeline(decoding.recipe, self.fitting.sensors, self.stream.sfreq)

    def signal(self, chunk: Chunk) -> Sequence[Epoch | SkippedWord]:
        assert self._pipeline is not None
        assert self.fitting is not None
        self.time_s = chunk.end
        return self._pipeline.push(Chunk(self.fitting.select(chunk.data), chunk.start, chunk.sfreq))

    def word(self, word: Word) -> Sequence[Epoch | SkippedWord]:
        return self._pipeline.push(word) if self._pipeline else [SkippedWord(word, "no signal that fits the bank")]

    def finish(self) -> Sequence[Epoch | SkippedWord]:
        """What was still waiting for its signal."""
        return self._pipeline.finish() if self._pipeline else []

    def tail(self, seconds: float) -> Chunk | None:
        """The newest seconds of the filtered signal, in display units; None before there is any."""
        return self._pipeline.buffer.newest(int(seconds * self._pipeline.chain.rate)) if self._pipeline else None
