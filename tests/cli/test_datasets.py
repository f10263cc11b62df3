"""`rtalign datasets` lists the known sets, checks a folder and audits its onsets."""

from __future__ import annotations

import json
import re
from pathlib import Path

import mne
import numpy as np
import pytest

from rtalign.core.progress import Progress
from rtalign.core.site import Site
from rtalign.recordings.datasets import DATA_SETS
from rtalign_cli.arguments import build_parser
from rtalign_cli.subcommands import datasets as command
from rtalign_cli.subcommands.live import session_here
from tests.helpers.dataset_folders import (
    AT_ONSET,
    HELMET,
    armeni_session,
    command_line,
    libri_run,
    masc_row,
    masc_table,
    run_rows,
)
from tests.helpers.sound_signals import recorded, speech
from tests.helpers.wav_files import write_wav


def test_the_list_says_what_each_set_is_and_how_to_get_it(capsys: pytest.CaptureFixture[str]) -> None:
    rows = command.datasets(command_line(), Progress(quiet=True))
    output = " ".join(capsys.readouterr().out.split())
    assert len(rows) == len(DATA_SETS) >= 5
    for known in (data_set.entry for data_set in DATA_SETS):
        for text in (known.key, known.name, known.licence, known.size, known.place, known.language):
            assert text in output
    for public in ("DSC_3011085.05_995", "ds007523", "ds004078", "pnpl/LibriBrain", "RU-DI-HD-1.0"):
        assert public in output
    assert "accept the data use agreement yourself" in output
    assert "://" not in output
    assert json.dumps(rows)


