from .background import Background as Background
from .fif_writer import measurement_info as measurement_info
from .helmet import coil_axes as coil_axes
from .helmet import helmet_sensors as helmet_sensors
from .layer_signals import context_information as context_information
from .layer_signals import independent_layers as independent_layers
from .layer_signals import own_information as own_information
from .recording import SimulatedRun as SimulatedRun
from .recording import SimulationPlan as SimulationPlan
from .recording import synthesise as synthesise
from .simulator import SimulationResult as SimulationResult
from .simulator import planted_information as planted_information
from .simulator import simulate as simulate
from .simulator import timed_story as timed_story
from .story import SpokenWord as SpokenWord
from .story import assign_times as assign_times
from .story import shipped_story as shipped_story
from .story import split_runs as split_runs
from .story import split_words as split_words
from .story import story_words as story_words

__all__ = [
    "Background",
    "SimulatedRun",
    "SimulationPlan",
    "SimulationResult",
    "SpokenWord",
    "assign_times",
    "coil_axes",
    "context_information",
    "helmet_sensors",
    "independent_layers",
    "measurement_info",
    "own_information",
    "planted_information",
    "shipped_story",
    "simulate",
    "split_runs",
    "split_words",
    "story_words",
    "synthesise",
    "timed_story",
]
