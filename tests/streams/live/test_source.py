"""The live source through all that streams do, with a clock and streams that only the test moves."""

from __future__ import annotations

from concurrent.futures import Future
from itertools import pairwise
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from mne_lsl.stream._hpi import CH_NAMES as HPI_NAMES

from rtalign.core.records import BadStretch, Chunk, Sensor, Word
from rtalign.engine.head_watch import HeadWatch
from rtalign.recordings.stream_channels.labels import HEAD_COILS
from rtalign.streams.events import Event, HeadLocalised, Notice, SignalChanged
from rtalign.streams.live.connection import LslBackend
from rtalign.streams.live.source import LiveSource
from rtalign.streams.lsl import StreamInfo, StreamLost
from rtalign.streams.markers.code_table import CodeTable
from rtalign.streams.markers.decoders import TriggerChannel, open_decoder
from tests.helpers.heads import COILS, position

RATE = 500.0


def sensors(n: int) -> tuple[Sensor, ...]:
    return tuple(Sensor(f"MLC{i + 11}", "axial", (0.01 * i, 0.0, 0.1), (0.0, 0.0, 1.0)) for i in range(n))


class FakeInlet:
    """Returns what the lab put into it."""

    def __init__(self, lab: Lab, info: StreamInfo, n_sensors: int) -> None:
        self.lab, self.info, self.sfreq = lab, info, info.sfreq
        self.sensors = sensors(n_sensors)
        names = (*(sensor.name for sensor in self.sensors), *lab.head_coils)
        self.channel_names = (*names, "UPPT001")
        self.channels = SimpleNamespace(
            picks=np.arange(n_sensors),
            scales=np.full(n_sensors, 1e-15),
            notes=(),
            names=names,
            units=("fT",),
            origin=(),
            grade=None,
            head=None,
        )
        self.queue: list[Any] = []
        self.dead = self.closed = False

    def pull(self) -> Any:
        if self.dead:
            raise StreamLost("the stream has ended")
        queue, self.queue = self.queue, []
        if not self.info.regular:
            return queue
        data = np.concatenate([d for d, _ in queue]) if queue else np.zeros((0, len(self.channel_names)), np.float32)
        return data, np.concatenate([s for _, s in queue]) if queue else np.zeros(0)

    def offset(self, timeout_s: float = 2.0) -> tuple[float, float]:
        return self.lab.offsets[self.info.hostname] + (0.0 if self.info.regular else self.lab.noise), 1e-4

    def close(self) -> None:
        self.closed = True


