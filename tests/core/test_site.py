"""A site's constants are kept in one file, and a broken one is named."""

from __future__ import annotations

from pathlib import Path

import pytest

from rtalign.core.site import Site, site_file


@pytest.fixture
def own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.delenv("RTALIGN_SITE")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    return tmp_path / "rtalign" / "site.toml"


def test_what_is_kept_is_read_again(own: Path) -> None:
    assert site_file() == own
    assert Site.load() == Site()
    site = Site(audio_delay_s=0.0214, measured='2026-01-02, "story" ü')
    assert site.save() == own
    assert Site.load() == site


@pytest.mark.parametrize(
    "content", ["audio_delay_s = 21", "audio_delay = 0.02", "audio_delay_s = nan", "audio_delay_s"]
)
def test_a_broken_file_is_named(own: Path, content: str) -> None:
    own.parent.mkdir()
    own.write_text(content)
    with pytest.raises(ValueError, match=r"site\.toml"):
        Site.load()
