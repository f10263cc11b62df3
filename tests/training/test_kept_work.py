"""What a training has done is not lost, not believed when it is damaged, and not shared while two are at it."""

from __future__ import annotations

import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rtalign.core.progress import Progress
from rtalign.core.storage.tensorfile import TensorFile
from rtalign.decoding.bank import DecoderBank
from rtalign.training import bank_writer, trainer
from rtalign.training.trainer import train
from tests.core.storage.test_lock import HOLD
from tests.helpers.small_world import small_recipe, world

RECIPE = small_recipe().with_settings("lags", start_s=0.1, stop_s=0.5, step_s=0.1)


class Told(Progress):
    def __init__(self) -> None:
        super().__init__(quiet=True)
        self.lines: list[str] = []

    def say(self, text: str, always: bool = False) -> None:
        self.lines.append(text)


@pytest.fixture
def fitted(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The lags that are fitted, in turn."""
    lags: list[int] = []
    fit = trainer.fit_lag

    def counted(inputs: Any, index: int) -> Any:
        lags.append(index)
        return fit(inputs, index)

    monkeypatch.setattr(trainer, "fit_lag", counted)
    return lags


def test_a_kill_after_the_last_lag_loses_no_fit(
    tmp_path: Path, fitted: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    recording, model = world(n_words=200)
    store = tmp_path / "cache"

    def killed(*_: Any, **__: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(trainer, "write_results", killed)
        with pytest.raises(KeyboardInterrupt):
            train([recording], model, RECIPE, tmp_path / "bank", store=store)
    n_lags = len(RECIPE.lags.seconds)
    assert sorted(fitted) == list(range(n_lags))
    assert not (tmp_path / "bank").exists()
    summary = train([recording], model, RECIPE, tmp_path / "bank", store=store)
    assert len(fitted) == n_lags
    assert not list((store / "fits").glob("*/"))
    direct = train([recording], model, RECIPE, tmp_path / "direct", store=tmp_path / "another")
    assert summary["r"] == direct["r"]
    banks = [(tmp_path / name / "bank.safetensors").read_bytes() for name in ("bank", "direct")]
    assert banks[0] == banks[1]


def test_a_new_work_file_leaves_a_finished_bank_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A process killed between the bank's last step and the end of its work file leaves one file with two names."""
    recording, model = world(n_words=200)
    monkeypatch.setattr(bank_writer, "remove_work", lambda _: None)
    train([recording], model, RECIPE, tmp_path / "bank", store=tmp_path / "cache")
    before = (tmp_path / "bank" / "bank.safetensors").read_bytes()
    (work,) = (tmp_path / "cache" / "fits").glob("*/work.safetensors")
    assert work.samefile(tmp_path / "bank" / "bank.safetensors")
    bank_writer.TensorFile.create(work, {"done": ("uint8", (3,))})
    assert (tmp_path / "bank" / "bank.safetensors").read_bytes() == before


def test_a_bank_whose_disk_knows_no_links_is_copied(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    recording, model = world(n_words=200)

    def refused(*_: object) -> None:
        raise OSError("no links here")

    monkeypatch.setattr(bank_writer.os, "link", refused)
    train([recording], model, RECIPE, tmp_path / "bank", store=tmp_path / "cache")
    assert DecoderBank.load(tmp_path / "bank").layers


@dataclass(frozen=True)
class Trained:
    """A bank, and the cache that its training left."""

    recording: Any
    model: Any
    store: Path
    bank: Path
    r: list[list[float]]

    def again(self, out: Path, progress: Progress | None = None) -> list[list[float]]:
        r: list[list[float]] = train([self.recording], self.model, RECIPE, out, progress, store=self.store)["r"]
        return r


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Trained:
    recording, model = world(n_words=200)
    folder = tmp_path_factory.mktemp("trained")
    summary = train([recording], model, RECIPE, folder / "bank", store=folder / "cache")
    return Trained(recording, model, folder / "cache", folder / "bank", summary["r"])


def test_a_quarter_of_activations_or_signal_zeroed_changes_no_number(trained: Trained, tmp_path: Path) -> None:
    (activations,) = trained.store.glob("activations/*/activations.npy")
    (signal,) = trained.store.glob("signal/*/signal.f32")
    sound = {path: path.read_bytes() for path in (activations, signal)}
    for path, content in sound.items():
        path.write_bytes(content[: len(content) * 3 // 4].ljust(len(content), b"\0"))
    told = Told()
    assert trained.again(tmp_path / "again", told) == trained.r
    for path, content in sound.items():
        assert [line for line in told.lines if f"{path.name} is damaged; it is computed again" in line]
        assert path.read_bytes() == content


@pytest.mark.parametrize("value", [np.nan, -np.inf, 1e30])
@pytest.mark.parametrize("name", ["weights", "bias", "mean_x", "projection_basis"])
def test_a_bank_with_numbers_that_no_training_gives_is_refused(
    trained: Trained, tmp_path: Path, name: str, value: float
) -> None:
    bank = shutil.copytree(trained.bank, tmp_path / "bank")
    TensorFile(bank / "bank.safetensors", writable=True)[name].reshape(-1)[7] = value
    with pytest.raises(ValueError, match=f"its {name} hold .*; train it again, or copy it again$"):
        DecoderBank.load(bank)


def test_two_trainings_with_one_cache_both_finish(trained: Trained, tmp_path: Path, fitted: list[int]) -> None:
    """The other process has the work folder of this very bank, and keeps it."""
    (lock,) = (trained.store / "fits").glob("*.lock")
    theirs = lock.with_suffix("") / "work.safetensors"
    theirs.parent.mkdir()
    theirs.write_bytes(b"theirs")
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, str(lock)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "True\n"
        assert trained.again(tmp_path / "second") == trained.r
        other.kill()
    assert len(fitted) == len(RECIPE.lags.seconds)
    assert theirs.read_bytes() == b"theirs"
