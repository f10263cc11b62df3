"""The live source: one MEG stream and one word stream over LSL, on one time axis, through all that happens to them."""

from __future__ import annotations

from collections import Counter
from typing import Any, Protocol

import numpy as np

from rtalign.core.head.position import HeadPosition
from rtalign.core.records import Chunk
from rtalign.recordings.stream_channels.kinds import signal_type
from rtalign.recordings.stream_channels.labels import find_head_coils
from rtalign.signal.plausibility import find_wrong_units
from rtalign.streams import lsl
from rtalign.streams.events import Event, HeadLocalised, Health, Notice, SignalChanged
from rtalign.streams.live.connection import LslBackend, StreamConnection, lsl_backend
from rtalign.streams.live.sample_clock import SampleClock, SampleSpan
from rtalign.streams.live.word_timing import WordTiming
from rtalign.streams.lsl import StreamInfo
from rtalign.streams.markers.decoders import MarkerDecoder
from rtalign.streams.markers.validation import Marker

POLL_S = 0.01
HEAD_S = 0.5
"""How often the position of the head is handed out."""
REPORT_S = 1.0
"""Lost and repeated samples are reported at most this often, added up."""


def is_signal(info: StreamInfo, named: bool) -> bool:
    """Whether a stream can be the signal.

    Parameters
    ----------
    info : StreamInfo
        The stream.
    named : bool
        Whether it was chosen by its name: then any regular stream of numbers will do, else only MEG or EEG by type.

    Returns
    -------
    bool
    """
    return info.regular and info.format != "string" and (named or signal_type(info.type) != "")


def is_words(info: StreamInfo, named: bool) -> bool:
    """Whether a stream can be the words: any irregular one chosen by its name, else text or markers."""
    return not info.regular and (named or info.format == "string" or info.type.lower() == "markers")


class NumbersOf(Protocol):
    """What is asked of a stream that may be one of head positions."""

    @property
    def n_channels(self) -> int: ...

    @property
    def format(self) -> str: ...


def is_head_positions(info: NumbersOf) -> bool:
    """Whether a stream can be one of head positions: a rotation and a shift in each sample."""
    return info.n_channels == 12 and info.format != "string"


