"""StartDialog: live streams, a recording or a recent session, with a bank, and one key to start."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from qtpy.QtCore import QEvent, Qt, QTimer, Signal
from qtpy.QtGui import QHideEvent, QShowEvent
from qtpy.QtWidgets import (
    QDialog,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QStackedWidget,
    QTabBar,
    QVBoxLayout,
    QWidget,
)

from rtalign.core.session import Session
from rtalign.core.text.translation import tr
from rtalign_monitor.memory import WindowMemory
from rtalign_monitor.start.bank_fit import can_ignore_missing, differences
from rtalign_monitor.start.boxes import BankBox, OutputBox
from rtalign_monitor.start.discovery import Discovery
from rtalign_monitor.start.disk_queries import DiskQueries
from rtalign_monitor.start.live_page import LivePage
from rtalign_monitor.start.recent_page import RecentPage
from rtalign_monitor.start.recording_page import RecordingPage
from rtalign_monitor.widgets.controls import CheckBox, ComboBox
from rtalign_monitor.widgets.fields import choose_path, refresh_style, secondary_button
from rtalign_monitor.widgets.lamps import LampWidget
from rtalign_monitor.widgets.theme import FAMILIES, Theme

REFRESH_MS = 200
LIVE, RECORDING, RECENT = range(3)
TABS = (tr("Li&ve streams"), tr("&A recording"), tr("Recent sessi&ons"))
STYLESHEET = """
QWidget {{ font-family: {families}; }}
QLabel[role="muted"] {{ color: {muted}; }}
QLabel[role="bad"] {{ color: {lost}; }}
QLabel[role="heading"] {{ font-size: 14px; font-weight: 600; }}
QFrame[role="plate"] {{ background: {panel}; border: 1px solid {edge}; border-radius: 6px; }}
QListView {{ padding: 4px; outline: none; }}
QListView:focus {{ border: 1px solid {accent}; }}
QPushButton#start {{ padding: 7px 10px; min-width: 96px; font-weight: 600; }}
QComboBox {{ combobox-popup: 0; }}
QComboBox::drop-down {{ border: none; width: 22px; }}
QPushButton:default:disabled {{ background: {window}; color: {muted}; border-color: {faint}; }}
QComboBox QAbstractItemView {{ background: {panel}; color: {text}; border: 1px solid {faint};
  selection-background-color: {accent}; selection-color: {on_accent}; outline: none; }}
QComboBox:disabled, QLineEdit:disabled, QDoubleSpinBox:disabled, QCheckBox:disabled {{ color: {muted}; }}
"""
"""After the theme's own stylesheet."""


