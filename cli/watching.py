"""What long work tells, on stderr: notes as lines, stages as bars, failed files as warnings."""

from contextlib import ExitStack
from types import TracebackType
from typing import Self

from songradar.cli.output import note, warn
from songradar.cli.progress import Advance, progress
from songradar.events import Begun, Event, Note, Replaced
from songradar.outcomes import FileOutcome


class Watching:
    """A listener with a bar for the stage that is under way; a context manager."""

    def __init__(self) -> None:
        self._stage: str | None = None
        self._bar = ExitStack()
        self._advance: Advance | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._bar.close()

    def __call__(self, event: Event) -> None:
        if isinstance(event, Note):
            note(event.text)
            return
        if isinstance(event, Begun | Replaced):
            return
        stage = "ingesting" if isinstance(event, FileOutcome) else event.stage
        if stage != self._stage or event.number == 1:
            self._bar.close()
            self._stage, self._advance = stage, self._bar.enter_context(progress(stage, event.total))
        assert self._advance is not None
        if isinstance(event, FileOutcome):
            self._advance(event.duration_s, event.source, event.total)
            if event.outcome == "failed":
                warn(f"{event.source}: {event.reason}")
        else:
            self._advance(0.0, "", event.total)
        if event.number == event.total:
            self._bar.close()
            self._stage = None
