"""The machine's loudspeaker, where it has one."""

from __future__ import annotations

import numpy as np


class Loudspeaker:
    """A sink of the default device; OSError with the reason where there is none.

    Qt's own part for sound is loaded here alone, since a machine without libraries for sound cannot load it.
    """

    def __init__(self, rate: float) -> None:
        try:
            from PyQt6 import QtMultimedia
        except ImportError as error:
            raise OSError(f"Qt cannot play sound here: {error}; on Debian: sudo apt-get install libpulse0") from error
        device = QtMultimedia.QMediaDevices.defaultAudioOutput()
        if device.isNull():
            raise OSError("this machine has no sound device, or no sound server that knows of one")
        form = QtMultimedia.QAudioFormat()
        form.setSampleRate(round(rate))
        form.setChannelCount(1)
        form.setSampleFormat(QtMultimedia.QAudioFormat.SampleFormat.Int16)
        if not device.isFormatSupported(form):
            wanted = device.preferredFormat()
            form.setSampleRate(wanted.sampleRate())
            form.setChannelCount(wanted.channelCount())
        if not device.isFormatSupported(form):
            raise OSError(f"the sound device {device.description()} takes no samples of 16 bits")
        self.rate = float(form.sampleRate())
        self._channels, self._width = form.channelCount(), form.bytesPerFrame()
        self._sink = QtMultimedia.QAudioSink(device, form)
        self._most = round(self.rate / 2)
        self._sink.setBufferSize(self._width * self._most)
        self._pipe = self._sink.start()
        self._fatal = QtMultimedia.QAudio.Error.OpenError, QtMultimedia.QAudio.Error.FatalError
        if self._pipe is None or self._sink.error() in self._fatal:
            raise OSError(f"the sound device {device.description()} cannot be opened; is another program using it?")

    def room(self) -> int:
        if self._sink.error() in self._fatal:
            raise OSError("the sound device is gone")
        return self._most if self._pipe is None else max(int(self._sink.bytesFree()), 0) // self._width

    def queued(self) -> int:
        if self._pipe is None:  # a sink that stands still says that it has no room
            return 0
        return max(int(self._sink.bufferSize() - self._sink.bytesFree()), 0) // self._width

    def write(self, frames: np.ndarray) -> None:
        if self._pipe is None:
            self._pipe = self._sink.start()
        whole = np.round(np.clip(frames, -1, 1) * 32767).astype("<i2")
        if self._pipe is not None:
            self._pipe.write(np.repeat(whole, self._channels).tobytes())

    def stop(self) -> None:
        self._sink.reset()
        self._pipe = None
