from .app import DisplayOptions as DisplayOptions
from .app import absolute as absolute
from .app import run as run
from .main_window import MonitorWindow as MonitorWindow
from .memory import Bookmarks as Bookmarks
from .memory import WindowMemory as WindowMemory

__all__ = [
    "Bookmarks",
    "DisplayOptions",
    "MonitorWindow",
    "WindowMemory",
    "absolute",
    "run",
]
