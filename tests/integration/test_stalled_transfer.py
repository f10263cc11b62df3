"""A stream that is stamped on arrival keeps its time when the transfer stalls: in a file, and as live has it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from rtalign.core.records import Sensor
from rtalign.recordings.xdf import writer
from rtalign.recordings.xdf.recording import XdfRecording
from rtalign.streams.live.sample_clock import SampleClock
from tests.helpers.xdf_files import open_one, write

SENSORS = (Sensor("MLC11", "axial", (0.01, 0.02, 0.1), (0.0, 0.6, 0.8)),)
LATENCY_S, JITTER_S = 0.001, 0.002
ZERO_S = 1000.0


def arrivals(
    sfreq: float, size: int, stalls: list[tuple[float, float]], seconds: float = 300.0, lost_s: float = 0.0
) -> tuple[np.ndarray, np.ndarray]:
    """(true times, stamps) of samples sent in chunks, each stamped when it came; with lost_s, some at the first stall
    never came."""
    rng = np.random.default_rng(int(sfreq) + size)
    true = np.arange(int(seconds * sfreq) // size * size) / (sfreq * (1 + 30e-6))
    if lost_s:
        true = true[(true < stalls[0][0]) | (true >= stalls[0][0] + lost_s)]
        true = true[: len(true) // size * size]
    came = true[size - 1 :: size] + LATENCY_S + rng.exponential(JITTER_S, len(true) // size)
    for begin, length in stalls:
        held = (came >= begin) & (came < begin + length)
        came[held] = begin + length + 1e-4 * np.arange(held.sum())
    came = np.maximum.accumulate(came)
    return true, ZERO_S + (came[:, None] - (size - 1 - np.arange(size)) / sfreq).ravel()


def recorded(path: Path, sfreq: float, stamps: np.ndarray, words: np.ndarray, size: int) -> XdfRecording:
    signal = writer.SignalStream("meg", sfreq, ("MLC11",), SENSORS)
    markers = [(f"w{i}", ZERO_S + float(word)) for i, word in enumerate(words)]
    return open_one(write(path / "a.xdf", stamps, np.zeros((len(stamps), 1)), markers, signal=signal, size=size))


def samples_of_words(recording: XdfRecording) -> np.ndarray:
    """The number of the sample at each word's onset, with fractions."""
    numbers = []
    for word in recording.words:
        segment = [s for s in recording.clock.segments if s.start <= word.onset][-1]
        numbers.append(segment.first + (word.onset - segment.start) * recording.sfreq)
    return np.array(numbers)


def live_samples(sfreq: float, stamps: np.ndarray, words: np.ndarray, size: int) -> np.ndarray:
    """The same, of a live session to which the samples come in their chunks, and words 1.5 s later."""
    clock, firsts, starts, found = SampleClock(sfreq), [], [], []
    for a in range(0, len(stamps), size):
        for span in clock.push(stamps[a : a + size]):
            firsts.append(a + span.first)
            starts.append(span.start)
        while len(found) < len(words) and stamps[a + size - 1] > ZERO_S + words[len(found)] + 1.5:
            onset = clock.to_signal(ZERO_S + float(words[len(found)]))
            k = int(np.searchsorted(starts, onset + 1e-9)) - 1
            found.append(firsts[k] + (onset - starts[k]) * sfreq)
    return np.array(found)


@pytest.mark.parametrize("stall_s", [1.0, 1.5, 4.0])
@pytest.mark.parametrize("size", [20, 100])
@pytest.mark.parametrize("sfreq", [100.0, 1000.0])
def test_stalls_of_the_transfer_move_no_word(tmp_path: Path, sfreq: float, size: int, stall_s: float) -> None:
    stalls = [(40 + 60.13 * k, stall_s) for k in range(4)]
    true, stamps = arrivals(sfreq, size, stalls)
    words = np.array([w for w in np.arange(20.3, 295, 1.7) if all(not a - 0.5 < w < a + b + 1.5 for a, b in stalls)])
    recording = recorded(tmp_path, sfreq, stamps, words, size)
    numbers = samples_of_words(recording)
    errors = np.interp(numbers, np.arange(len(true)), true) - words + LATENCY_S + JITTER_S
    assert np.abs(errors).max() < 1e-3  # 5 ms are asked for
    assert np.median(np.abs(numbers - live_samples(sfreq, stamps, words, size))) / sfreq < 1e-3
    assert len(recording.clock.segments) == 1
    assert any("of the transfer" in note for note in recording.notes)


def test_a_stall_within_a_chunk_of_the_file_weighs_no_more(tmp_path: Path) -> None:
    """LabRecorder writes what came in half a second as one chunk: a quiet one gives two stamps to the line, one with a
    stall dozens."""
    true, stamps = arrivals(1000.0, 20, [(40 + 60.13 * k, 1.5) for k in range(4)])
    quiet = ZERO_S + true
    stalled = stamps - quiet > 0.05
    stamps = np.where(stalled, stamps, quiet)
    words = np.arange(50.0, 95.0)
    recording = recorded(tmp_path, 1000.0, stamps, words, 500)
    errors = np.interp(samples_of_words(recording), np.arange(len(true)), true) - words
    assert np.abs(errors).max() < 1e-3


def test_a_recording_may_begin_in_a_stall(tmp_path: Path) -> None:
    true, stamps = arrivals(1000.0, 20, [(-0.1, 4.0)], seconds=60.0)
    words = np.arange(10.0, 55.0, 1.3)
    recording = recorded(tmp_path, 1000.0, stamps, words, 20)
    errors = np.interp(samples_of_words(recording), np.arange(len(true)), true) - words + LATENCY_S + JITTER_S
    assert np.abs(errors).max() < 1e-3
    (segment,) = recording.clock.segments
    assert segment.n == recording.n_samples == len(true)


def test_samples_lost_in_a_stall_are_a_break(tmp_path: Path) -> None:
    """Of a stall of 2 s the first 0.7 s never come: two unbroken parts, and words on both sides meet their samples."""
    true, stamps = arrivals(1000.0, 20, [(40.0, 2.0)], seconds=120.0, lost_s=0.7)
    words = np.concatenate([np.arange(20.3, 38.0), np.arange(44.1, 115.0)])
    recording = recorded(tmp_path, 1000.0, stamps, words, 20)
    assert len(recording.clock.segments) == 2
    errors = np.interp(samples_of_words(recording), np.arange(len(true)), true) - words + LATENCY_S + JITTER_S
    assert np.abs(errors).max() < 2e-3
    assert any("breaks in the signal: 1 (0.7" in note for note in recording.notes)


def test_a_steady_stream_is_told_nothing(tmp_path: Path) -> None:
    _, stamps = arrivals(1000.0, 20, [], seconds=60.0)
    recording = recorded(tmp_path, 1000.0, stamps, np.array([5.0]), 20)
    assert not [note for note in recording.notes if "stamps" in note or "breaks" in note]