class StartDialog(QDialog):
    """Lets the user choose a session, and starts nothing by itself.

    Streams are searched for from the moment the dialog is shown until it is hidden.

    Parameters
    ----------
    memory : WindowMemory
        Recent sessions, banks and folders.
    theme : Theme
        Its colours.
    parent : QWidget or None
        The window.

    Attributes
    ----------
    session_chosen : signal (Session)
        The user has pressed Start.
    demo_requested : signal
        The user has asked for the demo.
    """

    session_chosen = Signal(object)
    demo_requested = Signal()

    def __init__(self, memory: WindowMemory, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle(tr("Start"))
        self.memory, self.theme = memory, theme
        self.queries, self.discovery = DiskQueries(), Discovery()
        self._base = Session()
        self.bank = BankBox(memory, self.queries)
        self.live = LivePage(memory, self.queries, self.discovery)
        self.recording, self.recent = RecordingPage(memory), RecentPage(memory, self.queries)
        self.outputs = OutputBox(memory)
        self._build()
        self._connect()
        self._fill_from_memory()
        self.set_theme(theme)
        self._timer = QTimer(self)
        self._timer.setInterval(REFRESH_MS)
        self._timer.timeout.connect(self.refresh)

    def set_theme(self, theme: Theme) -> None:
        self.theme = theme
        families = ", ".join(f'"{family}"' for family in FAMILIES)
        colours = {name: getattr(theme, name) for name in theme.__slots__}
        self.setPalette(theme.qt_palette())
        self.setStyleSheet(theme.stylesheet() + STYLESHEET.format(families=families, **colours))
        for part in (self.live.meg, self.live.words, self.recording.cards, self.recent.cards, self.lamp):
            part.set_theme(theme)
        for check_box in self.findChildren(CheckBox):
            check_box.set_theme(theme)
        for combo_box in self.findChildren(ComboBox):
            combo_box.set_theme(theme)

    def fill(self, session: Session) -> None:
        """Show a session in its form."""
        self._base = session
        self.bank.fill(session)
        page = self.live if session.recording is None else self.recording
        page.fill(session)
        self.outputs.fill(session)
        self.tabs.setCurrentIndex(LIVE if session.recording is None else RECORDING)
        self.refresh()

    def session(self) -> Session:
        """The session that Start would start."""
        if self.tabs.currentIndex() == RECENT and self.recent.session is not None:
            return self.recent.session
        page = self.recording if self.tabs.currentIndex() == RECORDING else self.live
        values: dict[str, Any] = self._base.model_dump() | self.bank.settings() | page.settings()
        values |= self.outputs.settings()
        return Session.model_validate(values)

    def refresh(self) -> None:
        """Show what the threads have found, and what Start would do."""
        self.bank.refresh()
        page = self.tabs.currentIndex()
        if page == RECENT:
            self.recent.refresh()
        else:
            (self.live if page == LIVE else self.recording).refresh(self.bank.info, self.bank.without_bank)
        self._offer_to_ignore_missing(page)
        warning = "" if page == RECENT else (self.live if page == LIVE else self.recording).warning()
        problem = self.problem()
        self.start.setEnabled(not problem)
        self.start.setToolTip(problem or tr("Start  (Enter)"))
        self._show_status(problem or warning or tr("Ready."), "lost" if problem else "found" if warning else "flowing")

    def problem(self) -> str:
        """Why Start cannot be pressed; empty where it can."""
        page = self.tabs.currentIndex()
        if page == RECENT:
            return self.recent.problem()
        problem = (self.live if page == LIVE else self.recording).problem() or self.bank.problem()
        if problem:
            return problem
        if texts := self._differences(page):
            other = tr("choose the bank of this machine")
            fix = tr("ignore them, or choose another bank") if self._can_ignore_missing(page) else other
            return tr("This does not fit the bank: {join} - {fix}.", join="; ".join(texts), fix=fix)
        return self.outputs.problem()

    def accept(self) -> None:
        """Choose the session, unless there is a problem."""
        if not self.problem():
            session = self.session()
            super().accept()
            self.session_chosen.emit(session)

    def showEvent(self, event: QShowEvent | None) -> None:
        super().showEvent(event)
        if not self._timer.isActive():
            (self.live.meg, self.recording.path, self.recent.cards)[self.tabs.currentIndex()].setFocus()
            self._timer.start()
            QTimer.singleShot(0, self._start_threads)  # painted first, as loading the library of LSL takes time

    def hideEvent(self, event: QHideEvent | None) -> None:
        super().hideEvent(event)
        if event is not None and event.spontaneous():  # minimised
            return
        self._timer.stop()
        self.discovery.close()
        self.queries.close()
        self.recording.stop()

    def changeEvent(self, event: QEvent | None) -> None:
        super().changeEvent(event)
        if event is not None and event.type() == QEvent.Type.ActivationChange and self.isActiveWindow():
            self.recording.preview.retry()

    def _start_threads(self) -> None:
        if self._timer.isActive():
            self.queries.start()
            self.discovery.start()
            self.refresh()

    def _signal(self, page: int) -> tuple[tuple[Any, ...], float]:
        """The sensors that would be decoded, and their rate."""
        if page == RECORDING:
            return self.recording.sensors, self.recording.sfreq
        stream = self.live.chosen("meg")
        return (stream.sensors, stream.nominal_hz) if stream else ((), 0.0)

    def _differences(self, page: int) -> list[str]:
        """What keeps the signal from fitting the bank, unless the user ignores what can be ignored."""
        info, (sensors, sfreq) = self.bank.info, self._signal(page)
        if info is None or not sensors:
            return []
        ignored = self.bank.settings()["allow_missing"] and self._can_ignore_missing(page)
        return [] if ignored else differences(info, sensors, sfreq)

    def _can_ignore_missing(self, page: int) -> bool:
        info, (sensors, sfreq) = self.bank.info, self._signal(page)
        return info is not None and bool(sensors) and can_ignore_missing(info, sensors, sfreq)

    def _offer_to_ignore_missing(self, page: int) -> None:
        info, (sensors, sfreq) = self.bank.info, self._signal(page)
        differs = info is not None and bool(sensors) and bool(differences(info, sensors, sfreq))
        self.bank.offer_to_ignore_missing(page != RECENT and differs and self._can_ignore_missing(page))

    def _show_status(self, text: str, state: str) -> None:
        if text != self.status.text():
            self.status.setText(text)
            self.start.setAccessibleDescription(text)
        self.lamp.set_state(state)

    def _show_page(self, page: int) -> None:
        self.pages.setCurrentIndex(page)
        self.bank.setVisible(page != RECENT)
        self.outputs.setVisible(page != RECENT)
        self.outputs.show_for(page == LIVE)
        self.refresh()

    def _fill_from_memory(self) -> None:
        """Show the newest live session, the newest replay, and the page of the newer of the two."""
        recent = self.memory.recent
        for replay in (True, False):
            newest = next((s for s in recent if (s.recording is not None) == replay), None)
            if newest is not None:
                self.fill(newest)
        if recent:
            self.fill(recent[0])
        self.outputs.forget_subject()
        self._show_page(self.tabs.currentIndex())

    def _browse(self) -> None:
        kinds = tr("Session files (*.toml);;All files (*)")
        path = choose_path(self, tr("Session file"), self.memory, folder=False, kinds=kinds)
        if path:
            self.load(path)

    def load(self, path: Path) -> None:
        """Show a session file in its form, or what is wrong with it."""
        try:
            self.fill(Session.load(path))
            self.file_note.setText(tr("From {name}", name=path.name))
            self.file_note.setProperty("role", "muted")
        except (ValueError, OSError) as error:
            self.file_note.setText(str(error))
            self.file_note.setProperty("role", "bad")
        refresh_style(self.file_note)

    def _request_demo(self) -> None:
        self.reject()
        self.demo_requested.emit()

    def _build(self) -> None:
        self.tabs, self.pages = QTabBar(), QStackedWidget()
        self.tabs.setDrawBase(False)
        self.tabs.setExpanding(False)
        self.tabs.setUsesScrollButtons(False)
        self.tabs.setAccessibleName(tr("Where the data come from"))
        for name, page in zip(TABS, (self.live, self.recording, self.recent), strict=True):
            self.tabs.addTab(name)
            self.pages.addWidget(page)
        self.file_note = QLabel()
        self.file = secondary_button(tr("Load session &file…"), tr("A TOML file that was saved with Ctrl+S."))
        self.demo = secondary_button(
            tr("Try the &demo"), tr("Plays a recorded session of a simulated listener, at once.")
        )
        top = QHBoxLayout()
        top.setSpacing(10)
        for widget in (self.tabs, self.file_note, self.file, self.demo):
            top.addWidget(widget, 1 if widget is self.file_note else 0)
        self.file_note.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        column = QVBoxLayout(self)
        column.setContentsMargins(20, 16, 20, 16)
        column.setSpacing(12)
        column.addLayout(top)
        column.addWidget(self.pages, 1)
        column.addWidget(self.bank)
        column.addWidget(self.outputs)
        column.addLayout(self._bottom_row())
        self.resize(1080, 680)
        self.setMinimumSize(860, 560)

    def _bottom_row(self) -> QHBoxLayout:
        self.lamp, self.status = LampWidget(), QLabel()
        self.status.setWordWrap(True)
        self.cancel = secondary_button(tr("Cancel"), "Esc")
        self.start = QPushButton(tr("&Start"))
        self.start.setObjectName("start")
        self.start.setDefault(True)
        row = QHBoxLayout()
        row.setSpacing(10)
        for widget in (self.lamp, self.status, self.bank.ignore_missing, self.cancel, self.start):
            row.addWidget(widget, 1 if widget is self.status else 0)
        return row

    def _connect(self) -> None:
        self.tabs.currentChanged.connect(self._show_page)
        self.start.clicked.connect(lambda _=False: self.accept())
        self.cancel.clicked.connect(lambda _=False: self.reject())
        self.file.clicked.connect(lambda _=False: self._browse())
        self.demo.clicked.connect(lambda _=False: self._request_demo())
        for part in (self.bank, self.outputs, self.live, self.recording, self.recent):
            part.changed.connect(self.refresh)
        self.recent.edit_requested.connect(self.fill)
