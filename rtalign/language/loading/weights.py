"""Models of transformers with the weights of their files, or with random ones."""

from __future__ import annotations

from typing import Any, Literal

import torch
from torch import nn

from rtalign.language.loading.locate import ModelFiles, first_line
from rtalign.language.networks.families import Family

Precision = Literal["float32", "bfloat16", "int8"]


def load_trained(files: ModelFiles, config: Any, family: Family, precision: Precision, device_map: str | None) -> Any:
    """The model in a folder.  Raises ValueError if it is not complete.

    device_map : accelerate's device map, or the GPU that the weights are read straight to; None for the processor.
    """
    if not any(files.folder.glob("*.safetensors")):
        raise ValueError(f"model {files.id}: {files.folder} holds no .safetensors; pickled weights are never read")
    try:
        model, report = _class(family).from_pretrained(
            files.folder,
            config=_prepared(config, precision),
            local_files_only=True,
            trust_remote_code=False,
            use_safetensors=True,
            dtype=_file_dtype(precision),
            output_loading_info=True,
            **({"device_map": device_map} if device_map else {}),
        )
    except Exception as error:  # the readers fail in every possible way on foreign bytes
        raise ValueError(
            f"model {files.id}: the weights in {files.folder} do not load ({first_line(error)})"
        ) from error
    missing = sorted(name for name in report["missing_keys"] if "pooler" not in name)
    if missing:
        raise ValueError(f"model {files.id}: {len(missing)} weights are missing, {missing[0]} first; download it again")
    refuse_infinite(files, model)
    return model


def refuse_infinite(files: ModelFiles, model: nn.Module) -> None:
    """Raise ValueError with the first tensor of weights that holds NaN or infinity."""
    for name, weight in model.named_parameters():
        if weight.device.type != "meta" and weight.is_floating_point() and weight.numel():
            low, high = weight.detach().aminmax()  # both are NaN where any value is
            if not (torch.isfinite(low) and torch.isfinite(high)):
                raise ValueError(f"model {files.id}: its weights {name} hold NaN or infinity; download it again")


def make_untrained(config: Any, family: Family, precision: Precision, seed: int) -> Any:
    """The same architecture with random weights.  The state of torch's own random generator is left unchanged."""
    dtype = torch.float32 if precision == "float32" else torch.bfloat16
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return _class(family).from_config(_prepared(config, precision), dtype=dtype)


def _file_dtype(precision: Precision) -> Any:
    """The dtype in which weights are read from their files; int8 is made from them as they are stored."""
    return {"float32": torch.float32, "bfloat16": torch.bfloat16, "int8": "auto"}[precision]


def _class(family: Family) -> Any:
    from transformers import AutoModelForCausalLM, AutoModelForImageTextToText, AutoModelForMaskedLM

    if family.multimodal:
        return AutoModelForImageTextToText
    return AutoModelForMaskedLM if family.kind == "bidirectional" else AutoModelForCausalLM


def _prepared(config: Any, precision: Precision) -> Any:
    """A configuration without the settings that are for training or another precision.

    Raises ValueError for shapes of a known family whose states cannot be read.
    """
    if config.model_type == "opt" and config.word_embed_proj_dim != config.hidden_size:
        sizes = f"its embedding has {config.word_embed_proj_dim} dimensions, its hidden states {config.hidden_size}"
        raise ValueError(f"OPT: {sizes}; use another size of it")
    if config.model_type == "xlstm":
        if config.qk_dim != int(config.hidden_size * config.qk_dim_factor):
            raise ValueError(f"xLSTM: {config.hidden_size} dimensions give keys that are no multiple of 64; not read")
        config.mode, config.return_last_states = "inference", True
        config.autocast_kernel_dtype = "bfloat16" if precision == "bfloat16" else "float32"
    return config
