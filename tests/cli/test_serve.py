"""songradar serve as a process of its own."""

import os
import re
import signal
import subprocess
import sys

import httpx
import pytest

from songradar.web.tokens import Tokens, add_token


@pytest.fixture
def serve(database):
    """Start the command; the process ends with the test."""
    started: list[subprocess.Popen] = []

    def start(*arguments: object) -> tuple[subprocess.Popen, str]:
        command = [sys.executable, "-m", "songradar", "serve", "--port", free_port(), *map(str, arguments)]
        process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=os.environ | {"NO_COLOR": "1"})
        started.append(process)
        return process, re.search(r"https?://\S+", process.stderr.readline())[0]

    yield start
    for process in started:
        process.kill()
        process.communicate()


def free_port() -> str:
    import socket

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return str(probe.getsockname()[1])


def health(url: str) -> int:
    transport = httpx.HTTPTransport(retries=8)
    with httpx.Client(transport=transport, timeout=30) as client:
        return client.get(f"{url}api/v1/health").status_code


@pytest.mark.parametrize("stop", [signal.SIGINT, signal.SIGTERM])
def test_server_answers_until_it_is_told_to_stop(serve, stop):
    process, url = serve()
    status = health(url)
    process.send_signal(stop)
    _, said = process.communicate(timeout=30)

    assert status == 200
    assert process.returncode == {signal.SIGINT: 130, signal.SIGTERM: 143}[stop]
    assert "Traceback" not in said


def test_other_machines_are_not_served_without_a_token(database, run):
    result = run("serve", "--host", "0.0.0.0")

    assert (result.exit_code, result.stdout) == (2, "")
    assert "a token is needed" in result.stderr


def test_change_of_the_file_of_tokens_is_told(serve, tmp_path):
    path = tmp_path / "tokens"
    add_token(path, "read")
    process, url = serve("--token-file", path)
    health(url)
    path.write_text("rubbish")
    status = httpx.get(f"{url}api/v1/songs", headers={"Authorization": "Bearer guessed"}).status_code
    process.terminate()

    assert status == 401
    assert f"{path}, line 1: is not read or write and a SHA-256 in hex" in process.communicate(timeout=30)[1]


def test_new_token_is_told_once(tmp_path, run):
    path = tmp_path / "tokens"
    result = run("serve", "--token-file", path, "--new-token", "read")

    assert Tokens(path).scope_of(result.stdout.strip()) == "read"
    assert run("serve", "--new-token", "read").exit_code == 2


def test_options_that_make_no_sense_are_refused(tmp_path, database, run):
    empty = tmp_path / "empty"
    empty.touch()

    assert "holds no token" in run("serve", "--token-file", empty).stderr
    assert "belong together" in run("serve", "--certificate", empty).stderr
    assert run("serve", "--allow-folder", tmp_path / "none").exit_code == 2
