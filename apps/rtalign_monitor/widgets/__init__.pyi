from .cards import Card as Card
from .cards import CardList as CardList
from .controls import CheckBox as CheckBox
from .controls import ComboBox as ComboBox
from .controls import MultiComboBox as MultiComboBox
from .fields import FileDialogs as FileDialogs
from .fields import PathField as PathField
from .lamps import LampWidget as LampWidget
from .painted import PaintedWidget as PaintedWidget
from .theme import Theme as Theme

__all__ = [
    "Card",
    "CardList",
    "CheckBox",
    "ComboBox",
    "FileDialogs",
    "LampWidget",
    "MultiComboBox",
    "PaintedWidget",
    "PathField",
    "Theme",
]
