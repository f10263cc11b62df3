"""The simulated listener: her head obeys physics, her story is told naturally, and what was planted is there."""

from __future__ import annotations

import json
import warnings
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import mne
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.signal import butter, sosfiltfilt, welch

from rtalign.core.records import SCALES, Word
from rtalign.simulation.background import Background
from rtalign.simulation.evoked import Evoked, common_parts
from rtalign.simulation.fif_writer import measurement_info
from rtalign.simulation.forward import HEAD, dipoles, lead_field, sphere_field
from rtalign.simulation.helmet import frames, helmet
from rtalign.simulation.layer_signals import independent_layers, own_information
from rtalign.simulation.noise import Filtered, Mains, Pulses, Rhythm, coloured
from rtalign.simulation.recording import BAND_HZ, Plan, SimulatedRun, background_rms, synthesise
from rtalign.simulation.simulator import planted, simulate, tell
from rtalign.simulation.story import runs, shipped_story, speak, spoken, story_words, without_gutenberg
from tests.helpers.paths import SHARED

HELMETS = ("ctf275", "neuromag306")
SHORT = Plan(n_words=60, run_words=30, sfreq=120.0, snr=1.0, seed=3)


def signal(run: SimulatedRun, seconds: float = 10.0) -> np.ndarray:
    return np.concatenate([chunk.data for chunk in run.chunks(seconds)])


def made(plan: Plan, n_layers: int = 3, n_dims: int = 2) -> tuple[tuple[SimulatedRun, ...], np.ndarray]:
    story = tell(plan)
    information = independent_layers(sum(map(len, story)), n_layers, n_dims, plan.seed)
    return synthesise(plan, story, information), information


# The helmets and the fields in them


@pytest.mark.parametrize("name", HELMETS)
def test_a_helmet_has_its_sensors_on_the_right_side_facing_outwards(name: str) -> None:
    sensors = helmet(name)
    places = np.array([sensor.position for sensor in sensors])
    normals = np.array([sensor.normal for sensor in sensors])
    kinds = [sensor.kind for sensor in sensors]
    assert len({sensor.name for sensor in sensors}) == len(sensors) == int(name[-3:])
    assert kinds.count("axial") in (0, 275)
    assert (kinds.count("mag"), kinds.count("planar")) in ((0, 0), (102, 204))
    np.testing.assert_allclose(np.linalg.norm(normals, axis=1), 1)
    assert np.all(np.sum(normals * (places - HEAD), axis=1) > 0.06)
    for sensor in sensors:
        if sensor.name.startswith("ML"):
            assert sensor.position[0] < 0.005
        if sensor.name.startswith("MR"):
            assert sensor.position[0] > -0.005


@pytest.mark.parametrize("name", HELMETS)
def test_coils_of_one_kind_keep_apart(name: str) -> None:
    places = np.array([s.position for s in helmet(name) if s.kind != "planar"])
    apart = np.linalg.norm(places[:, None] - places[None], axis=2)
    assert apart[~np.eye(len(places), dtype=bool)].min() > 0.012


def test_a_pair_of_planar_gradiometers_looks_along_two_axes_at_right_angles() -> None:
    sensors = helmet("neuromag306")
    axes = frames(sensors)
    np.testing.assert_allclose(np.linalg.det(axes), 1)
    first, second = axes[0::3, 0], axes[1::3, 0]
    np.testing.assert_allclose(np.sum(first * second, axis=1), 0, atol=1e-12)