class Lab:
    """Time, senders, and the network between."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.there: dict[str, tuple[StreamInfo, int]] = {}
        self.open: dict[str, FakeInlet] = {}
        self.noise = 0.0
        self.slow = False
        self.background: list[tuple[Future, Any]] = []
        self.offsets = {"here": 3e-5, "scanner": 0.0, "stimulus": 0.0}
        self.deaf: set[str] = set()
        self.undescribed: set[str] = set()
        self.sent: list[tuple[np.ndarray, np.ndarray]] = []
        self.head_coils: tuple[str, ...] = ()
        self.coils = np.zeros((3, 3))

    def backend(self) -> LslBackend:
        def streams() -> list[StreamInfo]:
            return [info for info, _ in self.there.values()]

        def connect(info: StreamInfo) -> FakeInlet:
            if info.uid in self.deaf:
                raise StreamLost(f"stream {info.name} was found and does not answer")
            inlet = self.open[info.uid] = FakeInlet(self, info, self.there[info.uid][1])
            return inlet

        def run(work: Any) -> Future:
            future: Future = Future()
            self.background.append((future, work))
            if not self.slow:
                self.finish()
            return future

        def connect_described(info: StreamInfo) -> FakeInlet:
            if info.uid in self.undescribed:
                raise ValueError(f"stream {info.name} cannot be read")
            return connect(info)

        return LslBackend(
            streams, connect_described, connect, connect, lambda: self.now, self.sleep, run, "here", lambda: None
        )

    def finish(self) -> None:
        """Finish what runs in the background."""
        while self.background:
            future, work = self.background.pop()
            try:
                future.set_result(work())
            except Exception as error:
                future.set_exception(error)

    def sleep(self, seconds: float) -> None:
        self.now += seconds

    def offer(
        self, uid: str, name: str = "scanner", n: int = 3, host: str = "scanner", rate: float = RATE, created: float = 0
    ) -> None:
        info = StreamInfo(name, "MEG", name, uid, host, n + 1, rate, "float32", created)
        self.there[uid] = info, n

    def offer_words(self, uid: str = "w", host: str = "stimulus") -> None:
        self.there[uid] = StreamInfo("words", "Markers", "words", uid, host, 1, 0.0, "string"), 0

    def kill(self, uid: str) -> None:
        del self.there[uid]
        if uid in self.open:
            self.open[uid].dead = True

    def send(self, uid: str, n: int, until: float | None = None, trigger: int = 0) -> None:
        """n samples, the last stamped with the sender's time now."""
        inlet = self.open.get(uid)
        last = self.now - self.offsets[self.there[uid][0].hostname] if until is None else until
        if inlet is not None:
            stamps = last - np.arange(n - 1, -1, -1) / inlet.sfreq
            data = np.full((n, len(inlet.channel_names)), 7.0, np.float32) + np.arange(n)[:, None] % 3
            data[:, -1] = trigger
            if self.head_coils:
                data[:, -10:-1] = self.coils.ravel()
            inlet.queue.append((data, stamps))
            self.sent.append((data, stamps))

    def run(self, source: Any, seconds: float, uid: str | None = "m") -> list[Any]:
        """Let time pass in steps of 20 ms, the MEG stream sending what it samples in each."""
        events: list[Any] = []
        for _ in range(round(seconds / 0.02)):
            self.now = round(self.now + 0.02, 6)
            if uid is not None and uid in self.there:
                self.send(uid, round(0.02 * self.there[uid][0].sfreq))
            events += source.poll(0.0)
        return events


def live(lab: Lab, **options: Any) -> LiveSource:
    return LiveSource("scanner", "words", open_decoder("plain"), backend=lab.backend(), **options)


def of(events: list[Event], kind: type) -> list[Any]:
    return [event for event in events if isinstance(event, kind)]


def kinds(events: list[Event]) -> list[str]:
    return [notice.kind for notice in of(events, Notice)]


def flowing(**options: Any) -> tuple[Lab, LiveSource]:
    lab = Lab()
    lab.offer("m")
    lab.offer_words()
    source = live(lab, **options)
    lab.run(source, 1.0)
    return lab, source


def test_samples_and_words_share_one_time_axis_in_si_units() -> None:
    lab = Lab()
    lab.offer("m")
    lab.offer_words()
    source = live(lab, audio_delay_s=0.012)
    events = lab.run(source, 1.0)
    lab.open["w"].queue.append(("ship", lab.now - 0.1))
    events += lab.run(source, 0.1)
    chunks, (word,) = of(events, Chunk), of(events, Word)
    assert of(events, SignalChanged)[0].sensors == sensors(3)
    assert sum(len(chunk.data) for chunk in chunks) == source.health().meg.n_samples
    assert chunks[0].data.shape[1] == 3  # the trigger channel is no sensor
    assert chunks[0].data[0, 0] == pytest.approx(7e-15)
    assert chunks[-1].end == pytest.approx(lab.now + 1 / RATE, abs=1e-6)
    for before, after in pairwise(chunks):
        assert after.start == pytest.approx(before.end, abs=1e-6)
    assert (word.index, word.text) == (0, "ship")
    assert word.onset == pytest.approx(1000 + 1.0 - 0.1 + 0.012, abs=1e-6)


def test_a_marked_stretch_comes_before_its_signal_and_is_not_delayed_as_sound_is() -> None:
    lab, source = flowing(audio_delay_s=0.012)
    lab.open["w"].queue += [
        ('{"bad": "door", "duration": 2.5}', lab.now + 1.0),
        ("BAD_blink", lab.now),
        ("BAD_gone", lab.now - 20.0),
    ]
    source._decoder = open_decoder("auto")
    events = lab.run(source, 0.1)
    door, blink = of(events, BadStretch)
    assert (door.start, door.stop) == pytest.approx((1000 + 2.0, 1000 + 4.5), abs=1e-6)
    assert (blink.start, blink.stop) == pytest.approx((1000 + 1.0, 1000 + 1.0), abs=1e-6)
    assert of(events, Word) == []
    assert source.health().counts["bad stretch stamped by another clock"] == 1


