"""What a recorder is handed: every sample, marker and offset exactly as it came, by the streams that are scored."""

from __future__ import annotations

import sys

import numpy as np
import pytest

from rtalign.streams.events import OffsetMeasurement, RawMarker, RawSamples, SignalChanged
from rtalign.streams.live.connection import StreamConnection
from rtalign.streams.live.raw_source import RawSource
from tests.streams.live.test_source import Lab, kinds, live, of, sensors


def raw(lab: Lab, with_markers: bool = True) -> RawSource:
    return RawSource("scanner", "words", with_markers=with_markers, backend=lab.backend())


def test_samples_and_their_stamps_come_as_they_were_sent() -> None:
    lab = Lab()
    lab.offsets["scanner"] = 250.0
    lab.offer("m")
    source = raw(lab)
    lab.run(source, 0.1)
    lab.sent.clear()
    events = lab.run(source, 0.5)
    for part in (0, 1):
        sent = np.concatenate([one[part] for one in lab.sent])
        came = np.concatenate([(event.data, event.stamps)[part] for event in of(events, RawSamples)])
        np.testing.assert_array_equal(came, sent)


def test_wild_stamps_and_values_are_not_judged() -> None:
    lab = Lab()
    lab.offer("m")
    source = raw(lab)
    lab.run(source, 0.1)
    lab.send("m", 5, until=1e300)
    lab.open["m"].queue[-1][0][:] = np.nan
    (samples,) = of(source.poll(0.0), RawSamples)
    assert np.isnan(samples.data).all()
    assert samples.stamps[-1] == 1e300


def test_markers_come_before_any_signal_and_repeated() -> None:
    lab = Lab()
    lab.offer_words()
    source = raw(lab)
    lab.run(source, 0.1, None)
    markers = [("soon", 5.0), ("soon", 5.0), ("\udcff\x00", np.inf)]
    lab.open["w"].queue += markers
    assert of(lab.run(source, 0.1, None), RawMarker) == [RawMarker(*marker) for marker in markers]


def test_offsets_and_a_stream_that_changes_are_handed_on() -> None:
    lab = Lab()
    lab.offsets |= {"scanner": 250.0, "stimulus": -40.0}
    lab.offer("m")
    lab.offer_words()
    source = raw(lab)
    events = lab.run(source, 1.0)
    assert {(o.stream, o.offset_s) for o in of(events, OffsetMeasurement)} == {("meg", 250.0), ("words", -40.0)}
    assert [changed.sensors for changed in of(events, SignalChanged)] == [sensors(3)]
    assert source.names == ("scanner", "words")
    lab.kill("m")
    lab.run(source, 0.1)
    lab.offer("again", n=2)
    assert [changed.sensors for changed in of(lab.run(source, 1.0, "again"), SignalChanged)] == [sensors(2)]


def test_what_is_recorded_is_the_stream_that_is_scored() -> None:
    """Of two streams of one name both take the one that flows, not the newest, which is tried first."""
    taken = []
    for open_one in (raw, live):
        lab = Lab()
        lab.offer("old", created=1.0)
        lab.offer("new", created=2.0)
        lab.run(open_one(lab), 4.0, "old")
        taken.append([uid for uid, inlet in lab.open.items() if not inlet.closed])
    assert taken == [["old"], ["old"]]


def test_a_stream_that_cannot_be_scored_is_recorded() -> None:
    """What it says of its channels cannot be used."""
    lab = Lab()
    lab.offer("m")
    lab.undescribed.add("m")
    assert "meg refused" in kinds(lab.run(live(lab), 1.0))
    assert not lab.open
    assert of(lab.run(raw(lab), 0.5), RawSamples)


def test_a_trigger_channel_needs_no_stream_of_markers() -> None:
    lab = Lab()
    lab.offer("m")
    lab.offer_words()
    lab.run(raw(lab, with_markers=False), 0.5)
    assert "w" not in lab.open


@pytest.mark.parametrize("seconds", [60.0, 600.0])
def test_a_stream_whose_health_nobody_asks_for_keeps_nothing_of_what_passed(seconds: float) -> None:
    """As in a recorder and in a standby, which run for hours."""
    lab = Lab()
    connection = StreamConnection("meg", None, lambda info: True, lambda info: None, lab.backend())
    before = sys.getallocatedblocks()
    for _ in range(int(50 * seconds)):
        lab.now += 0.02
        connection.count(20)
    assert sys.getallocatedblocks() - before < 1000
    health = connection.health(None, 1000.0, 0, 0)
    assert health.n_samples == 1000 * seconds
    assert health.rate_hz == pytest.approx(1000.0)