@pytest.mark.parametrize(
    ("name", "file"),
    [
        ("ctf275", "ctf275_dccn_human/testdata_ctf_short_discontinuous.ds"),
        ("neuromag306", "neuromag306_sample_human/neuromag306_sample_5s_raw.fif"),
    ],
)
def test_sensors_sit_where_a_real_helmet_has_them(name: str, file: str) -> None:
    path = SHARED / file
    if not path.exists():
        pytest.skip(f"{path} is absent")
    if path.suffix == ".ds":
        info = mne.io.read_raw_ctf(path, system_clock="ignore", verbose="ERROR").info
    else:
        info = mne.io.read_raw_fif(path, verbose="ERROR").info
    ours = {sensor.name: sensor for sensor in helmet(name)}
    real = {channel["ch_name"].split("-")[0]: channel["loc"] for channel in info["chs"]}
    common = sorted(ours.keys() & real.keys())
    assert len(common) > 0.95 * len(ours)
    off = [np.linalg.norm(real[n][:3] - ours[n].position) for n in common]
    angle = [np.degrees(np.arccos(min(1.0, real[n][9:12] @ ours[n].normal))) for n in common]
    assert np.median(off) < 0.007
    assert np.max(off) < 0.025
    assert np.median(angle) < 10


@pytest.mark.parametrize("name", HELMETS)
def test_the_field_of_a_dipole_is_what_mne_computes(name: str) -> None:
    sensors = helmet(name)
    info = measurement_info(sensors, 300.0, 50.0)
    positions, moments = dipoles(6, (), 0.0, np.random.default_rng(0))
    to_head = info["dev_head_t"]["trans"]
    sphere = mne.make_sphere_model((HEAD + to_head[:3, 3]).tolist(), head_radius=None, verbose="ERROR")
    n = len(positions)
    theirs = np.empty((n, len(sensors)))
    for i in range(n):
        dipole = mne.Dipole([0.0], (positions[i] + to_head[:3, 3])[None], [1.0], moments[i][None], [100.0])
        forward, _ = mne.make_forward_dipole(dipole, sphere, info, verbose="ERROR")
        theirs[i] = forward["sol"]["data"][:, 0]
    ours = lead_field(sensors, positions, moments)
    for kind in {sensor.kind for sensor in sensors}:
        of_kind = np.array([sensor.kind == kind for sensor in sensors])
        miss = np.linalg.norm(ours[:, of_kind] - theirs[:, of_kind], axis=1)
        # Their coils have an area, ours are points.
        assert np.all(miss < 0.08 * np.linalg.norm(theirs[:, of_kind], axis=1))


def test_outside_a_sphere_a_radial_dipole_is_silent_and_the_field_has_no_sources() -> None:
    rng = np.random.default_rng(1)
    places = rng.uniform(-0.04, 0.04, (5, 3))
    points = np.array([[0.05, -0.06, 0.09]])
    loud = sphere_field(points, places, np.cross(places, [0.3, 0.2, -0.5]))
    assert np.abs(sphere_field(points, places, places)).max() < 1e-9 * np.abs(loud).max()
    moments = rng.standard_normal((5, 3))
    step = 1e-5
    slopes = [
        (sphere_field(points + step * axis, places, moments) - sphere_field(points - step * axis, places, moments))[
            :, 0
        ]
        / (2 * step)
        for axis in np.eye(3)
    ]
    gradient = np.stack(slopes)  # (derivative, dipole, component)
    divergence = np.einsum("idi->d", gradient)
    np.testing.assert_allclose(divergence, 0, atol=1e-5 * np.abs(gradient).max())
    np.testing.assert_allclose(gradient, gradient.transpose(2, 1, 0), atol=1e-5 * np.abs(gradient).max())


# The story


def test_the_packaged_story_is_long_plain_and_cleanly_split() -> None:
    text = shipped_story()
    words = story_words(text)
    assert text.isascii()
    assert len(words) >= 4300
    assert all(word == word.lower() and word.replace("'", "").isalnum() for word in words)
    assert words[:7] == ["the", "keeper", "of", "small", "lights", "the", "nineteen"]


def test_punctuation_becomes_pauses_and_apostrophes_stay() -> None:
    heard = spoken('"It\u2019s late," said Mr. Bell - quietly.\n\nII\n\nThe dogs\' 2,000 well-known bones; so')
    assert [(word.text, word.pause) for word in heard] == [
        ("it's", "none"), ("late", "comma"), ("said", "none"), ("mr", "none"), ("bell", "comma"),
        ("quietly", "paragraph"), ("the", "none"), ("dogs", "none"), ("2000", "none"), ("well", "none"),
        ("known", "none"), ("bones", "comma"), ("so", "paragraph"),
    ]  # fmt: skip