def test_a_stream_that_sends_nothing_is_reported_once() -> None:
    lab = Lab()
    source = live(lab)
    lab.run(source, 0.5, None)
    assert source.health().meg.state == "searching"
    lab.offer("m")
    lab.run(source, 1.0, None)
    assert source.health().meg.state == "found"
    events = lab.run(source, 1.5, None)
    silent = [notice for notice in of(events, Notice) if notice.kind == "meg silent"]
    assert len(silent) == 1
    assert "firewall" in silent[0].text


def test_a_stream_that_does_not_answer_is_tried_again() -> None:
    lab = Lab()
    lab.offer("m")
    lab.deaf.add("m")
    source = live(lab)
    events = lab.run(source, 3.0, None)
    assert kinds(events).count("meg no answer") == 1
    lab.deaf.clear()
    assert of(lab.run(source, 3.0), Chunk)


def test_silence_is_stale_then_lost_then_recovered_with_a_gap() -> None:
    lab, source = flowing()
    before = lab.run(source, 0.5)
    assert source.health().meg.state == "flowing"
    lab.run(source, 0.7, None)
    assert source.health().meg.state == "stale"
    assert source.health().meg.age_s == pytest.approx(0.7, abs=0.03)
    events = lab.run(source, 1.5, None)
    assert "meg lost" in kinds(events)
    assert source.health().meg.state == "lost"
    lab.run(source, 3.0, None)
    after = lab.run(source, 1.0)
    assert [n.text for n in of(after, Notice) if n.kind == "meg recovered"] == [
        "MEG stream scanner recovered after 5 s"
    ]
    assert source.health().meg.state == "flowing"
    first, last = of(after, Chunk)[0], of(before, Chunk)[-1]
    assert first.start - last.end == pytest.approx(5.2, abs=0.03)
    assert first.start == pytest.approx(lab.now - 1.0 + 0.02 - 9 / RATE, abs=1e-6)
    assert not of(after, SignalChanged)


def test_a_stream_that_recovers_is_not_opened_twice() -> None:
    lab, source = flowing()
    kept, lab.slow = lab.open["m"], True
    lab.run(source, 13.0, None)
    assert lab.background  # it is being opened anew when it comes back
    events = lab.run(source, 0.5)
    lab.finish()
    kept_open, lab.open["m"] = lab.open["m"], kept
    events += lab.run(source, 0.5)
    assert sum(len(chunk.data) for chunk in of(events, Chunk)) == 500
    assert kept_open is not kept
    assert kept_open.closed
    assert not kept.closed


def test_the_successor_of_a_dead_sender_is_used() -> None:
    lab, source = flowing()
    lab.kill("m")
    events = lab.run(source, 0.1, None)
    assert kinds(events) == ["meg lost"]
    lab.run(source, 12.0, None)
    lab.offer("m2", created=5.0)
    events = lab.run(source, 1.0, "m2")
    assert "meg recovered" in kinds(events)
    assert not of(events, SignalChanged)
    lab.open["w"].queue.append(("back", lab.now - 0.3))
    lab.open["w"].queue.append(("gone", lab.now - 8.0))
    words = of(lab.run(source, 0.1, "m2"), Word)
    assert [w.onset for w in words] == pytest.approx([lab.now - 0.1 - 0.3, lab.now - 0.1 - 8.0], abs=1e-6)
    assert source.health().counts["word late"] == 1
    assert source.health().counts["word out of order"] == 1


@pytest.mark.parametrize(("n", "rate", "text"), [(2, RATE, "without MLC13"), (3, 250.0, "at 250 Hz instead of 500 Hz")])
def test_a_stream_that_comes_back_different_is_a_change(n: int, rate: float, text: str) -> None:
    lab, source = flowing()
    end = of(lab.run(source, 0.1), Chunk)[-1].end
    lab.kill("m")
    lab.run(source, 4.0, None)
    lab.offer("m2", n=n, rate=rate)
    events = lab.run(source, 1.0, "m2")
    (changed,) = of(events, SignalChanged)
    assert (len(changed.sensors), changed.sfreq) == (n, rate)
    assert any(text in notice.text for notice in of(events, Notice))
    chunk = of(events, Chunk)[0]
    assert (chunk.data.shape[1], chunk.sfreq) == (n, rate)
    assert chunk.start > end + 3.9
    lab.open["w"].queue.append(("on", lab.now - 0.25))
    assert of(lab.run(source, 0.1, "m2"), Word)[0].onset == pytest.approx(lab.now - 0.1 - 0.25, abs=1e-6)


