from .app import DisplayOptions as DisplayOptions
from .app import absolute as absolute
from .app import run as run
from .main_window import MonitorWindow as MonitorWindow
from .memory import AnnotationList as AnnotationList
from .memory import WindowMemory as WindowMemory

__all__ = [
    "AnnotationList",
    "DisplayOptions",
    "MonitorWindow",
    "WindowMemory",
    "absolute",
    "run",
]
