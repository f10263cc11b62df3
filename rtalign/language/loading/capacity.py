"""Memory that a model needs, from its configuration and the headers of its files, before any of it is loaded."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import torch

from rtalign.language.loading.shape import count_parameters
from rtalign.language.loading.weights import Precision

SPARE_BYTES = 0.3e9
"""Beside the weights: buffers, the vocabulary's logits, the batch."""

MAX_BATCH_TOKENS = {"cpu": 2048, "cuda": 65536}
"""Larger batches are not faster; a CPU's caches are full long before its memory is."""

MIN_BATCH_TOKENS = 256
"""Tokens in one batch that are always tried."""

BYTES: dict[str, int] = {"float32": 4, "bfloat16": 2, "int8": 1}


@dataclass(frozen=True, slots=True)
class ModelSize:
    """Size of a model.

    Attributes
    ----------
    parameters : int
        All weights.
    vocabulary : int
        Those of the embedding, which int8 leaves as they are.
    stored_bytes : int
        Size on disk.
    """

    parameters: int
    vocabulary: int
    stored_bytes: int

    def weight_bytes(self, precision: Precision) -> int:
        """Memory of the loaded weights.

        Parameters
        ----------
        precision : {"float32", "bfloat16", "int8"}
            Precision in which they are held.

        Returns
        -------
        int
            Bytes; for int8 at least the size on disk, which is in memory while int8 is made from it.
        """
        inner = (self.parameters - self.vocabulary) * BYTES[precision]
        if precision == "int8":
            return max(inner + self.vocabulary * 4, self.stored_bytes)
        return inner + self.vocabulary * BYTES[precision]


MISSING_SHARE = 3.0
"""A configuration that describes so many times the weights in its files is not theirs."""


def model_size(folder: Path, config: Any) -> ModelSize:
    """From the headers of the safetensors in a folder; where it has none, from the shapes in its configuration."""
    files = sorted(folder.glob("*.safetensors"))
    text = config.get_text_config()
    vocabulary = int(getattr(text, "vocab_size", 0)) * int(getattr(text, "hidden_size", 0))
    described = count_parameters(config)
    if not files:
        return ModelSize(described, vocabulary, 2 * described)  # drawn in bfloat16 where int8 is made from it
    stored = sum(map(_count_in_file, files))
    if described > MISSING_SHARE * stored:
        raise ValueError(
            f"{folder}: config.json describes {described:,} weights and its files hold {stored:,}; download it again"
        )
    return ModelSize(stored, vocabulary, sum(file.stat().st_size for file in files))


def _count_in_file(file: Path) -> int:
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(file, "pt") as opened:
            shapes = [opened.get_slice(name).get_shape() for name in opened.keys()]  # noqa: SIM118 - not a dict
    except SafetensorError as error:
        raise ValueError(f"{file} is no whole safetensors file ({error}); download it again") from None
    return sum(int(torch.Size(shape).numel()) for shape in shapes)


def free_bytes(device: str) -> int:
    """Memory that is free on a device.

    Parameters
    ----------
    device : str
        ``"cpu"``, ``"cuda"`` or ``"cuda:N"``.

    Returns
    -------
    int
        Bytes: of the machine, or of the job's control group if that grants less; or of the one GPU.
    """
    if device.startswith("cuda"):
        return int(torch.cuda.mem_get_info(device)[0])
    free = int(psutil.virtual_memory().available)
    granted, used = (_control_group(name) for name in ("memory.max", "memory.current"))
    return free if granted is None or used is None else min(free, max(granted - used, 0))


def _control_group(name: str) -> int | None:
    """A value of the control group in which a cluster's job runs; None if there is no group or no limit."""
    try:
        own = Path("/proc/self/cgroup").read_text(encoding="ascii").strip().rsplit("::", 1)[-1].lstrip("/")
        return int((Path("/sys/fs/cgroup") / own / name).read_text(encoding="ascii"))
    except (OSError, ValueError):
        return None


def choose_device_map(
    name: str, size: ModelSize, precision: Precision, device: str, limit: int | None = None
) -> str | None:
    """None where a model fits on its device; "auto" where accelerate can spread it over GPUs and memory.

    limit : bytes that may be used, instead of all that is free.
    Raises ValueError with the sizes where the model does not fit.
    """
    need = size.weight_bytes(precision) + SPARE_BYTES
    here = free_bytes(device) if limit is None else limit
    if need <= here:
        return None
    if device.startswith("cuda") and limit is None and need <= here + _free_elsewhere(device):
        return "auto"
    smaller = next((kind for kind in ("bfloat16", "int8") if size.weight_bytes(kind) + SPARE_BYTES <= here), None)
    fix = f"--precision {smaller} would fit" if smaller and smaller != precision else "take a smaller model"
    raise ValueError(
        f"model {name} needs {need / 1e9:.1f} GB in {precision} ({size.parameters / 1e9:.2f} billion parameters); "
        f"{here / 1e9:.1f} GB are free on {device} - {fix}, or a machine with more memory"
    )


def _free_elsewhere(device: str) -> int:
    """Bytes on the other GPUs and in the machine's memory."""
    own = torch.device(device).index or 0
    others = [torch.cuda.mem_get_info(k)[0] for k in range(torch.cuda.device_count()) if k != own]
    return int(sum(others)) + free_bytes("cpu")


def choose_batch_tokens(
    config: Any, size: ModelSize, precision: Precision, device: str, limit: int | None = None
) -> int:
    """Tokens in one batch, padding included, such that it takes half of what the weights leave free."""
    free = (free_bytes(device) if limit is None else limit) - size.weight_bytes(precision)
    fits = int(free / 2 / bytes_per_token(config, precision))
    return max(min(fits, MAX_BATCH_TOKENS["cuda" if device.startswith("cuda") else "cpu"]), MIN_BATCH_TOKENS)


def bytes_per_token(config: Any, precision: Precision) -> int:
    """Memory of one token during a pass: every block's state, one block's inner ones, a scan's where there is one."""
    dim, blocks = int(config.hidden_size), int(config.num_hidden_layers)
    inner = int(getattr(config, "intermediate_size", None) or 4 * dim)
    scan = 4 * inner * int(getattr(config, "state_size", None) or getattr(config, "mamba_d_state", None) or 0)
    return (2 if precision == "bfloat16" else 4) * (dim * (blocks + 12) + 3 * inner) + 4 * scan
