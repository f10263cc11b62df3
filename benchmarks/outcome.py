"""What a benchmark found: on the screen, and in a file where one is named."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any


def tell(result: dict[str, Any], out: Path | None) -> None:
    text = json.dumps(result, indent=2)
    print(text)
    if out:
        out.parent.mkdir(parents=True, exist_ok=True)
        out.write_text(text + "\n", encoding="utf-8")
