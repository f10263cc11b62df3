"""The recorder's process: reads the streams itself and writes raw.xdf, whatever becomes of engine and viewer.

It loads neither a language model nor a bank, so that it records within a second of its start.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import threading
import time
from collections import deque
from typing import BinaryIO

from rtalign.core.session import Session
from rtalign.engine import commands
from rtalign.engine.commands import SetAnnotations
from rtalign.engine.process import wire
from rtalign.engine.process.outbox import Outbox
from rtalign.engine.recording.recorder import Recorder, check_writable
from rtalign.recordings.xdf.writer import REMOVED
from rtalign.streams.events import Notice, OffsetMeasurement, RawEvent, RawMarker, RawSamples, SignalChanged
from rtalign.streams.live.raw_source import RawSource

POLL_S = 0.05
STATUS_S = 0.25
CHECK_S = 1.0
"""How often it is checked that the folder is there and can be written to."""
TOLD_S = 10.0
"""How long a problem that has passed is shown."""
DRAIN_S = 1.0
"""How long a recorder that was told to end takes what waits at its inlets."""
UNNAMED = "bookmark"
"""Text in the file of a bookmark without a name."""
ORPHAN_SILENT_S = 30.0
"""A recorder whose viewer is gone ends when nothing has come for so long."""
COUNTS = ("n_samples", "n_markers", "n_samples_lost", "n_markers_lost")


class Orders:
    """Reads the viewer's commands on a thread of its own, up to the one that says stop or the end of the stream.

    Attributes
    ----------
    stop : threading.Event
        Set when the recorder is told to end.
    alone : threading.Event
        Set when the viewer is gone without having said so: the recording goes on.
    annotations : SetAnnotations or None
        The newest of what the operator wrote.
    """

    def __init__(self, stream: BinaryIO) -> None:
        self.stop, self.alone = threading.Event(), threading.Event()
        self.annotations: SetAnnotations | None = None
        threading.Thread(target=self._work, args=(stream,), name="orders", daemon=True).start()

    def _work(self, stream: BinaryIO) -> None:
        with contextlib.suppress(OSError, ValueError):
            while (message := wire.read(stream)) is not None:
                match commands.from_message(message):
                    case commands.Stop():
                        self.stop.set()
                        return
                    case SetAnnotations() as annotations:
                        self.annotations = annotations
        self.alone.set()


class AnnotationLog:
    """What the operator wrote, on the local clock, and what of it is in the newest recorder's file."""

    def __init__(self) -> None:
        self._stamps: dict[float, float] = {}
        self._texts: dict[float, str] = {}
        self._written: dict[float, str] = {}
        self._recorder: Recorder | None = None

    def update(self, command: SetAnnotations, now: float) -> None:
        """Take over all there is.  now : local time; the command's own signal time says how old each text is."""
        self._texts = {one.time: one.text or UNNAMED for one in command.annotations}
        self._stamps = {time_s: now - (command.now_s - time_s) for time_s in self._texts} | self._stamps

    def write(self, recorder: Recorder | None) -> None:
        """Write what the file lacks, and take back what is no more."""
        if recorder is None:
            return
        if recorder is not self._recorder:
            self._recorder, self._written = recorder, {}
        for time_s in self._texts.keys() | self._written.keys():
            text = self._texts.get(time_s, REMOVED)
            if self._written.get(time_s, REMOVED) != text:
                recorder.write_annotation(text, self._stamps[time_s])
                self._written[time_s] = text


