"""Finds each word of a text in its sound, window by window, so that a story of any length needs the same memory."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from contextlib import closing
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from rtalign.core.records import Word
from rtalign.core.storage.files import write_atomically
from rtalign.core.text.plain_text import in_a_line
from rtalign.core.text.time_format import position_time
from rtalign_offline.forced_alignment.pronunciation import StoryWord, guess_phones, story_words

if TYPE_CHECKING:
    from rtalign.recordings.wav_file import WavFile

RATE, FRAME_RATE = 16000, 160
"""Hz.  A frame must hold a whole number of samples.  A phone takes three frames at least: at the model's own 100 a
second that is too long for quick speech, in which the search then loses its way."""
BEAMS = {"beam": 1e-100, "pbeam": 1e-100, "wbeam": 1e-80}

WINDOW_S, MARGIN_S, PAUSE_S = 30.0, 3.0, 0.15
"""A window is kept up to its last pause that lies a margin before its end; the next one begins there."""
WORDS_A_SECOND = 6
"""No reader is faster over half a minute."""

LEVEL_FRAME_S, LOUD_DB = 0.01, 25.0
"""Sound is what lies less than LOUD_DB below the loudest twentieth of the file."""
LEAST_COVERED, MIN_LOUD_S = 0.6, 3.0
"""Share of a window's sound that words must cover: about 1 where the text is what is said, 0.4 where it is another."""
SPEECH_S = 0.7
"""Sound between two words that is as long is told."""


@dataclass(frozen=True, slots=True)
class AlignedStory:
    """The words of a story with their times in its sound.

    Attributes
    ----------
    words : tuple of Word
        As printed, in order; onsets count from the first sample of the sound.
    notes : tuple of str
        What the person should know: words that the dictionary lacks, sound without words, words without sound.
    """

    words: tuple[Word, ...]
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Span:
    """A word of the text from start to stop, s."""

    start: float
    stop: float


def align_story(sound: Path, text: str, advance: Callable[[float], None] = lambda _seconds: None) -> AlignedStory:
    """Find every word of a text in its sound.

    Parameters
    ----------
    sound : Path
        A wav of somebody reading the text, in English.
    text : str
        What is read, word by word, with its punctuation.
    advance : callable
        Called with the seconds that were done since the last call.

    Returns
    -------
    AlignedStory

    Raises
    ------
    ModuleNotFoundError
        Without pocketsphinx.
    ValueError
        Where the text has no words, or the sound does not follow it.
    """
    from rtalign.recordings.wav_file import WavFile

    words = list(story_words(text))
    if not words:
        raise ValueError("the text holds no words")
    with closing(WavFile(sound)) as wav:
        aligner = _WindowAligner(wav, words)
        while not aligner.finished:
            advance(aligner.step())
        spans = aligner.spans
        loudness = aligner.loudness
    found = tuple(
        Word(i, word.text, round(span.start, 4), round(span.stop - span.start, 4))
        for i, (word, span) in enumerate(zip(words, spans, strict=False))
    )
    return AlignedStory(
        found, (*aligner.guessed_note(), *loudness.uncovered_note(spans), *_left_over_note(words, spans))
    )


def write_word_table(path: Path, words: Iterable[Word]) -> None:
    """Write a word table that every command reads.

    Parameters
    ----------
    path : Path
        The new file, TSV.
    words : iterable of Word
        With their durations.
    """
    rows = (f"{word.onset:.4f}\t{word.duration:.4f}\t{word.text}\n" for word in words)
    write_atomically(path, "onset\tduration\tword\n" + "".join(rows))


def _left_over_note(words: Sequence[StoryWord], spans: Sequence[_Span]) -> list[str]:
    left = words[len(spans) :]
    if not left:
        return []
    return [f"the sound ends before the text: {len(left)} words have no onset, from {left[0].text[:40]!r} on"]


class _Loudness:
    """The level of a sound every 10 ms, of the whole file; a third of a MiB an hour."""

    def __init__(self, wav: WavFile) -> None:
        if not wav.n_frames:
            raise ValueError("the sound is empty")
        step = round(wav.rate * LEVEL_FRAME_S)
        block = step * 1000
        power = [
            np.square(wav.read(first, block)).reshape(-1, step).mean(axis=1) for first in range(0, wav.n_frames, block)
        ]
        db = 10 * np.log10(np.concatenate(power) + 1e-12)
        top = float(np.quantile(db, 0.95))
        if top < -90:
            raise ValueError("the sound is silent")
        self._loud = db > top - LOUD_DB
        self._frame_s = step / wav.rate
        self.gain = 10 ** ((-20 - top) / 20)
        """Brings speech to 20 dB below full scale."""

    def seconds(self, start: float, stop: float) -> float:
        """Of sound between two times."""
        a, b = (max(round(time / self._frame_s), 0) for time in (start, stop))
        return float(self._loud[a:b].sum()) * self._frame_s

    def uncovered(self, spans: Sequence[_Span], start: float, stop: float) -> list[tuple[float, float]]:
        """When, and for how long, there is sound before, between and behind words."""
        edges = [start, *(time for span in spans for time in (span.start, span.stop)), stop]
        return [(a, self.seconds(a, b)) for a, b in zip(edges[::2], edges[1::2], strict=True)]

    def uncovered_note(self, spans: Sequence[_Span]) -> list[str]:
        """What is to be said of sound that no word covers."""
        whole = len(self._loud) * self._frame_s
        speech = [(start, length) for start, length in self.uncovered(spans, 0.0, whole) if length >= SPEECH_S]
        if not speech:
            return []
        places = ", ".join(position_time(start) for start, _ in speech[:5]) + (", ..." if len(speech) > 5 else "")
        return [f"{sum(length for _, length in speech):.1f} s of sound have no words in the text (at {places})"]


