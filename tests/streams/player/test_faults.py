"""A rehearsal does exactly what its file asks for, the same every time, however the stream is cut."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rtalign.streams.player import FaultInjector, FaultPlan, OutgoingMarker, OutgoingSamples, OutletState

SFREQ, T0, NAMES = 100.0, 5000.0, ("A", "B", "C")
N = 1000  # ten seconds


def faults(text: str, speed: float = 1.0) -> FaultInjector:
    return FaultInjector(FaultPlan.from_toml(text), NAMES, SFREQ, speed)


def fault(kind: str, **settings: object) -> str:
    lines = [
        f"{key} = {str(value).lower() if isinstance(value, bool) else repr(value)}" for key, value in settings.items()
    ]
    return "\n".join(["[[fault]]", f'kind = "{kind}"', *lines, ""])


def samples(first: int = 0, stop: int = N) -> OutgoingSamples:
    number = np.arange(first, stop)
    data = np.repeat(number[:, None], len(NAMES), axis=1).astype(np.float32)
    return OutgoingSamples(data, number / SFREQ, T0 + number / SFREQ)


def marker(time: float, text: str = "lamp") -> OutgoingMarker:
    return OutgoingMarker(text, time, T0 + time)


def test_without_faults_nothing_changes() -> None:
    out = faults("").push(samples())
    assert np.array_equal(out.data, samples().data)
    assert np.array_equal(out.stamps, samples().stamps)
    assert faults("").push_marker(marker(1.0)) == [marker(1.0)]
    assert faults("").outlet_state(3.0) == OutletState()


def test_a_gap_takes_its_samples_alone() -> None:
    out = faults(fault("gap", at=2.0, seconds=1.5)).push(samples())
    assert np.array_equal(out.data[:, 0], [*range(200), *range(350, N)])
    assert np.array_equal(out.stamps, T0 + out.data[:, 0].astype(float) / SFREQ)
    assert out.delay_s == 0


def test_a_gap_takes_words_only_where_it_is_asked_to() -> None:
    assert faults(fault("gap", at=2.0)).push_marker(marker(2.5)) == [marker(2.5)]
    both = faults(fault("gap", at=2.0, stream="both"))
    assert both.push_marker(marker(2.5)) == []
    assert both.push_marker(marker(3.0)) == [marker(3.0)]


def test_drop_loses_about_its_share_in_whole_packets() -> None:
    out = faults(fault("drop", at=0.0, seconds=10.0, share=0.3, packet_ms=50.0)).push(samples())
    kept = np.isin(np.arange(N), out.data[:, 0]).reshape(-1, 5)
    assert (kept.all(axis=1) | ~kept.any(axis=1)).all()
    assert 0.15 < 1 - kept.mean() < 0.45
    assert np.array_equal(
        faults(fault("drop", at=1.0, seconds=1.0, share=1.0)).push(samples()).data[:, 0][100:], range(200, N)
    )


def test_a_delay_leaves_stamps_alone() -> None:
    late = faults(fault("delay", at=1.0, seconds=2.0, ms=300.0))
    assert [late.push(samples(a, a + 10)).delay_s for a in (0, 90, 100, 290, 300)] == [0, 0, 0.3, 0.3, 0]
    assert np.array_equal(late.push(samples(100, 110)).stamps, samples(100, 110).stamps)
    [word] = late.push_marker(marker(1.5))
    assert (word.stamp, word.delay_s) == (T0 + 1.5, 0.3)


def test_jitter_moves_stamps_within_its_bound_and_time_only() -> None:
    moved = faults(fault("jitter", at=2.0, seconds=5.0, ms=4.0)).push(samples()).stamps - samples().stamps
    inside = slice(200, 700)
    assert np.abs(moved).max() <= 0.004 + 1e-9
    assert np.abs(moved[inside]).mean() == pytest.approx(0.002, rel=0.2)
    assert abs(moved[inside].mean()) < 0.0005
    assert not np.delete(moved, np.arange(200, 700)).any()


@pytest.mark.parametrize("speed", [1.0, 2.0])
def test_a_drift_grows_and_then_stays(speed: float) -> None:
    moved = faults(fault("drift", at=2.0, seconds=4.0, ppm=50.0), speed).push(samples()).stamps - samples().stamps
    elapsed = np.clip(np.arange(N) / SFREQ - 2, 0, 4) / speed
    assert np.allclose(moved, 50e-6 * elapsed, atol=1e-9)


def test_a_drift_of_the_words_clock_moves_words() -> None:
    plan = faults(fault("drift", at=0.0, ppm=1000.0, stream="words"))
    assert plan.push_marker(marker(5.0))[0].stamp == pytest.approx(T0 + 5.005, abs=1e-9)
    assert np.array_equal(plan.push(samples()).stamps, samples().stamps)


def test_nan_affects_the_named_sensors_of_a_copy() -> None:
    before = samples()
    out = faults(fault("nan", at=1.0, seconds=0.5, names=["B"])).push(before)
    assert np.array_equal(np.argwhere(np.isnan(out.data)), [[row, 1] for row in range(100, 150)])
    assert not np.isnan(before.data).any()
    assert out.data.dtype == np.float32
    assert np.isnan(faults(fault("nan", at=0.0)).push(before).data[:100]).all()


def test_duplicates_have_the_same_stamp() -> None:
    found = faults(fault("duplicate", at=1.0, seconds=1.0, times=2, ms=100.0)).push_marker(marker(1.2))
    assert [(m.text, m.stamp, m.delay_s) for m in found] == [("lamp", T0 + 1.2, d) for d in (0.0, 0.1, 0.2)]


def test_a_disconnect_closes_what_it_names_and_opens_it_again() -> None:
    plan = faults(fault("disconnect", at=1.0, seconds=2.0, stream="words") + fault("disconnect", at=2.5, seconds=1.0))
    states = [plan.outlet_state(time) for time in (0.99, 1.0, 2.6, 3.2, 3.5)]
    assert [(o.meg, o.words) for o in states] == [(1, 1), (1, 0), (0, 0), (0, 0), (1, 1)]


def test_channels_go_away_and_come_back() -> None:
    plan = faults(fault("channels", at=1.0, seconds=4.0, keep=1, away_s=0.5))
    states = [plan.outlet_state(time) for time in (0.9, 1.2, 1.6, 5.2, 5.6)]
    assert [o.meg for o in states] == [True, False, True, False, True]
    assert [sorted(o.without) for o in states] == [[], ["B", "C"], ["B", "C"], [], []]
    assert all(o.words for o in states)


EVERYTHING = (
    "seed = 3\n"
    + fault("drop", at=0.5, seconds=8.0, share=0.2, stream="both")
    + fault("gap", at=3.0, seconds=0.3)
    + fault("jitter", at=0.0, seconds=9.0, ms=2.0, stream="both")
    + fault("drift", at=1.0, ppm=-80.0)
    + fault("nan", at=4.0, seconds=2.0, names=["A", "C"])
)


@given(st.lists(st.integers(1, 400), max_size=15))
def test_cutting_differently_changes_nothing(sizes: list[int]) -> None:
    whole, plan = faults(EVERYTHING).push(samples()), faults(EVERYTHING)
    edges = sorted({0, *np.cumsum(sizes).clip(max=N).tolist(), N})
    parts = [plan.push(samples(a, b)) for a, b in pairwise(edges)]
    assert np.array_equal(np.concatenate([p.data for p in parts]), whole.data, equal_nan=True)
    assert np.array_equal(np.concatenate([p.stamps for p in parts]), whole.stamps)


def test_the_seed_decides_what_is_lost() -> None:
    first, again = faults(EVERYTHING).push(samples()), faults(EVERYTHING).push(samples())
    other = faults(EVERYTHING.replace("seed = 3", "seed = 4")).push(samples())
    assert np.array_equal(first.stamps, again.stamps)
    assert not np.array_equal(first.stamps, other.stamps)


def test_an_empty_chunk_is_harmless() -> None:
    assert len(faults(EVERYTHING).push(samples(0, 0)).data) == 0


@pytest.mark.parametrize(
    ("text", "fact"),
    [
        ("[[fault]]\nkind = 'gap'\n", "fault 1, gap, at: it must be given"),
        ("[[fault]]\nkind = 'gap'\nat = -1\n", "fault 1, gap, at: .*at least 0, not -1"),
        ("[[fault]]\nkind = 'gap'\nat = nan\n", "fault 1, gap, at: "),
        ("[[fault]]\nkind = 'gap'\nat = 1\nlength = 2\n", "fault 1, gap, length: there is no such setting"),
        ("[[fault]]\nkind = 'flood'\nat = 1\n", "fault 1: .*'drop', 'gap'"),
        ("[[fault]]\nkind = 'channels'\nat = 1\n", "fault 1, channels: .*either without"),
        ("[[fault]]\nkind = 'duplicate'\nat = 1\nstream = 'meg'\n", "fault 1, duplicate, stream: "),
        ("speed = 3\n", "speed: there is no such setting"),
        ("[[fault", "not valid TOML"),
    ],
)
def test_an_invalid_file_is_refused_in_one_line(text: str, fact: str) -> None:
    with pytest.raises(ValueError, match=fact) as error:
        FaultPlan.from_toml(text)
    assert "\n" not in str(error.value)
    assert len(str(error.value)) < 300


@pytest.mark.parametrize("names", [["A", "B", "C"], ["D"]])
def test_unknown_sensors_or_all_cannot_be_removed(names: list[str]) -> None:
    with pytest.raises(ValueError, match=r"which the recording does not have|all 3 sensors"):
        faults(fault("channels", at=1.0, without=names))


def test_a_plan_is_read_from_a_file(tmp_path: Path) -> None:
    path = tmp_path / "rehearsal.toml"
    path.write_text(EVERYTHING, encoding="utf-8")
    assert FaultPlan.load(path) == FaultPlan.from_toml(EVERYTHING)
    path.write_bytes(b"\xff\xfe")
    with pytest.raises(ValueError, match=r"rehearsal\.toml is not UTF-8"):
        FaultPlan.load(path)
