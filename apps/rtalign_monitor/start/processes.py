"""Processes that the window starts beside the engine: a preview, the demo."""

from __future__ import annotations

import sys

from qtpy.QtCore import QObject, QProcess


def background_process(parent: QObject) -> QProcess:
    """A process that inherits no open file: a connection of LSL that the window has closed would stay open in it.

    Parameters
    ----------
    parent : QObject
        The Qt parent.

    Returns
    -------
    QProcess
        Not started yet.
    """
    process = QProcess(parent)
    if sys.platform != "win32":
        parameters = QProcess.UnixProcessParameters()
        parameters.flags = QProcess.UnixProcessFlag.CloseFileDescriptors
        process.setUnixProcessParameters(parameters)
    return process
