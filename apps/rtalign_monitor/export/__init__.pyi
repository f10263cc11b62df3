from .exporter import Exporter as Exporter
from .files import save_picture as save_picture
from .screenshots import Screenshots as Screenshots
from .tables import Table as Table
from .tables import ladder_table as ladder_table
from .tables import score_table as score_table

__all__ = [
    "Exporter",
    "Screenshots",
    "Table",
    "ladder_table",
    "save_picture",
    "score_table",
]
