"""What can go wrong between a file and its embeddings."""

import os


class AudioError(Exception):
    """Base of all errors that `ml` raises on purpose; its text is meant for the user."""


class AudioReadError(AudioError):
    """A file that gives no usable audio; `path` names it, `reason` says why, `is_passing` that it may do so later."""

    def __init__(self, path: os.PathLike[str] | str, reason: str, *, is_passing: bool = False) -> None:
        self.path = os.fsencode(path).decode("utf-8", "backslashreplace")
        super().__init__(f"{self.path}: {reason}")
        self.reason = reason
        self.is_passing = is_passing


class DecoderKilled(AudioReadError):
    """The process that decoded a file was killed, which says nothing about the file."""


class NothingToHear(AudioError):
    """A recording of `duration_s` in which an encoder finds nothing to compare."""

    def __init__(self, reason: str, duration_s: float = 0.0) -> None:
        super().__init__(reason)
        self.duration_s = duration_s


class ClipTooShort(NothingToHear):
    """A recording shorter than one fragment of the encoder."""


class SilentAudio(NothingToHear):
    """A recording in which no fragment is louder than silence."""


class EncoderFileError(AudioError):
    """An encoder folder or ONNX file that cannot be used."""


class TrainingDataError(AudioError):
    """A music folder from which no pairs can be made."""
