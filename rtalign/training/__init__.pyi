from .evaluation import evaluate as evaluate
from .evaluation import score_bank as score_bank
from .prepare import ActivationRequest as ActivationRequest
from .prepare import PreparedRecording as PreparedRecording
from .prepare import StoredActivations as StoredActivations
from .prepare import prepare_recordings as prepare_recordings
from .trainer import FitInputs as FitInputs
from .trainer import LagFit as LagFit
from .trainer import fit_lag as fit_lag
from .trainer import make_fit_inputs as make_fit_inputs
from .trainer import train as train

__all__ = [
    "ActivationRequest",
    "FitInputs",
    "LagFit",
    "PreparedRecording",
    "StoredActivations",
    "evaluate",
    "fit_lag",
    "make_fit_inputs",
    "prepare_recordings",
    "score_bank",
    "train",
]