def test_a_check_names_missing_skipped_and_broken_files(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    armeni_session(tmp_path, 3, 7)
    armeni_session(tmp_path, 3, 8)
    armeni_session(tmp_path, 3, 9)
    folder = tmp_path / "sub-003" / "ses-009" / "meg"
    file = folder / "sub-003_ses-009_task-compr_meg.fif"
    file.write_bytes(file.read_bytes()[:-900])
    gone = tmp_path / "sub-003" / "ses-010" / "meg" / "sub-003_ses-010_task-compr_meg.fif"
    gone.parent.mkdir(parents=True)
    gone.symlink_to("../../.git/annex/nowhere")
    recipe = tmp_path.with_suffix(".toml")
    recipe.write_text(AT_ONSET.to_toml())
    result = command.datasets(command_line("check", tmp_path, recipe=recipe), Progress(quiet=True))
    output = " ".join(capsys.readouterr().out.split())
    assert (result["ok"], result["set"], result["runs"], result["words"]) == (False, "armeni2022", 2, 6)
    statuses = {(f["status"], f["name"]) for f in result["findings"]}
    stem = "sub-003_ses-{}_task-compr"
    assert ("ok", stem.format("007")) in statuses
    assert ("skipped", stem.format("008")) in statuses
    assert ("broken", stem.format("009")) in statuses
    assert ("missing", stem.format("010")) in statuses
    assert "its content is not; fetch it" in output
    assert "sub-003: 6 of 10 sessions are not here: 001, 002, 003, 004, 005, 006" in output
    assert "2 of 6 published runs; without run 3, 4, 5, 6" in output
    assert "compr_meg.fif is cut short" in output
    assert "2 runs, " in output
    assert "6 words can be used; 1 file is broken, see above; of the signal itself nothing was read, --signal" in output
    arguments = command_line("check", tmp_path)
    arguments.signal = True
    command.datasets(arguments, Progress(quiet=True))
    assert "nothing was read" not in capsys.readouterr().out


@pytest.mark.parametrize("line", ["check --signal DATA", "check DATA --signal", "--signal check DATA"])
def test_the_folder_is_found_on_either_side_of_an_option(line: str) -> None:
    args = build_parser().parse_args(["datasets", *line.split()])
    assert (args.what, args.folder, args.signal) == ("check", Path("DATA"), True)


@pytest.mark.parametrize("columns", [60, 80, 140])
def test_lines_fit_the_terminal(
    columns: int, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", str(columns))
    armeni_session(tmp_path, 3, 4)
    armeni_session(tmp_path, 3, 8)
    command.datasets(command_line(), Progress(quiet=True))
    command.datasets(command_line("check", Path(tmp_path)), Progress(quiet=True))
    lines = capsys.readouterr().out.splitlines()
    assert max(len(line) for line in lines if "/" not in line and "runs  " not in line) <= min(columns, 118)


def test_a_check_needs_a_data_set(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="name the folder: rtalign datasets check FOLDER"):
        command.datasets(command_line("check"), Progress(quiet=True))
    with pytest.raises(FileNotFoundError, match="there is no folder"):
        command.datasets(command_line("check", tmp_path / "gone"), Progress(quiet=True))
    with pytest.raises(ValueError, match="is no BIDS data set"):
        command.datasets(command_line("check", tmp_path), Progress(quiet=True))


def test_an_audit_compares_each_run_with_its_wav(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two runs whose sounds come 20 ms after their triggers, and words that shake every sensor 150 ms after."""
    sounds = [speech(40, 8000, seed) for seed in (1, 2)]
    rows = []
    for run, start in ((1, 4.0), (2, 60.0)):
        rows += run_rows(run, start, " ".join(["word"] * 90))
        write_wav(tmp_path / "stimuli" / f"02_{run}.wav", sounds[run - 1] / np.abs(sounds[run - 1]).max())
    armeni_session(tmp_path, 1, 2, rows=rows, seconds=110.0)
    file = tmp_path / "sub-001" / "ses-002" / "meg" / "sub-001_ses-002_task-compr_meg.fif"
    raw = mne.io.read_raw_fif(file, preload=True, verbose="ERROR").resample(600, verbose="ERROR")
    index = raw.ch_names.index("UADC003")
    raw._data[index] = 0.0
    time = raw.times
    for start, sound in zip((4.0, 60.0), sounds, strict=True):
        channel = recorded(sound, 8000, 0.02, 0.0, 600.0)
        first = round((start - 3.0) * 600)
        raw._data[index, first : first + len(channel)] += channel
        for k in range(90):
            raw._data[: len(HELMET)] += 2e-13 * np.exp(-0.5 * ((time - start - 0.5 - 0.4 * k - 0.15) / 0.03) ** 2)
    raw.save(file, overwrite=True, verbose="ERROR")
    monkeypatch.setenv("RTALIGN_SITE", str(tmp_path / "config" / "site.toml"))
    keep = command_line("audit", tmp_path, out=tmp_path / "figures", save=True)
    result = command.datasets(keep, Progress(quiet=True))
    output = capsys.readouterr().out
    assert [run["delay_s"] for run in result["runs"]] == pytest.approx([0.02, 0.02], abs=0.002)
    lag = 4 / 600  # the sound is on an analogue channel of a CTF, which the field lags by 4 samples
    assert [run["field_lag_s"] for run in result["runs"]] == [lag, lag]
    assert result["proposal"]["audio_delay_s"] == pytest.approx(0.02 + lag, abs=0.002)
    assert "it holds 6.7 ms by which the field lags the analogue channels of a CTF" in output
    assert result["proposal"]["runs_agree"]
    site = Site.load()
    assert site.audio_delay_s == result["proposal"]["audio_delay_s"]
    assert site.measured.endswith(tmp_path.name)
    assert session_here(Progress(quiet=True)).audio_delay_s == site.audio_delay_s
    assert all(run["words"] > 60 for run in result["runs"])
    delay_ms = float(re.search(r"sound comes ([\d.]+) ms after its trigger", output)[1])  # type: ignore[index]
    assert delay_ms == pytest.approx(20 + 1e3 * lag, abs=2)
    for name in ("delays.svg", "responses.svg"):
        assert (tmp_path / "figures" / name).read_text(encoding="utf-8").startswith("<svg")
    assert ">expected</text>" in (tmp_path / "figures" / "responses.svg").read_text(encoding="utf-8")
    (tmp_path / "ground_truth.json").write_text('{"latencies": {"0": 0.15, "1": 0.15}}')
    command.datasets(command_line("audit", tmp_path, out=tmp_path / "figures", run="1"), Progress(quiet=True))
    assert ">planted</text>" in (tmp_path / "figures" / "responses.svg").read_text(encoding="utf-8")
    without = command.datasets(command_line("audit", tmp_path, audio="UADC999", run="1"), Progress(quiet=True))
    assert "has no channel UADC999; name it with --audio NAME" in without["runs"][0]["reasons"][0]
    assert without["proposal"] is None
    with pytest.raises(ValueError, match="the delay is not kept: it could not be measured"):
        command.datasets(command_line("audit", tmp_path, audio="UADC999", run="1", save=True), Progress(quiet=True))
    assert Site.load() == site


@pytest.mark.parametrize("kind", ["LibriBrain", "MEG-MASC"])
def test_an_audit_finds_the_wavs_of_other_sets(kind: str, tmp_path: Path) -> None:
    """The sound is 30 ms later than the events say, on a channel of its own."""
    sound, rate = speech(40, 8000, 4), 600.0
    channel = recorded(sound, 8000, 0.03, 0.0, rate)
    if kind == "LibriBrain":
        h5py = pytest.importorskip("h5py")
        path = libri_run(tmp_path, sample_frequency=rate, channel_types="mag, grad, misc", channel_names="A, B, AUDIO")
        events = "idx\twavfile\tkind\tsegment\ttimewav\ttimemeg\tduration\n0\ta.wav\tword\tMr.\t0.5\t3.5\t0.3\n"
        (path.parents[1] / "events" / f"{path.name.split('_proc')[0]}_events.tsv").write_text(events, encoding="utf-8")
        with h5py.File(path, "a") as file:
            attributes = dict(file["data"].attrs)
            del file["data"]
            noise = np.random.default_rng(0).standard_normal((2, len(channel)))
            file["data"] = np.concatenate([noise, channel[None]]).astype(np.float32)
            file["data"].attrs.update(attributes)
        write_wav(path.parents[2] / "stimuli" / "a.wav", sound / np.abs(sound).max())
    else:
        folder = tmp_path / "sub-01" / "ses-0" / "meg"
        folder.mkdir(parents=True)
        info = mne.create_info(["MEG0111", "MISC 001"], rate, ["mag", "misc"], verbose="ERROR")
        data = np.stack([1e-13 * np.random.default_rng(0).standard_normal(len(channel)), channel])
        raw = mne.io.RawArray(data, info, verbose="ERROR")
        raw.save(folder / "sub-01_ses-0_task-0_meg.fif", fmt="double", verbose="ERROR")
        rows = masc_row(3.0, kind="sound", sound="stimuli/audio/lw1_0.wav")
        rows += masc_row(3.5, kind="word", word="Tara", condition="sentence", pronounced=1.0)
        masc_table(folder, rows)
        write_wav(tmp_path / "stimuli" / "audio" / "lw1_0.wav", sound / np.abs(sound).max())
    result = command.datasets(command_line("audit", tmp_path), Progress(quiet=True))
    (run,) = result["runs"]
    assert run["delay_s"] == pytest.approx(0.03, abs=0.002), run["reasons"]
    assert (run["field_lag_s"], run["audio_delay_s"]) == (0.0, run["delay_s"])
    assert result["proposal"]["audio_delay_s"] == pytest.approx(0.03, abs=0.002)
