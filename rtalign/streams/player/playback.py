"""One recording on its way out: what is due is sent, and nothing before its time."""

from __future__ import annotations

import heapq
import json
import queue
import threading
from collections import deque
from collections.abc import Iterator

import numpy as np

from rtalign.core.records import BadStretch, Recording, Word
from rtalign.streams.player.faults import FaultInjector, OutgoingMarker, OutgoingSamples
from rtalign.streams.player.outlets import OutgoingEncoding, Outlets, PlayerSettings

BLOCK_S = 2.0
N_BLOCKS = 3
BAD_LEAD_S = 1.0
"""How long before its stretch a bad mark is sent: no word that it costs may be scored before it comes."""


class ReadAhead:
    """A recording's signal in small even parts, read by a thread so that no disk delays one.

    Iterate over it for (number of the first sample, data), where data are float32, (sample, sensor).

    Parameters
    ----------
    recording : Recording
        What is read.
    size : int
        Samples of a part, at most.
    """

    def __init__(self, recording: Recording, size: int) -> None:
        self._recording, self._size = recording, size
        self._blocks: queue.Queue[tuple[int, np.ndarray] | BaseException | None] = queue.Queue(N_BLOCKS)
        self._closed = threading.Event()
        self._thread = threading.Thread(target=self._read, name="read-ahead", daemon=True)
        self._thread.start()

    def __iter__(self) -> Iterator[tuple[int, np.ndarray]]:
        while True:
            match self._blocks.get():
                case None:
                    return
                case BaseException() as error:
                    raise error
                case first, data:
                    for a in range(0, len(data), self._size):
                        yield first + a, data[a : a + self._size]

    def close(self) -> None:
        """End the thread."""
        self._closed.set()
        self._thread.join(10.0)

    def _read(self) -> None:
        last: BaseException | None = None
        try:
            for chunk in self._recording.chunks(BLOCK_S):
                first = round((chunk.start - self._recording.start) * self._recording.sfreq)
                if not self._put((first, np.ascontiguousarray(chunk.data, dtype=np.float32))):
                    return
        except Exception as error:  # the boundary of a thread: the iterator raises it
            last = error
        self._put(last)

    def _put(self, block: tuple[int, np.ndarray] | BaseException | None) -> bool:
        """False where it was closed meanwhile."""
        while not self._closed.is_set():
            try:
                self._blocks.put(block, timeout=0.2)
            except queue.Full:
                continue
            return True
        return False