def test_project_gutenbergs_own_words_are_not_read_aloud() -> None:
    text = (
        "Licence text\n*** START OF THE PROJECT GUTENBERG EBOOK A BOOK ***\n\nProduced by somebody\nand others\n\n"
        "Chapter one.\n\nEnd of Project Gutenberg's A Book\n\n*** END OF THE PROJECT GUTENBERG EBOOK A BOOK ***\nmore"
    )
    assert without_gutenberg(text).split() == ["Chapter", "one."]
    assert without_gutenberg("No header.") == "No header."


def test_a_whole_gutenberg_book_is_read_from_its_title_to_its_last_sentence() -> None:
    path = SHARED / "text" / "sherlock_pg1661.txt"
    if not path.exists():
        pytest.skip(f"{path} is absent")
    words = story_words(path.read_text(encoding="utf-8-sig"))
    assert 104_000 < len(words) < 107_000
    assert words[:5] == ["the", "adventures", "of", "sherlock", "holmes"]
    assert words[-4:] == ["met", "with", "considerable", "success"]


def test_runs_end_where_sentences_end_and_lose_no_word() -> None:
    heard = spoken(shipped_story())
    parts = runs(heard, 600)
    assert [word for part in parts for word in part] == heard
    assert all(part[-1].pause in ("stop", "paragraph") for part in parts)
    assert all(600 <= len(part) < 700 for part in parts[:-1])
    assert 300 <= len(parts[-1]) <= 900
    assert runs(heard[:10], 600) == [heard[:10]]


def test_a_reader_says_about_two_and_a_half_words_a_second_and_breathes_at_full_stops() -> None:
    heard = spoken(shipped_story())
    words = speak(heard, 0)
    onsets = np.array([word.onset for word in words])
    ends = onsets + [word.duration or 0.0 for word in words]
    silence = onsets[1:] - ends[:-1]
    after = np.array([word.pause for word in heard[:-1]])
    assert 2.45 < len(words) / (ends[-1] - onsets[0]) < 2.75
    assert np.abs(silence[after == "none"]).max() < 2e-4
    medians = [np.median(silence[after == pause]) for pause in ("comma", "stop", "paragraph")]
    assert 0.1 < medians[0] < medians[1] < medians[2] < 2.0
    syllable = [w.duration for w in words if w.text == "the"]
    several = [w.duration for w in words if w.text == "ministry"]
    assert np.mean(several) > 2 * np.mean(syllable)
    assert len(set(syllable)) > 20


def test_the_same_seed_speaks_the_same_way() -> None:
    heard = spoken(shipped_story())[:50]
    assert speak(heard, 5) == speak(heard, 5)
    assert speak(heard, 5) != speak(heard, 6)


# The background


def processes(seed: int) -> list[Any]:
    rng = np.random.default_rng(seed)
    return [
        Filtered(coloured(1.0, 0.5, 40.0, 100.0), np.ones(3), 1.0, 100.0, rng),
        Rhythm(np.array([9.0, 11.0]), 1.5, np.ones(2), 100.0, rng),
        Pulses(lambda t: np.ones_like(t), 0.3, 0.8, 3.0, 100.0, rng),
        Mains(20.0, np.array([1.0, 3.0]), np.ones(2), 100.0),
    ]


