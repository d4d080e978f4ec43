"""Schemathesis makes requests up out of the OpenAPI document, and compares what comes back with it."""

import pytest

schemathesis = pytest.importorskip("schemathesis", reason="needs schemathesis, of songradar[dev]")

from hypothesis import HealthCheck, Phase, given, settings  # noqa: E402
from schemathesis.specs.openapi.checks import positive_data_acceptance  # noqa: E402

from songradar.web.openapi import document  # noqa: E402

EXAMPLES = 5
"""Requests of each kind to each operation: such as the document allows, and such as it does not."""

ENDLESS = "GET /events"

NOT_SAID = ("POST /identify", "POST /ingest", "POST /scans", "PATCH /songs/{song_id}", "GET /insight")
"""What is refused although the document allows it: bytes that are no sound, texts that are no ISRC, no time zone."""

MODES = schemathesis.GenerationMode

OPERATIONS = {
    operation.label: operation
    for operation in (found.ok() for found in schemathesis.openapi.from_dict(document()).get_all_operations())
    if operation.label != ENDLESS
}

FEW = settings(
    max_examples=EXAMPLES, deadline=None, derandomize=True, database=None, phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)  # fmt: skip


@pytest.mark.filterwarnings("ignore:Do not use the `random` module inside strategies")  # schemathesis does
@pytest.mark.parametrize("mode", MODES, ids=lambda mode: mode.value)
def test_every_answer_is_one_that_the_document_allows(served, mode):
    for operation in OPERATIONS.values():
        can_be_wrong = operation.query or operation.path_parameters or operation.body
        if mode == MODES.POSITIVE or can_be_wrong:
            ask(served, operation, mode)


def ask(served, operation, mode):
    excluded = [positive_data_acceptance] if operation.label in NOT_SAID else []

    @FEW
    @given(case=operation.as_strategy(generation_mode=mode))
    def ask_one(case):
        case.call_and_validate(base_url=f"{served.url}/api/v1", timeout=60, excluded_checks=excluded)

    ask_one()
