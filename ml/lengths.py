"""How long files say that they last. Containers say it in their own ways, and some say it wrongly or not at all."""

import re
from pathlib import Path
from typing import Any

import av
from av.container import InputContainer
from mutagen.mp3 import MP3, BitrateMode
from mutagen.wave import WAVE


def length_of(path: Path, container: InputContainer) -> float | None:
    """The seconds that an open file declares, or None when it declares none.

    An MP3 without a Xing/Info header says nothing; FFmpeg then estimates from the bit rate of the first frame, which
    is far off for variable bit rates.
    """
    stream = container.streams.audio[0]
    if container.format.name == "mp3" and not _has_xing_header(path):
        return None
    if container.format.name == "wav":
        return _wav_duration_s(path)
    if "matroska" in container.format.name and len(container.streams) > 1:
        # FFmpeg gives every stream the file's duration, which is that of the longest, often the picture.
        return _tagged_duration_s(stream.metadata.get("DURATION", ""))
    if stream.duration is not None and stream.time_base is not None:
        return float(stream.duration * stream.time_base)
    return container.duration / av.time_base if container.duration is not None else None


def _tagged_duration_s(text: str) -> float | None:
    """Parse the DURATION tag that Matroska muxers write for each stream into seconds.

    >>> _tagged_duration_s("00:03:20.500000000")
    200.5
    """
    found = re.fullmatch(r"(\d+):(\d\d):(\d\d(?:\.\d+)?)", text)
    return 3600 * int(found[1]) + 60 * int(found[2]) + float(found[3]) if found else None


def _has_xing_header(path: Path) -> bool:
    try:
        mp3: Any = MP3(path)  # type: ignore[no-untyped-call]
        return bool(mp3.info.bitrate_mode != BitrateMode.UNKNOWN)
    except Exception:  # whatever mutagen meets in a damaged file
        return False


def _wav_duration_s(path: Path) -> float | None:
    """The duration in a WAV header, read with mutagen because FFmpeg reduces it to what the file holds.

    A WAV written to a pipe declares a size of 0, or about the largest number that fits in 31 or 32 bits.
    """
    try:
        wav: Any = WAVE(path)  # type: ignore[no-untyped-call]
    except Exception:  # whatever mutagen meets in a damaged file
        return None
    n_bytes = wav.info.length * wav.info.bitrate / 8
    return float(wav.info.length) if n_bytes < 0x7FFF_0000 else None
