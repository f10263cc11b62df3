"""What a model needs of a machine, from its configuration and the headers of its files, before any of it is loaded."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import torch

from rtalign.language.loading.weights import Precision

SPARE = 0.3e9
"""Bytes beside the weights: buffers, the vocabulary's logits, the batch."""

BATCHES = {"cpu": 2048, "cuda": 65536}
"""Tokens in one go beyond which nothing gets faster; on a processor its caches are full long before its memory."""

LEAST = 256
"""Tokens in one go that are always tried."""

BYTES: dict[str, int] = {"float32": 4, "bfloat16": 2, "int8": 1}


@dataclass(frozen=True, slots=True)
class Size:
    """parameters: all of them; table: those of embedding and head, which int8 leaves alone; stored: bytes on disk."""

    parameters: int
    table: int
    stored: int

    def weights(self, precision: Precision) -> int:
        """Bytes of the loaded weights, and while int8 is made of them never less than what they were stored in."""
        inner = (self.parameters - self.table) * BYTES[precision]
        if precision == "int8":
            return max(inner + self.table * 4, self.stored)
        return inner + self.table * BYTES[precision]


def size_of(folder: Path, config: Any) -> Size:
    """From the headers of the safetensors in a folder; where it has none, from the shape its configuration names."""
    files = sorted(folder.glob("*.safetensors"))
    table = int(getattr(config, "vocab_size", 0)) * int(getattr(config, "hidden_size", 0))
    if files:
        return Size(sum(_count(file) for file in files), table, sum(file.stat().st_size for file in files))
    n = count(config)
    return Size(n, table, 4 * n)


def count(config: Any) -> int:
    """Parameters of the model that a configuration describes, without making any of them."""
    from transformers import AutoModelForCausalLM

    with torch.device("meta"):
        return int(AutoModelForCausalLM.from_config(config).num_parameters())


def _count(file: Path) -> int:
    from safetensors import safe_open

    with safe_open(file, "pt") as opened:
        shapes = [opened.get_slice(name).get_shape() for name in opened.keys()]  # noqa: SIM118 - not a dict
    return sum(int(torch.Size(shape).numel()) for shape in shapes)


def free_bytes(device: str) -> int:
    """Memory that can be had here now: of the machine or the job it grants, or of the one GPU."""
    if device.startswith("cuda"):
        return int(torch.cuda.mem_get_info(device)[0])
    free = int(psutil.virtual_memory().available)
    granted, used = (_group(name) for name in ("memory.max", "memory.current"))
    return free if granted is None or used is None else min(free, max(granted - used, 0))


def _group(name: str) -> int | None:
    """A figure of the control group that a cluster's job runs in; None where there is none or no limit."""
    try:
        own = Path("/proc/self/cgroup").read_text(encoding="ascii").strip().rsplit("::", 1)[-1].lstrip("/")
        return int((Path("/sys/fs/cgroup") / own / name).read_text(encoding="ascii"))
    except (OSError, ValueError):
        return None


def place_for(name: str, size: Size, precision: Precision, device: str, limit: int | None = None) -> str | None:
    """None where a model fits on its device; "auto" where accelerate can spread it over GPUs and memory.

    limit: bytes that may be used, instead of what is free.  Raises ValueError with the figures where it does not fit.
    """
    need = size.weights(precision) + SPARE
    here = free_bytes(device) if limit is None else limit
    if need <= here:
        return None
    if device.startswith("cuda") and limit is None and need <= here + _elsewhere(device):
        return "auto"
    smaller = next((kind for kind in ("bfloat16", "int8") if size.weights(kind) + SPARE <= here), None)
    cure = f"--precision {smaller} would fit" if smaller and smaller != precision else "take a smaller model"
    raise ValueError(
        f"model {name} needs {need / 1e9:.1f} GB in {precision} ({size.parameters / 1e9:.2f} billion parameters); "
        f"{here / 1e9:.1f} GB are free on {device} - {cure}, or a machine with more memory"
    )


def _elsewhere(device: str) -> int:
    own = torch.device(device).index or 0
    others = [torch.cuda.mem_get_info(k)[0] for k in range(torch.cuda.device_count()) if k != own]
    return int(sum(others)) + free_bytes("cpu")


def batch_tokens(config: Any, size: Size, precision: Precision, device: str, limit: int | None = None) -> int:
    """Tokens, padding included, that may go through in one go: half of what the weights leave free."""
    free = (free_bytes(device) if limit is None else limit) - size.weights(precision)
    fits = int(free / 2 / token_bytes(config, precision))
    return max(min(fits, BATCHES["cuda" if device.startswith("cuda") else "cpu"]), LEAST)


def token_bytes(config: Any, precision: Precision) -> int:
    """Bytes of one token under way: every block's state, one block's inner ones, a scan's where there is one."""
    dim, blocks = int(config.hidden_size), int(config.num_hidden_layers)
    inner = int(getattr(config, "intermediate_size", None) or 4 * dim)
    scan = 4 * inner * int(getattr(config, "state_size", None) or getattr(config, "mamba_d_state", None) or 0)
    return (2 if precision == "bfloat16" else 4) * (dim * (blocks + 12) + 3 * inner) + 4 * scan
