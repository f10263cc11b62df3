from .csv_tables import write_tables as write_tables
from .page import is_sweep as is_sweep
from .page import write_sweep_report as write_sweep_report
from .study import Condition as Condition
from .study import Growth as Growth
from .study import MeanCurve as MeanCurve
from .study import Study as Study
from .study import StudyEntry as StudyEntry
from .study import correlate_scores as correlate_scores
from .study import fit_growth as fit_growth
from .study import growth_with_context as growth_with_context
from .study import growth_with_size as growth_with_size
from .study import load_study as load_study
from .study import mean_curve as mean_curve
from .study import pool as pool

__all__ = [
    "Condition",
    "Growth",
    "MeanCurve",
    "Study",
    "StudyEntry",
    "correlate_scores",
    "fit_growth",
    "growth_with_context",
    "growth_with_size",
    "is_sweep",
    "load_study",
    "mean_curve",
    "pool",
    "write_sweep_report",
    "write_tables",
]
