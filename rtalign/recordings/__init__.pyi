from .concatenated import ConcatenatedRecording as ConcatenatedRecording
from .file_recording import FileRecording as FileRecording
from .folder_check import Finding as Finding
from .folder_check import FolderReport as FolderReport
from .folder_check import check_folder as check_folder
from .open import OpenOptions as OpenOptions
from .open import common_sensors as common_sensors
from .open import open_matching as open_matching
from .open import open_recordings as open_recordings
from .open import open_repeats as open_repeats
from .open import session_options as session_options
from .quality.signal import check_signal as check_signal
from .wav_file import Sound as Sound
from .wav_file import WavFile as WavFile
from .wav_file import read_wav as read_wav
from .word_tables.rows import NoWords as NoWords
from .xdf.streams import StreamChoice as StreamChoice

__all__ = [
    "ConcatenatedRecording",
    "FileRecording",
    "Finding",
    "FolderReport",
    "NoWords",
    "OpenOptions",
    "Sound",
    "StreamChoice",
    "WavFile",
    "check_folder",
    "check_signal",
    "common_sensors",
    "open_matching",
    "open_recordings",
    "open_repeats",
    "read_wav",
    "session_options",
]
