"""The sample clock: times and gaps from stamps, however they come."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rtalign.streams.live.sample_clock import SampleClock, SampleSpan


def push_cut(clock: SampleClock, stamps: np.ndarray, cuts: list[int]) -> list[SampleSpan]:
    """Push in parts; spans counted from the first sample of all, joined where they go on."""
    edges = [0, *sorted(set(cuts) - {0, len(stamps)}), len(stamps)]
    out: list[SampleSpan] = []
    for a, b in pairwise(edges):
        base = a - clock.n_held
        for span in clock.push(stamps[a:b]):
            first = span.first + base
            if out and out[-1].first + out[-1].n == first:
                due = out[-1].start + out[-1].n / clock.nominal_hz
                if abs(due - span.start) < 1e-6:
                    out[-1] = SampleSpan(out[-1].first, out[-1].n + span.n, out[-1].start)
                    continue
            out.append(SampleSpan(first, span.n, span.start))
    return out


def chunked(rng: np.random.Generator, n: int, rate: float, jitter_s: float, chunk: int = 50) -> np.ndarray:
    """Stamps as an amplifier's driver gives them: regular inside a chunk, each chunk off by its own error."""
    times = np.arange(n) / rate
    return 100 + times + rng.normal(0, jitter_s, n // chunk + 1)[np.arange(n) // chunk]


def test_an_exact_stream_is_mapped_exactly() -> None:
    clock = SampleClock(1200.0)
    stamps = 5000.125 + np.arange(120_000) / 1200.0
    spans = push_cut(clock, stamps, list(range(0, 120_000, 37)))
    assert len(spans) == 1
    assert spans[0].start == stamps[0]
    for stamp in (stamps[0] - 0.3, stamps[777] + 0.0002, stamps[-1], stamps[-1] + 0.5):
        assert clock.to_signal(stamp) == pytest.approx(stamp, abs=1e-7)
    assert (clock.n_gaps, clock.n_lost, clock.n_repeated) == (0, 0, 0)
    assert clock.rate_hz == pytest.approx(1200, rel=1e-9)


@pytest.mark.parametrize("ppm", [-200, -50, 50, 200])
def test_a_wrong_rate_keeps_words_on_their_samples(ppm: float) -> None:
    """Independent route: a word at the true time of sample k belongs at k / nominal."""
    true = 1000.0 * (1 + ppm * 1e-6)
    clock = SampleClock(1000.0)
    for minute in range(6):
        k = np.arange(60_000) + minute * 60_000
        clock.push(k / true)
        word = k[-1] - 0.25
        assert clock.to_signal(word / true) == pytest.approx(word / 1000.0, abs=1e-5)
    assert clock.rate_hz == pytest.approx(true, rel=1e-6)
    assert clock.n_gaps == clock.n_repeated == 0


@pytest.mark.parametrize("ppm", [-200, 0, 200])
def test_jitter_of_chunks_is_smoothed_and_is_no_gap(ppm: float) -> None:
    rng = np.random.default_rng(1)
    clock = SampleClock(1000.0)
    true = 1000.0 * (1 + ppm * 1e-6)
    stamps = chunked(rng, 300_000, true, 0.008)
    spans = push_cut(clock, stamps, list(range(0, 300_000, 50)))
    assert len(spans) == 1
    assert clock.jitter_s == pytest.approx(0.008, rel=0.5)
    errors = [clock.to_signal(100 + k / true) - clock.to_signal(100) - k / 1000.0 for k in (150_000, 250_000, 299_999)]
    assert np.abs(errors).max() < 2e-3


@pytest.mark.parametrize("lost", [2, 3, 50, 4000])
def test_lost_samples_of_a_clean_stream_are_a_gap(lost: int) -> None:
    clock = SampleClock(1000.0)
    k = np.delete(np.arange(20_000), np.arange(7_123, 7_123 + lost))
    spans = push_cut(clock, 50 + k / 1000.0, [3000, 7100, 7200])
    assert [span.n for span in spans] == [7_123, len(k) - 7_123]
    assert spans[1].start == pytest.approx(50 + (7_123 + lost) / 1000.0, abs=1e-6)
    assert (clock.n_gaps, clock.n_lost) == (1, lost)
    for stamp in (53.0, 57.1235, 57.5 + lost / 1000):  # before, in and behind the gap
        assert clock.to_signal(stamp) == pytest.approx(stamp, abs=1e-6)


def test_a_gap_with_a_wrong_rate_keeps_words_on_their_samples() -> None:
    true = 1000.2
    k = np.concatenate([np.arange(60_000), np.arange(72_000, 100_000)])
    clock = SampleClock(1000.0)
    spans = push_cut(clock, k / true, list(range(0, len(k), 20)))
    assert spans[1].start == pytest.approx(72.0, abs=1e-5)
    for word in (40_000.5, 66_000.0, 72_100.0, 99_000.25):
        assert clock.to_signal(word / true) == pytest.approx(word / 1000.0, abs=1e-5)


def test_a_gap_differs_from_jitter() -> None:
    rng = np.random.default_rng(2)
    stamps = chunked(rng, 60_000, 1000.0, 0.005)
    stamps[30_000:] += 0.5
    stamps[30_000:30_050] += 0.015  # the first chunk behind the gap is off: it must not set the level for good
    clock = SampleClock(1000.0)
    spans = push_cut(clock, stamps, list(range(0, 60_000, 50)))
    assert len(spans) == 2
    assert clock.to_signal(100 + 59.999 + 0.5) == pytest.approx(spans[1].start + 29.999, abs=2.5e-3)


def test_samples_that_come_twice_are_dropped_and_counted() -> None:
    stamps = 10 + np.arange(10_000) / 1000.0
    twice = np.concatenate([stamps[:5_000], stamps[4_000:]])
    clock = SampleClock(1000.0)
    spans = push_cut(clock, twice, list(range(0, len(twice), 64)))
    kept = np.concatenate([twice[span.first : span.first + span.n] for span in spans])
    np.testing.assert_array_equal(kept, stamps)
    assert clock.n_repeated == 1_000
    assert clock.n_gaps == 0


def test_a_long_backlog_that_comes_twice_is_dropped_to_its_end() -> None:
    stamps = 10 + np.arange(20_000) / 500.0
    clock = SampleClock(500.0)
    spans = push_cut(clock, np.concatenate([stamps[:15_000], stamps[1_000:]]), list(range(0, 34_000, 777)))
    assert sum(span.n for span in spans) == 20_000
    assert (clock.n_repeated, clock.n_gaps) == (14_000, 0)
    assert clock.end == pytest.approx(stamps[-1] + 1 / 500, abs=1e-6)


def test_a_clock_that_was_set_back_is_followed_after_a_while() -> None:
    clock = SampleClock(100.0)
    clock.push(1000 + np.arange(1000) / 100.0)
    end = clock.end
    spans = clock.push(np.arange(3000) / 100.0)
    assert spans[-1].start > end
    assert sum(span.n for span in spans) == pytest.approx(2500, abs=2)
    assert clock.to_signal(29.99) == pytest.approx(clock.end - 0.01, abs=1e-6)


def test_single_lost_samples_do_not_add_up() -> None:
    k = np.delete(np.arange(60_000), np.arange(5_000, 60_000, 5_000))
    clock = SampleClock(1000.0)
    clock.push(k / 1000.0)
    assert clock.to_signal(k[-1] / 1000.0) - (clock.end - 1e-3) == pytest.approx(0, abs=1.6e-3)


def test_stamps_that_are_nan_are_harmless() -> None:
    stamps = 10 + np.arange(5_000) / 1000.0
    stamps[3_000:3_010] = np.nan
    clock = SampleClock(1000.0)
    spans = clock.push(stamps)
    assert spans == [SampleSpan(0, 5_000, 10.0)]
    with pytest.raises(ValueError, match="no sample"):
        SampleClock(1000.0).to_signal(0.0)


@settings(max_examples=40)
@given(
    cuts=st.lists(st.integers(1, 3_999), max_size=30),
    gap=st.integers(0, 300),
    back=st.integers(0, 200),
    jitter_ms=st.sampled_from([0.0, 0.1, 5.0]),
    ppm=st.sampled_from([-200, 0, 200]),
    seed=st.integers(0, 5),
)
def test_cutting_differently_changes_nothing(
    cuts: list[int], gap: int, back: int, jitter_ms: float, ppm: float, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    stamps = chunked(rng, 4_000, 500.0 * (1 + ppm * 1e-6), jitter_ms / 1000, 25)
    stamps[1_500:] += gap / 500.0
    stamps[2_800:] -= back / 500.0
    whole, cut = SampleClock(500.0), SampleClock(500.0)
    expected, found = push_cut(whole, stamps, []), push_cut(cut, stamps, cuts)
    assert [span[:2] for span in found] == [span[:2] for span in expected]
    np.testing.assert_allclose([s.start for s in found], [s.start for s in expected], atol=1e-6)
    assert (cut.n_gaps, cut.n_lost, cut.n_repeated) == (whole.n_gaps, whole.n_lost, whole.n_repeated)
    for stamp in stamps[::331]:
        assert cut.to_signal(stamp) == pytest.approx(whole.to_signal(stamp), abs=1e-6)


def push_in_time(clock: SampleClock, stamps: np.ndarray, arrivals: np.ndarray, size: int = 10) -> list[SampleSpan]:
    """Push parts of `size` samples, each when its last sample arrives; spans counted from the first of all."""
    out = []
    for a in range(0, len(stamps), size):
        base = a - clock.n_held
        spans = clock.push(stamps[a : a + size], float(arrivals[a : a + size][-1]))
        out += [SampleSpan(span.first + base, span.n, span.start) for span in spans]
    return out


@pytest.mark.parametrize("wrong", [100.0, 1e300, np.inf, -10.0, -1e300, 0.3, -0.3])
@pytest.mark.parametrize("n", [1, 100])
def test_wrong_stamps_cost_no_sample(wrong: float, n: int) -> None:
    """One stamp, or those of a whole chunk, that nothing behind them follows."""
    stamps = 10 + np.arange(10_000) / 1000.0
    given = stamps.copy()
    given[5_000 : 5_000 + n] += wrong
    clock = SampleClock(1000.0)
    spans = push_cut(clock, given, list(range(0, 10_000, 20)))
    assert spans == [SampleSpan(0, 10_000, 10.0)]
    assert (clock.n_gaps, clock.n_lost, clock.n_repeated) == (0, 0, 0)
    for stamp in (12.0, 15.0, 15.05, 19.999):
        assert clock.to_signal(stamp) == pytest.approx(stamp, abs=1e-6)


@pytest.mark.parametrize("by", [-3600.0, -10.0, 10.0, 3600.0])
def test_a_clock_that_was_set_costs_no_sample(by: float) -> None:
    true = 100 + np.arange(30_000) / 500.0
    stamps = true.copy()
    stamps[9_005:] += by
    clock = SampleClock(500.0)
    spans = push_in_time(clock, stamps, true)
    assert sum(span.n for span in spans) == 30_000
    assert np.concatenate([span.start + np.arange(span.n) / 500 for span in spans]) == pytest.approx(true, abs=1e-3)
    assert (clock.n_set, clock.n_gaps, clock.n_lost, clock.n_repeated) == (1, 0, 0, 0)
    assert clock.to_signal(true[-1] + by) == pytest.approx(true[-1], abs=1e-3)


def test_a_gap_is_no_clock_that_was_set() -> None:
    """The samples stopped coming for as long as the stamps say."""
    k = np.concatenate([np.arange(5_000), np.arange(10_000, 20_000)])
    clock = SampleClock(500.0)
    spans = push_in_time(clock, k / 500.0, 1000 + k / 500.0)
    assert (clock.n_set, clock.n_gaps, clock.n_lost) == (0, 1, 5_000)
    assert spans[-1].start + spans[-1].n / 500 == pytest.approx(40.0)


def test_samples_that_come_twice_at_once_are_dropped_though_their_stamps_go_back() -> None:
    k = np.arange(20_000)
    twice = np.concatenate([k[:10_000], k[4_000:]])
    arrivals = 1000 + np.maximum.accumulate(twice) / 500.0  # the backlog comes in one burst
    clock = SampleClock(500.0)
    spans = push_in_time(clock, twice / 500.0, arrivals)
    assert sum(span.n for span in spans) == 20_000
    assert (clock.n_set, clock.n_gaps, clock.n_repeated) == (0, 0, 6_000)


def test_every_chunk_that_comes_twice_is_dropped_once() -> None:
    chunks = np.arange(10_000).reshape(-1, 50)
    twice = np.concatenate([np.arange(1_000), np.repeat(chunks[20:], 2, axis=0).reshape(-1), np.arange(10_000, 11_000)])
    clock = SampleClock(500.0)
    spans = push_in_time(clock, twice / 500.0, 1000 + twice / 500.0)
    assert sum(span.n for span in spans) == 11_000
    assert (clock.n_set, clock.n_gaps, clock.n_repeated) == (0, 0, 9_000)


def test_a_wrong_first_stamp_is_overcome() -> None:
    true = 100 + np.arange(10_000) / 500.0
    stamps = true.copy()
    stamps[0] += 100
    clock = SampleClock(500.0)
    push_in_time(clock, stamps, true)
    assert clock.to_signal(true[-1]) == pytest.approx(clock.end - 1 / 500, abs=1e-6)
    assert clock.n_repeated == 0


def test_samples_are_held_back_only_behind_a_jump_and_not_for_long() -> None:
    k = np.delete(np.arange(5_000), np.arange(2_000, 2_100))
    clock, held = SampleClock(500.0), []
    for a in range(0, len(k), 10):
        clock.push(k[a : a + 10] / 500.0)
        held.append(clock.n_held)
    assert set(np.flatnonzero(held)) == set(range(200, 225))
    assert max(held) <= 250


def test_an_offset_that_changed_is_no_gap() -> None:
    stamps = 10 + np.arange(5_000) / 500.0
    clock = SampleClock(500.0)
    clock.push(stamps[:2_500])
    clock.continue_at_next()
    (span,) = clock.push(stamps[2_500:] + 7.0)
    assert span == SampleSpan(0, 2_500, pytest.approx(15.0))
    assert clock.to_signal(stamps[-1] + 7.0) == pytest.approx(stamps[-1], abs=1e-6)


def test_stamps_at_random_cost_no_sample_and_a_stream_that_is_right_again_is_followed() -> None:
    true = 100 + np.arange(20_000) / 1000.0
    stamps = true.copy()
    stamps[5_000:12_000] += np.random.default_rng(0).uniform(-100, 100, 7_000)
    clock = SampleClock(1000.0)
    spans = push_in_time(clock, stamps, true, 20)
    assert sum(span.n for span in spans) == 20_000
    assert clock.to_signal(true[-1]) == pytest.approx(true[-1], abs=1e-3)
