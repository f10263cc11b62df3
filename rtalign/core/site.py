"""What is constant at a site and measured once, in one small file of the user's: how long sound takes to the ear."""

from __future__ import annotations

import json
import os
from pathlib import Path

from pydantic import Field, ValidationError

from rtalign.core.recipe import Settings, validation_text
from rtalign.core.storage.files import write_atomically
from rtalign.core.storage.json_toml import read_toml


class Site(Settings):
    """Constants of a site."""

    audio_delay_s: float = Field(0.0, ge=-1, le=1, description="From a word's marker to its sound at the ear.")
    measured: str = Field("", max_length=200, description="When the delay was measured, and in which recording.")

    @classmethod
    def load(cls) -> Site:
        """The constants that `save` kept; none are known where there is no file.

        Raises
        ------
        ValueError
            Where the file is wrong, in one line that names it.
        """
        path = site_file()
        if not path.is_file():
            return cls()
        try:
            return cls.model_validate(read_toml(path))
        except ValidationError as error:
            raise ValueError(f"{path}: {validation_text(error, 'site', cls)}") from None

    def save(self) -> Path:
        """Keep the constants for all sessions from now on; returns the file."""
        path = site_file()
        path.parent.mkdir(parents=True, exist_ok=True)
        rows = (f"{name} = {json.dumps(value)}\n" for name, value in self.model_dump().items())
        write_atomically(path, "".join(rows))
        return path


def site_file() -> Path:
    """$RTALIGN_SITE, else rtalign/site.toml under $XDG_CONFIG_HOME or ~/.config."""
    if own := os.environ.get("RTALIGN_SITE"):
        return Path(own).expanduser()
    shared = os.environ.get("XDG_CONFIG_HOME")
    return (Path(shared) if shared else Path.home() / ".config") / "rtalign" / "site.toml"
