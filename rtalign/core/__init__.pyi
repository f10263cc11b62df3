from .agreement import Agreement as Agreement
from .parallel import BackgroundTask as BackgroundTask
from .parallel import TaskStopped as TaskStopped
from .parallel import run_ordered as run_ordered
from .progress import Progress as Progress
from .progress import Stage as Stage
from .recipe import ChainRecipe as ChainRecipe
from .recipe import FitRecipe as FitRecipe
from .recipe import LagRecipe as LagRecipe
from .recipe import LanguageRecipe as LanguageRecipe
from .recipe import Recipe as Recipe
from .recipe import WordRecipe as WordRecipe
from .records import Chunk as Chunk
from .records import Epoch as Epoch
from .records import Recording as Recording
from .records import RecordingIdentity as RecordingIdentity
from .records import Sensor as Sensor
from .records import SkippedWord as SkippedWord
from .records import Word as Word
from .records import sensor_from_dict as sensor_from_dict
from .records import sensor_to_dict as sensor_to_dict
from .session import Session as Session
from .session import WordEncoding as WordEncoding
from .storage.cache import cache_folder as cache_folder
from .storage.cache import content_key as content_key
from .storage.files import AppendOnlyFile as AppendOnlyFile
from .storage.files import atomic_file as atomic_file
from .storage.files import atomic_folder as atomic_folder
from .storage.files import replaced_folder as replaced_folder
from .storage.files import write_atomically as write_atomically
from .storage.tensorfile import TensorFile as TensorFile
from .storage.tensorfile import load_tensors as load_tensors
from .storage.tensorfile import save_tensors as save_tensors

__all__ = [
    "Agreement",
    "AppendOnlyFile",
    "BackgroundTask",
    "ChainRecipe",
    "Chunk",
    "Epoch",
    "FitRecipe",
    "LagRecipe",
    "LanguageRecipe",
    "Progress",
    "Recipe",
    "Recording",
    "RecordingIdentity",
    "Sensor",
    "Session",
    "SkippedWord",
    "Stage",
    "TaskStopped",
    "TensorFile",
    "Word",
    "WordEncoding",
    "WordRecipe",
    "atomic_file",
    "atomic_folder",
    "cache_folder",
    "content_key",
    "load_tensors",
    "replaced_folder",
    "run_ordered",
    "save_tensors",
    "sensor_from_dict",
    "sensor_to_dict",
    "write_atomically",
]