class RecorderServer:
    """Records the streams of a session from their first sample or marker on, until it is told to stop.

    Parameters
    ----------
    session : Session
        The settings: the streams, and the folder under which the session's own folder is made.
    source : RawSource
        Where samples and markers come from.
    outbox : Outbox
        Where its status goes.
    orders : Orders
        When to end.
    """

    def __init__(self, session: Session, source: RawSource, outbox: Outbox, orders: Orders) -> None:
        assert session.record is not None
        self._session, self._under = session, session.record
        self._source, self._outbox, self._orders = source, outbox, orders
        self._recorder: Recorder | None = None
        self._newest: Recorder | None = None  # the same, and still there when it has ended
        self._stream: SignalChanged | None = None
        self._offsets: deque[OffsetMeasurement] = deque(maxlen=100)
        self._notices: deque[Notice] = deque(maxlen=100)
        self._annotations = AnnotationLog()
        self._before = dict.fromkeys(COUNTS, 0)  # what recorders before the newest counted, or nobody could record
        self._problem, self._problem_at = "", -TOLD_S
        self._any = False
        self._arrived = self._reported = time.monotonic()
        self._checked = self._failed = -CHECK_S

    def run(self) -> None:
        """Until it is told to stop or, alone, until the streams have ended."""
        try:
            while not self._orders.stop.is_set() and not self._is_deserted:
                for event in self._source.poll(POLL_S):
                    self._take(event)
                self._annotate()
                now = time.monotonic()
                if now - self._checked > CHECK_S:
                    self._checked = now
                    self._check_folder()
                if now - self._reported > STATUS_S:
                    self._report()
            self._drain()
        finally:
            self._source.close()
            self._end("alone" if self._orders.alone.is_set() else "stopped")
            self._report(last=True)

    def _drain(self) -> None:
        """What has come already belongs to the recording."""
        until = time.monotonic() + DRAIN_S
        while time.monotonic() < until and (events := self._source.poll(0.0)):
            for event in events:
                self._take(event)
        self._annotate()

    def _annotate(self) -> None:
        if (annotations := self._orders.annotations) is not None:
            self._annotations.update(annotations, self._source.now())
            self._annotations.write(self._recorder)

    @property
    def _is_deserted(self) -> bool:
        return self._orders.alone.is_set() and time.monotonic() - self._arrived > ORPHAN_SILENT_S

    def _take(self, event: RawEvent) -> None:
        match event:
            case RawSamples():
                self._arrived, self._any = time.monotonic(), True
                if (recorder := self._recording()) is not None:
                    recorder.write_samples(event)
                else:
                    self._before["n_samples_lost"] += len(event.data)
            case RawMarker():
                self._arrived, self._any = time.monotonic(), True
                if (recorder := self._recording()) is not None:
                    recorder.write_marker(event)
                else:
                    self._before["n_markers_lost"] += 1
            case OffsetMeasurement():
                self._offsets.append(event)
                if self._recorder is not None:
                    self._recorder.write_offset(event)
            case SignalChanged():
                self._stream = event
                if self._recorder is not None:
                    self._recorder.change_stream(event)
            case Notice():
                self._notices.append(event)
                self._log_notices()

    def _log_notices(self) -> None:
        while self._recorder is not None and self._notices:
            notice = self._notices.popleft()
            self._recorder.log({"level": notice.level, "kind": notice.kind, "text": notice.text, "at": notice.time})

    # The folder

    def _recording(self) -> Recorder | None:
        """The recorder, begun now where there is none; None where no folder can be made, which is tried each second."""
        if self._recorder is None and time.monotonic() - self._failed > CHECK_S:
            try:
                self._begin()
            except OSError as error:
                self._failed = time.monotonic()
                self._tell(f"nothing is recorded: {error} - name another folder to record to")
        return self._recorder

    def _begin(self) -> None:
        """A new folder, which needs what was said of the streams before it."""
        name = f"{self._session.folder_name}-{time.strftime('%Y%m%d-%H%M%S')}"
        recorder = Recorder(self._under / name, self._session.words or "words", {"process": os.getpid()})
        self._before = self._counts()
        self._recorder = self._newest = recorder
        if self._stream is not None:
            recorder.change_stream(self._stream)
        for offset in self._offsets:
            recorder.write_offset(offset)
        self._annotations.write(recorder)
        self._log_notices()

    def _end(self, reason: str) -> None:
        recorder, self._recorder = self._recorder, None
        if recorder is not None:
            recorder.log({"event": "end", "reason": reason, **{name: getattr(recorder, name) for name in COUNTS}})
            recorder.close()
            if recorder.problem:
                self._tell(recorder.problem)

    def _check_folder(self) -> None:
        """Whether something can be written, before it comes; whether what was written is still there."""
        if self._recorder is None:
            try:
                check_writable(self._under)
            except OSError as error:
                self._tell(str(error))
        elif not self._recorder.in_place:
            self._tell(f"{self._recorder.folder} was removed while it was recorded to - a new folder is recorded to")
            self._end("removed")

    # What the viewer is told

    def _tell(self, problem: str) -> None:
        self._problem, self._problem_at = problem, time.monotonic()

    def _counts(self) -> dict[str, int]:
        newest = self._newest
        return {name: n + (getattr(newest, name) if newest else 0) for name, n in self._before.items()}

    def _report(self, last: bool = False) -> None:
        self._reported, newest = time.monotonic(), self._newest
        counts = self._counts()
        is_recent = self._reported - self._problem_at < TOLD_S
        status = {
            "folder": str(newest.folder) if newest else "",
            "megabytes": newest.bytes_written / 2**20 if newest else 0.0,
            "hours_left": newest.hours_left if newest else None,
            "n_samples": counts["n_samples"],
            "n_markers": counts["n_markers"],
            "n_dropped": counts["n_samples_lost"],
            "n_markers_dropped": counts["n_markers_lost"],
            "problem": (newest.problem if newest else None) or (self._problem if is_recent else None),
            "silent_s": round(self._reported - self._arrived, 1) if self._any else None,
            "meg": self._source.names[0],
        }
        self._outbox.send_newest(status, last)


def open_source(session: Session) -> RawSource:
    """The streams that a live session names, over LSL or from a FieldTrip buffer."""
    from rtalign.streams.fieldtrip import buffer_backend

    words = None if session.trigger else session.words
    backend = buffer_backend(session.meg, words)
    return RawSource(session.meg, words, with_markers=session.trigger is None, backend=backend)


def main() -> int:
    """Record for the viewer on the other end of the pipes, or alone where it is gone; see `RecorderServer.run`."""
    frames, stream = wire.own_pipes()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # it goes to the viewer, which has the recorder end
    outbox = Outbox(frames)
    session = Session.model_validate(wire.read(stream))
    orders = Orders(stream)
    signal.signal(signal.SIGTERM, lambda *_: orders.stop.set())
    RecorderServer(session, open_source(session), outbox, orders).run()
    outbox.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
