"""The signal chain: true time, any chunking, honest breaks."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.signal import butter, firwin, sosfilt

from rtalign.core.recipe import ChainRecipe, Recipe
from rtalign.core.records import Chunk, Sensor
from rtalign.signal.chain import Chain, describe_chain, phase_error

RATES = (2400.0, 1200.0, 1000.0, 600.0, 300.3, 250.0, 100.0)
SENSORS = tuple(
    Sensor(f"M{kind}", kind, (0.0, 0.0, 0.1), (0.0, 0.0, 1.0)) for kind in ("axial", "mag", "planar", "eeg", "axial")
)
TO_UNITS = np.array([1e15, 1e15, 1e13, 1e6, 1e15])
CAUSAL = ChainRecipe()
BOTH = [CAUSAL, ChainRecipe(phase="zero", highpass_hz=2)]


def noise(seconds: float, sfreq: float, seed: int = 0) -> np.ndarray:
    """(sample, sensor): noise of about one display unit on an offset of a hundred, in SI units."""
    rng = np.random.default_rng(seed)
    return (rng.standard_normal((int(seconds * sfreq), len(SENSORS))) + 100) / TO_UNITS


def run(
    x: np.ndarray, sfreq: float, sizes: list[int] | None = None, recipe: ChainRecipe = CAUSAL, start: float = 3.0
) -> tuple[list[Chunk], Chain]:
    """All output of a new chain for x cut into chunks of these sizes, over and over."""
    chain = Chain(recipe, SENSORS, sfreq)
    out, at, turn = [], 0, 0
    while at < len(x):
        n = (sizes or [len(x)])[turn % len(sizes or [0])]
        out += chain.push(Chunk(x[at : at + n], start + at / sfreq, sfreq))
        at, turn = at + n, turn + 1
    return out + chain.finish(), chain


def joined(chunks: list[Chunk]) -> tuple[np.ndarray, np.ndarray]:
    """times (sample,), values (sample, sensor)."""
    times = [chunk.start + np.arange(len(chunk.data)) / chunk.sfreq for chunk in chunks]
    return np.concatenate(times), np.concatenate([chunk.data for chunk in chunks])


@settings(max_examples=20)
@given(
    sizes=st.lists(st.one_of(st.integers(1, 40), st.integers(1, 5000)), min_size=1, max_size=8),
    sfreq=st.sampled_from(RATES),
    recipe=st.sampled_from(BOTH),
)
def test_cutting_differently_changes_nothing(sizes: list[int], sfreq: float, recipe: ChainRecipe) -> None:
    x = noise(max(9000 / sfreq, 4), sfreq)
    times, values = joined(run(x, sfreq, recipe=recipe)[0])
    cut_times, cut = joined(run(x, sfreq, sizes, recipe)[0])
    np.testing.assert_allclose(cut_times, times, rtol=0, atol=1e-9)
    np.testing.assert_array_equal(cut, values)


@pytest.mark.parametrize("sfreq", RATES)
def test_the_chain_is_a_convolution_and_a_high_pass(sfreq: float) -> None:
    x = noise(12, sfreq)
    times, values = joined(run(x, sfreq)[0])
    factor = int(sfreq / 100)
    stop = min(sfreq / factor - 20, 49)
    n_taps = describe_chain(ChainRecipe(), sfreq)["taps"]
    taps = firwin(n_taps, min((20 + stop) / 2, 0.49 * sfreq), window=("kaiser", 0.1102 * (70 - 8.7)), fs=sfreq)
    smooth = np.stack([np.convolve(column, taps)[: len(x)] for column in (x * TO_UNITS).T], axis=1)
    kept = np.arange(0, len(x), factor)
    kept = kept[kept >= n_taps - 1]
    slow = sosfilt(butter(1, 0.1, "highpass", fs=sfreq / factor, output="sos"), smooth[kept] - smooth[kept[0]], axis=0)
    masked = len(kept) - len(times)
    np.testing.assert_allclose(values, slow[masked:], atol=2e-5)
    np.testing.assert_allclose(times, 3 + (kept[masked:] - (n_taps - 1) / 2) / sfreq, atol=1e-9)


@pytest.mark.parametrize("sfreq", RATES)
@pytest.mark.parametrize("phase", ["causal", "zero"])
@pytest.mark.parametrize("offset", [0, 1, 4])
def test_an_impulse_comes_out_at_its_true_time(sfreq: float, phase: str, offset: int) -> None:
    x = np.zeros((int(30 * sfreq), len(SENSORS)))
    at = int(15 * sfreq) + offset
    x[at] = 1000 / TO_UNITS
    times, values = joined(run(x, sfreq, recipe=ChainRecipe(phase=phase))[0])
    near = np.abs(times - 3 - at / sfreq) < 0.2
    weight = values[near, 0].astype(float)
    weight[weight < 0.05 * weight.max()] = 0
    assert abs(np.sum(times[near] * weight) / weight.sum() - 3 - at / sfreq) < 1e-3


@pytest.mark.parametrize("sfreq", RATES)
def test_the_pass_band_is_flat_and_the_mains_are_gone(sfreq: float) -> None:
    time = np.arange(int(20 * sfreq))[:, None] / sfreq
    waves_hz = np.array([4, 12, 20, 50, 60])
    waves = np.sqrt(2) * np.cos(2 * np.pi * waves_hz * time) / TO_UNITS
    _, values = joined(run(waves, sfreq)[0])
    level_db = 20 * np.log10(np.sqrt(np.mean(values[500:1500].astype(float) ** 2, axis=0)))
    assert np.abs(level_db[:3]).max() < 0.1
    mains = level_db[3:][waves_hz[3:] < sfreq / 2]
    assert (mains < -60).all()


@pytest.mark.parametrize("preset", ["live", "paper"])
def test_filters_do_what_they_are_called(preset: str) -> None:
    """Sines sent through: the pass band passes, 3 dB are lost where the passport says, and nothing is left of the rest.

    The preset paper stops at 25 Hz, as a band-pass to 20 Hz of MNE does by default.
    """
    recipe, sfreq = Recipe.preset(preset).chain, 300.0
    stated, stop = describe_chain(recipe, sfreq), {"live": 49.0, "paper": 25.0}[preset]
    assert stated["stop_hz"] == stop
    wanted = {5.0: 1.0, 20.0: 1.0, stated["minus_3db_high_hz"]: np.sqrt(0.5), (20 + stop) / 2: 0.5, stop: 0.0}
    times = np.arange(round(70 * sfreq)) / sfreq
    for hz, gain in wanted.items():
        at, out = joined(run(np.sin(2 * np.pi * hz * times)[:, None] / TO_UNITS, sfreq, recipe=recipe)[0])
        middle = (at > 30) & (at < 50)
        parts = [2 * np.mean(out[middle, 0] * wave(2 * np.pi * hz * at[middle])) for wave in (np.sin, np.cos)]
        assert np.hypot(*parts) == pytest.approx(gain, abs=0.012), hz
    assert stated["minus_3db_low_hz"] == pytest.approx({"live": 0.1, "paper": 0.1554}[preset], abs=0.002)


def test_a_stop_below_the_pass_band_is_refused() -> None:
    with pytest.raises(ValueError, match=r"falls from 20 Hz to 20.5 Hz; it needs 1 Hz"):
        ChainRecipe(lowpass_stop_hz=20.5)


@pytest.mark.parametrize("sfreq", [rate for rate in RATES if rate > 200])
def test_nothing_folds_back_into_the_pass_band(sfreq: float) -> None:
    rate = describe_chain(ChainRecipe(), sfreq)["rate_hz"]
    time = np.arange(int(20 * sfreq))[:, None] / sfreq
    waves_hz = np.linspace(rate - 20, min(rate + 20, sfreq / 2), len(SENSORS))
    _, values = joined(run(np.sqrt(2) * np.cos(2 * np.pi * waves_hz * time + 1) / TO_UNITS, sfreq)[0])
    assert np.sqrt(np.mean(values[500:1500].astype(float) ** 2, axis=0)).max() < 1e-3


@pytest.mark.parametrize("sfreq", RATES)
def test_the_delay_is_short(sfreq: float) -> None:
    chain = Chain(ChainRecipe(), SENSORS, sfreq)
    assert chain.delay_s <= 0.12
    assert 100 <= chain.rate < 200
    assert chain.factor * chain.rate == pytest.approx(sfreq)


@pytest.mark.parametrize("sfreq", [1000.0, 250.0])
@pytest.mark.parametrize("wave_hz", [1.0, 4.0, 16.0])
def test_phase_error_is_what_a_sine_shows(sfreq: float, wave_hz: float) -> None:
    """An independent route: a long sine through the chain, its phase read off by projection."""
    time = np.arange(int(40 * sfreq))[:, None] / sfreq
    x = np.sin(2 * np.pi * wave_hz * time) / TO_UNITS
    times, values = joined(run(x, sfreq, start=0.0)[0])
    late = times >= times[-1] - 15
    parts = np.stack([np.sin(2 * np.pi * wave_hz * times[late]), np.cos(2 * np.pi * wave_hz * times[late])], axis=1)
    sine, cosine = np.linalg.lstsq(parts, values[late, 0].astype(float), rcond=None)[0]
    shown_ms = -np.arctan2(cosine, sine) / (2e-3 * np.pi * wave_hz)
    freqs_hz, error_ms = phase_error(ChainRecipe(), sfreq)
    assert error_ms[freqs_hz == wave_hz][0] == pytest.approx(shown_ms, abs=0.05)


def test_only_the_causal_high_pass_leaves_phase() -> None:
    freqs_hz, error_ms = phase_error(ChainRecipe(), 1000.0)
    np.testing.assert_allclose(error_ms, -np.arctan(0.1 / freqs_hz) / (2e-3 * np.pi * freqs_hz), atol=0.1)
    for recipe in (ChainRecipe(phase="zero"), ChainRecipe(highpass_hz=0)):
        assert np.abs(phase_error(recipe, 1000.0)[1]).max() < 0.1


@pytest.mark.parametrize("recipe", BOTH)
def test_an_offset_makes_no_transient(recipe: ChainRecipe) -> None:
    x = np.full((8000, len(SENSORS)), 1e4) / TO_UNITS
    _, values = joined(run(x, 1000.0, recipe=recipe)[0])
    assert np.abs(values).max() < 1e-3


@pytest.mark.parametrize("corner_hz", [0.1, 0.5])
def test_the_warm_up_leaves_what_the_passport_states(corner_hz: float) -> None:
    """The same signal heard from long before, against heard from just now; sensors stand for draws."""
    recipe = ChainRecipe(highpass_hz=corner_hz)
    rng = np.random.default_rng(1)
    x = np.cumsum(rng.standard_normal((60_000, 5)), axis=0) - 0.02 * np.arange(60_000)[:, None]
    times, values = joined(run(x / TO_UNITS, 500.0, recipe=recipe)[0])
    left, sd = [], values[1000:].std(axis=0)
    for first in range(20_000, 50_000, 1500):
        new_times, new = joined(run(x[first:] / TO_UNITS, 500.0, recipe=recipe, start=3 + first / 500)[0])
        left.append((new[0] - values[np.argmin(np.abs(times - new_times[0]))]) / sd)
    stated = describe_chain(recipe, 500.0)["warmup_left"]
    assert stated < 0.14
    assert np.sqrt(np.mean(np.square(left))) < 1.5 * stated


def test_zero_phase_is_the_high_pass_in_both_directions() -> None:
    """The causal chain's own output, turned round and filtered again in one go, where the chain works in blocks."""
    causal = ChainRecipe(highpass_hz=0.3)
    x = noise(40, 250.0)
    there_times, there = joined(run(x, 250.0, recipe=causal)[0])
    times, values = joined(run(x, 250.0, [100], ChainRecipe(highpass_hz=0.3, phase="zero"))[0])
    sos = butter(1, 0.3, "highpass", fs=125, output="sos")
    back = sosfilt(sos, (there - there[-1])[::-1].astype(float), axis=0)[::-1]
    mask = int(np.ceil(125 / (np.pi * 0.3)))  # the warm-up of the way back, at the end
    assert len(times) == len(there_times) - mask
    np.testing.assert_allclose(times, there_times[:-mask], atol=1e-9)
    np.testing.assert_allclose(values, back[:-mask], atol=1e-4)


