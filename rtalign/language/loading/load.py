"""From a model's name to a network: its files are found, checked to be complete and to fit, loaded and described."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from rtalign.core.storage import cache
from rtalign.core.storage.json_toml import read_json
from rtalign.language.loading import capacity
from rtalign.language.loading.catalogue import find_or_suggest
from rtalign.language.loading.int8 import int8_linear, to_int8
from rtalign.language.loading.locate import (
    ModelFiles,
    ModelName,
    first_line,
    quiet_transformers,
)
from rtalign.language.loading.shape import check_shape
from rtalign.language.loading.weights import (
    Precision,
    load_trained,
    make_untrained,
    refuse_infinite,
)
from rtalign.language.networks.base import Network
from rtalign.language.networks.bidirectional import BidirectionalNetwork, SpecialTokens
from rtalign.language.networks.block_hooks import find_blocks
from rtalign.language.networks.causal import CausalNetwork, text_parts
from rtalign.language.networks.classic import (
    ClassicModel,
    ClassicNetwork,
    check_size,
    load_config,
    load_tokenizer,
    load_weights,
)
from rtalign.language.networks.controls import RandomNetwork, StaticNetwork
from rtalign.language.networks.families import Family, family_of
from rtalign.language.networks.shared_keys import share_keys
from rtalign.language.networks.verify import verify_model
from rtalign.language.reading import ModelInfo
from rtalign.language.tokens import SubwordTokenizer, WholeWordTokenizer, WordTokenizer


@dataclass(frozen=True, slots=True)
class LoadRequest:
    """Which model to load, and how.

    Attributes
    ----------
    name : ModelName
        Model and variant.
    device : str
        Where the weights go.
    precision : {"float32", "bfloat16", "int8"}
        Precision in which they are held.
    limit_bytes : int or None
        Memory that may be used; None for all that is free.
    allow_download : bool
        Whether a model that is not in the local cache may be downloaded.
    report : callable or None
        Called with a line of text before work that takes long.
    """

    name: ModelName
    device: str = "cpu"
    precision: Precision = "float32"
    limit_bytes: int | None = None
    allow_download: bool = False
    report: Callable[[str], None] | None = None


ModelParts = tuple[Network, WordTokenizer, ModelInfo]


def load_parts(request: LoadRequest) -> ModelParts:
    """Load a model.

    Parameters
    ----------
    request : LoadRequest
        Which model, and how.

    Returns
    -------
    tuple of Network, WordTokenizer, ModelInfo
        What a LanguageModel consists of.

    Raises
    ------
    ValueError
        If the model is not there, is incomplete, does not fit in memory, or cannot be read.
    """
    _check_device(request.device)
    if request.name.variant == "random":
        return _load_random(request.name)
    files = find_or_suggest(request.name.base, request.allow_download, request.report)
    family = family_of(_model_type(files.folder))
    with quiet_transformers():
        if family.kind == "classic":
            return _load_classic(request, files, family)
        return _load_transformers(request, files, family)


def _check_device(device: str) -> None:
    if device.startswith("cuda") and not torch.cuda.is_available():
        raise ValueError(f"device {device!r}: torch {torch.__version__} sees no CUDA device here - use cpu")


def _model_type(folder: Path) -> str:
    return str(read_json(folder / "config.json").get("model_type", "unknown"))


def _load_random(name: ModelName) -> ModelParts:
    network = RandomNetwork(int(name.base), name.seed)
    info = ModelInfo(str(name), "random", network.n_layers, network.dim, 0, f"1-{name.seed}", "whole words", False)
    return network, WholeWordTokenizer(), info


def _load_classic(request: LoadRequest, files: ModelFiles, family: Family) -> ModelParts:
    if request.precision != "float32":
        raise ValueError(
            f"model {files.id}: {family.name} models are small; read them in float32, not {request.precision}"
        )
    config = load_config(files.folder)
    if request.name.variant != "untrained":
        check_size(files.folder, config)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(request.name.seed)
        model = ClassicModel(config)
    if request.name.variant != "untrained":
        load_weights(files.folder, model)
        refuse_infinite(files, model)
    model = model.to(request.device).eval().requires_grad_(False)
    tokenizer = SubwordTokenizer(load_tokenizer(files.folder))
    static = request.name.variant == "static"
    network: Network = StaticNetwork(model.embedding) if static else ClassicNetwork(model)
    return network, tokenizer, _info(request, files, family.name, network, tokenizer, model)


def _load_transformers(request: LoadRequest, files: ModelFiles, family: Family) -> ModelParts:
    config = _load_config(files)
    hf_tokenizer = _load_tokenizer(files)
    tokenizer = SubwordTokenizer(hf_tokenizer)
    text, precision, limit = config.get_text_config(), request.precision, request.limit_bytes
    size = capacity.model_size(files.folder, config)
    device_map = capacity.choose_device_map(files.id, size, precision, request.device, limit)
    batch_tokens = capacity.choose_batch_tokens(text, size, precision, request.device, limit)
    if request.name.variant == "untrained":
        model = make_untrained(config, family, precision, request.name.seed)
    else:
        straight = request.device if request.device.startswith("cuda") and precision != "int8" else None
        model = load_trained(files, config, family, precision, device_map or straight)
    model = _quantised(model, request.device) if request.precision == "int8" else model
    model = (model if device_map else model.to(request.device)).eval().requires_grad_(False)
    network = _network(request, model, family, hf_tokenizer, batch_tokens)
    return network, tokenizer, _info(request, files, family.name, network, tokenizer, model)


def _load_config(files: ModelFiles) -> Any:
    """The configuration of transformers in a model's folder; ValueError where it describes no model of this size."""
    from transformers import AutoConfig

    try:
        config = AutoConfig.from_pretrained(files.folder, local_files_only=True, trust_remote_code=False)
        text = config.get_text_config()
    except Exception as error:  # the readers fail in every possible way on foreign bytes
        raise ValueError(f"model {files.id}: its config.json cannot be read ({first_line(error)})") from error
    check_shape(files.id, text)
    return config


