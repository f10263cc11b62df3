"""A recording as a source: the clock decides when, never what."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from rtalign.core.records import Chunk, Sensor, Word
from rtalign.recordings import ConcatenatedRecording
from rtalign.streams.events import Event, SignalChanged, SourceEnded, SourceJumped
from rtalign.streams.replay import LEAD_S, ReplaySource
from tests.helpers.small_world import MemoryRecording, world


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture(scope="module")
def recording() -> MemoryRecording:
    return world(n_words=200, seed=8)[0]


def all_of(source: ReplaySource) -> list[Event]:
    events: list[Event] = []
    while not events or not isinstance(events[-1], SourceEnded):
        events += source.poll(0)
    return events


def signal(events: list[Event]) -> np.ndarray:
    return np.concatenate([event.data for event in events if isinstance(event, Chunk)])


def words(events: list[Event]) -> list[Word]:
    return [event for event in events if isinstance(event, Word)]


@pytest.mark.parametrize("chunk_s", [0.004, 0.13, 3.0])
def test_everything_comes_once_and_in_order(recording: MemoryRecording, chunk_s: float) -> None:
    events = all_of(ReplaySource(recording, None, chunk_s))
    assert isinstance(events[0], SignalChanged)
    assert np.array_equal(signal(events), recording.data)
    assert words(events) == list(recording.words)
    end = 0.0
    for event in events:
        if isinstance(event, Chunk):
            end = event.end
        elif isinstance(event, Word):
            assert event.onset >= end  # a word comes before the samples after its onset


def test_at_real_time_no_more_comes_than_is_due(recording: MemoryRecording) -> None:
    clock = Clock()
    source = ReplaySource(recording, 2.0, 0.02, clock)
    source.poll(0)
    clock.now += 0.4
    events = source.poll(0)
    assert len(signal(events)) / recording.sfreq == pytest.approx(0.8, abs=0.021)
    source.pause()
    clock.now += 10
    assert source.poll(0) == []
    source.play()
    clock.now += 0.1
    assert len(signal(source.poll(0))) / recording.sfreq == pytest.approx(0.2, abs=0.021)


def test_a_seek_leads_in_and_is_the_same_every_time(recording: MemoryRecording) -> None:
    """Chunks begin before the time that was asked for, so that filters settle; words begin at it."""
    again: list[Any] = []
    for _ in range(2):
        source = ReplaySource(recording, None, 0.5)
        source.poll(0)
        source.seek(50.0)
        events = all_of(source)
        assert isinstance(events[0], SourceJumped)
        first = next(event for event in events if isinstance(event, Chunk))
        assert first.start == pytest.approx(50 - LEAD_S, abs=0.005)
        assert words(events) == [word for word in recording.words if word.onset >= 50]
        again.append(signal(events))
    assert np.array_equal(*again)
    assert np.array_equal(again[0], recording.data[-len(again[0]) :])


def test_a_seek_while_paused_shows_the_place_and_stays(recording: MemoryRecording) -> None:
    clock = Clock()
    source = ReplaySource(recording, 1.0, 0.02, clock)
    source.pause()
    source.seek(30.0)
    while source.poll(0):
        clock.now += 1
    assert source.position == pytest.approx(30.0, abs=0.021)


@pytest.mark.parametrize("speed", [0.0, -1.0, 1e4, float("nan")])
def test_speeds_out_of_reach_are_refused(recording: MemoryRecording, speed: float) -> None:
    with pytest.raises(ValueError, match="speed"):
        ReplaySource(recording).set_speed(speed)


def test_recordings_in_a_row_keep_their_samples_and_words() -> None:
    parts = [world(n_words=20, seed=seed, prefix=f"p{seed}-")[0] for seed in (1, 2)]
    both = ConcatenatedRecording(parts)
    events = all_of(ReplaySource(both, None, 1.0))
    assert np.array_equal(signal(events), np.concatenate([part.data for part in parts]))
    assert [word.text for word in words(events)] == [word.text for part in parts for word in part.words]
    assert [word.index for word in both.words] == list(range(40))
    second = both.stories[1][0]
    start = min(e.start for e in events if isinstance(e, Chunk) and np.array_equal(e.data[0], parts[1].data[0]))
    assert second.onset - start == pytest.approx(parts[1].words[0].onset)


def test_other_sensors_cannot_be_joined() -> None:
    with pytest.raises(ValueError, match="other sensors"):
        ConcatenatedRecording([world(n_words=5)[0], world(n_words=5, n_sensors=5)[0]])


# ---- steps from word to word

WORDS = tuple(Word(i, f"word{i}", 30.0 + 0.4 * i, 0.3) for i in range(100))


class TimesAsSamples:
    """A recording of a minute and a half at 100 Hz, whose samples are their own times."""

    name, sfreq, start, seconds = "times", 100.0, 0.0, 90.0
    sensors = (Sensor("M1", "mag", (0.0, 0.0, 0.1), (0.0, 0.0, 1.0)),)
    words, notes, bad_stretches = WORDS, (), ()

    def chunks(self, seconds: float = 10.0, start: float | None = None) -> Iterator[Chunk]:
        at = np.arange(round((start or 0.0) * 100), 9000) / 100
        n = round(seconds * 100)
        for first in range(0, len(at), n):
            part = at[first : first + n]
            yield Chunk(part[:, None].astype(np.float32), float(part[0]), 100.0)


def replayed(chunk_s: float = 0.02) -> ReplaySource:
    return ReplaySource(TimesAsSamples(), 1.0, chunk_s, clock=lambda: 0.0)  # type: ignore[arg-type]


def poll_all(played: ReplaySource) -> list[Any]:
    """What it hands out until nothing more is due."""
    events: list[Any] = []
    while got := played.poll(0.0):
        events += got
    return events


def texts(events: list[Any]) -> list[str]:
    return [event.text for event in events if isinstance(event, Word)]


@pytest.mark.parametrize("chunk_s", [0.02, 1.0])
def test_steps_go_word_by_word_whatever_the_chunks(chunk_s: float) -> None:
    played = replayed(chunk_s)
    played.seek(33.0)
    played.pause()
    poll_all(played)
    here = played.position
    for i, by in enumerate([1, 1, 1, -1, -1, 1]):
        played.step(by)
        poll_all(played)
        expected = 8 + sum([1, 1, 1, -1, -1, 1][: i + 1]) - 1
        assert played.paused
        assert 0 <= played.position - WORDS[expected].onset <= chunk_s + 0.01
        assert played.recent_words(1)[0].index >= expected
    assert played.position != here


def test_a_step_forward_omits_no_sample() -> None:
    """No seek, so no filter has to settle again."""
    played = replayed()
    played.pause()
    poll_all(played)
    events: list[Any] = []
    for _ in range(4):
        played.step(1)
        events += poll_all(played)
    assert texts(events) == ["word0", "word1", "word2", "word3"]
    assert not any(isinstance(event, SourceJumped) for event in events)
    samples = np.concatenate([event.data[:, 0] for event in events if isinstance(event, Chunk)])
    assert np.allclose(np.diff(samples), 0.01, atol=1e-4)


def test_a_step_back_repeats_the_word() -> None:
    played = replayed()
    played.seek(40.0)
    played.pause()
    poll_all(played)
    played.step(-1)
    events = poll_all(played)
    assert any(isinstance(event, SourceJumped) for event in events)
    assert texts(events)[0] == "word24"
    assert played.position == pytest.approx(WORDS[24].onset, abs=0.03)


def test_a_step_back_goes_to_the_start_of_the_current_word() -> None:
    played = replayed()
    played.seek(WORDS[10].onset + 0.35)
    played.step(-1)
    assert played.position == pytest.approx(WORDS[10].onset, abs=0.03)
    played.step(-1)
    assert played.position == pytest.approx(WORDS[9].onset, abs=0.03)


def test_a_step_past_either_end_is_refused() -> None:
    played = replayed()
    played.seek(85.0)
    with pytest.raises(ValueError, match="no word after"):
        played.step(1)
    played.seek(10.0)
    with pytest.raises(ValueError, match="no word before"):
        played.step(-1)
    assert not played.paused


def test_the_lead_in_of_a_seek_does_not_count_as_position() -> None:
    played = replayed()
    played.seek(50.0)
    assert played.position == 50.0
    (first, *_) = [event for event in poll_all(played) if isinstance(event, Chunk)]
    assert first.start == pytest.approx(50.0 - LEAD_S)
    assert played.position >= 50.0


def test_a_replay_that_waited_does_not_hurry_afterwards(recording: MemoryRecording) -> None:
    clock = Clock()
    source = ReplaySource(recording, 1.0, 0.02, clock)
    source.wait_at(2.0)
    for _ in range(100):
        clock.now += 0.1
        source.poll(0)
    assert source.position == pytest.approx(2.0, abs=0.021)
    source.wait_at(None)
    clock.now += 0.5
    source.poll(0)
    assert source.position == pytest.approx(2.5, abs=0.12)
