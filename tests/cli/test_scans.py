"""The scans that are kept, on the command line."""

import json

from tests.reach import connect


def test_kept_scans_are_listed_shown_and_removed(catalogue, run, mix, tmp_path):
    told = run("scan", "--began", "2026-11-24T20:00", "--to", "30", mix).stdout
    run("scan", "--from", "70", "--to", "100", mix)
    lines = run("scans", "list").stdout.splitlines()
    listed = [json.loads(line) for line in run("scans", "list", "--json").stdout.splitlines()]
    shown = run("scans", "show", 1)
    run("scans", "show", 2, "--format", "cue", "-o", tmp_path / "mix.cue")
    removed = run("scans", "remove", 1, input="y\n")
    unknown = run("scans", "show", 1), run("scans", "remove", 2, 1, "--yes")
    n_left = len(run("scans", "list", "--json").stdout.splitlines())

    assert [line.split()[:2] for line in lines] == [["scan", "recording"], ["2", "mix.wav"], ["1", "mix.wav"]]
    assert "2026-11-24 20:00" in lines[2]
    assert lines[2].split()[-3:] == ["3:10", "1", "yes"]
    assert [scan["scan_id"] for scan in listed] == [2, 1]
    assert shown.stdout == told
    assert f'FILE "{mix}" WAVE' in (tmp_path / "mix.cue").read_text()
    assert removed.stdout == f"1: removed {mix}\n"
    assert [(result.exit_code, result.stderr) for result in unknown] == [
        (2, "songradar: there is no scan number 1\n")
    ] * 2
    assert n_left == 1


def test_kept_scan_that_is_not_finished_says_so(catalogue, run, mix):
    run("scan", "--to", "30", mix)
    with connect() as connection:
        connection.execute("UPDATE songradar.scans SET finished_at = NULL, scanned_s = 20")
    result = run("scans", "show", 1, "--format", "tracklist", "--no-unknown")
    line = run("scans", "list").stdout.splitlines()[1]

    assert result.stderr == "scan 1 is not finished: it has come to 0:20\n"
    assert result.stdout == "0:00 The Trees - Alder\n"
    assert line.endswith("up to 0:20")
