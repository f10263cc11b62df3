"""From a session in the layout of the audiobook set to a bank whose report knows the noise ceiling and every fault."""

from __future__ import annotations

import json
from pathlib import Path

import mne
import numpy as np
import pytest
from mne.io.constants import FIFF
from scipy.signal import butter, sosfiltfilt

from rtalign_cli import main
from tests.helpers.live_setup import replay_headless
from tests.helpers.real_data import CTF, real
from tests.helpers.tiny_models import STORY, write_model

SFREQ, RUN_S, N_RUNS = 200.0, 34.0, 4
BADS = ("MRC23", "MLO22", "MLC23")
SENSORS = (*(f"MLT{i}" for i in range(11, 20)), *(f"MRF{i}" for i in range(11, 20)), "MRP57", *BADS)
SHARES = np.linspace(0.0, 0.9, len(SENSORS) - len(BADS))
"""Of each sensor's variance, how much is the repeated sound's."""

RECIPE = """
[language]
layers = "0,1,2"
components = 4
[lags]
start_s = -0.2
stop_s = 0.6
step_s = 0.1
[fit]
null_draws = 20
boot_draws = 20
"""


def lay(root: Path) -> None:
    """Session 4 of person 3: four runs, each followed by two hearings of a snippet, its bad channels among the rest."""
    rng = np.random.default_rng(3)
    block = 4.0 + RUN_S + 2 * 32.0
    n = round(N_RUNS * block * SFREQ)
    band = butter(3, (0.5, 15), "bandpass", fs=SFREQ, output="sos")

    def noise(n_samples: int) -> np.ndarray:
        made = sosfiltfilt(band, rng.standard_normal((len(SENSORS), n_samples + 800)))[:, 400:-400]
        return np.asarray(made / made.std(axis=1, keepdims=True))

    data, sound = noise(n), noise(round(30 * SFREQ))
    share = np.concatenate([SHARES, [0, 0, 0]])[:, None]
    rows = []
    for run in range(N_RUNS):
        start = run * block + 4.0
        rows.append((start, "0", "wav_onset", str(10 * (run + 1))))
        for k in range(80):
            rows.append((start + 0.4 * k, "0.3", f"word_onset_0{run + 1}", f'"{STORY[(80 * run + k) % len(STORY)]}"'))
        for again in (0, 1):
            begin = start + RUN_S + 32.0 * again
            rows.append((begin, "0", "wav_onset", "100"))
            heard = slice(round(begin * SFREQ), round(begin * SFREQ) + sound.shape[1])
            data[:, heard] = np.sqrt(share) * sound + np.sqrt(1 - share) * data[:, heard]
    folder, stem = root / "sub-003" / "ses-004" / "meg", "sub-003_ses-004_task-compr"
    folder.mkdir(parents=True)
    write_fif(folder / f"{stem}_meg.fif", 1e-13 * data)
    table = "".join(f"{t:.3f}\t{duration}\t0\t{kind}\t{value}\n" for t, duration, kind, value in rows)
    (folder / f"{stem}_events.tsv").write_text(f"onset\tduration\tsample\ttype\tvalue\n{table}", encoding="utf-8")


def write_fif(path: Path, data: np.ndarray) -> None:
    info = mne.create_info(list(SENSORS), SFREQ, "mag", verbose="ERROR")
    for i, channel in enumerate(info["chs"]):
        z, around = 1 - i / len(SENSORS), 2.4 * i
        out = np.array([np.sqrt(1 - z * z) * np.cos(around), np.sqrt(1 - z * z) * np.sin(around), z])
        channel["loc"] = np.r_[0.11 * out, [1, 0, 0], [0, 1, 0], out]
        channel["coil_type"] = FIFF.FIFFV_COIL_CTF_GRAD
    mne.io.RawArray(data, info, verbose="ERROR").save(path, fmt="double", verbose="ERROR")


