"""Of several streams in one XDF file the user names one, by the same options wherever a recording is opened."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from rtalign.engine.recording.recorder import Recorder
from rtalign.engine.recording.tables import SessionTables
from rtalign.recordings import check_folder, open_recordings
from rtalign.recordings.word_tables import NoWords
from rtalign.recordings.xdf import StreamChoice, is_xdf, open_xdf, writer
from rtalign.streams.events import RawMarker, RawSamples, SignalChanged
from rtalign_cli import main
from tests.helpers.dataset_folders import AT_ONSET
from tests.helpers.fif_files import signal_of
from tests.helpers.xdf_files import MEG, SENSORS, SFREQ, noise, open_one, write


def two(path: Path, type_b: str = "MEG", name_b: str = "other") -> Path:
    write(path, np.arange(600) / SFREQ)
    header = writer.signal_header(8, writer.SignalStream(name_b, SFREQ, MEG.channels, SENSORS, format="double64"), 0.0)
    with path.open("ab") as file:
        file.write(header.replace(b"<type>MEG</type><channel_count>", f"<type>{type_b}</type><channel_count>".encode()))
        file.write(writer.numbers(8, noise(600, seed=5), np.arange(600) / SFREQ, "double64"))
    return path


def test_one_of_several_signal_streams_is_named(tmp_path: Path) -> None:
    path = two(tmp_path / "a.xdf")
    with pytest.raises(
        ValueError, match="several streams that may be meant: meg, other; name one with --meg-stream NAME"
    ):
        open_xdf(path)
    np.testing.assert_array_equal(signal_of(open_one(path, meg="other")), noise(600, seed=5))
    with pytest.raises(ValueError, match=r"no stream of numbers called nose; it has meg \(MEG\)"):
        open_xdf(path, StreamChoice(meg="nose"))
    alike = two(tmp_path / "b.xdf", name_b="meg")
    with pytest.raises(ValueError, match=r"several streams that may be meant: meg \(number 7\), meg \(number 8\)"):
        open_xdf(alike)
    np.testing.assert_array_equal(signal_of(open_one(alike, meg="8")), noise(600, seed=5))
    np.testing.assert_array_equal(signal_of(open_one(two(tmp_path / "c.xdf", type_b="EEG"))), noise(600))


def test_one_of_several_word_streams_is_named(tmp_path: Path) -> None:
    path = write(tmp_path / "a.xdf", np.arange(1000) / SFREQ)
    with path.open("ab") as file:
        file.write(writer.text_header(10, "events", 0.0) + writer.texts(10, [("bell", 1.5)]))
    with pytest.raises(
        ValueError, match="several streams that may hold the words: words, events; name one with --word-s"
    ):
        open_xdf(path)
    assert [w.text for w in open_one(path, words="events").words] == ["bell"]
    (found,) = open_recordings(path, streams=StreamChoice(words="10", dejitter=False))
    assert [w.text for w in found.words] == ["bell"]


@pytest.mark.parametrize(
    "command",
    [
        "train",
        "evaluate",
        "stream",
        pytest.param("replay", marks=pytest.mark.whole),
        "datasets check",
        "datasets audit",
    ],
)
def test_every_command_takes_the_choice_of_streams(
    command: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Named by a wrong name each one refuses in a line that lists the streams; so the option has reached the reader."""
    path = two(tmp_path / "a.xdf")
    monkeypatch.setattr("rtalign.decoding.bank.DecoderBank.load", lambda folder: None)
    before = {"evaluate": ["bank"]}.get(command, [])
    after: dict[str, list[object]] = {
        "train": ["--model", "smollm2", "--out", tmp_path / "out"],
        "evaluate": ["--out", tmp_path / "out"],
        "replay": ["--adapt", "--headless", "--speed", "max"],
    }
    unnamed: tuple[list[str], str] = ([], "name one with --meg-stream NAME")
    named = (["--meg-stream", "nose"], "called nose; it has meg")
    for chosen, message in (named,) if command == "replay" else (named, unnamed):  # an engine takes seconds to start
        argv = [*command.split(), *before, path, *chosen, *after.get(command, []), "--quiet"]
        assert main.main([str(a) for a in argv]) == 1
        printed = capsys.readouterr()
        assert message in " ".join((printed.err + printed.out).split())
        assert not (tmp_path / "out").exists()


def test_only_xdf_files_have_a_choice_of_streams(tmp_path: Path) -> None:
    (tmp_path / "a_meg.fif").write_bytes(b"x")
    with pytest.raises(ValueError, match=r"a_meg.fif is no XDF file: it has no streams to choose from"):
        open_recordings(tmp_path / "a_meg.fif", streams=StreamChoice(meg="meg"))
    for name in ("a.xdfz", "a.xdf.gz"):
        (tmp_path / name).write_bytes(b"x")
        with pytest.raises(ValueError, match=rf"{name} is packed; unpack it first"):
            open_recordings(tmp_path / name)


