"""The dialog "What else could this be?": each rival explanation of this session's result, and of its bank's."""

from __future__ import annotations

import re
from collections.abc import Callable
from html import escape
from pathlib import Path

from qtpy.QtCore import QEvent, QRectF, QSize, Qt, QUrl
from qtpy.QtGui import QImage, QPainter, QTextDocument
from qtpy.QtWidgets import QDialog, QTabBar, QTextBrowser, QVBoxLayout, QWidget

from rtalign.core.text.translation import tr
from rtalign.engine.snapshot import Snapshot
from rtalign.report.read import read_results
from rtalign.report.verdict import Explanation
from rtalign_monitor.actions.registry import Handler
from rtalign_monitor.panels.rivals import TITLE, RivalsPage, bank_page, session_page
from rtalign_monitor.widgets.lamps import ROLE, paint_lamp
from rtalign_monitor.widgets.theme import Theme

SESSION, BANK = range(2)
SIZE, SHARE = QSize(820, 640), 0.9
"""Of the dialog, and of the screen that it may fill."""
ROW = (
    "<table width='100%' cellspacing='0' cellpadding='0' style='margin-top:{px}px'><tr>"
    "<td width='{indent}' style='vertical-align:middle'><img src='{lamp}'></td><td><b>{title}</b></td>"
    "<td align='right' style='white-space:nowrap; color:{colour}'>{state}</td></tr></table>"
    "<p style='margin:0 0 0 {indent}px'><span style='color:{muted}'>{done}</span>{left}</p>"
)
JOINED = re.compile(r" (?=(=|ms|%)( |$|[\W])|[−\d.]+\])|(?<= =) ")
"""Blanks at which no line ends."""
COULD, DOES_NOT, NOTHING, UNTESTED = "lost", "flowing", "ended", "stale"
"""Lamps of explanations."""
STATES = {
    COULD: tr("could explain it"),
    DOES_NOT: tr("does not explain it"),
    NOTHING: tr("nothing to explain yet"),
    UNTESTED: tr("not tested"),
}


class Rivals:
    """Opens the dialog and keeps it up to date while it is open.

    Parameters
    ----------
    newest : callable
        The newest snapshot.
    theme : callable
        The window's theme.
    window : QWidget
        The window, its parent.
    """

    def __init__(self, newest: Callable[[], Snapshot], theme: Callable[[], Theme], window: QWidget) -> None:
        self._newest, self._theme, self._window = newest, theme, window
        self.dialog: RivalsDialog | None = None

    def handlers(self) -> dict[str, Handler]:
        """The handlers by action."""
        return {"rivals": self._show}

    def follow(self, snapshot: Snapshot) -> None:
        """Show a new snapshot, where the dialog is open."""
        if self.dialog is not None and self.dialog.isVisible():
            self.dialog.draw(snapshot)

    def close(self) -> None:
        """Close the dialog with its window."""
        if self.dialog is not None:
            self.dialog.close()

    def _show(self) -> None:
        if self.dialog is None:
            self.dialog = RivalsDialog(self._theme, self._window)
        self.dialog.draw(self._newest())
        self.dialog.show()
        self.dialog.activateWindow()


