"""A house that the tests of this folder share; each puts its catalogue into the state that it needs."""

from dataclasses import dataclass

import pytest

from tests.reliability.audit import Asked
from tests.reliability.house import House, house
from tests.reliability.jobs import Job, jobs, prepare


@dataclass(frozen=True)
class Prepared:
    """A house with states, and recordings of its songs."""

    built: House
    asked: Asked

    def job(self, name: str) -> Job:
        return next(job for job in jobs(self.built) if job.name == name)


@pytest.fixture(scope="package")
def prepared():
    with house() as built:
        yield Prepared(built, prepare(built, 1, {"empty", "two"}))


@pytest.fixture
def built(prepared):
    yield prepared.built
    prepared.built.at_url = False