@settings(max_examples=20, deadline=None)
@given(st.lists(st.integers(0, 150), min_size=1, max_size=8), st.integers(0, 99))
def test_cutting_noise_differently_changes_nothing(sizes: list[int], seed: int) -> None:
    for cut, whole in zip(processes(seed), processes(seed), strict=True):
        pieces = np.concatenate([cut.take(size) for size in sizes], axis=1)
        np.testing.assert_allclose(pieces, whole.take(sum(sizes)), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("sfreq", [200.0, 1000.0])
def test_coloured_noise_has_its_density_and_its_slope_at_any_rate(sfreq: float) -> None:
    noise = Filtered(coloured(1.2, 0.3, 80.0, sfreq), np.full(40, 3.0), 2.0, sfreq, np.random.default_rng(0))
    hertz, power = welch(noise.take(int(60 * sfreq)), sfreq, nperseg=int(4 * sfreq))
    density = np.sqrt(power.mean(axis=0))
    at = {f: float(density[np.argmin(np.abs(hertz - f))]) for f in (2.0, 20.0)}
    assert at[2.0] == pytest.approx(3.0, rel=0.06)
    assert at[20.0] == pytest.approx(3.0 * 10**-0.6, rel=0.12)


@pytest.mark.parametrize("name", HELMETS)
def test_the_background_is_of_the_size_that_meg_has(name: str) -> None:
    rms = background_rms(name, 0)
    for kind, (low, high) in {"axial": (100, 300), "mag": (150, 450), "planar": (20, 90)}.items():
        of_kind = [r * SCALES[kind] for r, sensor in zip(rms, helmet(name), strict=True) if sensor.kind == kind]
        if of_kind:
            assert low < np.median(of_kind) < high


def test_the_background_has_alpha_behind_blinks_in_front_and_mains() -> None:
    sensors = helmet("ctf275")
    sfreq = 200.0
    x = Background(sensors, sfreq, 0, 0).take(int(60 * sfreq)).astype(float)
    front = np.array([sensor.position[1] for sensor in sensors])
    behind, before = front < np.quantile(front, 0.2), front > np.quantile(front, 0.8)
    hertz, power = welch(x, sfreq, nperseg=int(8 * sfreq), axis=0)
    alpha = power[(hertz >= 9) & (hertz <= 11)].mean(axis=0)
    beside = power[(hertz >= 5) & (hertz <= 6.5)].mean(axis=0)
    assert np.median(alpha[behind] / beside[behind]) > 3
    assert np.median(alpha[behind]) > 2 * np.median(alpha[before])
    slow = sosfiltfilt(butter(2, [0.5, 4], "bandpass", fs=sfreq, output="sos"), x, axis=0)[400:-400]
    assert np.abs(slow[:, before]).max() > 3 * np.abs(slow[:, behind]).max()
    mains = power[np.argmin(np.abs(hertz - 50))] / power[np.argmin(np.abs(hertz - 46))]
    assert np.median(mains) > 5


def test_neighbouring_sensors_share_their_background() -> None:
    sensors = helmet("ctf275")
    r = np.corrcoef(Background(sensors, 100.0, 0, 0).take(6000), rowvar=False)
    places = np.array([sensor.position for sensor in sensors])
    apart = np.linalg.norm(places[:, None] - places[None], axis=2)
    near, far = r[(apart > 0) & (apart < 0.025)], r[apart > 0.15]
    assert np.median(near) > 0.8
    assert np.median(np.abs(far)) < 0.5


def test_another_stretch_of_time_is_the_same_head_with_other_noise() -> None:
    sensors = helmet("neuromag306")[:30]
    one, two, other_head = (
        Background(sensors, 100.0, head, time).take(4000) for head, time in ((1, 0), (1, 1), (2, 0))
    )
    assert np.abs(np.corrcoef(one[:, 0], two[:, 0])[0, 1]) < 0.3
    same = np.corrcoef(np.log(one.std(0)), np.log(two.std(0)))[0, 1]
    assert same > np.corrcoef(np.log(one.std(0)), np.log(other_head.std(0)))[0, 1]


# What the words evoke


@settings(max_examples=6, deadline=None)
@given(st.floats(0.01, 40))
def test_cutting_a_recording_differently_changes_nothing(seconds: float) -> None:
    run = made(SHORT)[0][0]
    whole = next(run.chunks(1e6))
    assert len(whole.data) == run.n_samples
    chunks = list(run.chunks(seconds))
    np.testing.assert_array_equal(np.concatenate([chunk.data for chunk in chunks]), whole.data)
    for before, after in pairwise(chunks):
        assert after.start == pytest.approx(before.end)


def test_the_recording_is_the_sum_of_its_background_and_its_noise_free_self() -> None:
    whole, quiet, null = (made(replace(SHORT, **change))[0][1] for change in ({}, {"noise_free": True}, {"null": True}))
    np.testing.assert_allclose(signal(whole), signal(quiet) + signal(null), atol=1e-17)
    assert signal(quiet).std() > 1e-15


def test_a_null_recording_knows_nothing_of_the_words() -> None:
    plan = replace(SHORT, null=True)
    story = tell(plan)
    other = [tuple(replace(word, onset=word.onset + 0.1) for word in run) for run in story]
    first = synthesise(plan, story, independent_layers(60, 3, 2, 0))[0]
    second = synthesise(plan, other)[0]
    n = first.n_samples
    np.testing.assert_array_equal(signal(first), signal(second)[:n])


@pytest.mark.parametrize("sfreq", [250.0, 300.3, 1200.0])
def test_each_layer_peaks_at_its_planted_latency(sfreq: float) -> None:
    plan = Plan(n_words=400, run_words=400, sfreq=sfreq, noise_free=True, snr=3.0, ladder=(0.12, 0.48), seed=1)
    story = [tuple(Word(i, "word", 2.0 + 0.41 * i + 0.137 * (i % 3), 0.3) for i in range(400))]
    information = independent_layers(400, 4, 3, 0)
    run = synthesise(plan, story, information)[0]
    x = signal(run) - signal(synthesise(plan, story)[0])
    x = x[:, ::9].astype(float)
    onsets = np.array([word.onset for word in run.words])
    lags = np.arange(0.0, 0.65, 0.005)
    samples = np.round((onsets[:, None] + lags) * sfreq).astype(int)
    for layer, latency in enumerate(plan.latencies_s(4)):
        # How well the layer's numbers, one regression a lag, account for the signal.
        z = information[:, layer] - information[:, layer].mean(axis=0)
        fit = [np.sum((z.T @ x[samples[:, k]]) ** 2) for k in range(len(lags))]
        near = np.abs(lags - latency) < 0.06
        peak = np.polyfit(lags[near] - latency, np.log(np.array(fit)[near]), 2)
        assert abs(-peak[1] / (2 * peak[0])) < 0.015
        assert abs(lags[int(np.argmax(fit))] - latency) < 0.03


@pytest.mark.parametrize("name", HELMETS)
def test_snr_is_what_the_plan_says(name: str) -> None:
    plan = Plan(sensors=name, n_words=700, sfreq=60.0, noise_free=True, snr=0.3, seed=2)
    story = tell(plan)
    information = independent_layers(700, 5, 8, 1)
    x = np.concatenate([signal(run) for run in synthesise(plan, story, information)]).astype(float)
    x -= np.concatenate([signal(run) for run in synthesise(plan, story)])
    band = butter(2, BAND_HZ, "bandpass", fs=60.0, output="sos")
    ratio = sosfiltfilt(band, x, axis=0).std(axis=0) / background_rms(name, 2)
    assert np.sqrt(np.mean(ratio**2)) == pytest.approx(0.3, rel=0.1)


def test_layers_are_equally_strong() -> None:
    plan = Plan(n_words=300, sfreq=60.0, noise_free=True, seed=4)
    story = tell(plan)
    information = independent_layers(300, 3, 8, 1)
    bare = signal(synthesise(plan, story)[0])
    alone = []
    for layer in range(3):
        only = information * (np.arange(3) == layer)[:, None]
        alone.append(((signal(synthesise(plan, story, only)[0]) - bare) / background_rms("ctf275", 4)).std())
    assert max(alone) < 1.25 * min(alone)


def test_every_word_evokes_a_response_in_both_temporal_lobes() -> None:
    sensors = helmet("ctf275")
    words = tuple(Word(i, "w", 1.0 + 3.0 * i) for i in range(3))
    x = Evoked(common_parts(sensors, words, 0)).at(np.array([1.105, 4.105])) * 1e15
    right = np.array([sensor.position[0] for sensor in sensors])
    assert 20 < np.abs(x[0, right < -0.05]).max() < 200
    assert 20 < np.abs(x[0, right > 0.05]).max() < 200


def test_own_information_is_new_to_the_layers_below() -> None:
    rng = np.random.default_rng(0)
    shared, fresh = rng.standard_normal((900, 6)), rng.standard_normal((900, 3, 4))
    mix = rng.standard_normal((3, 10, 16))
    layers = [np.concatenate([shared, fresh[:, k]], axis=1) @ mix[k] for k in range(3)]
    own = own_information(np.stack(layers, axis=1), 4)
    assert own.shape == (900, 3, 4)
    np.testing.assert_allclose(own.mean(axis=0), 0, atol=1e-5)
    np.testing.assert_allclose(own.std(axis=0), 1, rtol=1e-4)
    for layer in (1, 2):
        below = np.concatenate(layers[:layer], axis=1)
        below = np.column_stack([below, np.ones(900)])
        left = own[:, layer] - below @ np.linalg.lstsq(below, own[:, layer], rcond=None)[0]
        assert np.mean(left**2) > 0.99
        told = np.column_stack([fresh[:, layer], np.ones(900)])
        missed = own[:, layer] - told @ np.linalg.lstsq(told, own[:, layer], rcond=None)[0]
        assert np.mean(missed**2) < 0.1


def test_own_information_of_few_words_or_flat_layers_stays_finite() -> None:
    rng = np.random.default_rng(0)
    own = own_information(rng.standard_normal((20, 4, 30)), 12)
    assert np.isfinite(own).all()
    flat = own_information(np.ones((50, 2, 5)), 3)
    np.testing.assert_array_equal(flat, 0)


def test_independent_layers_share_nothing() -> None:
    x = independent_layers(4000, 3, 4, 0).reshape(4000, -1)
    r = np.corrcoef(x, rowvar=False) - np.eye(12)
    assert np.abs(r).max() < 0.07
    assert np.abs(np.corrcoef(x[1:, 0], x[:-1, 0])[0, 1]) < 0.07


# The folder


@pytest.fixture(scope="module", params=HELMETS)
def listener(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Plan, np.ndarray]:
    plan = replace(SHORT, sensors=request.param)
    out = tmp_path_factory.mktemp("bids") / "listener"
    information = independent_layers(60, 3, 2, 0)
    simulate(out, plan, information=information)
    return out, plan, information


def test_mne_reads_what_was_made(listener: tuple[Path, Plan, np.ndarray]) -> None:
    out, plan, information = listener
    run = synthesise(plan, tell(plan), information)[1]
    file = out / "sub-01" / "meg" / f"{run.name}_meg.fif"
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        raw = mne.io.read_raw_fif(file, verbose="WARNING")
    assert raw.info["sfreq"] == plan.sfreq
    assert raw.first_samp == 0
    np.testing.assert_allclose(raw.get_data().T, signal(run), rtol=1e-6, atol=1e-20)
    for channel, sensor in zip(raw.info["chs"], run.sensors, strict=True):
        assert channel["ch_name"] == sensor.name
        np.testing.assert_allclose(channel["loc"][:3], sensor.position, rtol=1e-6)
        np.testing.assert_allclose(channel["loc"][9:], sensor.normal, atol=1e-6)
    types = set(raw.get_channel_types())
    assert types == ({"mag"} if plan.sensors == "ctf275" else {"mag", "grad"})
    assert len(mne.pick_types(raw.info, meg=True)) == len(run.sensors)
    assert mne.channels.find_layout(raw.info).pos.shape[0] >= 102


def test_the_tables_beside_it_say_what_bids_asks_for(listener: tuple[Path, Plan, np.ndarray]) -> None:
    out, plan, _ = listener
    story = tell(plan)
    meg = out / "sub-01" / "meg"
    stem = "sub-01_task-story_run-01"
    rows = [line.split("\t") for line in (meg / f"{stem}_events.tsv").read_text().splitlines()]
    assert rows[0] == ["onset", "duration", "trial_type", "value"]
    assert [(float(a), float(b), d) for a, b, c, d in rows[1:]] == [(w.onset, w.duration, w.text) for w in story[0]]
    channels = [line.split("\t") for line in (meg / f"{stem}_channels.tsv").read_text().splitlines()]
    assert channels[0] == ["name", "type", "units", "status"]
    assert [row[0] for row in channels[1:]] == [sensor.name for sensor in helmet(plan.sensors)]
    sidecar = json.loads((meg / f"{stem}_meg.json").read_text())
    assert sidecar["SamplingFrequency"] == plan.sfreq
    assert sidecar["PowerLineFrequency"] == 50
    assert json.loads((out / "dataset_description.json").read_text())["BIDSVersion"]
    assert (meg / "sub-01_coordsystem.json").is_file()
    truth = json.loads((out / "ground_truth.json").read_text())
    assert truth["latencies"] == {"0": 0.2, "1": 0.3, "2": 0.4}
    assert truth["n_words"] == 60
    assert len(truth["runs"]) == len(story) == 2


def test_the_folder_is_a_recording_like_any_other(listener: tuple[Path, Plan, np.ndarray]) -> None:
    from rtalign.recordings import open_recordings

    out, plan, information = listener
    for read, run in zip(open_recordings(out), synthesise(plan, tell(plan), information), strict=True):
        assert read.words == run.words
        assert [(s.name, s.kind) for s in read.sensors] == [(s.name, s.kind) for s in run.sensors]
        assert read.n_samples == run.n_samples


class EchoModel:
    """A model whose layers are random numbers of the word's own letters."""

    def __init__(self) -> None:
        self.info = SimpleNamespace(id="echo", revision="1", n_layers=11)
        self.stories: list[list[str]] = []

    def encode(self, words: Any, recipe: Any, layers: Any, progress: Any = None, surprisal: bool = True) -> Any:
        self.stories.append(list(words))
        rows = [np.random.default_rng([ord(c) for c in word]).standard_normal((11, 20)) for word in words]
        if progress:
            progress(len(words))
        return SimpleNamespace(activations=np.stack(rows)[:, list(layers)].astype(np.float32))


def test_a_models_layers_are_planted_on_the_ladder_and_its_context_ends_with_the_run(tmp_path: Path) -> None:
    model = EchoModel()
    heard: list[tuple[str, float]] = []
    plan = replace(SHORT, layers="3", ladder=(0.2, 0.4))
    result = simulate(tmp_path / "out", plan, model=model, progress=lambda stage, share: heard.append((stage, share)))
    assert result.latencies == {"1": 0.2, "5": 0.3, "9": 0.4}
    assert model.stories == [[word.text for word in run] for run in tell(plan)]
    assert heard[-1] == ("signal", pytest.approx(1.0))
    assert [stage for stage, _ in heard] == sorted((stage for stage, _ in heard))
    truth = json.loads((tmp_path / "out" / "ground_truth.json").read_text())
    assert truth["model"]["id"] == "echo"


def test_a_null_needs_no_model_and_says_that_it_holds_nothing(tmp_path: Path) -> None:
    result = simulate(tmp_path / "null", replace(SHORT, null=True), model=EchoModel())
    truth = json.loads((tmp_path / "null" / "ground_truth.json").read_text())
    assert result.latencies == truth["latencies"] == {}
    assert truth["snr"] == 0
    assert truth["model"] is None


def test_what_is_there_is_never_overwritten(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("ten years")
    model = EchoModel()
    with pytest.raises(FileExistsError, match="a folder with files in it already; name another place"):
        simulate(tmp_path, SHORT, model=model)
    assert not model.stories, "it should be refused before the model reads for minutes"
    with pytest.raises(FileExistsError, match="is a file already"):
        simulate(tmp_path / "thesis.txt", replace(SHORT, null=True))
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.txt"]


def test_an_interrupted_simulation_leaves_nothing_behind(tmp_path: Path) -> None:
    def interrupt(stage: str, share: float) -> None:
        if share > 0.5:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        simulate(tmp_path / "a" / "out", replace(SHORT, null=True), progress=interrupt)
    assert not list((tmp_path / "a").iterdir())


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"sensors": "eeg64"}, "no helmet is called 'eeg64'; there are ctf275 and neuromag306"),
        ({"sfreq": 10.0}, "sfreq 10 Hz: take 60 to 20000"),
        ({"sfreq": float("nan")}, "sfreq nan"),
        ({"snr": -1.0}, "snr -1"),
        ({"ladder": (0.1, 9.0)}, "ladder 0.1,9"),
        ({"n_words": 5}, "5 words: a story needs 20"),
        ({"n_words": 10**6}, "the story has 4995 words; 1000000 were asked for - give a longer one with --text"),
        ({"null": True, "noise_free": True}, "leave nothing to record"),
        ({"seed": -1}, "seed -1"),
        ({}, "nothing to plant: give a model"),
    ],
)
def test_what_makes_no_recording_is_refused_in_one_line(tmp_path: Path, change: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message) as caught:
        simulate(tmp_path / "out", replace(SHORT, **change))
    assert "\n" not in str(caught.value)
    assert not list(tmp_path.iterdir())


