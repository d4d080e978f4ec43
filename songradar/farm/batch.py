"""One job of the farm: the files of a batch, ingested here in the name of whoever has them."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from songradar.catalogue import Catalogue, LoadedEncoder
from songradar.db import farm
from songradar.db.farm import Attempt, FarmFile
from songradar.ingest import IngestOptions, Origin, ingest_files
from songradar.ml.extraction import Extraction
from songradar.ml.files import AudioFile, Failure, path_of, stat
from songradar.outcomes import FileOutcome
from songradar.remote import at_hand, is_remote
from songradar.tending import tend_index
from songradar.unfinished import scratch

FAULTS = 8
"""How often the network may be in the way of a file; with the pauses between attempts, this takes some minutes."""


class Interrupted(Exception):
    """The worker is to end: others go on with the job."""


class TryAgain(Exception):
    """The network was in the way of some files of a job."""


class Unseen(Exception):
    """A folder that files of a job lie in is not to be seen from here."""


@dataclass(frozen=True)
class Site:
    """The machine that a worker runs on: where folders of other machines lie on it, and whether to end, soon."""

    mapped: Sequence[tuple[Path, Path]]
    is_closing: Callable[[], bool]

    def locate(self, source: str) -> Path | None:
        """Where the file lies here; None for an address."""
        if is_remote(source):
            return None
        path = path_of(source)
        for there, here in self.mapped:
            if path.is_relative_to(there):
                return here / path.relative_to(there)
        return path


def ingest_batch(
    catalogue: Catalogue,
    encoder: LoadedEncoder,
    extraction: Extraction,
    site: Site,
    attempt: Attempt,
    options: dict[str, Any],
) -> Iterator[FileOutcome]:
    """Ingest what is left of a job, and tell what became of each file once that is written down.

    A file that the network keeps from being read gets no outcome, but for the last time. Raises Interrupted, TryAgain,
    Unseen, and what the database raises.
    """
    taken = catalogue.retrying(partial(farm.take, attempt=attempt))
    if not taken:
        return
    check_seen(site, options["root"])
    of_source = {file.source: file for file in taken}
    how = IngestOptions(collection=options["collection"], skip_duplicates=options["skip_duplicates"])
    n_faults = 0
    with scratch() as folder:
        given = {file.source: located(site, file, folder) for file in taken}
        origin = Origin(taken[0].host, site.locate)
        with closing(ingest_files(catalogue, encoder, extraction, list(given.values()), how, origin)) as outcomes:
            for outcome in outcomes:
                file = of_source[outcome.source]
                _forget(given[outcome.source])
                if outcome.is_passing and file.faults + 1 < FAULTS:
                    n_faults += 1
                    catalogue.retrying(partial(farm.fault, attempt=attempt, file=file, reason=outcome.reason))
                    continue
                _write_down(catalogue, attempt, file, outcome)
                yield outcome
                if site.is_closing():
                    raise Interrupted
    tend_index(catalogue, encoder.name)
    if n_faults:
        raise TryAgain(f"the network was in the way of {n_faults} of {len(taken)} files")


def check_seen(site: Site, root: str) -> None:
    """Raise Unseen where the folder below which the files of a job were found is not there."""
    path = site.locate(root)
    if path is not None and not path.is_dir():
        raise Unseen(
            f"{path}: this machine does not see it, as the farm's files need: SONGRADAR_PATHS says where it lies"
        )


def located(site: Site, file: FarmFile, folder: Path) -> AudioFile | Failure:
    """A file of the farm as it lies here, under the name that it has there; one on the web is fetched into `folder`."""
    path = site.locate(file.source)
    if path is None:
        return at_hand(file.source, folder / str(file.id))
    found = stat(path)
    return replace(found, path=file.source) if isinstance(found, Failure) else replace(found, known_as=file.source)


def _write_down(catalogue: Catalogue, attempt: Attempt, file: FarmFile, outcome: FileOutcome) -> None:
    """Raises Interrupted where another worker has taken the job meanwhile."""
    end = partial(farm.end, attempt=attempt, file=file, outcome=outcome.outcome, reason=outcome.reason)
    if not catalogue.retrying(end):
        raise Interrupted


def _forget(given: AudioFile | Failure) -> None:
    """Remove what was fetched."""
    if isinstance(given, AudioFile) and given.fetch is not None:
        with suppress(OSError):
            given.path.unlink()
