"""The two boxes below every page of the start dialog: the bank of a session, and its outputs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from qtpy.QtCore import Qt, Signal
from qtpy.QtWidgets import QFrame, QGridLayout, QHBoxLayout, QLabel, QLineEdit, QWidget

from rtalign.core.session import Session
from rtalign.core.text.translation import tr
from rtalign.language.loading import SMOLLM2, list_models
from rtalign_monitor.memory import WindowMemory
from rtalign_monitor.start.bank_fit import BankInfo, read_bank
from rtalign_monitor.start.disk_queries import DiskQueries
from rtalign_monitor.widgets.controls import CheckBox, ComboBox
from rtalign_monitor.widgets.fields import (
    PathField,
    choose_path,
    explanation,
    label_for,
    refresh_style,
    secondary_button,
)

WITHOUT_BANK = tr("Without a bank: learn from nothing")
NO_BANK = tr("no bank")
"""Data of that entry."""
RECORDINGS = Path.home() / "rtalign-sessions"


class BankBox(QFrame):
    """The bank that a session uses, or none, and the language model.

    Parameters
    ----------
    memory : WindowMemory
        Remembers recent banks.
    queries : DiskQueries
        Reads banks in the background.

    Attributes
    ----------
    info : BankInfo or None
        What is known of the bank; None while it is read, where it is refused, and where there is none.
    refused : str
        Why the bank cannot be used; empty where it can.
    changed : signal
        The user has changed something.
    """

    changed = Signal()

    def __init__(self, memory: WindowMemory, queries: DiskQueries) -> None:
        super().__init__()
        self.setProperty("role", "plate")
        self._memory, self._queries = memory, queries
        self.info: BankInfo | None = None
        self.refused = ""
        self._installed_models: frozenset[str] | None = None
        self.bank, self.model = ComboBox(tr("Bank")), ComboBox(tr("Language model"), editable=True)
        self.bank.setPlaceholderText(tr("Choose a bank"))
        self.browse = secondary_button(tr("Browse…"), tr("A folder that was written by rtalign train"))
        self.adapt = CheckBox(tr("Adapt to toda&y's participant"), tr("Learn from each word after it has been scored."))
        self.ignore_missing = CheckBox(tr("I&gnore the missing sensors"), tr("They are set to their training means."))
        self.summary: QLabel = explanation()
        self._build()
        for path in memory.banks:
            self._add_bank(path)
        self.bank.insertSeparator(self.bank.count())
        self.bank.addItem(WITHOUT_BANK, NO_BANK)
        self.bank.setCurrentIndex(0 if memory.banks else -1)
        self._connect()

    @property
    def folder(self) -> Path | None:
        """Of the chosen bank."""
        data = self.bank.currentData()
        return data if isinstance(data, Path) else None

    @property
    def without_bank(self) -> bool:
        """Whether decoders are to learn from nothing."""
        return self.bank.currentData() == NO_BANK

    def settings(self) -> dict[str, Any]:
        """Settings of the session."""
        model = self.model.currentText().strip() or None
        ignore = self.ignore_missing.isChecked() and not self.ignore_missing.isHidden()
        return {"bank": self.folder, "model": model, "adapt": self.without_bank or self.adapt.isChecked(),
                "allow_missing": ignore}  # fmt: skip

    def fill(self, session: Session) -> None:
        """Show a session's settings."""
        if session.bank is not None:
            self.choose(session.bank)
        elif session.adapt:
            self.bank.setCurrentIndex(self.bank.findData(NO_BANK))
        self.model.setEditText(session.model or "")
        self.adapt.setChecked(session.adapt)
        self.ignore_missing.setChecked(session.allow_missing)

    def choose(self, folder: Path) -> None:
        if self._index(folder) < 0:
            self._add_bank(folder, 0)
        self.bank.setCurrentIndex(self._index(folder))

    def refresh(self) -> None:
        """Show what has been read from the disk meanwhile."""
        folder, self.info, self.refused = self.folder, None, ""
        if folder is not None:
            match self._queries.get(("bank", folder), lambda: read_bank(folder)):
                case BankInfo() as info:
                    self.info, self.refused = info, info.refused
                case Exception() as error:
                    self.refused = str(error)
        models = self._queries.get("models", list_models)
        if isinstance(models, list) and self._installed_models is None:
            self._installed_models = frozenset(entry.id for entry in models if entry.folder and entry.readable)
            typed = self.model.currentText()
            self.model.addItems([entry.id for entry in models if entry.id in self._installed_models])
            self.model.setEditText(typed)
        self._show_summary()

    def problem(self) -> str:
        """Why no session can start with this bank; empty where one can."""
        if self.bank.currentIndex() < 0:
            return tr("Choose a bank, or “") + WITHOUT_BANK + "”."
        if self.refused:
            return self.refused
        if self.folder is not None and self.info is None:
            return tr("The bank is being read.")
        typed, installed = self.model.currentText().strip(), self._installed_models
        if self.info and installed is not None and not typed and self.info.model not in installed:
            return tr(
                "The bank's language model {model} is not on this machine: name its folder as Model.",
                model=self.info.model,
            )
        return ""

    def offer_to_ignore_missing(self, possible: bool) -> None:
        """Show the check box where there are sensors to ignore."""
        self.ignore_missing.setVisible(possible)

    def _show_summary(self) -> None:
        text = (
            tr("The bank is being read.") if self.folder else tr("A bank holds decoders that rtalign train has fitted.")
        )
        if self.refused:
            text = self.refused
        elif self.info:
            text = self.info.summary
        elif self.without_bank:
            text = tr(
                "Decoders start at zero and learn from each word after it has been scored; expect several minutes."
            )
        if text != self.summary.text():
            self.summary.setText(text)
            self.summary.setProperty("role", "bad" if self.refused else "muted")
            refresh_style(self.summary)
        line = self.model.lineEdit()
        if line is not None:
            default = SMOLLM2 if self.without_bank else tr("the bank's own")
            line.setPlaceholderText(tr("the bank's own: {model}", model=self.info.model) if self.info else default)
        self.adapt.setEnabled(not self.without_bank)

    def _build(self) -> None:
        grid = QGridLayout(self)
        grid.setContentsMargins(16, 12, 16, 12)
        grid.setHorizontalSpacing(10)
        grid.setVerticalSpacing(8)
        grid.addWidget(label_for(tr("&Bank"), self.bank), 0, 0)
        grid.addWidget(self.bank, 0, 1)
        grid.addWidget(self.browse, 0, 2)
        grid.addWidget(label_for(tr("Mode&l"), self.model), 0, 3)
        grid.addWidget(self.model, 0, 4)
        row = QHBoxLayout()
        row.setSpacing(20)
        row.addWidget(self.summary, 1)
        row.addWidget(self.adapt)
        grid.addLayout(row, 1, 1, 1, 4)
        grid.setColumnStretch(1, 3)
        grid.setColumnStretch(4, 2)
        grid.setColumnMinimumWidth(0, 48)
        self.ignore_missing.hide()

    def _connect(self) -> None:
        self.bank.currentIndexChanged.connect(lambda _: self.changed.emit())
        self.model.editTextChanged.connect(lambda _: self.changed.emit())
        self.ignore_missing.toggled.connect(lambda _: self.changed.emit())
        self.browse.clicked.connect(lambda _=False: self._browse())

    def _browse(self) -> None:
        folder = choose_path(self, tr("Bank"), self._memory, folder=True)
        if folder:
            self._queries.forget(("bank", folder))
            self.choose(folder)
            self.changed.emit()

    def _add_bank(self, folder: Path, at: int | None = None) -> None:
        at = self.bank.count() if at is None else at
        self.bank.insertItem(at, short_path(folder), folder)
        self.bank.setItemData(at, str(folder), Qt.ItemDataRole.ToolTipRole)

    def _index(self, folder: Path) -> int:
        return next((i for i in range(self.bank.count()) if self.bank.itemData(i) == folder), -1)


