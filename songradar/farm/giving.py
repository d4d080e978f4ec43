"""Ingest with many machines: files are given to a farm, whose workers (`songradar.farm.work`) take them in batches."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from itertools import chain, groupby, islice
from pathlib import Path
from typing import Any, Literal, TypeAlias

import psycopg
from procrastinate import App

from songradar.catalogue import Catalogue
from songradar.db import farm, store
from songradar.db.farm import Queue
from songradar.db.search import read_encoder
from songradar.farm.queue import NAME, queue_of
from songradar.ingest import ensure_encoder
from songradar.ml.files import AudioFile, Failure, audio_files, is_folder, text_of
from songradar.remote import is_remote, remote_files

BATCH = 16
"""Files of a job at most."""

BATCH_BYTES = 256 << 20
"""What the files of a job hold together at most, unless it is one: long recordings are spread over the workers."""

LOOKED_UP = 500
"""Files that are looked up and given to the farm in one transaction."""

SILENT_S = 60.0
"""Who has given no sign of life for so long is dead: its work is given to others."""


@dataclass(frozen=True)
class FarmOptions:
    """How workers ingest: the encoder [the active one], the part of the catalogue that new songs go into, and whether
    to leave out new songs that are there in another file, whole.
    """

    encoder: str | None = None
    collection: str | None = None
    skip_duplicates: bool = False


State: TypeAlias = Literal["enqueued", "already there", "already waiting", "failed"]


@dataclass(frozen=True)
class Enqueued:
    """What has become of one file that was given to the farm; `reason` says why it failed."""

    source: str
    state: State
    reason: str | None = None


@dataclass(frozen=True)
class FarmStatus:
    """The queue, and how many files there are in each state, and of those that are done with each outcome."""

    queue: Queue
    states: dict[str, int]
    outcomes: dict[str, int]


def enqueue(
    catalogue: Catalogue, paths: Iterable[Path | str], options: FarmOptions = FarmOptions()
) -> Iterator[Enqueued]:
    """Give the songs in `paths`, files, folders and addresses, to the farm, and tell what became of each.

    What the catalogue knows by path, size and time stamp is left out, and so is what waits in the farm. It may be
    broken off at any moment, and done again. Raises EncoderUnknown, FarmMismatch, NotAllowed.
    """
    queue = queue_of(catalogue.server)
    with catalogue.connection() as connection:
        farm.check_rights(connection)
    ensure_encoder(catalogue)
    with catalogue.connection() as connection:
        encoder_id = read_encoder(connection, options.encoder).id
    for host, root, files in _found(catalogue.host, [str(path) for path in paths]):
        while chunk := list(islice(files, LOOKED_UP)):
            yield from [Enqueued(one.path, "failed", one.reason) for one in chunk if isinstance(one, Failure)]
            given = {file.source: file for file in chunk if isinstance(file, AudioFile)}
            stamps = {source: (file.size, file.modified_at) for source, file in given.items()}
            known = catalogue.retrying(partial(store.unchanged, encoder_id=encoder_id, host=host, files=stamps))
            new = [file for source, file in given.items() if source not in known]
            act = partial(_give, queue=queue, host=host, files=new, options=asdict(options) | {"root": root})
            taken = catalogue.retrying(act)
            for source in given:
                state: State = "already there" if source in known else "already waiting"
                yield Enqueued(source, "enqueued" if source in taken else state)


def status(catalogue: Catalogue) -> FarmStatus:
    """What the farm has done and has to do."""
    with catalogue.connection() as connection:
        farm.check_rights(connection)
        queue, files = farm.queue(connection, SILENT_S), farm.files_by_state(connection)
    states = dict.fromkeys(("waiting", "working", "done", "failed"), 0)
    for (state, _), n in files.items():
        states[state] += n
    return FarmStatus(queue, states, {outcome: n for (_, outcome), n in files.items() if outcome})


def batches(files: Sequence[AudioFile]) -> Iterator[list[AudioFile]]:
    """The files in order, as many at a time as make a job."""
    batch: list[AudioFile] = []
    for file in files:
        if batch and (len(batch) == BATCH or sum(one.size for one in (*batch, file)) > BATCH_BYTES):
            yield batch
            batch = []
        batch.append(file)
    if batch:
        yield batch


def _found(host: str, paths: Sequence[str]) -> Iterator[tuple[str, str, Iterator[AudioFile | Failure]]]:
    """The machine that has the files, the folder that has to be there, and the files, so that many make a job."""
    for (owner, root), group in groupby(paths, partial(_place, host)):
        if owner:
            yield owner, root, audio_files([Path(path) for path in group])
        else:
            yield owner, root, chain.from_iterable(map(remote_files, group))


def _place(host: str, path: str) -> tuple[str, str]:
    """Who has a path, and the folder it is, or is in; nobody has an address."""
    if is_remote(path):
        return "", f"{path.rpartition('/')[0]}/"
    resolved = Path(path).resolve()
    return host, text_of(resolved if is_folder(resolved) else resolved.parent)


def _give(
    connection: psycopg.Connection, queue: App, host: str, files: Sequence[AudioFile], options: dict[str, Any]
) -> set[str]:
    """Give files to the farm as jobs, all or none; those that were not waiting in it already."""
    with connection.transaction():
        connection.execute(farm.SEARCH_PATH)
        numbers = {source: number for number, source in farm.enqueue(connection, host, [file.source for file in files])}
        cut = list(batches([file for file in files if file.source in numbers]))
        if cut:
            task = queue.tasks[NAME]
            wanted = [
                task.configure(queueing_lock=f"files from {numbers[batch[0].source]}").make_new_job(**options)
                for batch in cut
            ]
            jobs = queue.job_manager.batch_defer_jobs(jobs=wanted, connection=connection)
            of_file = {numbers[file.source]: job.id for batch, job in zip(cut, jobs, strict=True) for file in batch}
            farm.assign(connection, {number: job for number, job in of_file.items() if job is not None})
    return set(numbers)
