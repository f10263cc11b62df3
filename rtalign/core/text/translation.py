"""Visible text in another language: it goes through `tr`, and one table lists all of it.

The texts stand in the code, in English, as Qt has it; ``translations/texts.tsv`` lists them for translators, and
``python -m rtalign.core.text.translation rtalign apps/rtalign_monitor`` writes it anew.  A translation is a table
beside it, such as ``de.tsv``, with the translated text in its second column; ``RTALIGN_LANGUAGE=de`` shows it.
``RTALIGN_LANGUAGE=pseudo`` shows every text longer and in brackets: to find what is not in the table, and what has too
little room.  A process has one language: module constants are texts too.
"""

from __future__ import annotations

import ast
import csv
import functools
import os
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

VARIABLE = "RTALIGN_LANGUAGE"
PSEUDO = "pseudo"
FOLDER = Path(__file__).with_name("translations")
LONGER = 0.4
"""By which share of its length a text grows in the pseudo-translation: what German or Finnish may need."""


def tr(text: str, /, **values: object) -> str:
    """A visible text in the language of this process.

    Parameters
    ----------
    text : str
        The English text, with the names of values in braces; written out where it is used, so that it can be listed.
    **values
        Put in the place of their names, as `str.format` does.

    Returns
    -------
    str
        The English text where there is no translation.
    """
    shown = _translated(text)
    return shown.format(**values) if values else shown


@functools.cache
def _translated(text: str) -> str:
    language = os.environ.get(VARIABLE, "")
    return pseudo(text) if language == PSEUDO else _table(language).get(text) or text


@functools.cache
def _table(language: str) -> Mapping[str, str]:
    if not language or not (path := FOLDER / f"{Path(language).name}.tsv").exists():
        return {}
    return {row[0]: row[1] for row in _rows(path) if len(row) > 1}


def pseudo(text: str) -> str:
    """A text as long as in a wordy language, in brackets; values and keys stay."""
    n = round(LONGER * len(re.sub(r"{[^}]*}", "", text))) - 2
    return f"[{text}{'~' * max(n, 0)}]" if text.strip() else text


def texts_in_code(packages: Sequence[Path]) -> dict[str, str]:
    """Every text in the code of some packages, and the first module that has it."""
    found: dict[str, str] = {}
    for package in packages:
        for path in sorted(package.rglob("*.py")):
            for text in texts_of(path.read_text(encoding="utf-8")):
                found.setdefault(text, path.relative_to(package.parent).as_posix())
    return found


def texts_of(source: str) -> Iterator[str]:
    """The texts that go through `tr` in a module's source, in order."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == tr.__name__:
            text = node.args[0]
            if not isinstance(text, ast.Constant) or not isinstance(text.value, str):
                raise ValueError(f"line {node.lineno}: tr takes a text that is written out, not {ast.unparse(text)}")
            yield text.value


def texts_in_table(language: str = "texts") -> list[str]:
    """The English texts of a table, in order."""
    return [row[0] for row in _rows(FOLDER / f"{language}.tsv")]


def write_table(packages: Sequence[Path]) -> None:
    """List all texts anew, by module."""
    rows = sorted(texts_in_code(packages).items(), key=lambda item: (item[1], item[0]))
    with (FOLDER / "texts.tsv").open("w", encoding="utf-8", newline="") as file:
        csv.writer(file, "excel-tab", lineterminator="\n").writerows(rows)


def _rows(path: Path) -> list[list[str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.reader(file, "excel-tab"))


if __name__ == "__main__":
    write_table([Path(name) for name in sys.argv[1:]])
