"""Values that cannot be signal: they are found as they come, named, and never enter a filter."""

from __future__ import annotations

import itertools
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
from rtalign.signal.plausibility import SampleJudge

SFREQ = 500.0
SENSORS = tuple(
    Sensor(f"M{number}", kind, (0, 0, 0.1), (0, 0, 1)) for number, kind in enumerate(("axial", "mag", "planar", "eeg"))
)
SCALES = np.array([1e15, 1e15, 1e13, 1e6])
RECIPE = Recipe()


def noise(seconds: float, seed: int = 0) -> np.ndarray:
    """(sample, sensor): 100 display units of noise on a large offset, in SI units."""
    rng = np.random.default_rng(seed)
    return (100 * rng.standard_normal((int(seconds * SFREQ), len(SENSORS))) + 1e5) / SCALES


def filtered(x: np.ndarray, size: int = 10_000, start: float = 0.0) -> tuple[np.ndarray, Chain]:
    chain = Chain(RECIPE.chain, SENSORS, SFREQ)
    cuts = range(0, len(x), size)
    parts = [part for at in cuts for part in chain.push(Chunk(x[at : at + size], start + at / SFREQ, SFREQ))]
    return np.concatenate([part.data for part in parts]), chain


@pytest.mark.parametrize("value", [np.nan, np.inf, 1e30, -1e30, 1e-3])
def test_a_value_that_no_sensor_gives_never_enters_the_filters(value: float) -> None:
    """Independent route: what the two pieces around it give by themselves."""
    x = noise(20)
    x[5_000, 1] = value
    out, chain = filtered(x, 17)
    before, after = filtered(x[:5_000])[0], filtered(x[5_001:], start=5_001 / SFREQ)[0]
    np.testing.assert_array_equal(out, np.concatenate([before, after]))
    ((time, text),) = chain.breaks
    assert time == pytest.approx(5_000 / SFREQ, abs=1e-9)
    assert "on M1" in text


def test_a_step_is_a_jump_and_the_level_behind_it_is_believed() -> None:
    x = noise(20)
    x[5_000:, 2] += 1e6 / SCALES[2]
    out, chain = filtered(x)
    after = filtered(x[5_001:], start=5_001 / SFREQ)[0]
    np.testing.assert_array_equal(out[-len(after) :], after)
    assert [text for _, text in chain.breaks] == ["a jump to 1.1e+06 fT/cm on M2"]
    assert np.abs(out).max() < 1e4


@pytest.mark.parametrize("strength", [5e3, 1.2e4])
def test_what_a_body_does_is_no_jump(strength: float) -> None:
    """A blink, a movement of the head and a slow drift are larger than the noise, and smooth."""
    x, t = noise(20) * SCALES, np.arange(int(20 * SFREQ))[:, None] / SFREQ
    x += strength * np.exp(-(((t - 9) / 0.1) ** 2)) + 100 * strength / (1 + np.exp(-(t - 14) / 0.3)) + 1e4 * t
    assert not filtered(x / SCALES)[1].breaks


def test_a_channel_that_wakes_from_flat_is_one_jump() -> None:
    x = noise(20)
    x[:5_000, 0] = 0
    x[5_000:, 0] += 1e6 / SCALES[0]
    assert len(filtered(x)[1].breaks) == 1


def test_a_quiet_recording_has_no_jumps() -> None:
    """Steps below the least jump are none, however still it was before."""
    x = np.zeros((int(20 * SFREQ), len(SENSORS)))
    x[5_000:] = np.random.default_rng(0).standard_normal((5_000, len(SENSORS))) * 1e3 / SCALES
    assert not filtered(x)[1].breaks


@settings(max_examples=25)
@given(
    sizes=st.lists(st.integers(1, 900), min_size=1, max_size=8),
    places=st.lists(
        st.tuples(st.integers(0, 3_999), st.integers(0, 3), st.sampled_from([np.nan, 1e30, 1e-9])), max_size=9
    ),
)
def test_cutting_differently_changes_nothing(sizes: list[int], places: list[tuple[int, int, float]]) -> None:
    x = noise(8)
    for row, column, value in places:
        x[row, column] = value
    np.testing.assert_array_equal(bad_rows(x, sizes), bad_rows(x, [len(x)]))


def bad_rows(x: np.ndarray, sizes: list[int]) -> np.ndarray:
    judge, found, turn = SampleJudge(SENSORS, SFREQ), [], itertools.cycle(sizes)
    at = 0
    while at < len(x):
        n = next(turn)
        for rows, bad in judge.push(x[at : at + n]):
            found += [bad is not None] * len(rows)
        at += n
    assert len(found) == len(x)
    return np.array(found)


def test_every_second_sample_bad_is_bounded_and_ends() -> None:
    x = noise(4)
    x[::2, 0] = 1e30
    chain = Chain(RECIPE.chain, SENSORS, SFREQ)
    assert not chain.push(Chunk(x, 0.0, SFREQ))
    assert len(chain.take_bad_values()) <= 1000


@pytest.mark.parametrize(("at_s", "strength", "n_bad"), [(1.002, 1e6, 1), (0.5, 1e6, 0), (0.5, 1e9, 1)])
def test_jumps_are_known_after_a_second_of_signal(at_s: float, strength: float, n_bad: int) -> None:
    x = noise(3)
    x[round(at_s * SFREQ), 1] += strength / SCALES[1]
    assert bad_rows(x, [100]).sum() == n_bad


def test_a_word_beside_a_bad_value_names_its_channel(tmp_path: Path) -> None:
    """Live and offline alike; words elsewhere have the signal they had."""
    x = noise(40)
    x[10_000, 3] = 1e30
    words = [Word(i, f"w{i}", 4.0 + i) for i in range(34)]
    pipeline = Pipeline(RECIPE, SENSORS, SFREQ)
    done: list[Epoch | SkippedWord] = [item for word in words for item in pipeline.push(word)]
    chain, buffer = Chain(RECIPE.chain, SENSORS, SFREQ), DiskBuffer.create(tmp_path, pipeline.chain.rate, len(SENSORS))
    for at in range(0, len(x), 700):
        chunk = Chunk(x[at : at + 700], at / SFREQ, SFREQ)
        done += pipeline.push(chunk)
        for part in chain.push(chunk):
            buffer.append(part)
        buffer.note_breaks(chain.take_bad_values())
    buffer.close()
    stored = DiskBuffer.open(tmp_path)
    skipped = {item.word.index: item.reason for item in done if isinstance(item, SkippedWord)}
    lags = RECIPE.lags.seconds
    offline = {w.index: stored.unreadable(w.onset + lags[0], w.onset + lags[-1]) for w in words[: len(done)]}
    assert set(skipped.values()) == {"bad value on M3"}
    assert 3 <= len(skipped) <= 8
    assert {index: reason for index, reason in offline.items() if reason} == skipped
    assert stored.breaks == [(pytest.approx(20.0), "bad value on M3")]
    for item in done:
        if isinstance(item, Epoch):
            np.testing.assert_array_equal(item.data, stored.read(item.word.onset + lags))
