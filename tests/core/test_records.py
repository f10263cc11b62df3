"""Records agree with the libraries that define them."""

from __future__ import annotations

from mne.io.constants import FIFF

from rtalign.core.records import AXIAL_COILS


def test_the_numbers_of_axial_coils_are_mnes() -> None:
    names = ("AXIAL_GRAD_5CM", "MAGNES_GRAD", "CTF_GRAD", "KIT_GRAD", "BABY_GRAD", "ARTEMIS123_GRAD", "KRISS_GRAD",
             "COMPUMEDICS_ADULT_GRAD", "COMPUMEDICS_PEDIATRIC_GRAD")  # fmt: skip
    assert {int(FIFF[f"FIFFV_COIL_{name}"]) for name in names} == AXIAL_COILS
