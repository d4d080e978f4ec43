"""Files that mean harm, or were harmed, of many kinds: made from a seed."""

import io
import struct
import zipfile
import zlib
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np

from tests import synth

CODECS = {
    "flac": "flac", "m4a": "aac", "opus": "libopus", "mp3": "libmp3lame", "mka": "pcm_s16le", "aiff": "pcm_s16be",
    "wma": "wmav2", "ts": "mp2",
}  # fmt: skip
"""The kinds of file that are harmed, beside WAV: endings, and what encodes them."""

HEADER = 4096
"""Bytes in which headers are, mostly."""

Rng = np.random.Generator
Maker = Callable[[Rng, Sequence[bytes]], bytes]
"""Makes a file out of a random one of the originals, or of nothing."""


def originals(folder: Path, seconds: float = 3.0) -> list[bytes]:
    """The same melody as a file of each kind."""
    rng = np.random.default_rng(7)
    wave = synth.melody(rng, seconds, 48_000)
    found = [synth.write_wav(folder / "song.wav", wave, 48_000).read_bytes()]
    for suffix, codec in CODECS.items():
        path = synth.encode(folder / f"song.{suffix}", wave, codec, metadata={"title": "Amber"})
        found.append(path.read_bytes())
    return found


def files(rng: Rng, n: int, whole: Sequence[bytes], decoys: Sequence[str]) -> Iterator[tuple[str, bytes]]:
    """`n` files and the names of their kinds, each kind as often. Playlists name the `decoys`: paths and URLs."""
    for number in range(n):
        kind = KINDS[number % len(KINDS)]
        yield kind, MAKERS[kind](rng, whole) if kind in MAKERS else playlist(rng, decoys)


def one_of(rng: Rng, whole: Sequence[bytes]) -> bytes:
    return whole[int(rng.integers(len(whole)))]


def changed_bytes(rng: Rng, whole: Sequence[bytes], within: int | None = None) -> bytes:
    """Up to 40 bytes are others, of the first `within` or of all."""
    data = np.frombuffer(one_of(rng, whole), np.uint8).copy()
    at = rng.integers(0, min(len(data), within or len(data)), rng.integers(1, 41))
    data[at] = rng.integers(0, 256, len(at))
    return data.tobytes()


def flipped_bits(rng: Rng, whole: Sequence[bytes]) -> bytes:
    """One bit in a thousand, or up to one in ten, is the other."""
    data = np.frombuffer(one_of(rng, whole), np.uint8).copy()
    share = 10 ** rng.uniform(-4, -1)
    n = rng.poisson(share * 8 * len(data))
    np.bitwise_xor.at(data, rng.integers(0, len(data), n), (1 << rng.integers(0, 8, n)).astype(np.uint8))
    return data.tobytes()


def cut_short(rng: Rng, whole: Sequence[bytes]) -> bytes:
    """Without its end, its begin, or a piece of its middle."""
    data = one_of(rng, whole)
    first, last = sorted(rng.integers(0, len(data), 2).tolist())
    return [data[:last], data[first:], data[:first] + data[last:]][int(rng.integers(3))]


def joined(rng: Rng, whole: Sequence[bytes]) -> bytes:
    """The begin of one kind of file, and the end of another."""
    one, other = one_of(rng, whole), one_of(rng, whole)
    return one[: int(rng.integers(1, len(one)))] + other[int(rng.integers(len(other))) :]


def largest_numbers(rng: Rng, whole: Sequence[bytes]) -> bytes:
    """Where a length may stand, in the header, stands the largest, or one that is negative."""
    data = bytearray(one_of(rng, whole))
    for _ in range(int(rng.integers(1, 4))):
        size = int(rng.choice([2, 4, 8]))
        at = int(rng.integers(0, min(len(data), 600) - size))
        data[at : at + size] = [b"\xff" * size, b"\x7f" + b"\xff" * (size - 1), b"\xff" * (size - 1) + b"\x7f"][
            int(rng.integers(3))
        ]
    return bytes(data)


