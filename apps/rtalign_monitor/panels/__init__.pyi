from .curves import CurvesPanel as CurvesPanel
from .grid import Grid as Grid
from .head import HeadPanel as HeadPanel
from .head_strip import HeadStripPanel as HeadStripPanel
from .inspector import InspectorPanel as InspectorPanel
from .ladder import LadderPanel as LadderPanel
from .lag_map import LagMapPanel as LagMapPanel
from .panel import Panel as Panel
from .panel import PanelSpec as PanelSpec
from .plot import LayeredPanel as LayeredPanel
from .plot import PlotPanel as PlotPanel
from .sensors import SensorsPanel as SensorsPanel
from .tables import ShownTable as ShownTable
from .tables import ladder_table as ladder_table
from .tables import score_table as score_table
from .traces import TracesPanel as TracesPanel
from .transcript import TranscriptPanel as TranscriptPanel

__all__ = [
    "CurvesPanel",
    "Grid",
    "HeadPanel",
    "HeadStripPanel",
    "InspectorPanel",
    "LadderPanel",
    "LagMapPanel",
    "LayeredPanel",
    "Panel",
    "PanelSpec",
    "PlotPanel",
    "SensorsPanel",
    "ShownTable",
    "TracesPanel",
    "TranscriptPanel",
    "ladder_table",
    "score_table",
]