def test_the_future_does_not_leak() -> None:
    x = noise(10, 1000.0)
    other = x.copy()
    other[7000:] += 1 / TO_UNITS
    chain = Chain(ChainRecipe(), SENSORS, 1000.0)
    times, values = joined(run(x, 1000.0)[0])
    _, changed = joined(run(other, 1000.0)[0])
    known = times < 3 + 7.0 - chain.delay_s - 1e-9
    np.testing.assert_array_equal(values[known], changed[known])
    assert (values[~known] != changed[~known]).any()


@pytest.mark.parametrize("phase", ["causal", "zero"])
def test_output_comes_as_soon_as_its_samples(phase: str) -> None:
    """Causal: what sample n makes final is returned with sample n, never later."""
    chain = Chain(ChainRecipe(phase=phase), SENSORS, 1000.0)
    x = noise(6, 1000.0)
    seen = [chain.push(Chunk(x[at : at + 1], at / 1000, 1000.0)) for at in range(len(x))]
    delays = [at / 1000 - part.start for at, parts in enumerate(seen) for part in parts]
    if phase == "causal":
        np.testing.assert_allclose(delays, chain.delay_s, atol=1e-9)
    else:
        assert not delays


@pytest.mark.parametrize("dtype", ["float64", "float32", ">f4", "int16"])
def test_inputs_are_not_changed(dtype: str) -> None:
    x = noise(5, 1000.0).astype(dtype)
    before = x.copy()
    x.flags.writeable = False
    out, _ = run(x, 1000.0)
    np.testing.assert_array_equal(x, before)
    assert {part.data.dtype for part in out} == {np.dtype(np.float32)}


