"""Configuration of the site: `make docs` copies this folder to build/docs and builds build/site from there."""

import re
import sys
from importlib import metadata
from pathlib import Path

HERE = Path(__file__).parent
ROOT = next(folder for folder in HERE.parents if (folder / "pyproject.toml").is_file())
sys.path[:0] = [str(ROOT / folder) for folder in ("", "apps", "offline")]

project = "rtalign"
author = "the rtalign developers"
copyright = author
release = metadata.version("rtalign")

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon", "sphinx_gallery.gen_gallery"]
exclude_patterns = ["gallery"]
default_role = "code"
nitpicky = True
nitpick_ignore_regex = [("py:.*", r"(?!rtalign\.).*")]  # words of NumPy docstrings, and other libraries' names

myst_heading_anchors = 3
autodoc_typehints = "none"
autodoc_member_order = "bysource"
napoleon_use_ivar = True
napoleon_use_rtype = False
napoleon_preprocess_types = False

html_theme = "furo"
html_title = "rtalign"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_show_sphinx = False
pygments_style = "friendly"
pygments_dark_style = "monokai"

sphinx_gallery_conf = {
    "examples_dirs": "gallery",
    "gallery_dirs": "examples",
    "filename_pattern": "plot_",
    "abort_on_example_error": True,
    "default_thumb_file": str(HERE / "pictures" / "operator-light.png"),
    "download_all_examples": False,
    "show_memory": False,
    "show_signature": False,
    "remove_config_comments": True,
    "within_subsection_order": "FileNameSortKey",
}

OUTSIDE = re.compile(r"\[([^\]]+)\]\((?:\.\./)+([^)#]+)(#[^)]*)?\)")
"""A link of a page to a file of the repository that is no page."""
PATTERN = re.compile(r"[\w/]+\*")


def setup(app: object) -> None:
    """Write the page of all commands, and read the links of pages as the site has them."""
    write_commands(HERE / "commands.md")
    app.connect("source-read", local_links)  # type: ignore[attr-defined]


def local_links(_app: object, page: str, source: list[str]) -> None:
    """Files outside this folder are named rather than linked; pages that stood beside it lose their folder."""

    def named(match: re.Match[str]) -> str:
        if not (ROOT / match[2]).exists():
            raise ValueError(f"{page}: {match[0]} leads to no file of the repository")
        return f"{match[1]} (`{match[2]}`)" if match[1].strip("`") != match[2] else f"`{match[2]}`"

    if page == "index":  # Sphinx warns of a pattern that no page matches
        lines = source[0].splitlines()
        source[0] = "\n".join(line for line in lines if not PATTERN.fullmatch(line) or any(HERE.glob(f"{line}.md")))
    elif page in ("changelog", "contributing", "security"):
        source[0] = source[0].replace("](docs/", "](")
    else:
        source[0] = OUTSIDE.sub(named, source[0])


def write_commands(path: Path) -> None:
    """Every subcommand with its options, as `--help` prints them."""
    from rtalign_cli.arguments import SUBCOMMANDS, build_parser

    parser = build_parser()
    (chosen,) = (action for action in parser._actions if action.dest == "command")
    lines = ["# Commands", "", "As `rtalign COMMAND --help` prints them.", ""]
    for name, subcommand in SUBCOMMANDS.items():
        text = chosen.choices[name].format_help()  # type: ignore[index,union-attr]
        lines += [f"## rtalign {name}", "", f"{subcommand.summary[0].upper()}{subcommand.summary[1:]}.", ""]
        lines += ["```text", text.strip(), "```", ""]
    path.write_text("\n".join(lines), encoding="utf-8")
