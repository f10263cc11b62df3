from .exporter import Exporter as Exporter
from .files import save_ladder as save_ladder
from .files import save_picture as save_picture
from .files import save_scores as save_scores
from .screenshots import Screenshots as Screenshots

__all__ = [
    "Exporter",
    "Screenshots",
    "save_ladder",
    "save_picture",
    "save_scores",
]
