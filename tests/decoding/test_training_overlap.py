"""Fingerprints tell whether a bank was trained on what it is scored on."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace

import pytest

from rtalign.core.records import RecordingIdentity
from rtalign.decoding.training_overlap import TrainingOverlap, refuse_repeated
from tests.helpers.small_world import MemoryRecording, world

RECORDING = world(n_words=5)[0]
OTHER = world(n_words=5, seed=1)[0]


def passport(*recordings: MemoryRecording, old: bool = False) -> dict[str, object]:
    entries = [{"name": r.name, "fingerprint": r.fingerprint(), "signal": r.signal_fingerprint()} for r in recordings]
    if old:
        for entry in entries:
            del entry["signal"]
    return {"recordings": entries}


def found(bank: dict[str, object] | None, *recordings: MemoryRecording) -> TrainingOverlap:
    return TrainingOverlap.find(bank, [RecordingIdentity.of(recording) for recording in recordings])


@pytest.mark.parametrize("old", [False, True])
def test_the_recording_of_the_training_is_known_again_also_by_banks_from_before_signals_were_noted(old: bool) -> None:
    overlap = found(passport(RECORDING, old=old), RECORDING)
    assert overlap.warning == "this bank was trained on this recording: R flatters"
    assert overlap.to_json()["recordings"] == ["world-0"]


def test_other_words_on_the_same_signal_hide_nothing() -> None:
    """A new word table changes the fingerprint; the signal is the one that was learned from."""
    renamed = replace(RECORDING, words=RECORDING.words[1:], name="renamed")
    assert renamed.fingerprint() != RECORDING.fingerprint()
    assert found(passport(RECORDING), renamed).recordings == ("renamed",)


def test_one_of_two_recordings_is_named() -> None:
    assert "1 of these 2 recordings (world-0)" in found(passport(RECORDING), OTHER, RECORDING).warning


@dataclass(eq=False)
class Recorded(MemoryRecording):
    """A recording of a stream that was played from others: other samples, the same answers of the brain."""

    origin: tuple[RecordingIdentity, ...] = ()


def recorded(of: MemoryRecording) -> Recorded:
    own = {field.name: getattr(OTHER, field.name) for field in fields(OTHER)}
    return Recorded(**own | {"name": "recorded"}, origin=(RecordingIdentity.of(of),))


def test_a_recording_of_the_played_training_recording_is_known_again_and_the_other_way_round() -> None:
    again = recorded(RECORDING)
    assert again.signal_fingerprint() != RECORDING.signal_fingerprint()
    assert found(passport(RECORDING), again).recordings == ("recorded",)
    entry = {"fingerprint": "f", "signal": "s", "played": list(RecordingIdentity.of(again).played)}
    assert found({"recordings": [entry]}, RECORDING).recordings == (RECORDING.name,)
    with pytest.raises(ValueError, match="holds the signal of world-0 again"):
        refuse_repeated([RECORDING, again])


def test_another_recording_is_evidence() -> None:
    overlap = found(passport(RECORDING), OTHER)
    assert (overlap.status, overlap.text, overlap.warning) == ("none", "", "")


def test_of_a_live_signal_it_is_said_that_nothing_can_be_known() -> None:
    overlap = TrainingOverlap.find(passport(RECORDING), ())
    assert overlap.status == "unknown"
    assert "cannot be known" in overlap.text
    assert overlap.warning == ""
    assert TrainingOverlap.find(None, ()).status == "none"


def test_a_passport_of_other_shape_is_compared_as_far_as_it_goes() -> None:
    assert found({"recordings": ["x", {"fingerprint": None}, {}]}, RECORDING).status == "none"


def test_a_signal_that_is_named_twice_is_refused() -> None:
    refuse_repeated([RECORDING, OTHER])
    with pytest.raises(ValueError, match="again holds the signal of world-0 again"):
        refuse_repeated([RECORDING, replace(RECORDING, name="again")])
