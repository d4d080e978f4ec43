"""What keeps a report from being written."""


class TooManyTracks(Exception):
    """A recording in which more is heard than a CUE sheet may hold."""

    def __init__(self, recording: str, at_most: int) -> None:
        super().__init__(f"{recording}: a CUE sheet holds {at_most} tracks at most, and more were heard")
