"""The versions that are installed for the tests fit what `pyproject.toml` asks for."""

import re
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
EXTRAS = PROJECT["optional-dependencies"]


def needed(*extras):
    """What songradar itself needs, and with these extras."""
    named = PROJECT["dependencies"] + [line for extra in extras for line in EXTRAS[extra]]
    return {canonicalize_name(wanted.name): wanted for wanted in map(Requirement, named) if wanted.name != "songradar"}


def lines(name):
    return (ROOT / "requirements" / f"{name}.txt").read_text().splitlines()


def pinned(name):
    """The versions of each package in a file of requirements; there may be several, for several Pythons."""
    found = {}
    for requirement in map(Requirement, lines(name)):
        (only,) = requirement.specifier
        found.setdefault(canonicalize_name(requirement.name), []).append(Version(only.version))
    return found


def lowest(requirement):
    (bound,) = (Version(part.version) for part in requirement.specifier if part.operator == ">=")
    return bound


def test_every_dependency_was_tested_in_a_version_that_is_allowed():
    tested = pinned("tested")
    for name, wanted in needed(*EXTRAS).items():
        assert all(wanted.specifier.contains(version) for version in tested[name]), name


def test_every_lower_bound_is_what_the_lowest_versions_are():
    installed = pinned("lowest")
    bounds = {name: [lowest(wanted)] for name, wanted in needed("web", "dev").items() if wanted.specifier}
    assert {name: installed[name] for name in bounds} == bounds


@pytest.mark.parametrize("name", ["tested", "lowest"])
def test_no_place_is_named_where_packages_come_from(name):
    assert not [line for line in lines(name) if not re.match(r"[\w.-]+==[\w.]+( ; |$)", line)]
