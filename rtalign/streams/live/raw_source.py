"""The raw source: what a recorder writes of one MEG stream and one stream of markers, exactly as it comes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from rtalign.streams.events import Notice, OffsetMeasurement, RawEvent, RawMarker, RawSamples, SignalChanged
from rtalign.streams.live.connection import LslBackend, StreamConnection, lsl_backend
from rtalign.streams.live.source import POLL_S, is_signal, is_words
from rtalign.streams.lsl import StreamInfo


class RawSource:
    """Samples, markers and clock offsets without any judgement: no sample clock, no decoder, no plausibility.

    It finds, loses and finds again its streams by the rules of `LiveSource`, with inlets of its own.

    Parameters
    ----------
    meg, words : str or None
        Names (or source ids) of the streams; None takes the first of the right type.
    with_markers : bool
        Whether there is a stream of markers; False where words come on a channel of the MEG stream.
    backend : LslBackend or None
        LSL itself where None.
    """

    def __init__(
        self, meg: str | None, words: str | None, *, with_markers: bool = True, backend: LslBackend | None = None
    ) -> None:
        self._backend = here = backend or lsl_backend()
        self._meg = StreamConnection("meg", meg, lambda s: is_signal(s, meg is not None), self._open, here)
        self._words = StreamConnection("words", words, lambda s: is_words(s, words is not None), here.open_text, here)
        self._connections = (self._meg, self._words) if with_markers else (self._meg,)
        self._stream: SignalChanged | None = None

    @property
    def names(self) -> tuple[str, str]:
        """Names of the MEG stream and of that of markers; empty before one is open."""
        meg, words = self._meg.inlet, self._words.inlet
        return meg.info.name if meg else "", words.info.name if words else ""

    def now(self) -> float:
        """Local time, s: the clock of all stamps to which offsets have been added."""
        return self._backend.clock()

    def poll(self, timeout_s: float) -> list[RawEvent]:
        """Whatever came, MEG before markers; waits at most timeout_s for something."""
        until = self._backend.clock() + timeout_s
        while True:
            events = self._poll_once()
            left = until - self._backend.clock()
            if events or left <= 0:
                return events
            self._backend.sleep(min(POLL_S, left))

    def close(self) -> None:
        """Close both streams."""
        self._meg.close()
        self._words.close()
        self._backend.close()

    def _poll_once(self) -> list[RawEvent]:
        events: list[RawEvent] = []
        for one in self._connections:
            notices, is_new = one.step()
            events += notices
            if is_new and one is self._meg:
                events += self._change()
            pulled, more = one.pull()
            events += more
            if pulled is not None:
                events += self._samples(*pulled) if one is self._meg else self._markers(pulled)
            events += [OffsetMeasurement(one.role, *measured) for measured in one.take_offsets()]
        return events

    def _open(self, info: StreamInfo) -> Any:
        """A stream is recorded, whatever it says of its channels."""
        try:
            return self._backend.open_signal(info)
        except ValueError:
            return self._backend.open_undescribed(info)

    def _change(self) -> list[RawEvent]:
        inlet = self._meg.inlet
        found = inlet.channels
        about = inlet.info.name, found.names, found.units, found.origin
        new = SignalChanged(inlet.sensors, inlet.sfreq, *about, grade=found.grade)
        if new == self._stream:
            return []
        self._stream = new
        return [new]

    def _samples(self, data: np.ndarray, stamps: np.ndarray) -> list[RawEvent]:
        """data : (sample, channel); stamps : (sample,)."""
        return [*self._meg.count(len(data)), RawSamples(data, stamps)] if len(data) else []

    def _markers(self, markers: Sequence[tuple[str, float]]) -> list[RawEvent]:
        notices: list[Notice] = self._words.count(len(markers)) if markers else []
        return [*notices, *(RawMarker(text, stamp) for text, stamp in markers)]
