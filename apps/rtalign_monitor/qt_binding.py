"""Which Qt binding the window runs on: PyQt6, or PySide6 where QT_API asks for it or PyQt6 is not installed."""

from __future__ import annotations

import os
from importlib.util import find_spec

BINDINGS = {"pyqt6": "PyQt6", "pyside6": "PySide6"}
"""What QT_API may say, and the package that it means; the first that is installed is the default."""


def choose_binding() -> str:
    """Tell qtpy and pyqtgraph, before either is imported, which binding to use; return its package.

    Raises
    ------
    ModuleNotFoundError
        Where it is not installed.
    """
    installed = [name for name, package in BINDINGS.items() if find_spec(package)]
    asked = os.environ.get("QT_API", "").lower()  # of other programs too, which may mean a binding of Qt 5
    name = asked if asked in BINDINGS else next(iter(installed), "pyqt6")
    package = BINDINGS[name]
    if name not in installed:
        raise ModuleNotFoundError(f"{package} is not installed", name=package)
    os.environ |= {"QT_API": name, "PYQTGRAPH_QT_LIB": package}
    return package