def wav_that_claims(n_bytes: int, n_real: int = 16_000, rate_hz: int = 8000) -> bytes:
    """A WAV file whose header claims `n_bytes` of sound, of 8 bits."""
    head = struct.pack(
        "<4sI4s4sIHHIIHH4sI", b"RIFF", 36, b"WAVE", b"fmt ", 16, 1, 1, rate_hz, rate_hz, 1, 8, b"data", n_bytes
    )
    return head + b"\x80" * n_real


def hours(rng: Rng, _whole: Sequence[bytes]) -> bytes:
    """A header that claims hours, before little or nothing."""
    return wav_that_claims(
        int(rng.integers(1 << 24, 1 << 32)), int(rng.integers(0, 50_000)), int(rng.integers(1, 1 << 20))
    )


def nested(rng: Rng, whole: Sequence[bytes]) -> bytes:
    """Boxes in boxes in boxes, of RIFF, MP4, Matroska or ID3, around a file."""
    data, kind = one_of(rng, whole), int(rng.integers(4))
    for _ in range(int(rng.integers(2, 2000))):
        n = len(data) + 8
        if kind == 0:
            data = b"RIFF" + struct.pack("<I", n) + b"WAVELIST" + struct.pack("<I", n) + data
        elif kind == 1:
            data = struct.pack(">I", n) + b"moov" + data
        elif kind == 2:
            data = b"\x18\x53\x80\x67\x08" + struct.pack(">I", n)[1:] + data
        else:
            data = b"ID3\x04\x00\x00" + synchsafe(len(data)) + data
    return b"\x1a\x45\xdf\xa3\x84\x42\x82\x81\x41" + data if kind == 2 else data


def synchsafe(number: int) -> bytes:
    """Seven bits a byte, as ID3 has it."""
    return bytes((number >> shift) & 0x7F for shift in (21, 14, 7, 0))


