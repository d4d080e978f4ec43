"""One target under atheris; its arguments are the target's name and those of libFuzzer."""

import sys

import atheris

with atheris.instrument_imports(include=["songradar", "mutagen"]):
    from tests.fuzz.targets import TARGETS

if __name__ == "__main__":
    name = sys.argv.pop(1)
    atheris.Setup(sys.argv, TARGETS[name])
    atheris.Fuzz()
