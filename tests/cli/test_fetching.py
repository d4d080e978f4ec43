"""Recordings on the web and in standard input, for a search and for a scan."""

import json
import socket
import threading

import pytest

from songradar.cli import fetching
from tests.stations import Station, on_air


@pytest.fixture
def song(music, run, database):
    """The bytes of a song that the catalogue has."""
    run("ingest", *music.values())
    return music["Birch"].read_bytes()


@pytest.mark.parametrize("command", ["search", "scan"])
def test_recording_is_heard_from_the_web_and_from_standard_input(command, song, run):
    piped = run(command, "--json", "-", input=song)
    with on_air(Station([song], length=len(song))) as url:
        fetched = run(command, "--json", url)
    told = [json.loads(result.stdout.splitlines()[0]) for result in (piped, fetched)]

    assert [one.get("query") or one.get("recording") for one in told] == ["standard input", url]
    assert {result.exit_code for result in (piped, fetched)} <= {0, 1}


@pytest.mark.parametrize("command", ["search", "scan"])
def test_stream_that_has_no_end_is_not_waited_for(command, song, run, monkeypatch):
    monkeypatch.setattr(fetching, "URL_S", 0.5)
    with on_air(Station([song], bytes_per_s=100_000, stays_open=True)) as url:
        result = run(command, url)

    assert result.exit_code == 2
    assert f"{url}: has no end after 0 s: songradar listen hears what goes on" in result.stderr


@pytest.mark.parametrize("command", ["search", "scan"])
def test_standard_input_that_has_no_end_is_not_waited_for(command, song, run, monkeypatch):
    monkeypatch.setattr(fetching, "LONGEST", 1 << 16)
    result = run(command, "-", input=song)

    assert result.exit_code == 2
    assert "standard input: is larger than 0 GiB" in result.stderr


@pytest.mark.parametrize("command", ["search", "scan"])
def test_what_cannot_be_fetched_is_one_sentence(command, song, run):
    for program, sentence in [
        (404, "cannot be fetched (Not Found)"),
        (b"<html></html>", "is not audio that can be decoded"),
        (b"", "is empty"),
    ]:
        with on_air(Station([program], content_type="text/html", length=0 if program == 404 else len(program))) as url:
            result = run(command, url)

        assert result.exit_code == 2
        assert result.stderr == f"{url}: {sentence}\n"
    assert run(command, "-", input=b"").stderr == "standard input: is empty\n"


@pytest.mark.parametrize("command", ["search", "scan"])
def test_server_that_does_not_speak_http_costs_its_recording_alone(command, song, run, music):
    with socket.create_server(("127.0.0.1", 0)) as server:

        def answer():
            with server.accept()[0] as client:
                client.recv(4096)
                client.sendall(b"ICY 200 OK\r\n\r\n")

        threading.Thread(target=answer).start()
        url = f"http://127.0.0.1:{server.getsockname()[1]}/"
        result = run(command, url, "http://127.0.0.1:abc/", "http://[1/", music["Birch"])

    assert result.exit_code == 2
    reasons = ("cannot be fetched (ICY 200 OK", "cannot be fetched (nonnumeric port: 'abc'", "cannot be fetched (")
    for line, reason in zip(result.stderr.splitlines(), reasons, strict=True):
        assert reason in line
    assert "Birch" in result.stdout


def test_file_that_breaks_off_on_its_way_is_not_searched_for(song, run):
    with on_air(Station([song], length=len(song) + 1)) as url:
        assert run("search", url).stderr == f"{url}: breaks off while it is fetched\n"
