"""JSON and TOML from files that anybody may have written: a table of finite numbers, or one line that says why not."""

from __future__ import annotations

import json
import math
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

MAX_TOML_BYTES = 4 << 20
MAX_JSON_BYTES = 256 << 20
"""The headers of a person's recordings, words and all, take some megabytes."""

MAX_DEPTH = 64


def read_json(path: Path, fix: str = "") -> dict[str, Any]:
    """The table in a JSON file.

    Parameters
    ----------
    path : Path
        The file.
    fix : str
        What to do where it cannot be read; ends the message.

    Returns
    -------
    dict

    Raises
    ------
    ValueError
        If it is not JSON, no table at its top, too deep or too large, or holds a number that is not finite.
    """
    return parse_json(_read(path, MAX_JSON_BYTES, fix), str(path), fix)


def read_toml(path: Path) -> dict[str, Any]:
    """The table in a TOML file; ValueError, in one line, as `read_json`."""
    return parse_toml(_read(path, MAX_TOML_BYTES, ""), str(path))


def parse_json(text: str, source: str, fix: str = "") -> dict[str, Any]:
    """The table in a JSON text; ValueError, in one line, names the source."""
    return _parsed(text, source, "JSON", _load_json, fix)


def parse_toml(text: str, source: str) -> dict[str, Any]:
    """The table in a TOML text; ValueError, in one line, names the source."""
    return _parsed(text, source, "TOML", lambda text: tomllib.loads(text, parse_float=_toml_float), "")


def _load_json(text: str) -> Any:
    return json.loads(text, parse_float=_finite, parse_constant=_constant)


def _constant(name: str) -> float:
    """NaN stands for the place of a sensor that is not known; no infinity stands for anything."""
    return math.nan if name == "NaN" else _finite(name)


def _read(path: Path, most: int, fix: str) -> str:
    size = path.stat().st_size
    if size > most:
        raise ValueError(_line(f"{path} has {size:,} bytes; at most {most:,} are read", fix))
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        raise ValueError(_line(f"{path} is not UTF-8 text", fix)) from None


def _parsed(text: str, source: str, kind: str, load: Callable[[str], Any], fix: str) -> dict[str, Any]:
    try:
        value = load(text)
    except RecursionError:
        raise ValueError(_line(f"{source} is nested too deep to be read", fix)) from None
    except ValueError as error:
        raise ValueError(_line(f"{source} is not valid {kind}: {error}", fix)) from None
    if not isinstance(value, dict):
        raise ValueError(_line(f"{source} holds a {type(value).__name__} where a table belongs", fix))
    if _depth_above(value, MAX_DEPTH):
        raise ValueError(_line(f"{source} is nested more than {MAX_DEPTH} deep", fix))
    return value


def _line(fact: str, fix: str) -> str:
    return f"{fact}; {fix}" if fix else fact


def _toml_float(text: str) -> float:
    """TOML has words for what is not finite; the setting that gets one says what it takes instead."""
    return float(text) if text.lstrip("+-") in ("inf", "nan") else _finite(text)


def _finite(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise ValueError(f"{text[:20]} is no finite number")
    return value


def _depth_above(value: Any, most: int) -> bool:
    """Whether tables and lists are nested deeper than that; without recursion."""
    level = [value]
    for _ in range(most):
        level = [
            inner
            for outer in level
            for inner in (outer.values() if isinstance(outer, dict) else outer)
            if isinstance(inner, (dict, list))
        ]
        if not level:
            return False
    return True