class RivalsDialog(QDialog):
    """Two pages of text, of the session and of its bank, that can be selected and copied.

    Parameters
    ----------
    theme : callable
        The window's theme.
    window : QWidget
        Its parent, whose stylesheet it has.

    Attributes
    ----------
    tabs : QTabBar
        Which page is shown.
    text : QTextBrowser
        The page.
    """

    def __init__(self, theme: Callable[[], Theme], window: QWidget) -> None:
        super().__init__(window)
        self.setWindowTitle(TITLE)
        self._theme = theme
        self._snapshot: Snapshot | None = None
        self._bank: tuple[str, RivalsPage] = "", RivalsPage(tr("No bank is in use."))
        self._look: tuple[int, str, int] | None = None
        self._written: RivalsPage | None = None
        self.tabs, self.text = QTabBar(), QTextBrowser()
        self.tabs.setDrawBase(False)
        self.tabs.setExpanding(False)
        self.tabs.setAccessibleName(tr("Of which result"))
        for name in (tr("This &session"), tr("Its &bank")):
            self.tabs.addTab(name)
        self.tabs.currentChanged.connect(lambda _: self._show_page())
        self.text.setAccessibleName(TITLE)
        self.text.setOpenLinks(False)
        column = QVBoxLayout(self)
        column.setContentsMargins(16, 12, 16, 16)
        column.addWidget(self.tabs)
        column.addWidget(self.text, 1)
        screen = window.screen()
        self.resize(SIZE.boundedTo(screen.availableSize() * SHARE) if screen is not None else SIZE)
        self.text.setFocus()

    def draw(self, snapshot: Snapshot) -> None:
        """Show a session as it stands."""
        self._snapshot = snapshot
        self._show_page()

    def changeEvent(self, event: QEvent | None) -> None:
        """The theme or the size of the type has changed."""
        super().changeEvent(event)
        if event is not None and event.type() == QEvent.Type.StyleChange and self._snapshot is not None:
            self._show_page()

    def _show_page(self) -> None:
        """Write what has changed, where no text is selected: what a user copies stays as it is."""
        self.text.ensurePolished()  # before it is shown for the first time it has another font
        page, theme, px = self._page(), self._theme(), self.text.fontInfo().pixelSize()
        look, ratio = (self.tabs.currentIndex(), theme.name, px), self.devicePixelRatioF()
        same_look = look == self._look
        if same_look and (page == self._written or self.text.textCursor().hasSelection()):
            return
        self._look, self._written = look, page
        bar = self.text.verticalScrollBar()
        at = bar.value() if bar is not None and same_look else 0
        document = self.text.document()
        assert document is not None
        document.setDocumentMargin(px)
        for lamp in STATES:
            document.addResource(QTextDocument.ResourceType.ImageResource, QUrl(lamp), _mark(theme, lamp, px, ratio))
        self.text.setHtml(as_html(page, theme, px))
        if bar is not None:
            bar.setValue(at)

    def _page(self) -> RivalsPage:
        if self.tabs.currentIndex() == SESSION:
            return session_page(self._snapshot) if self._snapshot is not None else RivalsPage("")
        bank = self._snapshot.bank if self._snapshot is not None else ""
        if bank != self._bank[0]:
            self._bank = bank, _page_of_bank(bank)
        return self._bank[1]


def _page_of_bank(bank: str) -> RivalsPage:
    try:
        return bank_page(read_results(Path(bank))) if bank else RivalsPage(tr("No bank is in use."))
    except (ValueError, OSError) as error:
        return RivalsPage(tr("The results of the bank cannot be read: {error}", error=error))


def as_html(page: RivalsPage, theme: Theme, px: int) -> str:
    """A page as rich text in the colours of a theme, with a type of so many pixels."""
    large = f"font-size:{round(1.15 * px)}px"
    parts = [f"<p style='{large}; font-weight:600'>{_text(page.claim)}</p>"] * bool(page.claim)
    parts += [f"<p style='{large}'>{_text(page.not_controlled)}</p>"] * bool(page.not_controlled)
    parts.append(f"<p style='color:{theme.muted}'>{_text(page.basis)}</p>")
    parts += [_row(rival, page.has_peaks, theme, px) for rival in page.explanations]
    if page.outlook:
        title = _text(tr("How much more is needed"))
        parts.append(f"<p style='margin-top:{2 * px}px'><b>{title}</b><br>{_text(page.outlook)}</p>")
    return "".join(parts)


def _row(rival: Explanation, has_peaks: bool, theme: Theme, px: int) -> str:
    """One explanation: its mark and state, what was done, and what is left."""
    lamp = UNTESTED if rival.explains is None else NOTHING if not has_peaks else COULD if rival.explains else DOES_NOT
    left = f"<br>{_text(_sentence(rival.left))}" if rival.left else ""
    title, state, done = map(_text, (_sentence(rival.name, ""), STATES[lamp], _sentence(rival.done)))
    colours = {"colour": getattr(theme, ROLE[lamp]), "muted": theme.muted}
    return ROW.format(px=px, indent=2 * px, lamp=lamp, title=title, state=state, done=done, left=left, **colours)


def _text(text: str) -> str:
    """A text for HTML, in which no number leaves its name, its unit or its interval."""
    return escape(JOINED.sub("\u00a0", text))


def _sentence(text: str, end: str = ".") -> str:
    return f"{text[:1].upper()}{text[1:]}{end}"


def _mark(theme: Theme, lamp: str, side: int, ratio: float) -> QImage:
    image = QImage(QSize(side, side) * ratio, QImage.Format.Format_ARGB32_Premultiplied)
    image.setDevicePixelRatio(ratio)
    image.fill(Qt.GlobalColor.transparent)
    painter = QPainter(image)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    paint_lamp(painter, theme, lamp, QRectF(0, 0, side, side).adjusted(1, 1, -1, -1))
    painter.end()
    return image