def test_output_does_not_share_memory_with_input() -> None:
    x = noise(6, 1000.0)
    buffer = np.empty((75, len(SENSORS)))
    chain = Chain(ChainRecipe(highpass_hz=0), SENSORS, 1000.0)
    out = chain.push(Chunk(x[:71], 3.0, 1000.0))  # 71: the decimator then stands between two blocks, nothing pending
    for at in range(71, len(x) - 75, 75):
        buffer[:] = x[at : at + 75]
        out += chain.push(Chunk(buffer, 3 + at / 1000, 1000.0))
        buffer[:] = 1e9
    _, values = joined(out)
    _, wanted = joined(run(x, 1000.0, recipe=ChainRecipe(highpass_hz=0))[0])
    np.testing.assert_array_equal(values, wanted[: len(values)])


@pytest.mark.parametrize("recipe", BOTH)
def test_empty_chunks_are_harmless(recipe: ChainRecipe) -> None:
    x = noise(6, 1000.0)
    chain = Chain(recipe, SENSORS, 1000.0)
    out = []
    for at in range(0, 6000, 500):
        out += chain.push(Chunk(x[:0], 77.0, 1000.0))
        out += chain.push(Chunk(x[at : at + 500], 3 + at / 1000, 1000.0))
    np.testing.assert_array_equal(joined(out + chain.finish())[1], joined(run(x, 1000.0, recipe=recipe)[0])[1])
    assert not chain.breaks


