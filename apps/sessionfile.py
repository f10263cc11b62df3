"""A session as a TOML file that a person can read and edit."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from rtalign.session import Session


def as_toml(session: Session) -> str:
    """Each setting under its own explanation; what is not set stays a comment."""
    lines = ["# A session of rtalign; open it in the window, or with: rtalign monitor --session-file FILE", ""]
    values = session.model_dump(mode="json")
    for name, field in type(session).model_fields.items():
        value = values[name]
        lines.append(f"# {field.description}")
        lines.append(f"# {name} =" if value is None else f"{name} = {_toml(value)}")
        lines.append("")
    return "\n".join(lines)


def save(session: Session, path: Path) -> None:
    path.write_text(as_toml(session), encoding="utf-8")


def name_of(session: Session) -> str:
    """A session in one line of a list."""
    what = f"replay of {session.recording}" if session.recording else f"live: {session.meg or 'first MEG stream'}"
    part = "".join(f", {key} {getattr(session, key)}" for key in ("subject", "task", "run") if getattr(session, key))
    return f"{what}{part}   with {session.bank or 'decoders learned on the way'}"


def _toml(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return json.dumps(value, ensure_ascii=False)  # strings and numbers of JSON are those of TOML
