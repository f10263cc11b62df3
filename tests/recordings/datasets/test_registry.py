"""Every data set is in the list, with an answer to all that is asked of one."""

from __future__ import annotations

import inspect
import pkgutil
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path

import numpy as np
import pytest

from rtalign.core.progress import Progress
from rtalign.recordings import ConcatenatedRecording, check_folder, datasets, open_recordings, open_repeats
from rtalign.recordings.datasets import DATA_SETS, DataFile, DataSet, DataSetEntry, registry, sounds_of
from rtalign.recordings.datasets.petit_prince import PetitPrince
from rtalign.recordings.formats import MneRecording
from rtalign.recordings.word_tables import read_words
from rtalign_cli.subcommands import datasets as command
from tests.helpers.dataset_folders import AT_ONSET, command_line
from tests.helpers.fif_files import noise, words, write
from tests.helpers.wav_files import write_wav


def test_every_module_of_a_set_is_in_the_list() -> None:
    modules = [
        import_module(f"{datasets.__name__}.{module.name}") for module in pkgutil.iter_modules(datasets.__path__)
    ]
    classes = {
        value
        for module in modules
        for value in vars(module).values()
        if inspect.isclass(value) and issubclass(value, DataSet) and value is not DataSet
    }
    assert classes == {type(data_set) for data_set in DATA_SETS}


def test_keys_are_different() -> None:
    assert len({data_set.entry.key for data_set in DATA_SETS}) == len(DATA_SETS)


@pytest.mark.parametrize("part", sorted(DataSet.__abstractmethods__))
def test_a_set_that_leaves_a_part_out_cannot_be_made(part: str) -> None:
    """So that importing the registry fails."""
    members = {name: value for name, value in vars(PetitPrince).items() if name != part and not name.startswith("__")}
    incomplete = type("Incomplete", (DataSet,), members)
    with pytest.raises(TypeError, match=part):
        incomplete()


class Tales(DataSet):
    """A set with a layout of its own: tale_N.fif, tale_N.tsv and tale_N_played.wav in one folder."""

    entry = DataSetEntry(
        key="tales",
        name="Tales",
        people=1,
        hours="0.1",
        language="English",
        machine="CTF",
        licence="CC0",
        size="1 MB",
        place="nowhere",
        how="it is made up",
        layout="tale_N.fif with tale_N.tsv",
    )

    def find_files(self, path: Path) -> list[Path]:
        return sorted(path.glob("tale_*.fif")) if path.is_dir() else [path] * path.name.startswith("tale_")

    def fits(self, file: DataFile) -> bool:
        return file.path.name.startswith("tale_")

    def recordings(self, file: DataFile) -> list[MneRecording]:
        words, notes = read_words(file.path.with_suffix(".tsv"))
        return [MneRecording(file.path, words, bads=file.bads, notes=notes)]

    def repeats(self, file: DataFile) -> list[MneRecording]:
        return [MneRecording(file.path, name="again", bads=file.bads)]

    def wav(self, file: DataFile, recording: str) -> Path | None:
        return file.path.with_name(f"{recording}_played.wav")

    def known_bads(self, file: DataFile) -> Sequence[str]:
        return ["MLC12"]

    def known_faults(self, file: DataFile) -> Sequence[str]:
        return ["known fault: it is made up"]

    def missing(self, files: Sequence[Path]) -> list[tuple[str, str]]:
        return [("tales", f"{9 - len(files)} tales are not here")]


def test_one_line_in_the_list_is_all_that_a_set_needs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(registry, "DATA_SETS", (*DATA_SETS, Tales()))
    monkeypatch.setattr(datasets, "DATA_SETS", registry.DATA_SETS, raising=False)
    write(tmp_path / "tale_1.fif", noise(3))
    words(tmp_path).rename(tmp_path / "tale_1.tsv")
    wav = write_wav(tmp_path / "tale_1_played.wav", np.zeros(10))
    for path in (tmp_path, tmp_path / "tale_1.fif"):
        (recording,) = open_recordings(path)
        assert [word.text for word in recording.words] == ["the", "dog"]
        assert [sensor.name for sensor in recording.sensors] == ["MLC11", "MLC13"]
        assert recording.notes[0] == "known fault: it is made up"
        assert [repeat.name for repeat in open_repeats(path)] == ["again"]
        assert [sound.file for sound in sounds_of(ConcatenatedRecording([recording]))] == [str(wav)]
        report = check_folder(path, recipe=AT_ONSET)
        assert report.known == Tales.entry
        assert report.usable
    assert ("missing", "8 tales are not here") in [(f.status, f.text) for f in check_folder(tmp_path).findings]
    assert command.datasets(command_line(), Progress(quiet=True))[-1]["key"] == "tales"
    assert "Tales: English, 1 participant" in capsys.readouterr().out
