from .capacity import ModelSize as ModelSize
from .capacity import free_bytes as free_bytes
from .catalogue import PAPER as PAPER
from .catalogue import TOKENS_PER_WORD as TOKENS_PER_WORD
from .catalogue import CatalogueEntry as CatalogueEntry
from .catalogue import check_known as check_known
from .catalogue import list_models as list_models
from .live_speed import LARGE_MODEL_BYTES as LARGE_MODEL_BYTES
from .live_speed import live_words_per_second as live_words_per_second
from .live_speed import measure_live_speed as measure_live_speed
from .load import LoadRequest as LoadRequest
from .load import load_parts as load_parts
from .locate import SMOLLM2 as SMOLLM2
from .locate import ModelFiles as ModelFiles
from .locate import ModelName as ModelName
from .locate import converted_folder as converted_folder
from .locate import find_model as find_model
from .locate import packaged_gguf as packaged_gguf
from .locate import parse_model_name as parse_model_name
from .weights import Precision as Precision

__all__ = [
    "LARGE_MODEL_BYTES",
    "PAPER",
    "SMOLLM2",
    "TOKENS_PER_WORD",
    "CatalogueEntry",
    "LoadRequest",
    "ModelFiles",
    "ModelName",
    "ModelSize",
    "Precision",
    "check_known",
    "converted_folder",
    "find_model",
    "free_bytes",
    "list_models",
    "live_words_per_second",
    "load_parts",
    "measure_live_speed",
    "packaged_gguf",
    "parse_model_name",
]
