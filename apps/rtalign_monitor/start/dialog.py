"""StartDialog: live streams, a recording or a session from before, with a bank, and one key to begin."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from PyQt6.QtCore import QEvent, Qt, QTimer, pyqtSignal
from PyQt6.QtGui import QHideEvent, QShowEvent
from PyQt6.QtWidgets import (
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
from rtalign.language.loading import packaged_gguf
from rtalign_monitor.memory import WindowMemory
from rtalign_monitor.start import bank_fit
from rtalign_monitor.start.bank_box import BankBox
from rtalign_monitor.start.discovery import Discovery
from rtalign_monitor.start.disk_queries import Errands
from rtalign_monitor.start.live_page import LivePage
from rtalign_monitor.start.recent_page import RecentPage
from rtalign_monitor.start.record_box import KeepBox
from rtalign_monitor.start.recording_page import RecordingPage
from rtalign_monitor.widgets.cards import Mark
from rtalign_monitor.widgets.controls import Choice, Tick
from rtalign_monitor.widgets.fields import ask_for, quiet_button, restyle
from rtalign_monitor.widgets.theme import FAMILIES, Theme


def sheet(theme: Theme) -> str:
    """After the theme's, whose colours it uses."""
    families = ", ".join(f'"{family}"' for family in FAMILIES)
    return _SHEET.format(families=families, **{name: getattr(theme, name) for name in theme.__slots__})


_SHEET = """
QWidget {{ font-family: {families}; }}
QLabel[role="muted"] {{ color: {muted}; }}
QLabel[role="bad"] {{ color: {lost}; }}
QLabel[role="heading"] {{ font-size: 14px; font-weight: 600; }}
QFrame[role="plate"] {{ background: {panel}; border: 1px solid {edge}; border-radius: 6px; }}
QListView {{ padding: 4px; outline: none; }}
QListView:focus {{ border: 1px solid {accent}; }}
QTabBar::tab {{ background: transparent; color: {muted}; padding: 6px 4px; margin-right: 22px;
  border: none; border-bottom: 2px solid transparent; font-size: 14px; }}
QTabBar::tab:hover {{ color: {text}; }}
QTabBar::tab:selected {{ color: {text}; border-bottom: 2px solid {accent}; }}
QTabBar:focus::tab:selected {{ color: {accent}; }}
QPushButton#begin {{ padding: 7px 10px; min-width: 96px; font-weight: 600; }}
QComboBox {{ combobox-popup: 0; }}
QComboBox::drop-down {{ border: none; width: 22px; }}
QPushButton:default:disabled {{ background: {window}; color: {muted}; border-color: {faint}; }}
QComboBox QAbstractItemView {{ background: {panel}; color: {text}; border: 1px solid {faint};
  selection-background-color: {accent}; selection-color: {on_accent}; outline: none; }}
QComboBox:disabled, QLineEdit:disabled, QDoubleSpinBox:disabled, QCheckBox:disabled {{ color: {muted}; }}
"""


LOOK_MS = 200
LIVE, RECORDING, RECENT = range(3)
TABS = ("Li&ve streams", "&A recording", "Recent sessi&ons")


