from .panel import TABS as TABS
from .panel import SensorsPanel as SensorsPanel

__all__ = ["TABS", "SensorsPanel"]
