from .handlers import DisplayHandlers as DisplayHandlers
from .handlers import ExportHandlers as ExportHandlers
from .handlers import PanelPointer as PanelPointer
from .handlers import ReplayHandlers as ReplayHandlers
from .handlers import SessionHandlers as SessionHandlers
from .handlers import ViewHandlers as ViewHandlers
from .pen import Pen as Pen
from .registry import Action as Action
from .registry import ActionRegistry as ActionRegistry
from .registry import WindowState as WindowState
from .registry import table_of_keys as table_of_keys
from .registry import unavailable_reasons as unavailable_reasons
from .replay_extras import ReplayExtras as ReplayExtras
from .view_settings import ViewSettings as ViewSettings
from .view_settings import WindowWidgets as WindowWidgets

__all__ = [
    "Action",
    "ActionRegistry",
    "DisplayHandlers",
    "ExportHandlers",
    "PanelPointer",
    "Pen",
    "ReplayExtras",
    "ReplayHandlers",
    "SessionHandlers",
    "ViewHandlers",
    "ViewSettings",
    "WindowState",
    "WindowWidgets",
    "table_of_keys",
    "unavailable_reasons",
]
