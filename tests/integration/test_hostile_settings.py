"""JSON and TOML that nobody would write: every reader refuses them in one line, as ValueError."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from rtalign.core.recipe import Recipe
from rtalign.core.session import Session
from rtalign.core.storage.json_toml import parse_json, parse_toml
from rtalign.core.storage.tensorfile import TensorFile
from rtalign.decoding.bank import DecoderBank
from rtalign.language.networks.classic import load_config
from rtalign.report.read import read_results
from rtalign.signal.disk_buffer import DiskBuffer
from rtalign.streams.player import FaultPlan
from rtalign_cli.subcommands.demo import ground_truth
from rtalign_offline.sweep import Plan
from rtalign_offline.sweep.report.study import load_study

TOML_READERS = {"recipe": Recipe.load, "session": Session.load, "faults": FaultPlan.load, "plan": Plan.load}

DEEP = 100_000
TOML = {
    "deep list": f"a = {'[' * DEEP}{']' * DEEP}",
    "deep key": f"{'.'.join('a' * 2000)} = 1",
    "overflow": "[lags]\nstart_s = 1e400",
    "penalties": "[fit]\nalphas = [nan]",
    "infinity": "[lags]\nstart_s = inf",
    "long number": f"[lags]\nstart_s = {'9' * 6000}",
    "list for a table": "lags = [1, 2]\nfault = 3\nmodels = 1\nmeg = [1]",
    "list of tables": "[[lags]]\nstart_s = 1\n[[recipe]]\na = 1\n[[meg]]\n[[cluster]]",
    "table for a number": "[lags.start_s]\na = 1\n[fault.a]\n[people.x]\n[meg.x]",
    "text for a recipe": 'recipe = "fast"\nlags = "all"\nfault = "x"\nmeg = 3',
    "not text": "\x00\x01",
}


@pytest.mark.parametrize("reader", TOML_READERS)
@pytest.mark.parametrize("harm", TOML)
def test_harmful_toml_is_one_line(tmp_path: Path, reader: str, harm: str) -> None:
    path = tmp_path / "settings.toml"
    path.write_text(TOML[harm])
    with pytest.raises(ValueError, match=r"[a-z]") as refused:
        TOML_READERS[reader](path)
    assert "\n" not in str(refused.value)
    assert len(str(refused.value)) < 400


def bank(folder: Path, text: str) -> object:
    for name in ("bank.safetensors", "summary.json"):
        (folder / name).write_text("{}")
    (folder / "recipe.toml").write_text("")
    (folder / "passport.json").write_text(text)
    return DecoderBank.load(folder)


def tensors(folder: Path, text: str) -> object:
    raw = text.encode()
    (folder / "t.safetensors").write_bytes(len(raw).to_bytes(8, "little") + raw)
    return TensorFile(folder / "t.safetensors")


def in_file(name: str, read: Callable[[Path], object]) -> Callable[[Path, str], object]:
    def write_and_read(folder: Path, text: str) -> object:
        (folder / name).write_text(text)
        return read(folder)

    return write_and_read


JSON_READERS: dict[str, Callable[[Path, str], object]] = {
    "bank": bank,
    "tensors": tensors,
    "results": in_file("summary.json", read_results),
    "signal": in_file("stretches.json", DiskBuffer.open),
    "classic model": in_file("config.json", load_config),
    "sweep": in_file("sweep.json", load_study),
}

JSON = {
    "deep table": '{"a":' * DEEP + "1" + "}" * DEEP,
    "deep list": "[" * DEEP + "]" * DEEP,
    "overflow": '{"format": 1e400}',
    "infinity": '{"format": -Infinity}',
    "long number": f'{{"format": {"9" * 6000}}}',
    "list for a table": "[1, 2]",
    "text": '"bank"',
    "nothing": "",
    "format is a list": '{"format": [1], "version": {}, "rate": [], "n_sensors": [], "stretches": 3, "plan": []}',
    "entry is a number": '{"a": 3}',
}


@pytest.mark.parametrize("reader", JSON_READERS)
@pytest.mark.parametrize("harm", JSON)
def test_harmful_json_is_one_line(tmp_path: Path, reader: str, harm: str) -> None:
    with pytest.raises(ValueError, match=r"[a-z]") as refused:
        JSON_READERS[reader](tmp_path, JSON[harm])
    assert "\n" not in str(refused.value)
    assert len(str(refused.value)) < 400


@pytest.mark.parametrize("harm", [name for name in JSON if name not in ("format is a list", "entry is a number")])
def test_a_damaged_listener_of_the_demo_is_one_line(tmp_path: Path, harm: str) -> None:
    (tmp_path / "ground_truth.json").write_text(JSON[harm])
    with pytest.raises(ValueError, match="run the demo again"):
        ground_truth(tmp_path)


def test_what_is_refused_in_one_reader_is_sound_elsewhere() -> None:
    assert parse_json(json.dumps({"a": [{"b": float("nan")}]}), "x")["a"][0]["b"] != 0
    assert parse_toml("a = 1e300\n[b.c]\nd = [[1]]", "x") == {"a": 1e300, "b": {"c": {"d": [[1]]}}}
