"""The first thing a newcomer runs."""

import os


def test_demo_names_the_song_and_leaves_the_catalogue_alone(database, run):
    result = run("demo")

    assert result.exit_code == 0
    assert "Ingesting 7 songs" in result.stdout
    assert "noise at" in result.stdout
    assert "Let's Go Fishin' by Karissa Hobbs (from 0:10" in result.stdout
    assert os.environ["DATABASE_URL"] == database
    assert run("songs", "list", "--json").stdout == ""