def test_a_text_without_words_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="the text has 0 words"):
        simulate(tmp_path / "out", SHORT, text="...")


def test_information_of_another_story_is_refused() -> None:
    with pytest.raises(ValueError, match=r"for 60 words was expected"):
        synthesise(SHORT, tell(SHORT), independent_layers(59, 3, 2, 0))


def test_layers_can_answer_context_alone() -> None:
    """A model of four layers whose states are of the word, or of the word and its context, as it is allowed to see."""
    plan = Plan(n_words=600, run_words=300, layers="all", n_dims=4, contextual=True)
    story = tell(plan)
    rng = np.random.default_rng(0)
    names = [word.text for run in story for word in run]
    meaning = {name: rng.standard_normal(24) for name in sorted(set(names))}
    before = rng.standard_normal((len(names), 24))
    mixing = rng.standard_normal((4, 2, 24, 24))
    starts = {" ".join(word.text for word in run): sum(map(len, story[:i])) for i, run in enumerate(story)}

    def encode(words: list[str], recipe: Any, layers: list[int], *_: Any, surprisal: bool = True) -> Any:
        first = starts[" ".join(words)]
        alone = np.stack([meaning[word] for word in words])
        context = before[first : first + len(words)] * (recipe.context != "window:0")
        states = [alone @ mixing[layer, 0] + context @ mixing[layer, 1] for layer in layers]
        return SimpleNamespace(activations=np.stack(states, axis=1))

    model = SimpleNamespace(info=SimpleNamespace(n_layers=4), encode=encode)
    numbers, information = planted(model, plan, story, lambda *_: None)
    assert numbers == [0, 1, 2, 3]
    word = np.stack([meaning[name] for name in names])
    flat = np.concatenate([information[:, layer] for layer in range(4)], axis=1)
    for said in (word, np.roll(word, 1, axis=0)):
        assert 1 - np.var(left(flat, said), axis=0).mean() < 0.01
    assert np.var(left(flat, before), axis=0).mean() < 0.35
    _, mixed = planted(model, replace(plan, contextual=False), story, lambda *_: None)
    assert 1 - np.var(left(mixed[:, 0], word), axis=0).mean() > 0.2


def left(values: np.ndarray, by: np.ndarray) -> np.ndarray:
    """What a least-squares fit on centred columns leaves."""
    x, y = by - by.mean(0), values - values.mean(0)
    return y - x @ np.linalg.lstsq(x, y, rcond=None)[0]
