from .drift_correction import DriftCorrection as DriftCorrection
from .drift_correction import PositionEstimate as PositionEstimate
from .player import Loudspeaker as Loudspeaker
from .player import SoundPlayer as SoundPlayer

__all__ = [
    "DriftCorrection",
    "Loudspeaker",
    "PositionEstimate",
    "SoundPlayer",
]
