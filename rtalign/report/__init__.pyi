from .page import render_page as render_page
from .page import standalone_figures as standalone_figures
from .page import write_page as write_page
from .read import Results as Results
from .read import read_results as read_results
from .summary import read_summary as read_summary
from .write import write_results as write_results

__all__ = [
    "Results",
    "read_results",
    "read_summary",
    "render_page",
    "standalone_figures",
    "write_page",
    "write_results",
]
