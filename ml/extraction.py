"""Fingerprints of many files, several at a time."""

from collections.abc import Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import islice, takewhile
from queue import SimpleQueue
from threading import Event

from ml.decoder import Decoder
from ml.encoder import Encoder, Fingerprint
from ml.errors import AudioError, AudioReadError
from ml.files import AudioFile, Failure, text_of
from ml.tags import Tags


@dataclass(frozen=True)
class HashedFile:
    """A file and the SHA-256 of its bytes."""

    file: AudioFile
    sha256: bytes


@dataclass(frozen=True)
class Extracted:
    """All the catalogue needs to know of a song."""

    hashed: HashedFile
    tags: Tags
    fingerprint: Fingerprint


def extract(files: Iterable[HashedFile], encoder: Encoder, workers: int) -> Iterator[Extracted | Failure]:
    """Decode and encode `files` on `workers` threads, yielding each as soon as it is done.

    Each thread has a process that decodes for it and a thread's share of ONNX Runtime, which releases Python's lock
    while it works. At most two files a worker are in hand, so memory grows neither with their number nor their length.
    """
    waiting, stop, decoders = iter(files), Event(), SimpleQueue[Decoder]()
    with ExitStack() as stack:
        for _ in range(workers):
            decoders.put(stack.enter_context(Decoder()))
        pool = stack.enter_context(ThreadPoolExecutor(workers, thread_name_prefix="extract"))
        in_hand: set[Future[Extracted | Failure]] = set()
        try:
            while True:
                room = 2 * workers - len(in_hand)
                in_hand.update(
                    pool.submit(extract_one, file, encoder, decoders, stop) for file in islice(waiting, room)
                )
                if not in_hand:
                    return
                done, in_hand = wait(in_hand, return_when=FIRST_COMPLETED)
                for future in done:
                    yield future.result()
        finally:  # also when the user interrupts: do not wait for the end of a long file
            stop.set()
            for future in in_hand:
                future.cancel()


def extract_one(
    hashed: HashedFile, encoder: Encoder, decoders: "SimpleQueue[Decoder]", stop: Event
) -> Extracted | Failure:
    """Fingerprint and tags of one file, or why there are none; breaks off when `stop` is set."""
    path, decoder = hashed.file.path, decoders.get()
    blocks = takewhile(lambda _: not stop.is_set(), decoder.decode(path, encoder.spec.sample_rate_hz))
    try:
        fingerprint = encoder.fingerprint_song(blocks)
        return Extracted(hashed, decoder.tags(path), fingerprint)
    except AudioReadError as error:
        return Failure(text_of(path), error.reason)
    except AudioError as error:
        return Failure(text_of(path), str(error))
    except Exception as error:  # a fault of ours or of a library's on this file: the rest goes on
        return Failure(text_of(path), f"cannot be encoded ({type(error).__name__}: {error})")
    finally:
        decoders.put(decoder)