class LiveSource:
    """Source of a live session.

    Signal time begins as the local LSL time of the first sample and goes on by counted samples.

    Parameters
    ----------
    meg, words : str or None
        Names (or source ids) of the streams; None takes the first of the right type.
    decoder : MarkerDecoder or None
        Makes words of markers, which come on the word stream or, where it names one, on a channel of the MEG stream;
        None where no words are wanted.
    head : str or None
        Name (or source id) of a stream of head positions, as neuromag2lsl sends them; None: there is none.
    audio_delay_s : float
        From a marker to the sound at the ear, a constant of the site, s.
    backend : LslBackend or None
        LSL itself where None.

    Examples
    --------
    >>> source = LiveSource(None, None, open_decoder("auto"))  # doctest: +SKIP
    >>> events = source.poll(0.1)  # doctest: +SKIP
    """

    def __init__(
        self,
        meg: str | None,
        words: str | None,
        decoder: MarkerDecoder | None,
        *,
        head: str | None = None,
        audio_delay_s: float = 0.0,
        backend: LslBackend | None = None,
    ) -> None:
        self._backend = here = backend or lsl_backend()
        self._decoder = decoder
        self._channel = decoder.channel if decoder else None
        self._meg = StreamConnection("meg", meg, lambda s: is_signal(s, meg is not None), here.open_signal, here)
        self._words = StreamConnection("words", words, lambda s: is_words(s, words is not None), here.open_text, here)
        self._head = StreamConnection("head", head, is_head_positions, here.open_undescribed, here) if head else None
        self._clock: SampleClock | None = None
        self._stream: SignalChanged | None = None
        self._check_units = False
        self._newest: float | None = None
        self._held: tuple[np.ndarray, np.ndarray] | None = None
        self._losses = _LossReport()
        self._timing = WordTiming(audio_delay_s)
        self._coils: np.ndarray | None = None
        self._localised = -np.inf
        self._described_head: HeadPosition | None = None
        self._closed = False

    @property
    def transport(self) -> None:
        """None: a live stream cannot be paused, moved or slowed."""

    def poll(self, timeout_s: float) -> list[Event]:
        """Whatever came, MEG before words; waits at most timeout_s for something."""
        until = self._backend.clock() + timeout_s
        while not self._closed:
            events = self._poll_once()
            left = until - self._backend.clock()
            if events or left <= 0:
                return events
            self._backend.sleep(min(POLL_S, left))
        return []

    def health(self) -> Health:
        """How both streams do, and how often what came could not be used, by reason."""
        now, clock = self._backend.clock(), self._clock
        age = now - self._newest if self._newest is not None else None
        nominal, lost, gaps = (clock.nominal_hz, clock.n_lost, clock.n_gaps) if clock else (0.0, 0, 0)
        word_age = now - self._words.last_arrival if self._words.n_samples else None
        counts = Counter(self._timing.counts)
        counts.update(self._decoder.counts if self._decoder else {})
        if clock:
            counts["samples that came twice"] += clock.n_repeated
            counts["time stamps ignored"] += clock.n_wrong
        meg = self._meg.health(age, nominal, lost, gaps)
        return Health(meg, self._words.health(word_age, 0.0, 0, 0), dict(+counts))

    def to_local(self, time_s: float) -> float:
        """Local LSL time of a signal time; for what is stamped on its way out."""
        return self._clock.to_stamp(time_s) if self._clock and self._clock.started else time_s

    def age(self, time_s: float) -> float:
        """How long ago a signal time was, s: samples may have waited in a buffer before they were polled."""
        return max(self._backend.clock() - self.to_local(time_s), 0.0)

    def close(self) -> None:
        """Close both streams; nothing is handed out any more."""
        if not self._closed:
            self._closed = True
            self._meg.close()
            self._words.close()
            if self._head is not None:
                self._head.close()
            self._backend.close()

    def _poll_once(self) -> list[Event]:
        events: list[Event] = []
        notices, is_new = self._meg.step()
        events += notices
        if is_new:
            events += self._use_inlet()
        pulled, notices = self._meg.pull()
        events += notices
        if pulled is not None and len(pulled[0]):
            events += self._signal(*pulled)
        if self._decoder is not None and self._channel is None:
            events += self._markers(self._decoder)
        return events + (self._positions(self._head) if self._head is not None else [])

    # The MEG stream

    def _use_inlet(self) -> list[Event]:
        """A signal inlet is new: is it what was there before?"""
        inlet, now = self._meg.inlet, self._backend.clock()
        if self._clock is not None:
            self._clock.drop_held()
        self._held, self._described_head = None, inlet.channels.head
        if self._decoder is not None and self._channel is not None:
            self._decoder.reset()
            if self._channel not in inlet.channel_names:
                text = f"the MEG stream has no channel {self._channel}: no words can come from it - name another"
                return [*self._change(inlet, now), Notice("error", "trigger", text, now)]
        return self._change(inlet, now)

    def _change(self, inlet: Any, now: float) -> list[Event]:
        channels = inlet.channels
        name = inlet.info.name
        about = name, channels.names, channels.units, channels.origin
        new = SignalChanged(inlet.sensors, inlet.sfreq, *about, grade=channels.grade)
        before = self._stream
        if before == new:
            return []
        events: list[Event] = [Notice("info", "meg", note, now) for note in inlet.channels.notes]
        if before is not None:
            events.append(Notice("warning", "changed", f"the MEG stream came back {_difference(before, new)}", now))
        if self._clock is None or self._clock.nominal_hz != new.sfreq:
            self._replace_clock(new.sfreq, now)
        self._stream, self._check_units = new, True
        self._coils = find_head_coils(channels.names)
        return [*events, new]

    def _replace_clock(self, sfreq: float, now: float) -> None:
        """A clock of another rate; signal time goes on from the clock before."""
        old = self._clock
        lead_s = old.to_signal(now) - now if old is not None and old.started else 0.0
        self._clock = SampleClock(sfreq, lead_s)
        self._losses = _LossReport()

    def _signal(self, data: np.ndarray, stamps: np.ndarray) -> list[Event]:
        """data : (sample, channel), stamps : (sample,), both as they came."""
        assert self._clock is not None
        inlet, events = self._meg.inlet, list[Event](self._meg.count(len(data)))
        if self._meg.take_clock_set():
            self._clock.continue_at_next()
        local = stamps + self._meg.offset()
        n_set = self._clock.n_set
        spans = self._clock.push(local, self._backend.clock())
        if self._held is not None:
            data, local = (np.concatenate(parts) for parts in zip(self._held, (data, local), strict=True))
        if self._clock.n_set > n_set:
            self._meg.measure_soon()
        n_held = self._clock.n_held
        self._held = (data[-n_held:], local[-n_held:]) if n_held else None
        channels = inlet.channels
        for span in spans:
            rows = slice(span.first, span.first + span.n)
            events.append(self._chunk(data[rows], span, channels))
            if self._decoder is not None and self._channel in inlet.channel_names:
                column = inlet.channel_names.index(self._channel)
                events += self._timed(self._decoder.push_samples(data[rows, column], local[rows]), 0.0)
        if self._clock.started:
            self._newest = self._clock.to_stamp(self._clock.end - 1 / self._clock.nominal_hz)
        events += self._timed([], 0.0)
        events += self._take_described_head()
        events += self._coils_at(data)
        events += self._losses.notices(self._clock, self._backend.clock())
        return events + self._implausible(data)

    def _chunk(self, rows: np.ndarray, span: SampleSpan, channels: Any) -> Chunk:
        assert self._clock is not None
        kind = np.float32 if rows.dtype == np.float32 else np.float64
        x = rows[:, channels.picks].astype(kind, copy=False)
        if (channels.scales != 1).any():
            x = x * channels.scales.astype(kind)
        return Chunk(x, span.start, self._clock.nominal_hz)

    def _take_described_head(self) -> list[Event]:
        """Where the head is, by the description of the stream, as soon as there is signal to date it by."""
        if self._described_head is None or self._clock is None or not self._clock.started:
            return []
        position, self._described_head = self._described_head, None
        return [HeadLocalised(position, self._clock.end)]

    def _coils_at(self, data: np.ndarray) -> list[Event]:
        """Where the head is, now and then, where its coils are among the channels."""
        now, clock = self._backend.clock(), self._clock
        if self._coils is None or not len(data) or clock is None or now - self._localised < HEAD_S:
            return []
        self._localised = now
        position = HeadPosition.from_ctf_coils(np.median(data[:, self._coils.ravel()], axis=0).reshape(3, 3))
        return [HeadLocalised(position, clock.end)] if position is not None else []

    def _positions(self, connection: StreamConnection) -> list[Event]:
        """Where the head is, by a stream of its own; the newest counts."""
        notices, _ = connection.step()
        pulled, more = connection.pull()
        events: list[Event] = [*notices, *more]
        if pulled is None or not len(pulled[0]):
            return events
        events += connection.count(len(pulled[0]))
        position, clock = HeadPosition.from_megin(pulled[0][-1], connection.inlet.channel_names), self._clock
        if position is not None and clock is not None and clock.started:
            events.append(HeadLocalised(position, clock.end))
        return events

    def _implausible(self, data: np.ndarray) -> list[Event]:
        """Once per stream, a notice where its numbers do not fit its unit."""
        if not self._check_units or len(data) < 8 or self._stream is None:
            return []
        self._check_units = False
        channels = self._meg.inlet.channels
        lines = find_wrong_units(data[:, channels.picks] * channels.scales, self._stream.sensors)
        return [Notice("warning", "units", line, self._backend.clock()) for line in lines]

    # The word stream

    def _markers(self, decoder: MarkerDecoder) -> list[Event]:
        notices, _ = self._words.step()
        markers, more = self._words.pull()
        events: list[Event] = [*notices, *more]
        if markers:
            events += self._words.count(len(markers))
        offset = self._word_offset()
        for text, stamp in markers or ():
            events += self._timed(decoder.push(lsl.readable(text), stamp), offset)
        if self._words.inlet is not None:
            events += self._timed(decoder.due(self._backend.clock() - offset), offset)
        return events

    def _word_offset(self) -> float:
        """From the word sender's clock to the local one: two streams of one machine share one offset."""
        meg, words = self._meg.inlet, self._words.inlet
        own = self._words.offset()
        if meg is None or words is None or meg.info.hostname != words.info.hostname:
            return own
        shared = self._meg.offset()
        near = self._meg.clock_offset.tolerance + self._words.clock_offset.tolerance
        return shared if abs(own - shared) < near else own

    def _timed(self, words: list[Marker], offset_s: float) -> list[Event]:
        """Words and bad stretches whose onsets plus `offset_s` are local time, and those that waited for a signal."""
        self._timing.push(words, offset_s)
        return list(self._timing.pull(self._clock, self._backend.clock(), self._meg.state == "flowing"))


