"""The pages of the site: commands exist, links lead somewhere, every format that is named is written."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

import rtalign
from rtalign_cli.arguments import SUBCOMMANDS, build_parser
from tests.helpers.paths import ROOT

DOCS = ROOT / "docs"
PAGES = sorted(page for page in DOCS.rglob("*.md") if "decisions" not in page.parts)
GENERATED = {"commands.md", "changelog.md", "contributing.md", "security.md"}
"""Pages that `make docs` adds."""


def test_commands_of_the_pages_exist() -> None:
    parser = build_parser()
    lines = [
        line for page in PAGES for line in re.findall(r"^    (rtalign .+)$", page.read_text("utf-8"), re.MULTILINE)
    ]
    assert len(lines) > 25
    for line in lines:
        if "..." not in line:
            parser.parse_args(shlex.split(line, comments=True)[1:])
    named = {name for page in PAGES for name in re.findall(r"`rtalign ([a-z][a-z-]*)", page.read_text("utf-8"))}
    assert named <= set(SUBCOMMANDS)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(DOCS).as_posix())
def test_links_lead_to_files(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", page.read_text("utf-8")):
        generated = target in GENERATED or target.startswith("examples/")
        assert generated or "://" in target or (page.parent / target).exists(), target


def test_every_public_name_has_its_entry() -> None:
    text = (DOCS / "python.md").read_text("utf-8")
    assert {f"rtalign.{name}" for name in rtalign.__all__} <= set(re.findall(r"auto\w+:: (\S+)", text))
