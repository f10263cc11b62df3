"""A recording played into LSL comes out of LSL as it went in: every sample once, every stamp exact."""

from __future__ import annotations

import argparse
import json
import threading
import time
from typing import Any

import numpy as np
import pytest

from rtalign.core.records import Chunk, Word
from rtalign.core.text.time_format import position_time
from rtalign.streams.player import FaultPlan, PlayerSettings, PlayerStatus, ReadAhead, Streamer
from rtalign.streams.player.playback import encoded
from rtalign_cli.subcommands.stream import StatusLine, status_text, summary_line
from tests.helpers.small_world import MemoryRecording
from tests.helpers.stream_receiver import N_SENSORS, ONSETS, SFREQ, Receiver, recording


def test_every_sample_arrives_once_with_its_exact_stamp() -> None:
    received = Receiver().receive()
    played = recording()
    data, stamps = np.concatenate(received.data), np.concatenate(received.stamps)
    assert np.array_equal(data, played.data.astype(np.float32))
    assert np.abs(stamps - received.began[0] - np.arange(len(data)) / SFREQ).max() < 1e-6
    assert [text for text, _ in received.words] == ["w0", "w1", "w2", "w3", "w4"]
    assert np.abs(np.array([stamp for _, stamp in received.words]) - received.began[0] - ONSETS).max() < 1e-6
    ((mark, stamp, signal_before),) = received.marks
    assert json.loads(mark) == {"bad": "marked as bad: BAD_door", "duration": 0.2}
    assert stamp - received.began[0] == pytest.approx(0.5, abs=1e-6)
    assert signal_before < 0.5, "it comes before the signal that it marks"
    assert (received.n_samples, received.n_words, received.n_withheld) == (len(data), len(ONSETS), 0)
    assert received.rates == [SFREQ]


def test_two_recordings_at_another_speed_keep_exact_stamps() -> None:
    received = Receiver((1.5, 1.0), speed=2.0, encoding="json", word_delay_s=0.15).receive()
    n = round(1.5 * SFREQ), round(1.0 * SFREQ)
    stamps = np.concatenate(received.stamps)
    assert len(stamps) == sum(n)
    first, second = np.split(stamps, n[:1])
    assert first[0] == pytest.approx(received.began[0], abs=1e-6)
    assert np.abs(np.diff(first) - 0.5 / SFREQ).max() < 1e-6
    assert second[0] - first[0] >= 0.75 + 0.2 - 1e-6
    assert received.rates == [2 * SFREQ]
    assert received.origins == [(recording(1.5).signal_fingerprint(), recording(1.0).signal_fingerprint())]
    markers = [json.loads(text) for text, _ in received.words]
    assert [word["index"] for word in markers] == [0, 1, 2, 3, 4, 0, 1, 2, 3]
    wanted = [first[0] + onset / 2 for onset in ONSETS] + [second[0] + onset / 2 for onset in ONSETS[:4]]
    assert np.abs(np.array([stamp for _, stamp in received.words]) - wanted).max() < 1e-6
    assert markers[1] == {"word": "w1", "onset": 0.35, "duration": 0.2, "index": 1, "story": "played"}


def test_a_part_of_speech_goes_along() -> None:
    word = Word(0, "lamp", 0.5, None, "NOUN")
    assert json.loads(encoded(word, "json", recording()))["pos"] == "NOUN"


def test_a_player_that_reconnects_goes_on_in_time() -> None:
    plan = '[[fault]]\nkind = "disconnect"\nat = 0.5\nseconds = 0.6\nstream = "both"\n'
    received = Receiver((20.0,), plan).receive(lambda received: len(received.rates) == 2 and received.seconds > 0.8)
    stamps = np.concatenate(received.stamps) - received.began[0]
    numbers = np.round(np.concatenate(received.data)[:, 0] * 1e15)
    assert np.abs(stamps - numbers / SFREQ).max() < 1e-6, "stamps go on counting while it is away"
    assert len(set(numbers.tolist())) == len(numbers)
    assert not ((stamps > 0.53) & (stamps < 1.08)).any()
    assert stamps.max() > 1.1, "it was received again"
    assert received.n_withheld == pytest.approx(0.6 * SFREQ, abs=20)
    assert received.n_words_withheld == 1
    assert len(received.rates) == 2