@pytest.fixture(scope="module")
def bank(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What `rtalign train ROOT --subject 003 --model M` leaves."""
    folder = tmp_path_factory.mktemp("audiobook")
    lay(folder / "root")
    write_model(folder / "model", "llama")
    (folder / "recipe.toml").write_text(RECIPE)
    options = ("--recipe", folder / "recipe.toml", "--model", folder / "model", "--out", folder / "bank", "--quiet")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RTALIGN_CACHE", str(folder / "cache"))
        assert main.main([str(a) for a in ("train", folder / "root", "--subject", "003", *options)]) == 0
    return folder / "bank"


def test_training_recovers_the_noise_ceiling_that_was_planted(bank: Path) -> None:
    (found,) = json.loads((bank / "ceiling.json").read_text())["people"]
    assert (found["subject"], found["n_repeats"], found["n_broken"]) == ("003", 2 * N_RUNS, 0)
    assert 20 < found["seconds"] < 30  # less the filters' warm-up
    assert found["sensors"] == [name for name in SENSORS if name not in BADS]
    np.testing.assert_allclose(found["r"], SHARES, atol=0.06)
    off = (np.array(found["r"]) - SHARES) / np.array(found["error"])
    assert 0.4 < np.sqrt(np.mean(off**2)) < 2.5  # the error says how far off it is


def test_the_summary_says_it_in_its_notes_and_keeps_its_format(bank: Path) -> None:
    summary = json.loads((bank / "summary.json").read_text())
    (line,) = (note for note in summary["notes"] if note.startswith("noise ceiling"))
    assert "noise ceiling of subject 003: two of 8 hearings of the same sound correlate at 0.4" in line
    assert "ceiling" not in summary


def test_the_report_shows_the_ceiling_the_faults_and_the_bad_channels(bank: Path) -> None:
    page = (bank / "report.html").read_text(encoding="utf-8")
    assert "Noise ceiling" in page
    assert "is not bounded by these numbers" in page
    assert "of 19</td>" in page  # sensors that answer
    assert "known fault: bad channels MRC23, MLO22 and MLC23, left out" in page
    assert "left out as bad: MRC23, MLO22, MLC23" in page
    assert "8 repeats of the 30 s snippet are no part of the story" in page
    assert "4 of 8 published runs; without run 5, 6, 7, 8" in page
    passport = json.loads((bank / "passport.json").read_text())
    assert not {sensor["name"] for sensor in passport["sensors"]} & set(BADS)
    assert [entry["name"][-5:] for entry in passport["recordings"]] == ["run-1", "run-2", "run-3", "run-4"]


def test_the_runs_inside_one_file_replay_as_they_were_trained(bank: Path, capsys: pytest.CaptureFixture[str]) -> None:
    seen = replay_headless(
        capsys, bank.parent / "root", "--subject", "003", "--bank", bank, "--model", bank.parent / "model"
    )
    summary = json.loads((bank / "summary.json").read_text())
    purged = summary["skipped"]["gap between folds"]
    assert seen["received"] == N_RUNS * 80
    assert seen["scored"] == summary["n_words"] + purged
    assert sum(seen["skipped"].values()) == sum(summary["skipped"].values()) - purged  # type: ignore[attr-defined]


def test_a_real_ctf_recording_replays_through_a_bank_of_its_sensors(
    bank: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Two seconds with a break: everything is heard, and too short for the filters, which is said of every word."""
    words = tmp_path / "words.tsv"
    words.write_text("onset\tword\n0.2\tonce\n1.2\tupon\n", encoding="utf-8")
    how = ("--word-table", words, "--bank", bank, "--model", bank.parent / "model", "--allow-missing")
    seen = replay_headless(capsys, real(CTF), *how)
    assert (seen["phase"], seen["received"], seen["scored"]) == ("ended", 2, 0)
    assert sum(seen["skipped"].values()) == 2  # type: ignore[attr-defined]
    assert seen["time_s"] == pytest.approx(2.0, abs=0.01)