@pytest.mark.parametrize("recipe", BOTH)
@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("sizes", [[20_000], [1, 700], [333]])
def test_a_row_that_is_not_finite_breaks_the_stream(recipe: ChainRecipe, bad: float, sizes: list[int]) -> None:
    x = noise(12, 1000.0)
    x[6000:6003, 2] = bad
    out, chain = run(x, 1000.0, sizes, recipe)
    times, values = joined(out)
    before = joined(run(x[:6000], 1000.0, recipe=recipe)[0])
    after = joined(run(x[6003:], 1000.0, recipe=recipe, start=9.003)[0])
    np.testing.assert_array_equal(values, np.concatenate([before[1], after[1]]))
    np.testing.assert_allclose(times, np.concatenate([before[0], after[0]]), atol=1e-9)
    assert [(round(time, 6), reason) for time, reason in chain.breaks] == [(9.0, f"{bad} on Mplanar")]


def test_a_gap_breaks_the_stream_and_is_recorded() -> None:
    x = noise(12, 1000.0)
    chain = Chain(ChainRecipe(), SENSORS, 1000.0)
    out = chain.push(Chunk(x[:6000], 3.0, 1000.0)) + chain.push(Chunk(x[6000:], 9.002, 1000.0))
    before = joined(run(x[:6000], 1000.0)[0])
    after = joined(run(x[6000:], 1000.0, start=9.002)[0])
    np.testing.assert_array_equal(joined(out)[1], np.concatenate([before[1], after[1]]))
    np.testing.assert_allclose(joined(out)[0], np.concatenate([before[0], after[0]]), atol=1e-9)
    assert [reason for _, reason in chain.breaks] == ["gap of 0.002 s"]


