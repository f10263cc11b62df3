"""A simulated listener on disk: a BIDS folder with its truth, written whole or not at all."""

from __future__ import annotations

import json
import warnings
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import mne
import numpy as np
import pytest

from rtalign.simulation import SimulationPlan, helmet_sensors, independent_layers, simulate, synthesise, timed_story
from tests.helpers.simulated_runs import HELMETS, SHORT, signal_of


@pytest.fixture(scope="module", params=HELMETS)
def listener(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, SimulationPlan, np.ndarray]:
    plan = replace(SHORT, sensors=request.param)
    out = tmp_path_factory.mktemp("bids") / "listener"
    information = independent_layers(60, 3, 2, 0)
    simulate(out, plan, information=information)
    return out, plan, information


def test_mne_reads_the_signal_and_the_sensors(listener: tuple[Path, SimulationPlan, np.ndarray]) -> None:
    out, plan, information = listener
    run = synthesise(plan, timed_story(plan), information)[1]
    file = out / "sub-01" / "meg" / f"{run.name}_meg.fif"
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        raw = mne.io.read_raw_fif(file, verbose="WARNING")
    assert raw.info["sfreq"] == plan.sfreq
    assert raw.first_samp == 0
    np.testing.assert_allclose(raw.get_data().T, signal_of(run), rtol=1e-6, atol=1e-20)
    for channel, sensor in zip(raw.info["chs"], run.sensors, strict=True):
        assert channel["ch_name"] == sensor.name
        np.testing.assert_allclose(channel["loc"][:3], sensor.position, rtol=1e-6)
        np.testing.assert_allclose(channel["loc"][9:], sensor.normal, atol=1e-6)
    types = set(raw.get_channel_types())
    assert types == ({"mag"} if plan.sensors == "ctf275" else {"mag", "grad"})
    assert len(mne.pick_types(raw.info, meg=True)) == len(run.sensors)
    assert mne.channels.find_layout(raw.info).pos.shape[0] >= 102


def test_the_tables_are_as_bids_requires(listener: tuple[Path, SimulationPlan, np.ndarray]) -> None:
    out, plan, _ = listener
    story = timed_story(plan)
    meg = out / "sub-01" / "meg"
    stem = "sub-01_task-story_run-01"
    rows = [line.split("\t") for line in (meg / f"{stem}_events.tsv").read_text().splitlines()]
    assert rows[0] == ["onset", "duration", "trial_type", "value"]
    assert [(float(a), float(b), d) for a, b, c, d in rows[1:]] == [(w.onset, w.duration, w.text) for w in story[0]]
    channels = [line.split("\t") for line in (meg / f"{stem}_channels.tsv").read_text().splitlines()]
    assert channels[0] == ["name", "type", "units", "status"]
    assert [row[0] for row in channels[1:]] == [sensor.name for sensor in helmet_sensors(plan.sensors)]
    sidecar = json.loads((meg / f"{stem}_meg.json").read_text())
    assert sidecar["SamplingFrequency"] == plan.sfreq
    assert sidecar["PowerLineFrequency"] == 50
    assert json.loads((out / "dataset_description.json").read_text())["BIDSVersion"]
    assert (meg / "sub-01_coordsystem.json").is_file()
    truth = json.loads((out / "ground_truth.json").read_text())
    assert truth["latencies"] == {"0": 0.2, "1": 0.3, "2": 0.4}
    assert truth["n_words"] == 60
    assert len(truth["runs"]) == len(story) == 2


def test_the_folder_opens_like_any_recording(listener: tuple[Path, SimulationPlan, np.ndarray]) -> None:
    from rtalign.recordings import open_recordings

    out, plan, information = listener
    for read, run in zip(open_recordings(out), synthesise(plan, timed_story(plan), information), strict=True):
        assert read.words == run.words
        assert [(s.name, s.kind) for s in read.sensors] == [(s.name, s.kind) for s in run.sensors]
        assert read.n_samples == run.n_samples


class EchoModel:
    """A model whose layers are random numbers that depend on the letters of the word."""

    def __init__(self) -> None:
        self.info = SimpleNamespace(id="echo", revision="1", n_layers=11)
        self.stories: list[list[str]] = []

    def encode(self, words: Any, recipe: Any, layers: Any, progress: Any = None, surprisal: bool = True) -> Any:
        self.stories.append(list(words))
        rows = [np.random.default_rng([ord(c) for c in word]).standard_normal((11, 20)) for word in words]
        if progress:
            progress(len(words))
        return SimpleNamespace(activations=np.stack(rows)[:, list(layers)].astype(np.float32))


def test_layers_are_planted_in_order_and_context_ends_with_a_run(tmp_path: Path) -> None:
    model = EchoModel()
    stages: list[tuple[str, float]] = []
    plan = replace(SHORT, layers="3", ladder=(0.2, 0.4))
    result = simulate(tmp_path / "out", plan, model=model, progress=lambda stage, share: stages.append((stage, share)))
    assert result.latencies == {"1": 0.2, "5": 0.3, "9": 0.4}
    assert model.stories == [[word.text for word in run] for run in timed_story(plan)]
    assert stages[-1] == ("signal", pytest.approx(1.0))
    assert [stage for stage, _ in stages] == sorted((stage for stage, _ in stages))
    truth = json.loads((tmp_path / "out" / "ground_truth.json").read_text())
    assert truth["model"]["id"] == "echo"


def test_a_null_recording_needs_no_model(tmp_path: Path) -> None:
    result = simulate(tmp_path / "null", replace(SHORT, null=True), model=EchoModel())
    truth = json.loads((tmp_path / "null" / "ground_truth.json").read_text())
    assert result.latencies == truth["latencies"] == {}
    assert truth["snr"] == 0
    assert truth["model"] is None


def test_existing_files_are_never_overwritten(tmp_path: Path) -> None:
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
def test_an_impossible_plan_is_refused_in_one_line(tmp_path: Path, change: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message) as caught:
        simulate(tmp_path / "out", replace(SHORT, **change))
    assert "\n" not in str(caught.value)
    assert not list(tmp_path.iterdir())


def test_a_text_without_words_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="the text has 0 words"):
        simulate(tmp_path / "out", SHORT, text="...")
