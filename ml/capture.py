"""Sound that goes on, captured in a process of its own: a device, a stream, a file that grows, standard input.

The process writes an empty line when it runs; a line of JSON when there is sound, or why there is none; then blocks of
samples, each preceded by its size in bytes; at the end a block of size 0 and a line of JSON.
"""

import json
import os
import sys
import threading
import time
from contextlib import suppress
from dataclasses import asdict, dataclass
from errno import EIO
from pathlib import Path
from typing import IO, Any

import av
import numpy as np
from av.container import InputContainer

from songradar.ml.audio import FORMATS, LENIENT, frames_of, resampled
from songradar.ml.decoder import SIZE
from songradar.ml.errors import AudioReadError
from songradar.ml.memory import bounded_memory

MONITOR = "monitor"
"""The device that hears what the computer itself plays, where PulseAudio or PipeWire runs."""

SYSTEM = {"darwin": "avfoundation", "win32": "dshow"}.get(sys.platform, "alsa")
"""FFmpeg's name of what captures sound here."""

NETWORK_S = 10
"""How long a server may let us wait before the stream counts as broken."""

CHUNK = 4096
"""Samples passed on at a time, about a tenth of a second."""

WAIT_S = 0.1
"""How often a file that grows is looked at."""

FORMATS_OF_FILES = ",".join(FORMATS.replace(",", " ").split())

_NETWORK = {
    "format_whitelist": f"{FORMATS_OF_FILES},hls",
    "protocol_whitelist": "http,https,httpproxy,tcp,tls,crypto",  # a playlist from the web must not open files here
    "user_agent": "songradar",
    "rw_timeout": str(NETWORK_S * 1_000_000),
    "analyzeduration": "1000000",
    # What has an end goes on where it broke off. Streams are reopened by `ml.live`, which says so.
    "reconnect": "1",
    "reconnect_delay_max": "4",
}


@dataclass(frozen=True)
class Request:
    """What to capture: `kind` is device, url, file or input. A file ends when it has not grown for `patience_s`."""

    kind: str
    address: str
    sample_rate_hz: int
    patience_s: float


@dataclass(frozen=True)
class Device:
    """Something that sound can be captured from, by its system's name."""

    name: str
    description: str


def main() -> None:
    """Capture what the argument says, or list devices, within bounded memory, until that ends or the parent does."""
    import signal

    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent hears of it, too, and ends this process
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # text that a library prints must not mix with the answers
    threading.Thread(target=_end_with, args=[os.getppid()], daemon=True).start()
    with suppress(BrokenPipeError), bounded_memory():
        if len(sys.argv) < 2:
            answers.write(json.dumps(_devices()).encode() + b"\n")
        else:
            _capture(Request(**json.loads(sys.argv[1])), answers)
        answers.flush()
    os._exit(0)  # without waiting for threads of libraries