def test_repeated_samples_are_dropped_and_recorded() -> None:
    x = noise(16, 1000.0)
    chain = Chain(ChainRecipe(), SENSORS, 1000.0)
    out = []
    for first, last in [(0, 6000), (2000, 4000), (5000, 16_000)]:
        out += chain.push(Chunk(x[first:last], first / 1000, 1000.0))
    times, values = joined(out)
    assert (np.diff(times) > 0.009).all()
    np.testing.assert_array_equal(values[-500:], joined(run(x[6000:], 1000.0, start=6.0)[0])[1][-500:])
    assert [reason for _, reason in chain.breaks] == ["2000 samples came twice", "1000 samples came twice"]


def test_breaks_are_bounded() -> None:
    chain = Chain(ChainRecipe(), SENSORS, 1000.0)
    x = noise(3, 1000.0)
    x[::2, 0] = np.nan
    chain.push(Chunk(x, 0.0, 1000.0))
    assert len(chain.breaks) == 1000


def test_jitter_and_slow_drift_are_no_gap() -> None:
    rng = np.random.default_rng(2)
    x = noise(60, 250.0)
    chain = Chain(ChainRecipe(), SENSORS, 250.0)
    out = []
    for at in range(0, len(x), 10):
        # 200 parts in a million fast, and each stamp up to half a sample off: 12 ms, three samples, in a minute.
        out += chain.push(Chunk(x[at : at + 10], at / 250 * (1 - 2e-4) + rng.uniform(-0.002, 0.002), 250.0))
    assert not chain.breaks
    np.testing.assert_allclose(np.diff(joined(out)[0]), 1 / 125, atol=1e-9)


@pytest.mark.parametrize(
    ("chunk", "fact"),
    [
        (Chunk(np.zeros((10, 4)), 0.0, 1000.0), r"\(10, 4\).*5 sensors"),
        (Chunk(np.zeros(10), 0.0, 1000.0), r"\(10,\).*5 sensors"),
        (Chunk(np.zeros((10, 5)), 0.0, 500.0), "500 Hz.*1000 Hz"),
        (Chunk(np.zeros((10, 5)), float("nan"), 1000.0), "starts at nan"),
        (Chunk(np.zeros((10, 5), dtype=complex), 0.0, 1000.0), "complex128"),
    ],
)
def test_an_impossible_chunk_is_refused(chunk: Chunk, fact: str) -> None:
    with pytest.raises(ValueError, match=fact):
        Chain(ChainRecipe(), SENSORS, 1000.0).push(chunk)


@pytest.mark.parametrize(
    ("recipe", "sfreq", "fact"),
    [
        (ChainRecipe(), 60.0, "60 Hz.*100 Hz.*min_rate_hz"),
        (ChainRecipe(), float("nan"), "nan Hz"),
        (ChainRecipe(lowpass_hz=40), 1000.0, "160 Hz.*100 Hz.*lowpass_hz"),
    ],
)
def test_a_chain_that_cannot_be_built_says_why(recipe: ChainRecipe, sfreq: float, fact: str) -> None:
    with pytest.raises(ValueError, match=fact):
        Chain(recipe, SENSORS, sfreq)


def test_sensors_of_unknown_kind_are_refused() -> None:
    with pytest.raises(ValueError, match="kind ref"):
        Chain(ChainRecipe(), [Sensor("x", "ref", (0, 0, 0), (0, 0, 1))], 1000.0)