def _network(request: LoadRequest, model: Any, family: Family, hf_tokenizer: Any, batch_tokens: int) -> Network:
    if request.name.variant == "static":
        return StaticNetwork(model.get_input_embeddings(), batch_tokens)
    if family.kind == "bidirectional":
        names = "cls_token_id", "sep_token_id", "mask_token_id", "pad_token_id"
        ids = [getattr(hf_tokenizer, name) for name in names]
        if None in ids:
            raise ValueError(f"{family.name}: the tokenizer has no {names[ids.index(None)]}; use another model")
        return BidirectionalNetwork(model, SpecialTokens(*ids), batch_tokens)
    if family.kind == "unverified":
        network = verify_model(model, family, request.precision, batch_tokens)
        if request.report and not network.head_is_known:
            request.report(f"{family.name}: its head is more than a matrix; states are read, surprisal is not known")
        return network
    if request.device == "cpu":
        share_keys(model)
    return CausalNetwork(model, family, batch_tokens)


def _quantised(model: Any, device: str) -> Any:
    """A model whose blocks and head hold int8 and whose other weights are float32.

    They are packed as the weights were stored, and only the rest is widened afterwards: the whole model never takes
    four bytes for each parameter in between.
    """
    base, head = text_parts(model)
    blocks = find_blocks(base, int(model.config.get_text_config().num_hidden_layers))
    model_type = model.config.model_type
    if model_type == "rwkv":
        with torch.inference_mode():  # RWKV rescales its weights at its first pass
            base.eval()(input_ids=torch.zeros(1, 2, dtype=torch.long))
    if not to_int8(blocks, device):
        raise ValueError(f"{model_type}: its blocks hold no plain matrices; use bfloat16 or float32")
    if type(head) is torch.nn.Linear:
        model.set_output_embeddings(int8_linear(head.weight.detach(), head.bias, device))
    return model.float()


def _load_tokenizer(files: ModelFiles) -> Any:
    from transformers import AutoTokenizer

    try:
        return AutoTokenizer.from_pretrained(files.folder, local_files_only=True, trust_remote_code=False)
    except Exception as error:  # the readers fail in every possible way on foreign bytes
        raise ValueError(f"model {files.id}: no tokenizer in {files.folder} ({first_line(error)})") from error


def _info(
    request: LoadRequest, files: ModelFiles, family: str, network: Network, tokenizer: SubwordTokenizer, model: Any
) -> ModelInfo:
    """Trained weights have the revision of their files; random ones, a revision of their own."""
    revision, seed = files.revision, request.name.seed
    if request.name.variant == "untrained":
        revision = f"untrained-{seed}-" + cache.content_key(files.revision, seed)[:8]
    used = model.get_input_embeddings() if request.name.variant == "static" else model
    if isinstance(network, CausalNetwork) and network.family.multimodal:
        used = torch.nn.ModuleList(text_parts(model))
    packed = [part for name, part in used.named_buffers() if name.endswith("packed")]
    return ModelInfo(
        id=str(ModelName(files.id, request.name.variant, seed)),
        family=family,
        n_layers=network.n_layers,
        dim=network.dim,
        n_parameters=sum(part.numel() for part in [*used.parameters(), *packed]),
        revision=revision,
        tokenizer=tokenizer.fingerprint(),
        has_bos=tokenizer.bos is not None,
        precision=request.precision,
        n_bytes=sum(part.nbytes for part in [*used.parameters(), *used.buffers()]),
    )
