"""Tables from code to word."""

from __future__ import annotations

from pathlib import Path

import pytest

from rtalign.streams.markers.code_table import CodeTable


@pytest.mark.parametrize(
    ("rows", "fact"),
    [
        ("code,word\n7,the\n7,lamp\n", "gives code 7 to 'the' and to 'lamp'"),
        ("code,word\nx,the\n", "'x' is no whole number"),
        ("code,colour\n1,red\n", "no column called"),
        ("code,word\n", "is empty"),
    ],
)
def test_an_unusable_table_of_codes_is_refused(tmp_path: Path, rows: str, fact: str) -> None:
    path = tmp_path / "codes.csv"
    path.write_text(rows, encoding="utf-8")
    with pytest.raises(ValueError, match=fact):
        CodeTable.read(path)