class _LossReport:
    """Notices of what a sample clock has counted since the last notice."""

    def __init__(self) -> None:
        self._reported = (0, 0, 0, 0, 0)
        self._at = -np.inf

    def notices(self, clock: SampleClock, now: float) -> list[Notice]:
        counted = (clock.n_gaps, clock.n_lost, clock.n_repeated, clock.n_wrong, clock.n_set)
        if counted == self._reported or now - self._at < REPORT_S:
            return []
        gaps, lost, repeated, wrong, n_set = (new - old for new, old in zip(counted, self._reported, strict=True))
        self._reported, self._at = counted, now
        texts = []
        if n_set or (gaps and not lost):
            texts.append(("gap", "the clock of the MEG's sender was set; its samples are used as if it had not been"))
        elif gaps:
            texts.append(
                ("gap", f"{lost} samples ({lost / clock.nominal_hz:.3g} s) are missing from the MEG, in {gaps} gaps")
            )
        if repeated:
            texts.append(("repeated", f"{repeated} MEG samples came twice and were dropped"))
        if wrong:
            texts.append(("stamps", f"{wrong} time stamps of the MEG were wrong; their samples follow those before"))
        return [Notice("warning", kind, text, now) for kind, text in texts]


def _difference(before: SignalChanged, new: SignalChanged) -> str:
    """In words, what is different about the signal."""
    old, now = {sensor.name for sensor in before.sensors}, {sensor.name for sensor in new.sensors}
    parts = []
    if before.sfreq != new.sfreq:
        parts.append(f"at {new.sfreq:g} Hz instead of {before.sfreq:g} Hz")
    if missing := sorted(old - now):
        parts.append(f"without {_some(missing)}")
    if added := sorted(now - old):
        parts.append(f"with {_some(added)}")
    if not parts and before.origin != new.origin:
        return "from other recordings"
    return "; ".join(parts) or "with its sensors in another order or place"


def _some(names: list[str]) -> str:
    return ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")
