"""What is kept of scans."""

from songradar.db import scans
from songradar.timeline import Playing
from tests.db.rows import active_encoder_id
from tests.reach import connect


def test_what_is_kept_twice_is_there_once(database):
    """As after a commit that got no answer, since the server went away."""
    plays = [vars(Playing(0.0, 60.0, None, "Amber", n_fragments=200)), vars(Playing(60.0, 90.0))]
    with connect() as connection:
        scan = scans.begin(connection, "radio.wav", None, None, active_encoder_id(), {})
        for _ in range(2):
            scans.keep(connection, scan.id, plays, 90.0, 95.0)
        kept = scans.plays_of(connection, scan.id)
        finished = connection.execute("SELECT scanned_s, duration_s, finished_at IS NOT NULL FROM songradar.scans")

        assert [(play["title"], play["start_s"]) for play in kept] == [("Amber", 0.0), (None, 60.0)]
        assert finished.fetchall() == [(90.0, 95.0, True)]
