from .raw_file import RawFile as RawFile
from .recorder import Recorder as Recorder
from .recorder import check_writable as check_writable
from .recorder import new_folder as new_folder
from .session_folder import SessionFolder as SessionFolder
from .tables import SessionTables as SessionTables

__all__ = [
    "RawFile",
    "Recorder",
    "SessionFolder",
    "SessionTables",
    "check_writable",
    "new_folder",
]