class OutputBox(QWidget):
    """What is written of a session: a recording of a live one, results of a replay, and scores over LSL.

    Parameters
    ----------
    memory : WindowMemory
        Remembers folders.

    Attributes
    ----------
    live : bool
        Whether it is shown for a live session.
    changed : signal
        The user has changed something.
    """

    changed = Signal()

    def __init__(self, memory: WindowMemory) -> None:
        super().__init__()
        self.live = True
        self.record = CheckBox(tr("Re&cord to"), tr("Keep everything that is received on disk, unchanged."))
        self.folder = PathField(tr("Folder to record to"), memory, folder=True)
        self.results = PathField(tr("Folder for the results"), memory, folder=True, hint=tr("none: nothing is written"))
        self.publish = CheckBox(tr("&Publish scores over LSL"), tr("Send the scores as stream rtalign-scores."))
        self._results_label = label_for(tr("Results &into"), self.results)
        self.participant, self.session_id = QLineEdit(), QLineEdit()
        self._live_widgets: list[QWidget] = [self.record, self.folder]
        labels = []
        for text, tip, edit in (
            (tr("S&ubject"), tr("The participant; goes into the name of every file."), self.participant),
            (tr("Sessio&n"), tr("Number of the session; goes into the name of every file."), self.session_id),
        ):
            labels.append(label_for(text, edit))
            edit.setMaxLength(40)
            edit.setFixedWidth(84)
            edit.setAccessibleName(text.replace("&", ""))
            edit.setToolTip(tip)
            self._live_widgets += [labels[-1], edit]
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(10)
        fields = self.folder, self.results
        named = labels[0], self.participant, labels[1], self.session_id
        for widget in (*named, self.record, self.folder, self._results_label, self.results, self.publish):
            row.addWidget(widget, 1 if widget in fields else 0)
        self.folder.set_path(next((session.record for session in memory.recent if session.record), RECORDINGS))
        self.folder.setEnabled(False)
        self.record.toggled.connect(self.folder.setEnabled)
        self.record.toggled.connect(lambda _: self.changed.emit())
        for field in fields:
            field.changed.connect(self.changed)

    def show_for(self, live: bool) -> None:
        """Show the fields of a live session, or those of a replay."""
        self.live = live
        for widget in self._live_widgets:
            widget.setVisible(live)
        self._results_label.setVisible(not live)
        self.results.setVisible(not live)

    def settings(self) -> dict[str, Any]:
        """Settings of the session."""
        record = self.folder.path if self.live and self.record.isChecked() else None
        out = None if self.live else self.results.path
        found: dict[str, Any] = {"record": record, "out": out, "publish": self.publish.isChecked()}
        if self.live:
            found |= {"subject": _text(self.participant), "session": _text(self.session_id)}
        return found

    def fill(self, session: Session) -> None:
        """Show a session's settings; the folder of an earlier recording stays."""
        self.record.setChecked(session.record is not None)
        if session.record is not None:
            self.folder.set_path(session.record)
        if session.recording is None:
            self.participant.setText(session.subject or "")
            self.session_id.setText(session.session or "")
        self.results.set_path(session.out)
        self.publish.setChecked(session.publish)

    def forget_subject(self) -> None:
        """Leave subject and session to be typed: the next person may be another, and no name beats a wrong one."""
        self.participant.clear()
        self.session_id.clear()

    def problem(self) -> str:
        """Why no session can start with these outputs; empty where one can."""
        missing = self.live and self.record.isChecked() and self.folder.path is None
        return tr("Name the folder to record to.") if missing else ""


def _text(edit: QLineEdit) -> str | None:
    return edit.text().strip() or None


def short_path(folder: Path) -> str:
    """The last two parts of a path, as many banks are called "bank"."""
    return "/".join(folder.parts[-2:]) if len(folder.parts) > 2 else str(folder)