def test_a_player_can_come_back_with_fewer_channels() -> None:
    plan = '[[fault]]\nkind = "channels"\nat = 0.6\nwithout = ["M001", "M005"]\naway_s = 0.3\n'
    received = Receiver((20.0,), plan).receive(lambda received: len(received.rates) == 2 and received.seconds > 0.8)
    assert received.widths == [N_SENSORS, N_SENSORS - 2]
    after = received.data[-1] * 1e15
    assert np.allclose(after - after[:, :1], np.delete(np.arange(N_SENSORS) / 10, [1, 5]), atol=1e-3)


def test_a_stop_without_any_receiver_is_harmless() -> None:
    stop = threading.Event()
    name = f"test-{time.monotonic_ns()}"
    statuses: list[PlayerStatus] = []

    def report(status: PlayerStatus) -> None:
        statuses.append(status)
        if status.n_words >= 1:
            stop.set()

    settings = PlayerSettings(f"{name}-meg", f"{name}-words")
    streamer = Streamer([recording(600.0)], settings, report=report)
    status = streamer.run(stop)
    assert 0 < status.n_samples < 600 * SFREQ
    assert statuses[-1].total_s == 600
    assert not [thread for thread in threading.enumerate() if thread.name == "read-ahead"]


def test_reading_ahead_gives_every_sample_once_in_float32() -> None:
    played = recording(5.3)
    parts = list(ReadAhead(played, 7))
    assert [first for first, _ in parts][:3] == [0, 7, 14]
    assert max(len(data) for _, data in parts) == 7
    assert np.array_equal(np.concatenate([data for _, data in parts]), played.data.astype(np.float32))


def test_an_error_while_reading_ahead_is_raised() -> None:
    class Broken(MemoryRecording):
        def chunks(self, seconds: float = 10.0, start: float | None = None) -> Any:
            yield Chunk(self.data[:500], self.start, self.sfreq)
            raise OSError("the disk is gone")

    parts = ReadAhead(Broken(recording().data, (), SFREQ), 100)
    with pytest.raises(OSError, match="the disk is gone"):
        list(parts)


@pytest.mark.parametrize(
    ("given", "fact"),
    [
        ({"speed": 0}, "speed 0"),
        ({"chunk_s": 60}, "60000 ms"),
        ({"encoding": "morse"}, "morse"),
        ({"name_meg": "rtalign-words"}, "two different names"),
        ({"wait_s": -1}, "wait_s is -1"),
    ],
)
def test_settings_out_of_range_are_refused(given: dict, fact: str) -> None:
    with pytest.raises(ValueError, match=fact):
        PlayerSettings(**given)


def test_an_unknown_sensor_is_refused_before_playing() -> None:
    plan = FaultPlan.from_toml('[[fault]]\nkind = "nan"\nat = 1\nnames = ["M999"]\n')
    with pytest.raises(ValueError, match="M999"):
        Streamer([recording()], plan=plan)


def test_the_status_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    status = PlayerStatus("run-1", 0.0, 61.0, 3700.0, 73200, 12, 24, 1, True, False, ("gap",))
    assert status_text(status) == (
        "1:01 of 1:01:40  run-1  received: MEG  12 words  withheld: 24 samples, 1 words  fault: gap"
    )
    line = StatusLine()
    for _ in range(5):
        line.show(status)
    line.close()
    assert capsys.readouterr().err.count("\n") == 1, "the same line is not printed again"
    assert summary_line(status, True) == "stopped at 1:01 of 1:01:40: 73,200 samples, 12 words sent"
    assert position_time(59.9) == "0:59"


def test_the_command_plays_a_recording_and_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    from rtalign.core.progress import Progress
    from rtalign_cli.subcommands.stream import stream

    monkeypatch.setattr("rtalign_cli.subcommands.stream.load_recordings", lambda *_: [recording(0.4)])
    name = f"test-{time.monotonic_ns()}"
    args = argparse.Namespace(
        name_meg=f"{name}-meg", name_words=f"{name}-words", speed=1.0, chunk_ms=20.0, word_encoding="plain",
        word_delay=0.0, wait=0.0, faults=None, quiet=True, json=True,
    )  # fmt: skip
    result = stream(args, Progress(quiet=True))
    assert (result["n_samples"], result["n_words"], result["interrupted"]) == (200, 3, False)
