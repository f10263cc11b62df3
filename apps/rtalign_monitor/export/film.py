"""A film of the ladder as it builds up: an animated GIF, from states of the session that are kept thinned."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from io import BytesIO
from pathlib import Path

import numpy as np
from qtpy.QtCore import QBuffer

from rtalign.core.text.translation import tr
from rtalign.engine.snapshot import Snapshot
from rtalign_monitor.export.files import picture
from rtalign_monitor.panels.ladder import LadderPanel
from rtalign_monitor.widgets.theme import Theme

MAX_STATES = 120
"""States that are kept; from there on every second one is dropped, so that they always cover the whole session."""
WIDTH, HEIGHT = 560, 400
FRAME_MS, LAST_MS = 120, 3000
COLOURS = 64


class LadderHistory:
    """States of the ladder, evenly over the words of a session.

    Attributes
    ----------
    states : list of Snapshot
        Without what the ladder does not show.
    """

    def __init__(self) -> None:
        self.states: list[Snapshot] = []
        self._every = 1

    def add(self, snapshot: Snapshot) -> None:
        """Keep a snapshot if its turn has come; scores that begin again begin a new history."""
        if self.states and snapshot.n_words < self.states[-1].n_words:
            self.states, self._every = [], 1
        if not snapshot.n_words or (self.states and snapshot.n_words < self.states[-1].n_words + self._every):
            return
        r, lags = (None if a is None else np.array(a, np.float32) for a in (snapshot.r, snapshot.lags_s))
        self.states.append(replace(  # copies: an array of a snapshot keeps the whole message that it came in
            snapshot, words=(), traces=None, null_lo=None, null_hi=None, map_hi=None, statistics={}, inspected=None,
            sensors=None, r=r, lags_s=lags,
        ))  # fmt: skip
        if len(self.states) > MAX_STATES:
            self.states = self.states[::2]
            self._every *= 2


def film(states: list[Snapshot], theme: Theme, caption: Callable[[Snapshot], str]) -> Callable[[Path], None]:
    """Paint the ladder at each state.

    Parameters
    ----------
    states : list of Snapshot
        Of a `LadderHistory`.
    theme : Theme
        Colours.
    caption : callable
        What stands below the frame of a state, as of `files.picture`.

    Returns
    -------
    callable
        Writes the GIF to the path that it is given.

    Raises
    ------
    ValueError
        Where there is no state yet.
    """
    if not states:
        raise ValueError(tr("there is no ladder to film yet - wait until a few words have been scored"))
    panel, frames = LadderPanel(), []
    panel.setPalette(theme.qt_palette())
    panel.set_theme(theme)
    panel.resize(WIDTH, HEIGHT)
    for state in states:
        panel.draw(state)
        panel.easing.finish()
        buffer = QBuffer()
        buffer.open(QBuffer.OpenModeFlag.WriteOnly)
        picture(panel, 1.0, caption(state)).save(buffer, "PNG")
        frames.append(buffer.data().data())
    return lambda to: _write(frames, to)


def _write(frames: list[bytes], to: Path) -> None:
    from PIL import Image  # only where a film is made: the window starts without it

    images = [Image.open(BytesIO(frame)).convert("RGB").quantize(COLOURS) for frame in frames]
    durations = [FRAME_MS] * (len(images) - 1) + [LAST_MS]
    images[0].save(to, "GIF", save_all=True, append_images=images[1:], duration=durations, loop=0, optimize=True)
