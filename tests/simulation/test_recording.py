"""Simulated runs: evoked signal plus background, at the planted latencies and strength."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.signal import butter, sosfiltfilt

from rtalign.core.records import Word
from rtalign.simulation import SimulationPlan, helmet_sensors, independent_layers, synthesise, timed_story
from rtalign.simulation.evoked import EvokedSignal, common_parts
from rtalign.simulation.recording import BAND_HZ, background_rms
from tests.helpers.simulated_runs import HELMETS, SHORT, make_runs, signal_of


@settings(max_examples=6, deadline=None)
@given(st.floats(0.01, 40))
def test_cutting_a_recording_differently_changes_nothing(seconds: float) -> None:
    run = make_runs(SHORT)[0][0]
    whole = next(run.chunks(1e6))
    assert len(whole.data) == run.n_samples
    chunks = list(run.chunks(seconds))
    np.testing.assert_array_equal(np.concatenate([chunk.data for chunk in chunks]), whole.data)
    for before, after in pairwise(chunks):
        assert after.start == pytest.approx(before.end)


def test_a_recording_is_evoked_signal_plus_background() -> None:
    whole, quiet, null = (
        make_runs(replace(SHORT, **change))[0][1] for change in ({}, {"noise_free": True}, {"null": True})
    )
    np.testing.assert_allclose(signal_of(whole), signal_of(quiet) + signal_of(null), atol=1e-17)
    assert signal_of(quiet).std() > 1e-15


def test_a_null_recording_does_not_depend_on_the_words() -> None:
    plan = replace(SHORT, null=True)
    story = timed_story(plan)
    other = [tuple(replace(word, onset=word.onset + 0.1) for word in run) for run in story]
    first = synthesise(plan, story, independent_layers(60, 3, 2, 0))[0]
    second = synthesise(plan, other)[0]
    n = first.n_samples
    np.testing.assert_array_equal(signal_of(first), signal_of(second)[:n])


@pytest.mark.parametrize("sfreq", [250.0, 300.3, 1200.0])
def test_each_layer_peaks_at_its_planted_latency(sfreq: float) -> None:
    plan = SimulationPlan(
        n_words=400, run_words=400, sfreq=sfreq, noise_free=True, snr=3.0, ladder=(0.12, 0.48), seed=1
    )
    story = [tuple(Word(i, "word", 2.0 + 0.41 * i + 0.137 * (i % 3), 0.3) for i in range(400))]
    information = independent_layers(400, 4, 3, 0)
    run = synthesise(plan, story, information)[0]
    x = signal_of(run) - signal_of(synthesise(plan, story)[0])
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
    plan = SimulationPlan(sensors=name, n_words=700, sfreq=60.0, noise_free=True, snr=0.3, seed=2)
    story = timed_story(plan)
    information = independent_layers(700, 5, 8, 1)
    x = np.concatenate([signal_of(run) for run in synthesise(plan, story, information)]).astype(float)
    x -= np.concatenate([signal_of(run) for run in synthesise(plan, story)])
    band = butter(2, BAND_HZ, "bandpass", fs=60.0, output="sos")
    ratio = sosfiltfilt(band, x, axis=0).std(axis=0) / background_rms(name, 2)
    assert np.sqrt(np.mean(ratio**2)) == pytest.approx(0.3, rel=0.1)


def test_layers_are_equally_strong() -> None:
    plan = SimulationPlan(n_words=300, sfreq=60.0, noise_free=True, seed=4)
    story = timed_story(plan)
    information = independent_layers(300, 3, 8, 1)
    bare = signal_of(synthesise(plan, story)[0])
    alone = []
    for layer in range(3):
        only = information * (np.arange(3) == layer)[:, None]
        alone.append(((signal_of(synthesise(plan, story, only)[0]) - bare) / background_rms("ctf275", 4)).std())
    assert max(alone) < 1.25 * min(alone)


def test_words_evoke_a_response_in_both_temporal_lobes() -> None:
    sensors = helmet_sensors("ctf275")
    words = tuple(Word(i, "w", 1.0 + 3.0 * i) for i in range(3))
    x = EvokedSignal(common_parts(sensors, words, 0)).at(np.array([1.105, 4.105])) * 1e15
    right = np.array([sensor.position[0] for sensor in sensors])
    assert 20 < np.abs(x[0, right < -0.05]).max() < 200
    assert 20 < np.abs(x[0, right > 0.05]).max() < 200


def test_information_of_another_story_is_refused() -> None:
    with pytest.raises(ValueError, match=r"for 60 words was expected"):
        synthesise(SHORT, timed_story(SHORT), independent_layers(59, 3, 2, 0))