class StartDialog(QDialog):
    """Emits the session that was chosen and begins nothing by itself; whoever begins it tells the memory.

    Streams are looked for from the moment the dialog is shown until it is hidden.
    """

    chosen = pyqtSignal(object)
    demo_wanted = pyqtSignal()

    def __init__(self, memory: WindowMemory, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle("Start")
        self.memory, self.theme = memory, theme
        self.errands, self.discovery = Errands(), Discovery()
        self._base = Session()
        self.bank = BankBox(memory, self.errands)
        self.live = LivePage(memory, self.errands, self.discovery)
        self.recording, self.recent = RecordingPage(memory), RecentPage(memory, self.errands)
        self.keep = KeepBox(memory)
        self._build()
        self._connect()
        self._recall()
        self.set_theme(theme)
        self._timer = QTimer(self)
        self._timer.setInterval(LOOK_MS)
        self._timer.timeout.connect(self.look)

    def set_theme(self, theme: Theme) -> None:
        self.theme = theme
        self.setPalette(theme.qt_palette())
        self.setStyleSheet(theme.stylesheet() + sheet(theme))
        for part in (self.live.meg, self.live.words, self.recording.cards, self.recent.cards, self.mark):
            part.set_theme(theme)
        for tick in self.findChildren(Tick):
            tick.set_theme(theme)
        for box in self.findChildren(Choice):
            box.set_theme(theme)

    def fill(self, session: Session) -> None:
        """Show a session in its form."""
        self._base = session
        self.bank.fill(session)
        page = self.live if session.recording is None else self.recording
        page.fill(session)
        self.keep.fill(session)
        self.tabs.setCurrentIndex(LIVE if session.recording is None else RECORDING)
        self.look()

    def session(self) -> Session:
        """What Start would begin."""
        if self.tabs.currentIndex() == RECENT and self.recent.session is not None:
            return self.recent.session
        page = self.recording if self.tabs.currentIndex() == RECORDING else self.live
        values: dict[str, Any] = self._base.model_dump() | self.bank.settings() | page.settings()
        values |= self.keep.settings()
        return Session.model_validate(values)

    def look(self) -> None:
        """Take up what the threads have found, and say what Start would do."""
        self.bank.look()
        page = self.tabs.currentIndex()
        if page == RECENT:
            self.recent.look()
        else:
            (self.live if page == LIVE else self.recording).look(self.bank.card, self.bank.learns)
        self._offer_without(page)
        warning = "" if page == RECENT else (self.live if page == LIVE else self.recording).warning()
        why_not = self.why_not()
        self.begin.setEnabled(not why_not)
        self.begin.setToolTip(why_not or "Begin  (Enter)")
        self._say(why_not or warning or "Ready.", "lost" if why_not else "found" if warning else "flowing")

    def why_not(self) -> str:
        """Why Start cannot be pressed; empty when it can."""
        page = self.tabs.currentIndex()
        if page == RECENT:
            return self.recent.why_not()
        own = (self.live if page == LIVE else self.recording).why_not()
        if own or (reason := self.bank.why_not()):
            return own or reason
        if said := self._misfits(page):
            other = "choose the bank of this machine"
            cure = "go on without them, or choose another bank" if self._can(page) else other
            return f"This does not fit the bank: {'; '.join(said)} - {cure}."
        return self.keep.why_not()

    def accept(self) -> None:
        """Start."""
        if not self.why_not():
            session = self.session()
            super().accept()
            self.chosen.emit(session)

    def showEvent(self, event: QShowEvent | None) -> None:
        super().showEvent(event)
        if not self._timer.isActive():
            (self.live.meg, self.recording.path, self.recent.cards)[self.tabs.currentIndex()].setFocus()
            self._timer.start()
            QTimer.singleShot(0, self._first_look)  # painted first, as the library of LSL takes its time to load

    def hideEvent(self, event: QHideEvent | None) -> None:
        super().hideEvent(event)
        if event is not None and event.spontaneous():  # minimised
            return
        self._timer.stop()
        self.discovery.close()
        self.errands.close()
        self.recording.close_down()

    def changeEvent(self, event: QEvent | None) -> None:
        super().changeEvent(event)
        if event is not None and event.type() == QEvent.Type.ActivationChange and self.isActiveWindow():
            self.recording.glancing.look_again()

    def _first_look(self) -> None:
        if self._timer.isActive():
            self.errands.start()
            self.discovery.start()
            self.look()

    def _signal(self, page: int) -> tuple[tuple[Any, ...], float]:
        """The sensors that would be decoded, and their rate."""
        if page == RECORDING:
            return self.recording.sensors, self.recording.sfreq
        stream = self.live.chosen("meg")
        return (stream.sensors, stream.nominal_hz) if stream else ((), 0.0)

    def _misfits(self, page: int) -> list[str]:
        card, (sensors, sfreq) = self.bank.card, self._signal(page)
        if card is None or not sensors:
            return []
        said = bank_fit.misfits(card, sensors, sfreq)
        return [] if self.bank.settings()["allow_missing"] and self._can(page) else said

    def _can(self, page: int) -> bool:
        card, (sensors, sfreq) = self.bank.card, self._signal(page)
        return card is not None and bool(sensors) and bank_fit.can_do_without(card, sensors, sfreq)

    def _offer_without(self, page: int) -> None:
        card, (sensors, sfreq) = self.bank.card, self._signal(page)
        lacks = card is not None and bool(sensors) and bool(bank_fit.misfits(card, sensors, sfreq))
        self.bank.offer_without(page != RECENT and lacks and self._can(page))

    def _say(self, text: str, state: str) -> None:
        if text != self.said.text():
            self.said.setText(text)
            self.begin.setAccessibleDescription(text)
        self.mark.show_state(state)

    def _turn(self, page: int) -> None:
        self.pages.setCurrentIndex(page)
        self.bank.setVisible(page != RECENT)
        self.keep.setVisible(page != RECENT)
        self.keep.show_for(page == LIVE)
        self.look()

    def _recall(self) -> None:
        """As it was last time: the newest live session, the newest replay, and the page of the newest of all."""
        recent = self.memory.recent
        for replay in (True, False):
            of_a_kind = [s for s in recent if (s.recording is not None) == replay]
            if of_a_kind:
                self.fill(of_a_kind[0])
        if recent:
            self.fill(recent[0])
        self._turn(self.tabs.currentIndex())

    def _load(self) -> None:
        found = ask_for(self, "Session file", self.memory, folder=False, kinds="Session files (*.toml);;All files (*)")
        if found:
            self.load(found)

    def load(self, path: Path) -> None:
        """Show a session file in its form; what is wrong with it is said in place."""
        try:
            self.fill(Session.load(path))
            self.told.setText(f"From {path.name}")
            self.told.setProperty("role", "muted")
        except (ValueError, OSError) as error:
            self.told.setText(str(error))
            self.told.setProperty("role", "bad")
        restyle(self.told)

    def _demo(self) -> None:
        self.reject()
        self.demo_wanted.emit()

    def _build(self) -> None:
        self.tabs, self.pages = QTabBar(), QStackedWidget()
        self.tabs.setDrawBase(False)
        self.tabs.setExpanding(False)
        self.tabs.setUsesScrollButtons(False)
        self.tabs.setAccessibleName("Where the data come from")
        for name, page in zip(TABS, (self.live, self.recording, self.recent), strict=True):
            self.tabs.addTab(name)
            self.pages.addWidget(page)
        self.told = QLabel()
        self.file = quiet_button("Load session &file…", "A TOML file that was saved with Ctrl+S.")
        self.demo = quiet_button("Try the &demo", "A simulated listener and a bank trained a moment before.")
        self.demo.setVisible(packaged_gguf() is not None)
        top = QHBoxLayout()
        top.setSpacing(10)
        for widget in (self.tabs, self.told, self.file, self.demo):
            top.addWidget(widget, 1 if widget is self.told else 0)
        self.told.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        column = QVBoxLayout(self)
        column.setContentsMargins(20, 16, 20, 16)
        column.setSpacing(12)
        column.addLayout(top)
        column.addWidget(self.pages, 1)
        column.addWidget(self.bank)
        column.addWidget(self.keep)
        column.addLayout(self._foot())
        self.resize(1080, 680)
        self.setMinimumSize(860, 560)

    def _foot(self) -> QHBoxLayout:
        self.mark, self.said = Mark(), QLabel()
        self.said.setWordWrap(True)
        self.leave = quiet_button("Leave", "Esc")
        self.begin = QPushButton("&Start")
        self.begin.setObjectName("begin")
        self.begin.setDefault(True)
        row = QHBoxLayout()
        row.setSpacing(10)
        for widget in (self.mark, self.said, self.bank.without, self.leave, self.begin):
            row.addWidget(widget, 1 if widget is self.said else 0)
        return row

    def _connect(self) -> None:
        self.tabs.currentChanged.connect(self._turn)
        self.begin.clicked.connect(lambda _=False: self.accept())
        self.leave.clicked.connect(lambda _=False: self.reject())
        self.file.clicked.connect(lambda _=False: self._load())
        self.demo.clicked.connect(lambda _=False: self._demo())
        for part in (self.bank, self.keep, self.live, self.recording, self.recent):
            part.changed.connect(self.look)
        self.recent.changing.connect(self.fill)
