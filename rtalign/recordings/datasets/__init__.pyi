from .base import DataFile as DataFile
from .base import DataSet as DataSet
from .base import DataSetEntry as DataSetEntry
from .base import read_bids_file as read_bids_file
from .registry import DATA_SETS as DATA_SETS
from .registry import data_set_of as data_set_of
from .registry import describe_file as describe_file
from .registry import find_files as find_files
from .sounds import sounds_of as sounds_of
from .sounds import wav_of as wav_of

__all__ = [
    "DATA_SETS",
    "DataFile",
    "DataSet",
    "DataSetEntry",
    "data_set_of",
    "describe_file",
    "find_files",
    "read_bids_file",
    "sounds_of",
    "wav_of",
]