def _end_with(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(1)
    os._exit(1)


def _devices() -> list[dict[str, str]]:
    """All that has sound; those of ALSA also have plug-ins, which are none."""
    found = av.enumerate_input_devices(SYSTEM)
    devices = [Device(one.name, one.description) for one in found if "video" not in one.media_types]
    return [asdict(device) for device in devices]


def _capture(request: Request, answers: IO[bytes]) -> None:
    name = request.address
    answers.write(b"\n")
    answers.flush()
    try:
        container = _open(request)
        with container:
            if not container.streams.audio:
                raise AudioReadError(name, "has no audio stream")
            _say(answers, {"form": _form(request, container)})
            reason, n_blocks = None, 0
            try:
                for block in resampled(frames_of(container, name), request.sample_rate_hz, CHUNK):
                    if data := block.astype(np.float32, copy=False).tobytes():
                        answers.write(SIZE.pack(len(data)) + data)
                        answers.flush()
                        n_blocks += 1
            except (av.FFmpegError, ValueError) as error:
                is_late = request.kind in ("file", "input") and "mp4" in container.format.name and not n_blocks
                reason = "says only at its end what is in it: songradar scan hears it" if is_late else _reason(error)
            answers.write(SIZE.pack(0))
            _say(answers, {"reason": reason})
    except AudioReadError as error:
        _say(answers, {"reason": error.reason})


def _say(answers: IO[bytes], what: dict[str, Any]) -> None:
    answers.write(json.dumps(what).encode() + b"\n")
    answers.flush()


def _form(request: Request, container: InputContainer) -> str:
    """A "file" ends, and comes from its start when it is opened again; a "playlist" ends, and a "stream" does not."""
    if request.kind in ("file", "input"):
        return "file"
    if container.format.name == "hls":
        return "playlist"
    return "file" if container.size > 0 else "stream"


def _open(request: Request) -> InputContainer:
    """Raises AudioReadError."""
    if request.kind == "device":
        return _open_device(request.address)
    if request.kind == "url":
        try:
            return _opened(request.address, options=_NETWORK, timeout=(2 * NETWORK_S, None))
        except (av.FFmpegError, OSError, ValueError) as error:
            raise AudioReadError(request.address, _refusal(request.address, error)) from error
    stream = _Growing(Path(request.address), request.patience_s) if request.kind == "file" else _Input()
    options = {"format_whitelist": FORMATS_OF_FILES, "ignore_length": "1"}  # a WAV said its length before it grew
    try:
        return _opened(stream, options=options)
    except (av.FFmpegError, OSError, ValueError) as error:
        what = "is not audio that can be decoded while it goes on" if stream.n_bytes else "holds nothing"
        raise AudioReadError(request.address, what) from error


def _open_device(name: str) -> InputContainer:
    if name == MONITOR:
        os.environ["PULSE_SOURCE"] = "@DEFAULT_MONITOR@"
    address = {"alsa": "pulse" if name == MONITOR else name, "avfoundation": f":{name}", "dshow": f"audio={name}"}
    for options in ({}, {"channels": "1"}):  # ALSA's own devices may have one channel only
        with suppress(av.FFmpegError, OSError, ValueError):
            return _opened(address[SYSTEM], format=SYSTEM, options=options)
    hint = "PulseAudio's plug-in for ALSA is missing, or its server" if name == MONITOR else "see --list-devices"
    raise AudioReadError(name, f"is no device that can be heard here ({hint})")


def _opened(what: object, **options: Any) -> InputContainer:
    container: InputContainer = av.open(what, **options, **LENIENT)
    return container


class _Input:
    """Standard input, as FFmpeg reads it: what has come so far, without seeking."""

    def __init__(self) -> None:
        self._file = open(0, "rb", buffering=0, closefd=False)  # noqa: SIM115  (a number, not a path)
        self.n_bytes = 0

    def read(self, size: int) -> bytes:
        data = self._file.read(size) or b""
        self.n_bytes += len(data)
        return data


class _Growing:
    """A file to which another program writes. It ends when that has not written for `patience_s`."""

    def __init__(self, path: Path, patience_s: float) -> None:
        """Raises AudioReadError."""
        if path.exists() and not path.is_file():
            raise AudioReadError(path, "is a folder" if path.is_dir() else "is not a regular file")
        try:
            self._file = path.open("rb", buffering=0)
        except OSError as error:
            raise AudioReadError(path, f"cannot be read ({error.strerror})") from error
        self._patience_s = patience_s
        self.n_bytes = 0

    def read(self, size: int) -> bytes:
        deadline = time.monotonic() + self._patience_s
        while True:
            if data := self._file.read(size):
                self.n_bytes += len(data)
                return data
            if time.monotonic() > deadline:
                return b""
            time.sleep(WAIT_S)


def _refusal(address: str, error: Exception) -> str:
    """Why a stream cannot be heard; where it is no sound, what the server says it is."""
    if isinstance(error, av.InvalidDataError) or getattr(error, "errno", None) == EIO:
        return _what_is_there(address)
    return _reason(error).replace("breaks off", "cannot be reached")


def _what_is_there(address: str) -> str:
    from urllib.error import URLError
    from urllib.request import Request as Asked
    from urllib.request import urlopen

    asked = Asked(address, headers={"User-Agent": "songradar"})  # noqa: S310  (http or https alone)
    try:
        with urlopen(asked, timeout=NETWORK_S) as response:  # noqa: S310
            return f"sends {response.headers.get_content_type()}, which is not audio that can be decoded"
    except (URLError, OSError, ValueError) as error:
        return f"cannot be reached ({getattr(error, 'reason', None) or error})"


def _reason(error: Exception) -> str:
    """Why sound broke off."""
    if isinstance(error, av.ExitError | TimeoutError):
        return f"has sent nothing for {NETWORK_S} s"
    text = str(getattr(error, "strerror", None) or error)
    if text.startswith("Server returned"):
        return text.replace("Server returned", "answers")
    return "breaks off" if getattr(error, "errno", None) == EIO else f"breaks off ({text})"


if __name__ == "__main__":
    main()