class _WindowAligner:
    """Aligns a window at a time; the next one begins where the last one is certain."""

    def __init__(self, wav: WavFile, words: Sequence[StoryWord]) -> None:
        from pocketsphinx import Decoder

        self._wav, self._words = wav, words
        self.loudness = _Loudness(wav)
        self._decoder = Decoder(
            lm=None, samprate=RATE, frate=FRAME_RATE, bestpath=False, cmn="batch", loglevel="FATAL", **BEAMS
        )
        self._guessed = self._complete_dictionary()
        self._start = 0.0
        self.spans: list[_Span] = []
        self.finished = False

    def step(self) -> float:
        """Align the next window; returns the seconds that are done with it."""
        last = self._start + WINDOW_S >= self._wav.seconds
        seconds = min(WINDOW_S, self._wav.seconds - self._start)
        spans = self._word_spans(self._segments(self._start, seconds))
        if not last:
            seconds = _certain_until(spans, seconds)
            spans = [span for span in spans if span.stop <= seconds + 1e-9]
        kept = [_Span(self._start + span.start, self._start + span.stop) for span in spans]
        self._refuse_lost(kept, self._start, self._start + seconds)
        self.spans += kept
        self._start += seconds
        self.finished = last or len(self.spans) == len(self._words)
        return seconds

    def guessed_note(self) -> list[str]:
        """What is to be said of words that the dictionary lacks."""
        if not self._guessed:
            return []
        listed = in_a_line(", ".join(self._guessed[:5]), 120) + (", ..." if len(self._guessed) > 5 else "")
        return [f"not in the dictionary, taken by parts or letters: {len(self._guessed)} ({listed})"]

    def _complete_dictionary(self) -> list[str]:
        """Add what the dictionary lacks; returns it."""
        lookup = self._decoder.lookup_word
        known = {part for word in self._words for part in word.spoken}
        guessed = sorted(part for part in known if lookup(part) is None)
        for part in guessed:
            self._decoder.add_word(part, guess_phones(part, lookup), part == guessed[-1])
        return guessed

    def _segments(self, start: float, seconds: float) -> list[tuple[str, float, float]]:
        """What is said from when to when in a window: parts of words, silence, noise."""
        from rtalign.recordings.quality.sound_lag import resample

        rate = self._wav.rate
        sound = self._wav.read(round(start * rate), round(seconds * rate)) * self.loudness.gain
        samples = np.clip(32768 * resample(sound, rate, RATE), -32768, 32767).astype("<i2")
        ahead = self._words[len(self.spans) : len(self.spans) + round(WORDS_A_SECOND * WINDOW_S)]
        self._decoder.set_align_text(" ".join(part for word in ahead for part in word.spoken))
        self._decoder.start_utt()
        self._decoder.process_raw(samples.tobytes(), full_utt=True)
        # Before the end of the utterance: at it, only a path through the whole text would count.
        segments = [
            (s.word, s.start_frame / FRAME_RATE, (s.end_frame + 1) / FRAME_RATE) for s in self._decoder.seg() or ()
        ]
        self._decoder.end_utt()
        return segments

    def _word_spans(self, segments: Iterable[tuple[str, float, float]]) -> list[_Span]:
        """Whole words of the text, from the first one that is still to be found."""
        parts = [(start, stop) for name, start, stop in segments if name[0] not in "<[("]
        spans, place = [], 0
        for word in self._words[len(self.spans) :]:
            after = place + len(word.spoken)
            if after > len(parts):
                break
            spans.append(_Span(parts[place][0], parts[after - 1][1]))
            place = after
        return spans

    def _refuse_lost(self, spans: Sequence[_Span], start: float, stop: float) -> None:
        """Raise ValueError where words cover too little of the sound of a window, unless they are the last ones."""
        left = self._words[len(self.spans) :]
        loud = self.loudness.seconds(start, stop)
        uncovered = sum(length for _, length in self.loudness.uncovered(spans, start, stop))
        if len(spans) == len(left) or loud < MIN_LOUD_S or uncovered <= (1 - LEAST_COVERED) * loud:
            return
        expected = in_a_line(" ".join(word.text for word in left[:5]))
        raise ValueError(
            f"from {position_time(start)} to {position_time(stop)} the sound does not follow the text "
            f"({expected} ...); the text must hold what is said, announcements too, and nothing else"
        )


def _certain_until(spans: Sequence[_Span], seconds: float) -> float:
    """Where the next window begins: in the last pause, else behind the last word, far enough from the end."""
    within = [span for span in spans if span.stop < seconds - MARGIN_S]
    pauses = [
        (before.stop + after.start) / 2 for before, after in pairwise(within) if after.start - before.stop >= PAUSE_S
    ]
    if pauses and pauses[-1] > seconds / 2:
        return pauses[-1]
    return within[-1].stop if within and within[-1].stop > seconds / 2 else seconds - MARGIN_S
