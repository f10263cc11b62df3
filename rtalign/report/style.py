"""The style sheet: one set of rules, a light and a dark set of colours."""

from __future__ import annotations

import re
from importlib.resources import files

from rtalign.report.colour import THEMES, shades
from rtalign.report.markup import Markup


def page_css() -> Markup:
    """For the report: colours as variables; dark only on a screen that asks for it, so paper is always light."""
    light, dark = (
        ":root{" + "".join(f"--{k}:{v};" for k, v in THEMES[name].items()) + "}" for name in ("light", "dark")
    )
    parts = [light, shades("light"), "@media screen and (prefers-color-scheme:dark){", dark, shades("dark"), "}"]
    return Markup("".join(parts) + rules("figures.css") + rules("page.css"))


def figure_css() -> Markup:
    """For a figure by itself: colours written out, because not every program that draws SVG knows variables."""
    figures = rules("figures.css")
    dark = "@media screen and (prefers-color-scheme:dark){" + _resolved(figures, "dark") + shades("dark") + "}"
    return Markup(_resolved(figures, "light") + shades("light") + dark)


def rules(name: str) -> str:
    """A style sheet of this package."""
    return files("rtalign.report").joinpath(name).read_text(encoding="utf-8")


def _resolved(rules: str, theme: str) -> str:
    return re.sub(r"var\(--(\w+)\)", lambda match: THEMES[theme][match[1]], rules)
