from .adaptation import AdaptationThread as AdaptationThread
from .adaptation import Adapter as Adapter
from .bank import DecoderBank as DecoderBank
from .bank import LagDecoders as LagDecoders
from .bank import make_passport as make_passport
from .bank import sensor_differences as sensor_differences
from .decoder_setup import DecoderSetup as DecoderSetup
from .decoder_setup import SensorMap as SensorMap
from .folds import PURGED as PURGED
from .folds import assign_folds as assign_folds
from .moments import Moments as Moments
from .projection import Projection as Projection
from .projection import fit_projection as fit_projection
from .ridge import Decoder as Decoder
from .ridge import FoldRotations as FoldRotations
from .ridge import RidgeFit as RidgeFit
from .ridge import fit_ridge as fit_ridge
from .running_moments import RunningMoments as RunningMoments
from .training_overlap import TrainingOverlap as TrainingOverlap

__all__ = [
    "PURGED",
    "AdaptationThread",
    "Adapter",
    "Decoder",
    "DecoderBank",
    "DecoderSetup",
    "FoldRotations",
    "LagDecoders",
    "Moments",
    "Projection",
    "RidgeFit",
    "RunningMoments",
    "SensorMap",
    "TrainingOverlap",
    "assign_folds",
    "fit_projection",
    "fit_ridge",
    "make_passport",
    "sensor_differences",
]
