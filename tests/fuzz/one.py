"""One target under atheris; its arguments are the target's name and those of libFuzzer."""

import sys

import atheris

with atheris.instrument_imports(include=["songradar", "mutagen"]):
    from tests.fuzz.seeds import SEEDS
    from tests.fuzz.targets import TARGETS

if __name__ == "__main__":
    name = sys.argv.pop(1)
    with atheris.instrument_imports(include=["songradar", "mutagen"]):
        for seed in SEEDS[name]:
            TARGETS[name](seed)  # it imports what it needs, which the first input would have to wait for
    atheris.Setup(sys.argv, TARGETS[name])
    atheris.Fuzz()
