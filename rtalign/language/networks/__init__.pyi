from .base import IncrementalNetwork as IncrementalNetwork
from .base import Network as Network
from .base import OutputRequest as OutputRequest
from .base import PassOutput as PassOutput
from .causal import CausalNetwork as CausalNetwork
from .classic import BOS as BOS
from .classic import ClassicConfig as ClassicConfig
from .classic import ClassicModel as ClassicModel
from .classic import ClassicNetwork as ClassicNetwork
from .classic import save_classic as save_classic
from .controls import RandomNetwork as RandomNetwork
from .controls import StaticNetwork as StaticNetwork
from .families import FAMILIES as FAMILIES
from .families import Family as Family
from .families import family_of as family_of
from .verify import verify_model as verify_model

__all__ = [
    "BOS",
    "FAMILIES",
    "CausalNetwork",
    "ClassicConfig",
    "ClassicModel",
    "ClassicNetwork",
    "Family",
    "IncrementalNetwork",
    "Network",
    "OutputRequest",
    "PassOutput",
    "RandomNetwork",
    "StaticNetwork",
    "family_of",
    "save_classic",
    "verify_model",
]