def test_of_two_streams_of_one_name_the_flowing_one_is_used() -> None:
    lab = Lab()
    lab.offer("old", created=1.0)
    lab.offer("new", created=2.0)
    source = live(lab)
    events = lab.run(source, 5.0, "old")
    assert "meg twins" in kinds(events)
    assert lab.open["new"].closed  # it was tried first and sent nothing
    assert of(events, Chunk)


def test_each_stream_has_its_own_clock_offset() -> None:
    lab = Lab()
    lab.offsets |= {"scanner": 250.0, "stimulus": -40.0}
    lab.offer("m")
    lab.offer_words()
    source = live(lab)
    lab.run(source, 1.0)
    lab.open["w"].queue.append(("ship", lab.now + 40.0 - 0.2))
    word = of(lab.run(source, 0.1), Word)[0]
    assert word.onset == pytest.approx(lab.now - 0.1 - 0.2, abs=1e-6)
    assert source.health().meg.age_s == pytest.approx(0, abs=1e-3)


def test_two_streams_of_one_machine_share_one_offset() -> None:
    lab = Lab()
    lab.offsets["scanner"], lab.noise = 250.0, 4e-4
    lab.offer("m")
    lab.offer_words(host="scanner")
    source = live(lab)
    lab.run(source, 1.0)
    lab.open["w"].queue.append(("ship", lab.now - 250.0 - 0.2))
    assert of(lab.run(source, 0.1), Word)[0].onset == pytest.approx(lab.now - 0.1 - 0.2, abs=1e-6)


def test_offsets_within_one_machine_are_noise() -> None:
    lab = Lab()
    lab.offer("m", host="here")
    lab.offer_words(host="here")
    source = live(lab)
    events = lab.run(source, 1.0)
    first = lab.sent[0][1][0]
    assert of(events, Chunk)[0].start == first  # not first + 0.03 ms


def test_noise_of_offsets_does_not_reach_the_signal() -> None:
    lab, source = flowing()
    rng = np.random.default_rng(0)
    chunks = []
    for _ in range(40):
        lab.offsets["scanner"] = 0.0
        events = lab.run(source, 1.0)
        lab.offsets["scanner"] = rng.normal(0, 3e-4)
        lab.now = round(lab.now, 6)
        chunks += of(events, Chunk)
    starts = np.array([chunk.start for chunk in chunks])
    ends = np.array([chunk.end for chunk in chunks])
    assert np.abs(starts[1:] - ends[:-1]).max() < 1e-6


def test_lost_and_repeated_samples_are_reported() -> None:
    lab, source = flowing()
    lab.now = round(lab.now + 0.2, 6)  # 100 samples never arrive
    events = lab.run(source, 1.5)
    assert source.health().meg.n_lost == 100
    assert any("100 samples (0.2 s) are missing" in notice.text for notice in of(events, Notice))
    lab.send("m", 50)
    events = lab.run(source, 1.5)
    assert source.health().counts["samples that came twice"] == 50
    assert "repeated" in kinds(events)


def test_nan_passes_through() -> None:
    lab, source = flowing()
    lab.send("m", 10)
    lab.open["m"].queue[-1][0][4, 1] = np.nan
    lab.now += 0.02
    lab.open["m"].queue[-1] = (lab.open["m"].queue[-1][0], lab.open["m"].queue[-1][1] + 0.02)
    chunk = of(source.poll(0.0), Chunk)[-1]
    assert np.isnan(chunk.data[4, 1])
    assert np.isfinite(np.delete(chunk.data, 4, axis=0)).all()