class Playback:
    """Plays one recording; call `begin`, then `step` again and again until it returns None.

    Parameters
    ----------
    recording : Recording
        What is played.
    parts : iterator
        Its signal, as ReadAhead gives it.
    settings : PlayerSettings
        How it is played.
    faults : FaultInjector
        What goes wrong.
    outlets : Outlets
        Where it is sent.

    Attributes
    ----------
    n_samples, n_words : int
        Sent so far.
    n_withheld, n_words_withheld : int
        Samples and words that were not sent because of faults.
    """

    def __init__(
        self,
        recording: Recording,
        parts: Iterator[tuple[int, np.ndarray]],
        settings: PlayerSettings,
        faults: FaultInjector,
        outlets: Outlets,
    ) -> None:
        self._recording, self._parts, self._settings = recording, parts, settings
        self._faults, self._outlets = faults, outlets
        end = recording.start + recording.n_samples / recording.sfreq
        self._words = iter([w for w in sorted(recording.words, key=lambda w: w.onset) if w.onset < end])
        self._word = next(self._words, None)
        self._bads = deque(sorted(recording.bad_stretches, key=lambda bad: bad.start))
        self._next = next(parts, None)  # read before the clock is set
        self._markers: list[tuple[float, int, OutgoingMarker]] = []  # a heap: when to send, then in which order
        self._order = 0
        self.n_samples = self.n_words = self.n_withheld = self.n_words_withheld = 0

    @property
    def received(self) -> tuple[bool, bool]:
        """Whether the MEG, and the words, have a receiver."""
        return self._outlets.received

    def active_faults(self, now: float) -> tuple[str, ...]:
        """The kinds of fault that happen at a local LSL time."""
        return tuple(self._faults.active((now - self._t0) * self._settings.speed + self._offset))

    def begin(self, t0: float, offset: float) -> None:
        """Set the clock; t0 : LSL time of the first sample; offset : its time in the whole stream, s."""
        self._t0, self._offset, self._due = t0, offset, t0
        self._samples = self._prepare()

    def step(self, now: float) -> float | None:
        """Send all that is due at a local LSL time; returns when to call again, or None at the end."""
        while self._bads and self._bad_due(self._bads[0]) <= now:
            bad = self._bads.popleft()
            self._outlets.push_marker(encoded_bad(bad, self._settings.speed), self._stamp(bad.start))
        while self._samples is not None and self._due <= now:
            self._send(self._samples)
            self._samples = self._prepare()
        while self._word is not None and self._word_due(self._word) <= now:
            self._queue_markers(self._word)
            self._word = next(self._words, None)
        while self._markers and self._markers[0][0] <= now:
            self._send_marker(heapq.heappop(self._markers)[-1])
        waiting = [self._due] if self._samples is not None else []
        waiting += [self._word_due(self._word)] if self._word is not None else []
        waiting += [self._bad_due(self._bads[0])] if self._bads else []
        waiting += [self._markers[0][0]] if self._markers else []
        return min(waiting, default=None)

    def _prepare(self) -> OutgoingSamples | None:
        """The next samples with their faults; `_due` is when they leave: after the last, in order."""
        if self._next is None:
            return None
        (first, data), self._next = self._next, next(self._parts, None)
        time = (first + np.arange(len(data))) / self._recording.sfreq
        stamps = self._t0 + time / self._settings.speed
        samples = self._faults.push(OutgoingSamples(data, time + self._offset, stamps))
        self.n_withheld += len(data) - len(samples.data)
        self._due = max(self._due, float(stamps[-1]) + samples.delay_s)
        self._outlet_state = self._faults.outlet_state(float(time[0]) + self._offset)
        return samples

    def _send(self, samples: OutgoingSamples) -> None:
        self._outlets.set_state(self._outlet_state)
        sent = self._outlets.push(samples.data, samples.stamps)
        self.n_samples += len(samples.data) if sent else 0
        self.n_withheld += 0 if sent else len(samples.data)

    def _word_due(self, word: Word) -> float:
        return self._stamp(word.onset) + self._settings.word_delay_s

    def _bad_due(self, bad: BadStretch) -> float:
        return max(self._stamp(bad.start) - BAD_LEAD_S, self._t0)

    def _stamp(self, time: float) -> float:
        return self._t0 + (time - self._recording.start) / self._settings.speed

    def _queue_markers(self, word: Word) -> None:
        """A word becomes as many markers as the faults make of it, each with its time to be sent."""
        text = encoded(word, self._settings.encoding, self._recording)
        time = word.onset - self._recording.start + self._offset
        markers = self._faults.push_marker(
            OutgoingMarker(text, time, self._stamp(word.onset), self._settings.word_delay_s)
        )
        self.n_words_withheld += not markers
        for marker in markers:
            self._order += 1
            heapq.heappush(self._markers, (self._stamp(word.onset) + marker.delay_s, self._order, marker))

    def _send_marker(self, marker: OutgoingMarker) -> None:
        is_open = self._faults.outlet_state(marker.time).words
        sent = is_open and self._outlets.push_marker(marker.text, marker.stamp)
        self.n_words += sent
        self.n_words_withheld += not sent


def encoded(word: Word, encoding: OutgoingEncoding, recording: Recording) -> str:
    """The text of a word's marker; the onset in JSON counts from the recording's first sample."""
    if encoding == "plain":
        return word.text
    content = {"word": word.text, "onset": round(word.onset - recording.start, 6), "duration": word.duration}
    content |= {"index": word.index, "story": recording.name} | ({"pos": word.pos} if word.pos else {})
    return json.dumps(content, ensure_ascii=False)


def encoded_bad(bad: BadStretch, speed: float) -> str:
    """The text of a marker that marks a stretch as bad."""
    return json.dumps({"bad": bad.reason, "duration": round((bad.stop - bad.start) / speed, 6)}, ensure_ascii=False)
