"""The one route: whatever the chunks and whenever the words arrive, the epochs are the same."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rtalign.core.recipe import Recipe
from rtalign.core.records import Chunk, Epoch, Sensor, SkippedWord, Word
from rtalign.signal.chain import Chain
from rtalign.signal.disk_buffer import DiskBuffer
from rtalign.signal.pipeline import Pipeline

SFREQ, N_SAMPLES, START = 600.0, 30 * 600, 100.0
SENSORS = [Sensor(f"M{index}", "axial", (0.0, 0.0, 0.1), (0.0, 0.0, 1.0)) for index in range(6)]
RECIPE = Recipe()
LAGS = RECIPE.lags.seconds
WORDS = [Word(index, f"w{index}", START + 0.37 * index + 0.1234) for index in range(80)]


def signal() -> np.ndarray:
    """(sample, sensor) in tesla, on an offset much larger than itself."""
    return 1e-13 * np.random.default_rng(0).standard_normal((N_SAMPLES, len(SENSORS))) + 3e-11


def play(x: np.ndarray, sizes: Sequence[int], late_s: Sequence[float]) -> dict[int, Epoch | SkippedWord]:
    """Push chunks of these sizes; each word when the signal has come late_s (negative: earlier) past its onset."""
    pipeline = Pipeline(RECIPE, SENSORS, SFREQ)
    arrivals = sorted((word.onset + late_s[word.index % len(late_s)], word.index) for word in WORDS)
    done, at, turn = [], 0, 0
    while at < len(x):
        n = sizes[turn % len(sizes)]
        now = START + at / SFREQ
        while arrivals and arrivals[0][0] <= now:
            done += pipeline.push(WORDS[arrivals.pop(0)[1]])
        done += pipeline.push(Chunk(x[at : at + n], now, SFREQ))
        at, turn = at + n, turn + 1
    for _, index in arrivals:
        done += pipeline.push(WORDS[index])
    done += pipeline.finish()
    assert len(done) == len({item.word.index for item in done})
    return {item.word.index: item for item in done}


def same(one: dict[int, Epoch | SkippedWord], other: dict[int, Epoch | SkippedWord]) -> None:
    assert one.keys() == other.keys() == set(range(len(WORDS)))
    for index, item in one.items():
        same_word(item, other[index])


def same_word(item: Epoch | SkippedWord, twin: Epoch | SkippedWord) -> None:
    assert type(item) is type(twin)
    if isinstance(item, Epoch) and isinstance(twin, Epoch):
        np.testing.assert_array_equal(item.data, twin.data)
    else:
        assert item == twin


@pytest.fixture(scope="module")
def reference() -> dict[int, Epoch | SkippedWord]:
    return play(signal(), [60], [-1000.0])


@settings(max_examples=25)
@given(
    sizes=st.lists(st.one_of(st.integers(1, 60), st.integers(1, 5000)), min_size=1, max_size=6),
    late_s=st.lists(st.floats(-5, 2), min_size=1, max_size=7),
)
def test_chunk_sizes_and_word_delays_change_nothing(
    reference: dict[int, Epoch | SkippedWord], sizes: list[int], late_s: list[float]
) -> None:
    if min(sizes) < 20:
        sizes = [*sizes, 400]  # a recording of single samples alone is for the next test
    same(play(signal(), sizes, late_s), reference)


def test_single_samples_change_nothing(reference: dict[int, Epoch | SkippedWord]) -> None:
    same(play(signal(), [1], [0.3, -0.2]), reference)


def test_words_become_epochs_or_reasons(reference: dict[int, Epoch | SkippedWord]) -> None:
    reasons = {index: item.reason for index, item in reference.items() if isinstance(item, SkippedWord)}
    assert set(reasons.values()) == {"window before recording", "filter warm-up", "window after recording"}
    assert sorted(reasons) == [*range(10), *range(77, 80)]
    for word in WORDS[:10]:
        is_before = word.onset + LAGS[0] < START
        assert reasons[word.index] == ("window before recording" if is_before else "filter warm-up")
    assert all(item.data.shape == (len(LAGS), 6) for item in reference.values() if isinstance(item, Epoch))


def test_offline_and_live_epochs_are_equal(tmp_path: Path, reference: dict[int, Epoch | SkippedWord]) -> None:
    """The trainer reads one lag of all words at a time, live reads one word at all lags."""
    x = signal()
    chain = Chain(RECIPE.chain, SENSORS, SFREQ)
    with DiskBuffer.create(tmp_path, chain.rate, len(SENSORS), chain.warmup_s) as buffer:
        for at in range(0, len(x), 6000):
            for part in chain.push(Chunk(x[at : at + 6000], START + at / SFREQ, SFREQ)):
                buffer.append(part)
    fits = [word for word in WORDS if buffer.unreadable(word.onset + LAGS[0], word.onset + LAGS[-1]) is None]
    live = {index for index, item in reference.items() if isinstance(item, Epoch)}
    assert {word.index for word in fits} == live
    onsets = np.array([word.onset for word in fits])
    by_lag = np.stack([buffer.read(onsets + lag) for lag in LAGS], axis=1)
    for word, values in zip(fits, by_lag, strict=True):
        item = reference[word.index]
        assert isinstance(item, Epoch)
        np.testing.assert_array_equal(item.data, values)
    for word in WORDS:
        item = reference[word.index]
        if isinstance(item, SkippedWord):
            assert buffer.unreadable(word.onset + LAGS[0], word.onset + LAGS[-1]) == item.reason


@pytest.mark.parametrize("sfreq", [1000.0, 1200.0, 600.0, 300.3, 250.0])
def test_a_field_after_a_word_is_read_at_its_latency(sfreq: float) -> None:
    """A bump planted 215 ms after each onset, wherever the onset falls between samples, is found there within 1 ms."""
    onsets = 10 + 1.7 * np.arange(10) + np.random.default_rng(0).uniform(0, 0.01, 10)
    times = 5 + np.arange(int(30 * sfreq)) / sfreq
    bumps = np.exp(-0.5 * ((times[:, None] - onsets - 0.215) / 0.03) ** 2).sum(axis=1)
    recipe = RECIPE.with_settings("chain", highpass_hz=0)
    pipeline = Pipeline(recipe, SENSORS, sfreq)
    for index, onset in enumerate(onsets):
        pipeline.push(Word(index, "w", float(onset)))
    done = pipeline.push(Chunk(1e-13 * np.repeat(bumps[:, None], 6, axis=1), 5.0, sfreq))
    epochs = [item for item in done if isinstance(item, Epoch)]
    assert len(epochs) == 10
    near = (LAGS > 0) & (LAGS < 0.43)
    for epoch in epochs:
        bump = epoch.data[near, 0].astype(float)
        assert np.sum(LAGS[near] * bump) / bump.sum() == pytest.approx(0.215, abs=1e-3)


def test_the_future_does_not_leak() -> None:
    x = signal()
    other = x.copy()
    other[N_SAMPLES // 2 :] *= -1
    before, after = play(x, [60], [0.0]), play(other, [60], [0.0])
    cut = START + N_SAMPLES // 2 / SFREQ - 0.075 - 0.05
    for word in WORDS[10:]:
        item, twin = before[word.index], after[word.index]
        if isinstance(item, Epoch) and isinstance(twin, Epoch):
            known = word.onset + LAGS < cut
            np.testing.assert_array_equal(item.data[known], twin.data[known])


def test_an_epoch_comes_as_soon_as_its_last_lag_is_known() -> None:
    x = signal()
    pipeline = Pipeline(RECIPE, SENSORS, SFREQ)
    pipeline.push(WORDS[30])
    for at in range(0, N_SAMPLES, 6):
        if pipeline.push(Chunk(x[at : at + 6], START + at / SFREQ, SFREQ)):
            waited = START + (at + 6) / SFREQ - (WORDS[30].onset + LAGS[-1])
            assert 0 < waited < pipeline.chain.delay_s + 0.06
            return
    pytest.fail("no epoch came")


def test_a_gap_costs_its_words_alone(reference: dict[int, Epoch | SkippedWord]) -> None:
    x = signal()
    x[9000, 3] = np.nan
    done = play(x, [60], [0.0])
    lost = [index for index, item in done.items() if isinstance(item, SkippedWord) and item.reason == "bad value on M3"]
    onsets = [WORDS[index].onset - START for index in sorted(lost)]
    assert onsets[0] > 15 - 1.5 - 0.2
    assert onsets[-1] < 15 + 3.4 + 0.6
    assert np.diff(sorted(lost)).max() == 1
    for index in range(10, min(lost)):
        same_word(done[index], reference[index])


def test_inputs_are_not_changed() -> None:
    x = signal()
    x.flags.writeable = False
    before = x.copy()
    play(x, [777], [0.0])
    np.testing.assert_array_equal(x, before)


def test_empty_chunks_are_harmless(reference: dict[int, Epoch | SkippedWord]) -> None:
    x = signal()
    pipeline = Pipeline(RECIPE, SENSORS, SFREQ)
    done = pipeline.push(Chunk(x[:0], 0.0, SFREQ))
    for word in WORDS:
        done += pipeline.push(word)
    for at in range(0, N_SAMPLES, 600):
        done += pipeline.push(Chunk(x[at : at + 600], START + at / SFREQ, SFREQ))
        done += pipeline.push(Chunk(x[:0], 0.0, SFREQ))
    done += pipeline.finish()
    same({item.word.index: item for item in done}, reference)


def test_zero_phase_is_refused_live() -> None:
    with pytest.raises(ValueError, match="cannot run live"):
        Pipeline(RECIPE.with_settings("chain", phase="zero"), SENSORS, SFREQ)