def test_odd_markers_are_counted_and_get_no_index() -> None:
    lab, source = flowing()
    now = lab.now
    lab.open["w"].queue += [("a", now), ("a", now), ("b", now + 0.9), ("c", now - 0.5), ("d", now + 5000)]
    events = lab.run(source, 0.1)
    assert [(word.index, word.text) for word in of(events, Word)] == [(0, "a"), (1, "b"), (2, "c")]
    counts = source.health().counts
    assert [counts[k] for k in ("duplicate", "word early", "word out of order")] == [1, 1, 1]
    assert counts["word stamped by another clock"] == 1


def test_words_before_the_first_sample_wait_for_it() -> None:
    lab = Lab()
    lab.offer_words()
    source = live(lab)
    lab.run(source, 0.1, None)
    lab.open["w"].queue.append(("soon", lab.now))
    assert not of(lab.run(source, 0.5, None), Word)
    lab.offer("m")
    (word,) = of(lab.run(source, 0.5), Word)
    assert word.onset == pytest.approx(1000.1, abs=1e-6)


def test_a_word_stream_that_restarts_is_used_again() -> None:
    lab, source = flowing()
    lab.kill("w")
    assert "words lost" in kinds(lab.run(source, 0.1))
    lab.run(source, 3.0)
    lab.offer_words("w2")
    assert "words recovered" in kinds(lab.run(source, 0.2))
    lab.open["w2"].queue.append(("again", lab.now))
    assert of(lab.run(source, 0.1), Word)


def test_a_word_stream_that_is_offered_anew_is_used_though_the_old_one_never_ends() -> None:
    lab, source = flowing()
    del lab.there["w"]  # its connection stays
    assert "words lost" not in kinds(lab.run(source, 3.0))
    lab.offer_words("w2")
    assert kinds(lab.run(source, 2.0)) == ["words lost", "words recovered"]
    assert lab.open["w"].closed
    lab.open["w2"].queue.append(("on", lab.now))
    assert [word.text for word in of(lab.run(source, 0.5), Word)] == ["on"]


def test_a_word_stream_stays_while_it_is_listed() -> None:
    lab, source = flowing()
    lab.offer_words("w2")
    assert "words lost" not in kinds(lab.run(source, 3.0))
    assert not lab.open["w"].closed


def test_a_trigger_channel_marks_words() -> None:
    lab = Lab()
    lab.offer("m")
    decoder = TriggerChannel(CodeTable({3: Word(0, "ship", 0.0)}), "UPPT001")
    source = LiveSource("scanner", None, decoder, backend=lab.backend())
    lab.run(source, 1.0)
    lab.now = round(lab.now + 0.02, 6)
    lab.send("m", 10, trigger=3)
    (word,) = of(source.poll(0.0), Word)
    assert (word.text, word.onset) == ("ship", pytest.approx(lab.now - 9 / RATE, abs=1e-6))


def test_an_implausible_amplitude_warns_about_the_unit() -> None:
    lab = Lab()
    lab.offer("m")
    source = live(lab)
    lab.run(source, 0.02)
    lab.open["m"].channels.scales = np.ones(3)  # femtotesla taken for tesla
    assert "units" in kinds(lab.run(source, 0.1))


def test_a_head_that_moves_by_3_mm_is_told_and_coils_that_are_none_are_not() -> None:
    lab = Lab()
    lab.head_coils, lab.coils = HEAD_COILS, COILS
    lab.offer("m")
    source, watch = live(lab), HeadWatch({"recordings": [{"head": list(position().rows)}]})
    for mm, lines in {
        0.0: [],
        2.0: ["the head is 2.0 mm from where it was in training"],
        3.01: ["the head is 3.0 mm from where it was in training"],
    }.items():
        lab.coils = COILS + np.array([0.0, mm / 1000, 0.0])
        found = of(lab.run(source, 2.0), HeadLocalised)
        assert len(found) in (3, 4)
        assert [line for event in found for line in watch.push(event.position)] == lines
        assert watch.distance_mm == pytest.approx(mm, abs=0.01)
    lab.coils = np.zeros((3, 3))
    assert of(lab.run(source, 2.0), HeadLocalised) == []


