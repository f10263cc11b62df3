from .fif_guard import refuse_false_tags as refuse_false_tags
from .hdf5_recording import Hdf5Recording as Hdf5Recording
from .mne_file import SignalFile as SignalFile
from .mne_file import SignalReader as SignalReader
from .mne_file import is_signal_file as is_signal_file
from .mne_file import read_header as read_header
from .mne_recording import MneRecording as MneRecording

__all__ = [
    "Hdf5Recording",
    "MneRecording",
    "SignalFile",
    "SignalReader",
    "is_signal_file",
    "read_header",
    "refuse_false_tags",
]
