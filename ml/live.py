"""Sound as it comes, in blocks, however often it breaks off: a watchdog, and new attempts with growing distances."""

import json
import math
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import asdict, dataclass
from pathlib import Path
from queue import Empty, Full, Queue
from threading import Event, Thread
from typing import IO
from urllib.parse import urlsplit

import numpy as np

from songradar.ml.audio import Wave
from songradar.ml.capture import SYSTEM, Device, Request
from songradar.ml.decoder import SIZE, exactly, started
from songradar.ml.errors import AudioReadError
from songradar.ml.files import text_of

STALL_S = 25.0
"""A stream or device from which nothing comes for so long is opened again."""

FIRST_DELAY_S, LONGEST_DELAY_S = 1.0, 30.0
"""Between attempts to open a stream again: each time twice as long, up to the longest."""

PATIENCE_S = {"device": 300.0, "url": 300.0, "file": 30.0, "input": 0.0}
"""How long a device or stream may be away, and how long a file may not grow."""

AHEAD_S = 20.0
"""Stations send so much at once to new listeners at most."""

GLANCE_S = 0.2
"""How often it is looked whether to stop."""

LONGEST_GAP_S = 3600.0
"""Silence that stands for the time a stream was away is not longer."""

_Answer = dict[str, object]


@dataclass(frozen=True)
class Source:
    """Where sound comes from: `kind` is device, url, file or input; `address` a device's name, a URL or a path."""

    kind: str
    address: str

    @classmethod
    def of(cls, text: str | None, device: str | None = None) -> "Source":
        """What `text` is: http(s) is a URL, - is standard input, else it is a path; None is `device` [the default]."""
        if text is None:
            return cls("device", device or "default")
        if text == "-":
            return cls("input", text)
        return cls("url" if urlsplit(text).scheme in ("http", "https") else "file", text)

    @property
    def name(self) -> str:
        """What it is called."""
        return "standard input" if self.kind == "input" else text_of(self.address)


class LiveSound:
    """The sound of a source until it ends or is stopped."""

    def __init__(
        self,
        source: Source,
        patience_s: float | None = None,
        stall_s: float = STALL_S,
        tell: Callable[[str], None] = lambda _: None,
    ) -> None:
        """Faults of the network that pass are told to `tell`, in a sentence each."""
        self._source, self._stall_s, self._tell = source, stall_s, tell
        self._patience_s = PATIENCE_S[source.kind] if patience_s is None else patience_s
        self._stopped = Event()
        self._rate_hz = self._n_samples = 0
        self._began = self._last = 0.0

    @property
    def name(self) -> str:
        """What its source is called."""
        return self._source.name

    def stop(self) -> None:
        """End the blocks soon. May be called from anywhere, signal handlers included."""
        self._stopped.set()

    def blocks(self, sample_rate_hz: int) -> Iterator[Wave]:
        """The sound, mono, (t,) float32 a block; where a stream was away, silence of that length.

        Raises AudioReadError if nothing can be heard, or after what could be heard if it breaks off for good.
        """
        self._rate_hz, delay_s, reason = sample_rate_hz, FIRST_DELAY_S, None
        while True:
            n_before = self._n_samples
            try:
                yield from self._once(was_away=reason is not None)
                return
            except Broken as error:
                reason = error.reason
                if self._is_file() and not error.is_final:
                    return
                if error.is_final or not self._n_samples:
                    raise AudioReadError(self.name, reason) from error
            delay_s = FIRST_DELAY_S if self._n_samples > n_before else min(2 * delay_s, LONGEST_DELAY_S)
            if time.monotonic() + delay_s > self._last + self._patience_s:
                reason = f"{reason}, and did not come back within {self._patience_s:.0f} s"
                raise AudioReadError(self.name, reason)
            self._tell(f"{self.name}: {reason}; next attempt in {delay_s:.0f} s")
            if self._stopped.wait(delay_s):
                return

    def _is_file(self) -> bool:
        """Whether more came than time went by: a server that does not say how long a file is, and no station."""
        elapsed_s = self._last - self._began
        return self._source.kind == "url" and self._n_samples / self._rate_hz > 2 * elapsed_s + AHEAD_S

    def _once(self, *, was_away: bool) -> Iterator[Wave]:
        with closing(_Capture(self._source, self._rate_hz, self._patience_s)) as capture:
            for block in capture.blocks(self._stopped, self._stall_s):
                self._last = time.monotonic()
                if not self._n_samples:
                    self._began = self._last
                if was_away:
                    was_away = False
                    self._tell(f"{self.name}: is heard again")
                    yield from self._gap()
                self._n_samples += len(block)
                yield block

    def _gap(self) -> Iterator[Wave]:
        """Silence up to now, by the second, so that places in the sound stay times on the clock."""
        missing_s = min(time.monotonic() - self._began - self._n_samples / self._rate_hz, LONGEST_GAP_S)
        for _ in range(int(missing_s)):
            self._n_samples += self._rate_hz
            yield np.zeros(self._rate_hz, np.float32)