def packed(rng: Rng, _whole: Sequence[bytes]) -> bytes:
    """Much in little: an archive of zeros, or silence of up to hours that takes next to nothing."""
    n = int(10 ** rng.uniform(5, 7.5))
    if rng.integers(2):
        file = io.BytesIO()
        with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("song.wav", bytes(n // 4))
        return file.getvalue()
    return flac_of_silence(n // 4096)


def flac_of_silence(n_frames: int) -> bytes:
    """Frames of 65,535 equal samples at 8 kHz, eight seconds in 14 bytes; CRCs are wrong, which few mind."""
    info = struct.pack(">HH", 65_535, 65_535) + bytes(6) + (8000 << 44 | 15 << 36).to_bytes(8, "big") + bytes(16)
    frames = []
    for number in range(n_frames):
        head = b"\xff\xf8\x74\x08" + utf8_number(number) + b"\xff\xfe"
        frame = head + bytes([crc8(head)]) + b"\x00\x00\x00"
        frames.append(frame + crc16(frame).to_bytes(2, "big"))
    return b"fLaC\x80\x00\x00\x22" + info + b"".join(frames)


def utf8_number(number: int) -> bytes:
    """As FLAC has it, which is as UTF-8 would."""
    return chr(number).encode("utf-8", "surrogatepass")


def crc8(data: bytes) -> int:
    return crc(data, 8, 0x07)


def crc16(data: bytes) -> int:
    return crc(data, 16, 0x8005)


def crc(data: bytes, n_bits: int, polynomial: int) -> int:
    found, top = 0, 1 << (n_bits - 1)
    for byte in data:
        found ^= byte << (n_bits - 8)
        for _ in range(8):
            found = ((found << 1) ^ polynomial if found & top else found << 1) & ((1 << n_bits) - 1)
    return found


def pictures(rng: Rng, whole: Sequence[bytes]) -> bytes:
    """A cover that claims gigabytes, or inflates to a tenth of one, before an MP3 or in a FLAC."""
    claimed = int(rng.integers(1 << 27, (1 << 28) - 1))
    if rng.integers(2):
        n = int(rng.integers(1 << 20, 1 << 27))
        body = synchsafe(n) + zlib.compress(b"\x00image/png\x00\x03\x00" + bytes(n), 9)
        frame = b"APIC" + synchsafe(len(body)) + b"\x00\x09" + body
        return b"ID3\x04\x00\x00" + synchsafe(len(frame)) + frame + whole[4]
    if rng.integers(2):
        return b"ID3\x04\x00\x00" + synchsafe(claimed) + b"APIC" + synchsafe(claimed) + b"\x00\x00" + whole[4]
    block = struct.pack(">II", 3, 9) + b"image/png" + struct.pack(">IIIIII", 0, 1, 1, 24, 0, claimed << 3)
    return b"fLaC\x06" + b"\xff\xff\xff" + block + whole[1][4:]


def playlist(rng: Rng, decoys: Sequence[str]) -> bytes:
    """A list, of one of the kinds that players follow, of what is not the sender's."""
    where = decoys[int(rng.integers(len(decoys)))]
    return PLAYLISTS[int(rng.integers(len(PLAYLISTS)))].replace("DECOY", where).encode()


PLAYLISTS = (
    "#EXTM3U\n#EXTINF:10,\nDECOY\n",
    "DECOY\n",
    "[playlist]\nFile1=DECOY\nLength1=-1\nNumberOfEntries=1\n",
    "#EXTM3U\n#EXT-X-TARGETDURATION:10\n#EXTINF:10,\nDECOY\n#EXT-X-ENDLIST\n",
    '#EXTM3U\n#EXT-X-TARGETDURATION:10\n#EXT-X-KEY:METHOD=AES-128,URI="DECOY"\n#EXTINF:10,\na.ts\n#EXT-X-ENDLIST\n',
    "#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=64000\nDECOY\n",
    "ffconcat version 1.0\nfile 'DECOY'\n",
    "ffconcat version 1.0\nfile 'subfile,,start,0,end,0,,:DECOY'\n",
    (
        '<?xml version="1.0"?><MPD xmlns="urn:mpeg:dash:schema:mpd:2011" type="static"><Period><AdaptationSet>'
        '<Representation id="1" bandwidth="1"><BaseURL>DECOY</BaseURL></Representation></AdaptationSet></Period></MPD>'
    ),
    (
        '<?xml version="1.0"?><!DOCTYPE a [<!ENTITY x SYSTEM "DECOY">]><playlist><trackList><track>'
        "<location>&x;</location></track></trackList></playlist>"
    ),
    '<asx version="3.0"><entry><ref href="DECOY"/></entry></asx>',
    'FILE "DECOY" WAVE\n  TRACK 01 AUDIO\n    INDEX 01 00:00:00\n',
    "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\na=control:DECOY\nm=audio 5004 RTP/AVP 0\n",
    "[Reference]\nRef1=DECOY\n",
    "RTSPtext\nDECOY\n",
)


def nothing_of_sound(rng: Rng, _whole: Sequence[bytes]) -> bytes:
    """Noise, zeros, text, a page, a picture, nothing."""
    n = int(10 ** rng.uniform(0, 5.5))
    page = b"<!doctype html><title>404</title>"
    several = (rng.bytes(n), bytes(n), b"nothing to hear " * (n // 16), page, b"\x89PNG\r\n\x1a\n" + bytes(n), b"")
    return several[int(rng.integers(len(several)))]


MAKERS: dict[str, Maker] = {
    "bytes changed in the header": lambda rng, whole: changed_bytes(rng, whole, HEADER),
    "bytes changed anywhere": changed_bytes,
    "bits flipped": flipped_bits,
    "pieces missing": cut_short,
    "two kinds joined": joined,
    "largest numbers in the header": largest_numbers,
    "hours in the header": hours,
    "boxes in boxes": nested,
    "much sound in little": packed,
    "pictures of gigabytes": pictures,
    "no sound at all": nothing_of_sound,
}

KINDS = (*MAKERS, "playlists")