def test_a_check_lists_the_streams_of_a_file(tmp_path: Path) -> None:
    found = check_folder(two(tmp_path / "a.xdf"), recipe=AT_ONSET)
    assert not found.usable
    lines = {(line.status, line.name, line.text) for line in found.findings}
    assert ("note", "stream other", "type MEG, number 8, 3 channels at 200 Hz, 600 samples, 3.0 s") in lines
    assert ("note", "stream words", "type Markers, number 9, text, 2 markers") in lines
    chosen = check_folder(tmp_path / "a.xdf", recipe=AT_ONSET, streams=StreamChoice(meg="other"))
    assert chosen.usable
    assert chosen.n_words == 2


def test_words_come_from_a_table_where_it_is_named(tmp_path: Path) -> None:
    path = write(tmp_path / "a.xdf", 40 + np.arange(1000) / SFREQ, markers=())
    with pytest.raises(NoWords, match="name a table"):
        open_xdf(path)
    (tmp_path / "w.tsv").write_text("onset\tword\n0.5\tOnce\n2.0\tupon\n9.0\ta\n")
    recording = open_one(path, word_table=tmp_path / "w.tsv")
    assert [w.onset for w in recording.words] == [0.5, 2.0, 9.0]
    assert any("1 of 3 words lie outside" in note for note in recording.notes)
    (tmp_path / "w.tsv").write_text("onset\tword\n1000.5\tOnce\n")
    with pytest.raises(ValueError, match="another recording"):
        open_xdf(path, word_table=tmp_path / "w.tsv")


def session_folder(path: Path, stamps: np.ndarray, markers: Sequence[tuple[str, float]]) -> Path:
    with Recorder(path, "words") as session:
        session.change_stream(SignalChanged(SENSORS, SFREQ, "meg", MEG.channels))
        session.write_samples(RawSamples(noise(len(stamps)), stamps))
        for text, stamp in markers:
            session.write_marker(RawMarker(text, stamp))
    return session.folder


def test_marks_of_bad_signal_are_no_words(tmp_path: Path) -> None:
    marks = [("BAD_blink", 1.5), ('{"bad": "door", "duration": 2.5}', 3.0)]
    path = write(tmp_path / "a.xdf", 100 + np.arange(1000) / SFREQ, markers=[
        *((text, 100 + at) for text, at in [("Once", 1.0), *marks, ("upon", 4.0)])
    ])  # fmt: skip
    recording = open_one(path)
    assert [word.text for word in recording.words] == ["Once", "upon"]
    found = [(bad.reason, bad.start, bad.stop) for bad in recording.bad_stretches]
    wanted = [("marked as bad: BAD_blink", 1.5, 1.5), ("marked as bad: door", 3.0, 5.5)]
    assert found == [(reason, pytest.approx(start), pytest.approx(stop)) for reason, start, stop in wanted]
    assert "marked as bad: 2 stretches, 2.5 s; words there are skipped" in recording.notes


def test_a_session_keeps_its_own_time(tmp_path: Path) -> None:
    """Words are where the session's table has them, on the clock of its first sample."""
    folder = session_folder(tmp_path / "s", 5000 + np.arange(1000) / SFREQ, [("Once", 5001.0)])
    with SessionTables(folder, {}) as tables:
        tables.write_word({"index": 1, "text": "upon", "onset": 5002.0})
        tables.write_word({"index": 0, "text": "ONCE", "onset": 5001.25, "duration": 0.1})
    assert is_xdf(folder)
    assert not is_xdf(tmp_path)
    recording = open_one(folder)
    assert recording.start == pytest.approx(5000.0, abs=1e-6)
    words = [(w.index, w.text, w.onset, w.duration) for w in recording.words]
    assert words == [(0, "ONCE", 5001.25, 0.1), (1, "upon", 5002.0, None)]
    with (folder / "words.tsv").open("a") as table:
        table.write("2\tup\t50")  # what kill -9 leaves
    assert [w.text for w in open_one(folder).words] == ["ONCE", "upon"]
    assert [w.text for w in open_one(folder, words="words").words] == ["Once"]


def test_words_of_an_engine_that_began_after_the_recorder_lie_on_their_samples(tmp_path: Path) -> None:
    """The sender's clock runs 1000 ppm fast: signal time is counted from another sample than that of the engine."""
    stamps = 5000 + np.arange(12_000) / (SFREQ * 1.001)
    folder = session_folder(tmp_path / "s", stamps, [])
    with SessionTables(folder, {}) as tables:
        tables.write_word({"index": 0, "text": "Once", "onset": 5050.0, "stamp": float(stamps[10_000])})
    (word,) = open_one(folder).words
    assert word.onset == pytest.approx(5000 + 10_000 / SFREQ, abs=1e-4)


def test_words_between_two_engines_come_from_the_markers(tmp_path: Path) -> None:
    markers = [("Once", 5001.0), ("upon", 5002.0), ("a", 5003.0), ("time", 5004.0)]
    folder = session_folder(tmp_path / "s", 5000 + np.arange(1000) / SFREQ, markers)
    for text, onset in (markers[0], markers[3]):
        with SessionTables(folder, {}) as tables:
            tables.write_word({"index": 0, "text": text, "onset": onset, "stamp": onset})
    assert [(w.text, w.onset) for w in open_one(folder).words] == [(t, pytest.approx(at)) for t, at in markers]
