"""A small spaCy pipeline with parts of speech, so that no downloaded one is needed."""

from __future__ import annotations

from pathlib import Path

import pytest

TAGS = {"keeper": "NOUN", "lights": "NOUN", "walked": "VERB", "small": "ADJ", "slowly": "ADV"}


def write_pipeline(folder: Path) -> str:
    """A pipeline on disk that knows five words, and w0, w2 ... as nouns; everything else is X.  Skips without spaCy."""
    spacy = pytest.importorskip("spacy", reason="the optional extra rtalign[pos] is not installed")
    nlp = spacy.blank("en")
    ruler = nlp.add_pipe("attribute_ruler")
    ruler.add([[{}]], {"POS": "X"})
    for word, tag in TAGS.items():
        ruler.add([[{"ORTH": word}]], {"POS": tag})
    ruler.add([[{"TEXT": {"REGEX": r"^w\d*[02468]$"}}]], {"POS": "NOUN"})
    nlp.to_disk(folder / "pipeline")
    return str(folder / "pipeline")
