from .helmets import helmet_coils as helmet_coils
from .helmets import standard_places as standard_places
from .position import HeadPosition as HeadPosition
from .shape import flatten_positions as flatten_positions
from .shape import region_of as region_of
from .shape import sphere_centre as sphere_centre

__all__ = [
    "HeadPosition",
    "flatten_positions",
    "helmet_coils",
    "region_of",
    "sphere_centre",
    "standard_places",
]
