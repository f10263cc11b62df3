"""Results as BIDS derivatives: names, tables and sidecars as BIDS has them, and nothing of others replaced."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from rtalign.core.progress import Progress
from rtalign.report import read_results
from rtalign.report.derivatives import CURVES, PEAKS, write_derivatives
from rtalign_cli.subcommands.offline import report
from tests.helpers.report_folders import make_folder


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_folder(tmp_path_factory.mktemp("bank") / "bank", whole=False)


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file, delimiter="\t"))


def test_names_and_tables_hold_what_was_found(folder: Path, tmp_path: Path) -> None:
    written = write_derivatives(folder, tmp_path)
    start = "sub-01/ses-01/meg/sub-01_ses-01_task-story_run-01_desc-smollm2growing1000"
    assert [path.relative_to(tmp_path).as_posix() for path in written] == [
        f"{start}_{suffix}" for suffix in ("curves.tsv", "curves.json", "peaks.tsv", "peaks.json")
    ]
    results = read_results(folder)
    curves, peaks = rows(written[0]), rows(written[2])
    assert [float(row["r"]) for row in curves] == pytest.approx(results.r.ravel().tolist(), rel=1e-5)
    assert [float(row["lag"]) for row in curves[:101]] == pytest.approx(results.lags.tolist())
    assert [row["status"] for row in peaks] == [layer.status for layer in results.summary.layers]
    found = [layer.peak_s for layer in results.peaked]
    assert len(found) > 3
    assert [float(row["latency"]) for row in peaks if row["latency"] != "n/a"] == pytest.approx(found, rel=1e-5)


def test_every_column_is_explained(folder: Path, tmp_path: Path) -> None:
    for path in write_derivatives(folder, tmp_path)[::2]:
        about = json.loads(path.with_suffix(".json").read_text(encoding="utf-8"))
        columns = path.read_text(encoding="utf-8").splitlines()[0].split("\t")
        assert columns == list(CURVES if "curves" in path.name else PEAKS)
        assert all(about[column]["Description"] for column in columns)
        assert (about["Context"], about["Recordings"]) == ("growing:1000", ["sub-01_ses-01_task-story_run-01"])


def test_the_data_set_says_who_made_it_and_takes_more_people(folder: Path, tmp_path: Path) -> None:
    write_derivatives(folder, tmp_path)
    write_derivatives(folder, tmp_path, subject="sub-02")
    about = json.loads((tmp_path / "dataset_description.json").read_text(encoding="utf-8"))
    assert (about["DatasetType"], about["GeneratedBy"][0]["Name"]) == ("derivative", "rtalign")
    assert sorted(path.name for path in tmp_path.glob("sub-*")) == ["sub-01", "sub-02"]


@pytest.mark.parametrize("text", ['{"Name": "my study"}', '{"GeneratedBy": [{"Name": "fmriprep"}]}', "[]"])
def test_a_data_set_of_others_is_left_alone(text: str, folder: Path, tmp_path: Path) -> None:
    (tmp_path / "dataset_description.json").write_text(text)
    with pytest.raises(ValueError, match=r"a folder of their own|holds a list"):
        write_derivatives(folder, tmp_path)
    assert (tmp_path / "dataset_description.json").read_text() == text


def test_results_of_nobody_need_a_name(folder: Path, tmp_path: Path) -> None:
    passport = folder / "passport.json"
    before = passport.read_text()
    passport.write_text(before.replace('"subject": "sub-01"', '"subject": ""'))
    try:
        with pytest.raises(ValueError, match=r"does not say whose brain it is of; .* --subject"):
            write_derivatives(folder, tmp_path)
        with pytest.raises(ValueError, match="no letter and no digit"):
            write_derivatives(folder, tmp_path, subject="../..")
        assert write_derivatives(folder, tmp_path, subject="A-7")[0].parts[-4] == "sub-A7"
    finally:
        passport.write_text(before)


def test_the_command_writes_them_beside_the_report(folder: Path, tmp_path: Path) -> None:
    asked: Any = SimpleNamespace(
        folder=folder, figures=None, netcdf=None, bids=tmp_path, subject="09", parity=None, quiet=True, json=True
    )
    result = report(asked, Progress(quiet=True))
    assert [Path(path).exists() for path in result["bids"]] == [True] * 4
    assert result["report"] == str(folder / "report.html")


def test_mne_bids_finds_them(folder: Path, tmp_path: Path) -> None:
    mne_bids = pytest.importorskip("mne_bids")
    written = write_derivatives(folder, tmp_path)
    write_derivatives(folder, tmp_path, subject="02")
    assert mne_bids.get_entity_vals(tmp_path, "subject") == ["01", "02"]
    found = mne_bids.find_matching_paths(
        tmp_path, subjects="01", tasks="story", descriptions="smollm2growing1000", suffixes="curves",
        extensions=".tsv", check=False,
    )  # fmt: skip
    assert [path.fpath for path in found] == [written[0]]
    assert (found[0].session, found[0].run, found[0].datatype) == ("01", "01", "meg")
