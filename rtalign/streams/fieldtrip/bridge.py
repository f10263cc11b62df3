"""The bridge from a FieldTrip buffer to LSL: its signal and its events as streams for any LSL program."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from rtalign.recordings.stream_channels.description import describe_channel
from rtalign.recordings.stream_channels.selection import StreamChannels
from rtalign.streams import lsl
from rtalign.streams.fieldtrip.client import BufferAddress
from rtalign.streams.fieldtrip.description import describe_buffer
from rtalign.streams.fieldtrip.inlets import BufferReader
from rtalign.streams.fieldtrip.protocol import BufferHeader
from rtalign.streams.lsl import StreamLost

POLL_S = 0.01
RETRY_S = 1.0


@dataclass(frozen=True, slots=True)
class BridgeStatus:
    """How a bridge does.

    Attributes
    ----------
    state : str
        What it is doing, in words.
    n_samples, n_lost, n_events : int
        Sent on, and overwritten before they were read.
    uncertainty_s : float
        Of the samples' times, s.
    notes : tuple of str
        What a user should know of the channels.
    """

    state: str
    n_samples: int = 0
    n_lost: int = 0
    n_events: int = 0
    uncertainty_s: float = 0.0
    notes: tuple[str, ...] = ()


class Bridge:
    """Sends a buffer on as LSL streams: sensors in SI units, every other channel as it comes; events as text.

    Parameters
    ----------
    address : str
        ft://HOST:PORT.
    name_meg, name_words : str
        Names of the two streams.
    on_status : callable, optional
        Told a BridgeStatus at every turn.

    Raises
    ------
    ValueError
        For an address that is none.
    """

    def __init__(
        self,
        address: str,
        name_meg: str = "fieldtrip-meg",
        name_words: str = "fieldtrip-words",
        on_status: Callable[[BridgeStatus], None] | None = None,
    ) -> None:
        self.address = BufferAddress.parse(address)
        self._names, self._on_status = (name_meg, name_words), on_status
        self._header: BufferHeader | None = None
        self._channels: StreamChannels | None = None
        self._signal: lsl.DescribedOutlet | None = None
        self._text: lsl.TextOutlet | None = None
        self._n_samples = self._n_lost = self._n_events = 0
        self.status = BridgeStatus("connecting")

    def run(self, stop: threading.Event) -> None:
        """Send until `stop` is set; a buffer that is lost is searched for.

        Raises
        ------
        ValueError
            If the signal has no sensors that can be described.
        """
        try:
            while not stop.is_set():
                try:
                    reader = BufferReader(self.address)
                except StreamLost as error:
                    self._tell(str(error))
                    stop.wait(RETRY_S)
                    continue
                self._forward(reader, stop)
        finally:
            self._close()

    def _forward(self, reader: BufferReader, stop: threading.Event) -> None:
        """Send what one connection brings, to its end."""
        lost_before = self._n_lost
        try:
            self._open(reader.header)
            while not stop.is_set():
                data, stamps = reader.samples()
                events = reader.events()
                self._push(data, stamps, events)
                self._n_lost = lost_before + reader.n_lost
                self._tell("flowing" if self._n_samples else "no samples yet", reader.dates.uncertainty_s)
                if not len(data) and not events:
                    stop.wait(POLL_S)
        except StreamLost as error:
            self._tell(str(error))
        finally:
            reader.close()

    def _open(self, header: BufferHeader) -> None:
        """Offer the streams; those that there are stay where the signal is the same as before."""
        if self._header is not None and self._header.is_same_signal(header):
            return
        self._close()
        channels = describe_buffer(header, str(self.address))
        trees: list[dict[str, Any]] = [{"label": name, "type": "misc"} for name in channels.names]
        for column, sensor in zip(channels.picks.tolist(), channels.sensors, strict=True):
            trees[column] = describe_channel(sensor, grade=channels.grade)
        type = "EEG" if channels.sensors[0].kind == "eeg" else "MEG"
        source = f"rtalign-bridge {self.address}"
        self._signal = lsl.DescribedOutlet(self._names[0], type, trees, header.sfreq, source)
        self._text = lsl.TextOutlet(self._names[1], f"{source} events")
        self._header, self._channels = header, channels

    def _push(self, data: np.ndarray, stamps: np.ndarray, events: list[tuple[str, float]]) -> None:
        assert self._signal is not None
        assert self._text is not None
        assert self._channels is not None
        if len(data):
            scaled = data.astype(np.float64)
            scaled[:, self._channels.picks] *= self._channels.scales
            self._signal.push(scaled.astype(np.float32), stamps)
            self._n_samples += len(data)
        for text, stamp in events:
            self._text.push(lsl.readable(text), stamp)
            self._n_events += 1

    def _tell(self, state: str, uncertainty_s: float = 0.0) -> None:
        notes = self._channels.notes if self._channels else ()
        self.status = BridgeStatus(state, self._n_samples, self._n_lost, self._n_events, uncertainty_s, notes)
        if self._on_status is not None:
            self._on_status(self.status)

    def _close(self) -> None:
        for outlet in (self._signal, self._text):
            if outlet is not None:
                outlet.close()
        self._signal = self._text = None
