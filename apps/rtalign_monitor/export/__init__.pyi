from .exporter import Exporter as Exporter
from .files import save_picture as save_picture
from .screenshots import Screenshots as Screenshots

__all__ = [
    "Exporter",
    "Screenshots",
    "save_picture",
]