class Broken(Exception):
    """Sound that ended too early, or did not begin; `is_final` where another attempt would bring it from its start."""

    def __init__(self, reason: str, *, is_final: bool = False) -> None:
        super().__init__(reason)
        self.reason, self.is_final = reason, is_final


class _Capture:
    """One process that captures (`ml.capture`), and a thread that reads what it says."""

    def __init__(self, source: Source, sample_rate_hz: int, patience_s: float) -> None:
        self._kind, self._patience_s = source.kind, patience_s
        address = str(Path(source.address).absolute()) if source.kind == "file" else source.address
        request = Request(source.kind, address, sample_rate_hz, patience_s)
        self._process = _started(json.dumps(asdict(request)), own_input=source.kind != "input")
        self._heard: Queue[Wave | _Answer | None] = Queue(512)
        self._closed = Event()
        self._thread = Thread(target=self._read, daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._closed.set()
        self._process.kill()
        self._process.wait()
        self._thread.join()
        assert self._process.stdout is not None
        self._process.stdout.close()

    def blocks(self, stopped: Event, stall_s: float) -> Iterator[Wave]:
        """Until its end, or `stopped`. Raises Broken."""
        waits = self._kind in ("file", "input")  # for others, not for us
        form = ""
        since = math.inf  # it takes what time it needs to start
        while not stopped.is_set():
            try:
                heard = self._heard.get(timeout=GLANCE_S)
            except Empty:
                # A playlist that does not grow is looked at again by FFmpeg; opened again, it would be heard again.
                at_most_s = max(stall_s, self._patience_s) if form == "playlist" else stall_s
                if not waits and time.monotonic() - since > at_most_s:
                    raise Broken(
                        f"has sent nothing for {at_most_s:.0f} s", is_final=form in ("file", "playlist")
                    ) from None
                continue
            since = time.monotonic()
            if heard is None:
                raise Broken("makes the decoder break down", is_final=waits)
            if isinstance(heard, np.ndarray):
                yield heard
            elif "form" in heard:
                form = str(heard["form"])
            elif "reason" in heard:
                if heard["reason"] is None and form != "stream":
                    return
                raise Broken(str(heard["reason"] or "breaks off"), is_final=form == "file")

    def _read(self) -> None:
        assert self._process.stdout is not None
        try:
            for heard in said(self._process.stdout):
                self._put(heard)
        except (EOFError, OSError, ValueError):
            self._put(None)

    def _put(self, heard: Wave | _Answer | None) -> None:
        """Wait until there is room: what is faster than it is heard has to wait."""
        while not self._closed.is_set():
            try:
                self._heard.put(heard, timeout=GLANCE_S)
            except Full:
                continue
            return


def said(source: IO[bytes]) -> Iterator[Wave | _Answer]:
    """What a capturing process says: {} when it runs, that there is sound, blocks, that it has ended.

    Raises EOFError, ValueError.
    """
    if source.readline():
        yield {}
    begun = json.loads(source.readline())
    yield begun
    if "form" not in begun:
        return
    while (size := SIZE.unpack(exactly(source, SIZE.size))[0]) > 0:
        yield np.frombuffer(exactly(source, size), np.float32)
    yield json.loads(source.readline())


def devices() -> list[Device]:
    """What sound can be captured from here."""
    with _started(own_input=True) as process:
        output, _ = process.communicate()
    try:
        return [Device(**device) for device in json.loads(output)]
    except ValueError:
        return []


def _started(*arguments: str, own_input: bool) -> "subprocess.Popen[bytes]":
    return started(
        "from songradar.ml.capture import main; main()",
        *arguments,
        stdin=subprocess.DEVNULL if own_input else None,
        stderr=subprocess.DEVNULL,  # libraries of sound talk much
        defaults=_alsa(),
    )


def _alsa() -> dict[str, str]:
    """Where the system keeps ALSA's configuration and plug-ins: the library that PyAV brings looks elsewhere.

    Without plug-ins there would be neither PulseAudio nor PipeWire.
    """
    if SYSTEM != "alsa":
        return {}
    folders = [*Path("/usr/lib").glob("*-linux-gnu*/alsa-lib"), Path("/usr/lib64/alsa-lib"), Path("/usr/lib/alsa-lib")]
    plugins = next((str(folder) for folder in folders if folder.is_dir()), "")
    return {"ALSA_CONFIG_DIR": "/usr/share/alsa", "ALSA_PLUGIN_DIR": plugins}
