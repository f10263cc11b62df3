"""Elements of HTML and SVG as text, in which every plain string is escaped."""

from __future__ import annotations

import html
import math
import re
from collections.abc import Iterable
from importlib.resources import files

from rtalign.report.colour import THEMES, shades

UNFIT = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff\ufffe\uffff]")
"""Control characters, halves of characters, and marks that turn the direction of the text around them."""


class Markup(str):
    """Text that is already markup.  Whatever is not of this type is escaped on its way in."""

    __slots__ = ()


def escape(value: object) -> Markup:
    """A value as text that can stand in an element or in a quoted attribute."""
    if isinstance(value, Markup):
        return value
    if isinstance(value, float):
        return Markup(number(value))
    if not isinstance(value, (str, int)):
        raise TypeError(f"a {type(value).__name__} has no place in markup; write it as text or a number first")
    return Markup(html.escape(UNFIT.sub("", str(value)), quote=True))


def prose(text: str) -> Markup:
    """Text with its symbols set as such."""
    return Markup(escape(text).replace("T_max", "<i>T</i><sub>max</sub>"))


def join(*children: object) -> Markup:
    """Children one after the other; None is nothing, lists are flattened."""
    parts: list[str] = []
    for child in children:
        if isinstance(child, str):
            parts.append(escape(child))
        elif isinstance(child, Iterable):
            parts.append(join(*child))
        elif child is not None:
            parts.append(escape(child))
    return Markup("".join(parts))


def tag(name: str, /, *children: object, **attributes: object) -> Markup:
    """An element; an attribute that is None is left out.

    A trailing underscore of an attribute's name is dropped, inner ones become hyphens: class_, text_anchor.
    """
    written = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{escape(value)}"'
        for key, value in attributes.items()
        if value is not None
    )
    inside = join(*children)
    if not children and name in VOID:
        return Markup(f"<{name}{written}/>")
    return Markup(f"<{name}{written}>{inside}</{name}>")


VOID = frozenset(
    ["meta", "br", "hr", "img", "path", "line", "rect", "circle", "image", "polyline", "polygon", "use", "stop"]
)


def number(value: float, digits: int = 2) -> str:
    """A coordinate, without zeros that say nothing."""
    if not math.isfinite(value):
        raise ValueError(f"a coordinate of a figure is {value}; leave missing values out before drawing")
    text = f"{value:.{digits}f}".rstrip("0").rstrip(".") if digits else f"{value:.0f}"
    return "0" if text == "-0" else text


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


def rules(name: str, package: str = "rtalign.report") -> str:
    """A style sheet that lies in a package."""
    return files(package).joinpath(name).read_text(encoding="utf-8")


def _resolved(rules: str, theme: str) -> str:
    return re.sub(r"var\(--(\w+)\)", lambda match: THEMES[theme][match[1]], rules)
