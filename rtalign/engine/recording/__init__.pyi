from .raw_file import RawFile as RawFile
from .recorder import Recorder as Recorder
from .recorder import new_folder as new_folder
from .session_folder import SessionFolder as SessionFolder

__all__ = [
    "RawFile",
    "Recorder",
    "SessionFolder",
    "new_folder",
]
