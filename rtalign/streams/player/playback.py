"""One recording on its way out: what is due goes, and nothing goes before its time."""

from __future__ import annotations

import heapq
import json
from collections.abc import Iterator

import numpy as np

from rtalign.core.records import Recording, Word
from rtalign.streams.player.faults import Faults, Marker, Piece
from rtalign.streams.player.outlets import OutgoingEncoding, Outlets, Setup


class Performance:
    """Plays one recording; `step` again and again, until it returns None."""

    def __init__(
        self,
        recording: Recording,
        pieces: Iterator[tuple[int, np.ndarray]],
        setup: Setup,
        faults: Faults,
        outlets: Outlets,
    ) -> None:
        self._recording, self._pieces, self._setup = recording, pieces, setup
        self._faults, self._outlets = faults, outlets
        end = recording.start + recording.n_samples / recording.sfreq
        self._words = iter([w for w in sorted(recording.words, key=lambda w: w.onset) if w.onset < end])
        self._word = next(self._words, None)
        self._next = next(pieces, None)  # read before the clock is set
        self._late: list[tuple[float, int, Marker]] = []
        self._order = 0
        self.n_samples = self.n_words = self.n_withheld = self.n_words_withheld = 0

    @property
    def heard(self) -> tuple[bool, bool]:
        return self._outlets.heard

    def happening(self, now: float) -> tuple[str, ...]:
        return tuple(self._faults.happening((now - self._t0) * self._setup.speed + self._offset))

    def begin(self, t0: float, offset: float) -> None:
        """t0 : LSL time of the first sample; offset : its time in the whole stream."""
        self._t0, self._offset, self._due = t0, offset, t0
        self._piece = self._fetch()

    def step(self, now: float) -> float | None:
        """Send all that is due; returns when to come again, or None at the end."""
        while self._piece is not None and self._due <= now:
            self._send(self._piece)
            self._piece = self._fetch()
        while self._word is not None and self._word_due(self._word) <= now:
            self._expand(self._word)
            self._word = next(self._words, None)
        while self._late and self._late[0][0] <= now:
            self._send_word(heapq.heappop(self._late)[-1])
        waiting = [self._due] if self._piece is not None else []
        waiting += [self._word_due(self._word)] if self._word is not None else []
        waiting += [self._late[0][0]] if self._late else []
        return min(waiting, default=None)

    def _fetch(self) -> Piece | None:
        """The next piece with its faults, and in `_due` when it leaves: after its last sample, behind those before."""
        if self._next is None:
            return None
        (first, data), self._next = self._next, next(self._pieces, None)
        time = (first + np.arange(len(data))) / self._recording.sfreq
        stamps = self._t0 + time / self._setup.speed
        piece = self._faults.push(Piece(data, time + self._offset, stamps))
        self.n_withheld += len(data) - len(piece.data)
        self._due = max(self._due, float(stamps[-1]) + piece.delay_s)
        self._offered = self._faults.offered(float(time[0]) + self._offset)
        return piece

    def _send(self, piece: Piece) -> None:
        self._outlets.offer(self._offered)
        sent = self._outlets.push(piece.data, piece.stamps)
        self.n_samples += len(piece.data) if sent else 0
        self.n_withheld += 0 if sent else len(piece.data)

    def _word_due(self, word: Word) -> float:
        return self._stamp(word) + self._setup.word_delay_s

    def _stamp(self, word: Word) -> float:
        return self._t0 + (word.onset - self._recording.start) / self._setup.speed

    def _expand(self, word: Word) -> None:
        """A word becomes as many markers as the faults make of it, each with its time to leave."""
        text = encoded(word, self._setup.encoding, self._recording)
        time = word.onset - self._recording.start + self._offset
        markers = self._faults.push_word(Marker(text, time, self._stamp(word), self._setup.word_delay_s))
        self.n_words_withheld += not markers
        for marker in markers:
            self._order += 1
            heapq.heappush(self._late, (self._stamp(word) + marker.delay_s, self._order, marker))

    def _send_word(self, marker: Marker) -> None:
        sent = self._faults.offered(marker.time).words and self._outlets.push_word(marker.text, marker.stamp)
        self.n_words += sent
        self.n_words_withheld += not sent


def encoded(word: Word, encoding: OutgoingEncoding, recording: Recording) -> str:
    """A word as the text of its marker; the onset in JSON counts from the recording's first sample."""
    if encoding == "plain":
        return word.text
    told = {"word": word.text, "onset": round(word.onset - recording.start, 6), "duration": word.duration}
    return json.dumps({**told, "index": word.index, "story": recording.name}, ensure_ascii=False)
