from .chain import Chain as Chain
from .chain import ChainDesign as ChainDesign
from .chain import describe_chain as describe_chain
from .chain import frequency_response as frequency_response
from .chain import phase_error as phase_error
from .disk_buffer import DiskBuffer as DiskBuffer
from .epochs import EpochBuilder as EpochBuilder
from .epochs import SignalBuffer as SignalBuffer
from .interpolation import interpolate as interpolate
from .interpolation import interpolation_weights as interpolation_weights
from .pipeline import Pipeline as Pipeline
from .ring_buffer import RingBuffer as RingBuffer
from .timeline import Stretch as Stretch
from .timeline import Timeline as Timeline

__all__ = [
    "Chain",
    "ChainDesign",
    "DiskBuffer",
    "EpochBuilder",
    "Pipeline",
    "RingBuffer",
    "SignalBuffer",
    "Stretch",
    "Timeline",
    "describe_chain",
    "frequency_response",
    "interpolate",
    "interpolation_weights",
    "phase_error",
]
