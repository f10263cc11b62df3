"""A model's files that claim, ask or hold what no model does: one line each, and none of their code runs."""

from __future__ import annotations

import json
import struct
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from rtalign.language import load
from rtalign.language.loading import list_models
from tests.helpers.tiny_models import write_model
from tests.language.loading.test_locate import write_gguf

CODE = """
open({marker!r}, "w").write("ran")
class C: pass
"""
MAP = {"AutoConfig": "evil.C", "AutoModelForCausalLM": "evil.C", "AutoTokenizer": ["evil.C", None]}


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RTALIGN_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr("builtins.input", lambda *_: "y")  # a user who answers every question


@pytest.fixture
def model(tmp_path: Path) -> Path:
    return Path(write_model(tmp_path / "model", "llama"))


def plant(folder: Path, model_type: str) -> Path:
    """Code beside a model that its configuration asks for; returns the file that the code would write."""
    marker = folder / "ran"
    (folder / "evil.py").write_text(CODE.format(marker=str(marker)))
    path = folder / "config.json"
    content = json.loads(path.read_text()) if path.exists() else {}
    path.write_text(json.dumps(content | {"model_type": model_type, "auto_map": MAP}))
    path = folder / "tokenizer_config.json"
    content = json.loads(path.read_text()) if path.exists() else {}
    path.write_text(json.dumps(content | {"tokenizer_class": "C", "auto_map": {"AutoTokenizer": MAP["AutoTokenizer"]}}))
    return marker


@pytest.mark.parametrize("model_type", ["llama", "unheard-of"])
def test_code_beside_a_gguf_file_is_never_run(tmp_path: Path, model_type: str) -> None:
    folder = tmp_path / "gguf"
    folder.mkdir()
    marker = plant(folder, model_type)
    with pytest.raises(ValueError, match="code of its own, auto_map, which is never done"):
        load(str(write_gguf(folder / "m.gguf")))
    assert not marker.exists()


def test_code_in_a_models_folder_is_never_run(model: Path) -> None:
    marker = plant(model, "llama")
    with pytest.raises(ValueError, match="code of its own, auto_map, which is never done"):
        load(str(model))
    assert not marker.exists()


HEAD = b"GGUF" + struct.pack("<I", 3)


@pytest.mark.parametrize(
    "content",
    [
        b"GGUF",
        HEAD + struct.pack("<QQ", 0, 1 << 60),
        HEAD + struct.pack("<QQ", 1 << 60, 0),
        HEAD + struct.pack("<QQQ", 0, 1, 1 << 62),
        HEAD + struct.pack("<QQQ", 0, 1, 3) + b"abc" + struct.pack("<IIQ", 9, 0, 1 << 40),
    ],
)
def test_a_gguf_file_of_false_counts_is_one_line(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "m.gguf"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=r"m.gguf cannot be converted: .*; is the file whole\?"):
        load(str(path))


@pytest.mark.parametrize(
    ("key", "value", "words"),
    [
        (b"llama.block_count", 1_000_000, "num_hidden_layers = 1000000; it must be 1 to 1,000"),
        (b"llama.feed_forward_length", 1 << 20, "it describes .* weights and has .* bytes"),
    ],
)
def test_a_gguf_file_that_describes_more_than_it_holds_is_one_line(
    tmp_path: Path, key: bytes, value: int, words: str
) -> None:
    path = write_gguf(tmp_path / "m.gguf")
    content = path.read_bytes()
    place = content.index(key) + len(key) + 4  # the type of the value comes first
    path.write_bytes(content[:place] + struct.pack("<I", value) + content[place + 4 :])
    with pytest.raises(ValueError, match=words):
        load(str(path))


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_weights_that_are_not_finite_are_named(model: Path, value: float) -> None:
    weights = load_file(model / "model.safetensors")
    weights["model.layers.1.mlp.up_proj.weight"][3, 4] = value
    save_file(weights, model / "model.safetensors", {"format": "pt"})
    with pytest.raises(ValueError, match=r"its weights model\.layers.1.mlp.up_proj.weight hold NaN or infinity"):
        load(str(model))


def changed(model: Path, **changes: object) -> None:
    path = model / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"num_hidden_layers": 1_000_000}, "num_hidden_layers = 1000000; it must be 1 to 1,000"),
        ({"hidden_size": -4}, "config.json"),
        ({"vocab_size": 1e400}, "is no finite number|Infinity"),
        ({"vocab_size": [400]}, "config.json"),
        (
            {"num_hidden_layers": 900, "intermediate_size": 1 << 19},
            "config.json describes .* weights and its files hold",
        ),
        ({"model_type": ["llama"]}, "model type"),
    ],
)
def test_sizes_that_no_model_has_are_refused_before_it_is_built(
    model: Path, changes: dict[str, object], words: str
) -> None:
    changed(model, **changes)
    with pytest.raises(ValueError, match=words) as refused:
        load(str(model))
    assert "\n" not in str(refused.value)


def as_list(_: str) -> str:
    return "[1, 2]"


def too_deep(_: str) -> str:
    return '{"a":' * 100_000 + "1" + "}" * 100_000


def not_text(_: str) -> str:
    return "\x00\x01"


@pytest.mark.parametrize("name", ["config.json", "tokenizer.json", "tokenizer_config.json"])
@pytest.mark.parametrize("harm", [as_list, too_deep, not_text])
def test_a_models_damaged_json_is_one_line(model: Path, name: str, harm: Callable[[str], str]) -> None:
    (model / name).write_text(harm(""))
    with pytest.raises(ValueError, match="model"):
        load(str(model))


def test_a_cut_safetensors_file_is_one_line(model: Path) -> None:
    path = model / "model.safetensors"
    path.write_bytes(path.read_bytes()[:-1000])
    with pytest.raises(ValueError, match=r"model.safetensors is no whole safetensors file .*; download it again"):
        load(str(model))


def test_one_damaged_model_in_the_cache_does_not_hide_the_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, text in (("bad", "[" * 100_000), ("good", '{"model_type": "llama"}')):
        folder = tmp_path / "hub" / f"models--lab--{name}"
        (folder / "snapshots" / "1").mkdir(parents=True)
        (folder / "refs").mkdir()
        (folder / "refs" / "main").write_text("1")
        (folder / "snapshots" / "1" / "config.json").write_text(text)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setattr("huggingface_hub.file_download.constants.HF_HUB_CACHE", str(tmp_path / "hub"))
    found = {entry.id: entry.readable for entry in list_models()}
    assert found["lab/good"]
    assert not found["lab/bad"]


def test_finite_weights_of_every_kind_pass(model: Path) -> None:
    weights = load_file(model / "model.safetensors")
    weights["model.norm.weight"][:] = torch.finfo(torch.float32).max / 4
    save_file(weights, model / "model.safetensors", {"format": "pt"})
    assert load(str(model)).info.dim == 48
