"""Every visible text of the window goes through `tr`, and one table lists them all."""

from __future__ import annotations

import ast
import json
import os
import re
import string
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from rtalign.core.text import translation
from rtalign.core.text.translation import texts_in_code, texts_in_table, tr
from tests.helpers import snapshots
from tests.helpers.paths import PYTHONPATH, ROOT

WINDOW = ROOT / "apps" / "rtalign_monitor"
PACKAGES = (ROOT / "rtalign", WINDOW)
READS_AS_WORDS = re.compile(r"[A-Za-z]{2,}[,:;.]? [a-z“(]{2,}|^[A-Z][a-z]{2,}")
KEYS = re.compile(r"^(Ctrl|Shift|Alt)\+|^(Up|Down|Left|Right|Home|Esc|Space)$")
MARKUP = re.compile(r"\{\{|</|style=")
NOT_SHOWN = {
    "panels/ladder.py": {"below null"}, "panels/panel.py": {" has no spec: state a PanelSpec, as the other panels do"},
    "panels/plot.py": {"Range"}, "qt_binding.py": {" is not installed"}, "start/discovery.py": {"Scores"},
    "start/disk_queries.py": {"disk queries"}, "start/recording_page.py": {"name a table with --word-table FILE"},
    "start/sessions.py": {"# A session of rtalign; open it in the window, or with: rtalign monitor --session FILE"},
    "widgets/awake.py": {"Inhibit"}, "widgets/theme.py": {"there is no theme ", " or system", *(
        "Inter", "Segoe UI", "Helvetica Neue", "Noto Sans", "Liberation Sans", "DejaVu Sans")},
}  # fmt: skip
"""Keys of tables, names of Qt and of fonts, text that is written to files, and errors of who programs."""
FROM_ELSEWHERE = {
    "Export", "Export...", "Scroll Left", "Scroll Right", "rtalign", "Esc", "M&EG", "MEG", "JSON", "ft://HOST:1972",
    *("no word has been scored yet", "Loading the language model…", "loading the language model", "Starting…"),
    "[faint: not above chance   grey: chance at each lag",
}  # fmt: skip
"""What Qt and pyqtgraph say in menus that are not shown, names and keys, what the engine of this test says, and a part
of a text of which there was no room for the whole."""


def untranslatable(source: str) -> Iterator[str]:
    """Strings of a module that read as words and do not go through `tr`."""
    tree = ast.parse(source)
    docs = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    given = {id(node.args[0]) for node in ast.walk(tree)
             if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "tr"}  # fmt: skip
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in docs | given:
            text = node.value
            if READS_AS_WORDS.search(text) and not KEYS.search(text) and not MARKUP.search(text):
                yield text


def test_every_text_of_the_window_goes_through_tr() -> None:
    found = {}
    for path in sorted(WINDOW.rglob("*.py")):
        name = path.relative_to(WINDOW).as_posix()
        found[name] = {*untranslatable(path.read_text(encoding="utf-8"))} - NOT_SHOWN.get(name, set())
    assert {name: texts for name, texts in found.items() if texts} == {}
    assert [*untranslatable('"a doc"\nlabel("Do not"); label(tr("Do so")); label(f"{n} words are lost")')] == [
        "Do not", " words are lost",
    ]  # fmt: skip


def test_the_table_lists_every_text_once() -> None:
    """To mend it: python -m rtalign.core.text.translation rtalign apps/rtalign_monitor."""
    assert sorted(texts_in_table()) == sorted(texts_in_code(PACKAGES))


def test_every_value_has_its_name_in_the_text() -> None:
    wrong = []
    for package in PACKAGES:
        for path in package.rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "tr" and node.keywords:
                    text, given = ast.literal_eval(node.args[0]), {keyword.arg for keyword in node.keywords}
                    if given != {None} and {name for _, name, _, _ in string.Formatter().parse(text) if name} != given:
                        wrong.append(f"{path.name}:{node.lineno}")
    assert [place for place in wrong if not place.startswith("headline.py")] == []


@pytest.fixture
def german(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    (tmp_path / "de.tsv").write_text("Undo\tZurück\n{n:,} words\t{n:,} Wörter\nKeep\t\n", encoding="utf-8")
    monkeypatch.setattr(translation, "FOLDER", tmp_path)
    monkeypatch.setenv(translation.VARIABLE, "de")
    caches = translation._table, translation._translated
    for cache in caches:
        cache.cache_clear()
    yield
    for cache in caches:
        cache.cache_clear()


def test_a_table_translates_and_what_it_lacks_stays_english(german: None) -> None:
    assert [tr("Undo"), tr("{n:,} words", n=2000), tr("Keep"), tr("Cancel")] == [
        "Zurück", "2,000 Wörter", "Keep", "Cancel",
    ]  # fmt: skip


def test_everything_that_is_shown_comes_from_the_table() -> None:
    """In the pseudo-translation every text of the table is in brackets; what is not is data, a key or a unit."""
    command = [sys.executable, "-m", "tests.helpers.visible_texts"]
    environment = os.environ | {translation.VARIABLE: translation.PSEUDO, "PYTHONPATH": PYTHONPATH}
    shown = json.loads(subprocess.run(command, env=environment, check=True, capture_output=True, cwd=ROOT).stdout)
    assert len(shown) > 400
    data = {*snapshots.STORY, *snapshots.sensors_view().names, *snapshots.sensors_view().regions}
    plain = {text for _, text in shown if re.search("[A-Za-z]{2,}", outside_brackets(text))}
    assert {text for text in plain if text not in data | FROM_ELSEWHERE} == set()


def outside_brackets(text: str) -> str:
    """A pseudo-translated text without what is from the table, and without keys, units and names."""
    while (shorter := re.sub(r"\[[^\[\]]*\]", "", text)) != text:
        text = shorter
    text = re.sub(r"\[[^\[\]]*$", "", text)  # a legend whose last parts found no room
    return re.sub(r"\((Ctrl|Shift|Alt|Esc|Up|Down|Left|Right|Home|Space|Del|F\d)[^)]*\)|smollm2|- rtalign|\bms\b|"
                  r"no word has been scored yet|\bf?T\b|\bHz\b|fT(/cm)?(/rHz)?", "", text)  # fmt: skip
