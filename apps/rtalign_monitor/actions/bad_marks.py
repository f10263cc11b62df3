"""What the operator calls bad, by click on a sensor or by key: the commands, the messages, and how it is undone."""

from __future__ import annotations

from collections.abc import Callable

from rtalign.core.records import BadMark
from rtalign.core.text.time_format import clock_time
from rtalign.core.text.translation import tr
from rtalign.engine.commands import MarkBad, ShowSensors, TakeBackMark
from rtalign.engine.snapshot import Snapshot
from rtalign_monitor.actions.registry import ActionRegistry
from rtalign_monitor.bars.message_bar import Message, MessageBar
from rtalign_monitor.engines.link import EngineLink
from rtalign_monitor.panels.sensors import SensorsPanel

LOOK_BACK_S = 5.0
"""What "the last seconds" are."""
MISTAKE_S = 10.0
"""A second click on a sensor within this time takes the mark back, as if the first had never been."""
MESSAGE_S = 10.0
KEY = "bad"
"""Of the message that is shown while the signal is marked as bad."""


class BadMarkActions:
    """Marks sensors and stretches of time; asks the engine for the sensors while their panel is shown.

    Parameters
    ----------
    link : EngineLink
        Link to the engine.
    panel : SensorsPanel
        Where sensors are clicked.
    message_bar : MessageBar
        Says what was marked, with a button that undoes it.
    actions : ActionRegistry
        Actions of the window.
    """

    def __init__(self, link: EngineLink, panel: SensorsPanel, message_bar: MessageBar, actions: ActionRegistry) -> None:
        self._link, self._panel, self._message_bar, self._actions = link, panel, message_bar, actions
        self._asked: tuple[object, bool] = None, False
        panel.sensor_clicked.connect(self.toggle_sensor)
        panel.visibility_changed.connect(lambda _: self._ask())

    def handlers(self) -> dict[str, Callable[[], object]]:
        """The handlers by action."""
        return {"bad": self.toggle_stretch, "bad-before": self.mark_last, "sensor-view": self._panel.show_next}

    def update(self, snapshot: Snapshot) -> None:
        """Follow a new snapshot: which marks last, and whether the engine sends the sensors."""
        self._ask()
        lasting = self._lasting("")
        self._actions["bad"].setChecked(lasting is not None)
        if lasting is None:
            self._message_bar.dismiss(KEY)
            return
        since = (
            tr(" for {start}", start=clock_time(max(snapshot.time_s - lasting.start, 0.0))) if lasting.start > 0 else ""
        )
        text = tr("Marked as bad{since}: words are skipped until it is good again.", since=since)
        fixes = (tr("Good again"), self.toggle_stretch), (tr("Take back"), lambda: self._take_back(lasting))
        self._message_bar.post(Message(KEY, text, "stale", fixes))

    def toggle_stretch(self) -> None:
        """Bad from now on; or good again from now on."""
        lasting, now = self._lasting(""), self._now
        if lasting is None:
            self._put(BadMark(now, None))
        else:
            self._end(lasting, tr("The signal is good again."))

    def mark_last(self) -> None:
        """The last seconds were bad: their words are skipped, as far as they are not scored yet."""
        mark = BadMark(max(self._now - LOOK_BACK_S, 0.0), self._now)
        self._put(mark)
        self._say(tr("The last {seconds:g} s are marked as bad; words scored before stay.", seconds=LOOK_BACK_S), mark)

    def toggle_sensor(self, name: str) -> None:
        """A sensor is bad from now on; or good again, or was clicked by mistake."""
        lasting, now = self._lasting(name), self._now
        if lasting is None:
            mark = BadMark(now, None, name)
            self._put(mark)
            self._say(tr("{name} is marked as bad: left out from now on.", name=name), mark)
        elif now - lasting.start < MISTAKE_S:
            self._take_back(lasting)
            self._message_bar.post_briefly(
                Message("notice", tr("{name} is used, as if it had never been marked.", name=name))
            )
        else:
            self._end(lasting, tr("{name} is used again.", name=name))

    @property
    def _now(self) -> float:
        return self._link.newest.time_s

    def _lasting(self, sensor: str) -> BadMark | None:
        marks = (mark for mark in self._link.newest.marks if mark.sensor == sensor and mark.stop is None)
        return next(marks, None)

    def _put(self, mark: BadMark) -> None:
        self._link.send(MarkBad(mark.start, mark.stop, mark.sensor))

    def _end(self, lasting: BadMark, text: str) -> None:
        self._put(BadMark(lasting.start, max(self._now, lasting.start), lasting.sensor))
        undo = ((tr("Undo"), lambda: self._undo(lambda: self._put(lasting))),)
        self._message_bar.post_briefly(Message("notice", text, "quiet", undo), MESSAGE_S)

    def _say(self, text: str, mark: BadMark) -> None:
        undo = ((tr("Undo"), lambda: self._undo(lambda: self._take_back(mark))),)
        self._message_bar.post_briefly(Message("notice", text, "quiet", undo), MESSAGE_S)

    def _undo(self, do: Callable[[], None]) -> None:
        self._message_bar.dismiss("notice")
        do()

    def _take_back(self, mark: BadMark) -> None:
        self._link.send(TakeBackMark(mark.start, mark.sensor))

    def _ask(self) -> None:
        """Ask each engine once, and again when the panel is shown or hidden."""
        wanted = self._link.engine, self._panel.isVisible()
        ready = self._link.state == "running" and self._link.newest.phase != "loading"
        if ready and wanted != self._asked and (wanted[1] or self._asked[1]):
            self._asked = wanted
            self._link.send(ShowSensors(wanted[1]))
