"""PostgreSQL's programs: what is told of what they complain about."""

import pytest

from songradar.db.programs import complaint


@pytest.mark.parametrize(
    ("said", "told"),
    [
        (["pg_dump: error: query failed: ERROR:  permission denied for table a"], "permission denied for table a"),
        (["pg_dump: error: query failed: server closed the connection"], "server closed the connection"),
        (
            [
                'pg_dump: error: Dumping the contents of table "fragments_1" failed: PQgetCopyData() failed.',
                "pg_dump: detail: Error message from server: FATAL:  terminating connection",
            ],
            "terminating connection",
        ),
        (["pg_amcheck: error: could not connect: no route"], "could not connect: no route"),
        (["psql:<stdin>:3: ERROR:  no space left"], "no space left"),
        (["gone"], "gone"),
        ([], "pg_dump failed"),
    ],
)
def test_reason_of_a_program_is_told_without_its_names(said, told):
    assert str(complaint("pg_dump", said)) == told
