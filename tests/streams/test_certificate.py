"""What `rtalign certify` measures is what happened, and every limit can be exceeded."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from rtalign.streams import certificate
from rtalign.streams.certificate import Arrivals, judge
from tests.streams.live.test_raw_source import raw
from tests.streams.live.test_source import Lab

SFREQ = 1200.0


def arrivals(ppm: float = 0.0) -> Arrivals:
    """A minute of clean streams."""
    stamps = 100.0 + np.arange(72_000) / (SFREQ * (1 + 1e-6 * ppm))
    times = np.arange(100.0, 160.0, 5.0)
    return Arrivals(
        stamps=np.split(stamps, 600), latencies_s=[0.02] * 600, marker_latencies_s=[0.01] * 60, n_markers=60,
        offsets={"meg": [(t, 0.5, 1e-4) for t in times], "words": [(t, 0.5, 1e-4) for t in times]}, sfreq=SFREQ,
    )  # fmt: skip


def failed(found: Arrivals) -> list[str]:
    return [check.name for check in judge(found) if not check.passed]


def test_clean_streams_pass() -> None:
    assert failed(arrivals()) == []
    values = {check.name: check.value for check in judge(arrivals(ppm=50))}
    assert values["MEG rate beside the declared one"] == pytest.approx(50, abs=0.1)
    assert values["MEG latency, 99 %"] == pytest.approx(20)
    assert values["clock of the MEG, drift"] == pytest.approx(0, abs=1e-6)


def lose(found: Arrivals) -> None:
    found.stamps[300] = found.stamps[300][:-7]


def delay(found: Arrivals) -> None:
    found.latencies_s[:20] = [0.3] * 20


def drift(found: Arrivals) -> None:
    found.offsets["words"] = [(t, 0.5 + 5e-4 * (t - 100), 1e-4) for t, *_ in found.offsets["words"]]


def forget(found: Arrivals) -> None:
    found.offsets["meg"] = []


@pytest.mark.parametrize(
    ("spoil", "name"),
    [
        (lose, "samples lost"),
        (delay, "MEG latency, 99 %"),
        (drift, "clock of the markers, drift"),
        (forget, "clock of the MEG, uncertainty"),
    ],
)
def test_each_limit_can_be_exceeded(spoil: Callable[[Arrivals], None], name: str) -> None:
    found = arrivals()
    spoil(found)
    assert failed(found) == [name]


def test_what_a_stream_sends_is_what_is_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    """On the clock of a made-up network; a marker has waited 0.2 s."""
    lab = Lab()
    lab.offer("m", host="here")
    lab.offer_words(host="here")
    source = raw(lab)
    monkeypatch.setattr(certificate, "local_clock", lambda: lab.now)
    poll = source.poll

    def pass_time(_: float) -> list[object]:
        lab.now = round(lab.now + 0.02, 6)
        lab.send("m", 10)
        if "w" in lab.open and round(lab.now * 50) % 50 == 0:
            lab.open["w"].queue.append(("x", lab.now - 0.2))
        return list(poll(0.0))

    monkeypatch.setattr(source, "poll", pass_time)
    found = certificate.measure(source, 5.0)
    values = {check.name: check.value for check in judge(found)}
    assert values["samples lost"] == 0
    assert values["samples received"] == pytest.approx(5 * 500, abs=20)
    assert values["marker latency, median"] == pytest.approx(200, abs=0.1)


def test_streams_that_are_not_there_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(certificate, "FIND_S", 0.1)
    with pytest.raises(ValueError, match="no sample of MEG came"):
        certificate.measure(raw(Lab()), 5.0)