def test_a_stream_of_head_positions_is_read_as_mne_lsl_reads_it() -> None:
    lab = Lab()
    lab.offer("m")
    lab.there["h"] = StreamInfo("hpi", "HPI", "hpi", "h", "scanner", 12, 10.0, "float32"), 11
    source = live(lab, head="hpi")
    lab.run(source, 1.0)
    inlet = lab.open["h"]
    inlet.channel_names = (*HPI_NAMES["megin"],)
    rows = np.reshape(position().rows, (3, 4))
    sample = np.concatenate([rows[:, :3].ravel(), rows[:, 3]])
    for values, found in ((sample, [position()]), (np.zeros(12), [])):
        inlet.queue.append((values[None].astype(np.float32), np.array([lab.now])))
        positions = [event.position for event in of(lab.run(source, 0.1), HeadLocalised)]
        assert [p.distance_mm([position()]) < 0.01 for p in positions] == [True for _ in found]


def test_a_stamp_that_is_wrong_stops_neither_samples_nor_words() -> None:
    lab, source = flowing()
    lab.run(source, 1.0)
    for wrong in (100.0, 1e300, np.nan, -50.0):
        lab.now = round(lab.now + 0.02, 6)
        lab.send("m", 10)
        lab.open["m"].queue[-1][1][-1] += wrong
        events = source.poll(0.0)
        assert source.health().meg.age_s == pytest.approx(0, abs=0.03)
        events += lab.run(source, 1.48)
        lab.open["w"].queue.append((f"w{wrong}", lab.now - 0.1))
        events += lab.run(source, 0.5)
        assert sum(len(chunk.data) for chunk in of(events, Chunk)) == 1_000
        assert of(events, Word)[0].onset == pytest.approx(lab.now - 0.5 - 0.1, abs=1e-4)
    assert source.health().counts["time stamps ignored"] == 3
    assert source.health().meg.n_lost == 0


def test_a_clock_that_is_set_back_is_measured_anew_and_costs_no_sample() -> None:
    """For the moment in which only the stamps know of it, words are not scored."""
    lab, source = flowing()
    lab.run(source, 12.0)
    lab.offsets["scanner"] += 10.0
    events = lab.run(source, 3.0)
    assert sum(len(chunk.data) for chunk in of(events, Chunk)) == 1_500
    for before, after in pairwise(of(events, Chunk)):
        assert after.start == pytest.approx(before.end, abs=1e-3)
    assert "meg offset" in kinds(events)  # of a measurement that is made now and then
    lab.open["w"].queue.append(("ship", lab.now - 0.1))
    (word,) = of(lab.run(source, 0.1), Word)
    end = of(events, Chunk)[-1].end
    assert word.onset == pytest.approx(end - 1 / RATE - 0.1, abs=2e-3)


def test_a_drift_between_clocks_far_apart_is_followed() -> None:
    """Offset and drift hold at the local time, not at the sender's, which is a day away."""
    lab = Lab()
    lab.offsets["stimulus"] = 1e5
    lab.offer("m")
    lab.offer_words()
    source = live(lab)
    for _ in range(60):
        lab.offsets["stimulus"] += 1e-6 * 1.0
        lab.run(source, 1.0)
    lab.open["w"].queue.append(("ship", lab.now - lab.offsets["stimulus"] - 0.1))
    (word,) = of(lab.run(source, 0.1), Word)
    assert word.onset == pytest.approx(lab.now - 0.1 - 0.1, abs=1e-3)


def test_a_stream_that_comes_back_with_more_channels_behind_a_gap_is_used() -> None:
    """Samples that were held back behind the gap belong to the stream before."""
    lab, source = flowing()
    lab.now = round(lab.now + 0.2, 6)
    lab.run(source, 0.2)
    lab.kill("m")
    lab.run(source, 4.0, None)
    lab.offer("m2", n=5)
    events = lab.run(source, 2.0, "m2")
    assert {chunk.data.shape[1] for chunk in of(events, Chunk)} == {5}


@pytest.mark.parametrize("answers", [True, False])
def test_a_stream_that_is_still_being_opened_is_closed_too(answers: bool) -> None:
    """Else its sender goes on to send to nobody, for as long as the process lives."""
    lab = Lab()
    lab.offer("m")
    lab.slow = True
    source = live(lab)
    source.poll(0.1)
    assert lab.background
    source.close()
    lab.deaf = set() if answers else {"m"}
    lab.finish()
    assert [inlet.closed for inlet in lab.open.values()] == [True] * answers
