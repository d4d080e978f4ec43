"""deploy/compose.yml, as far as a machine without Docker can tell: its scripts make a shard, and its standby."""

import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import click
import psycopg
import pytest
import yaml

from songradar.cli.main import COMMANDS, main
from songradar.db import embedded
from tests.db.servers import control, owner

FOLDER = Path(__file__).parents[2] / "deploy"
FILE = FOLDER / "compose.yml"
PASSWORD = "s3cret"

pytestmark = pytest.mark.skipif(not FILE.is_file(), reason="the tests run beside an installed wheel")


@pytest.fixture(scope="module")
def compose() -> dict:
    return yaml.safe_load(FILE.read_text("utf-8"))


def script(compose: dict, name: str) -> str:
    return compose["configs"][name]["content"].replace("$$", "$")


def commands(compose: dict) -> list[list[str]]:
    """What services run of songradar, as words."""
    text = "\n".join(" ".join(service.get("command", ())) for service in compose["services"].values())
    return [shlex.split(line)[1:] for line in re.findall(r"(?<![\w./:-])songradar (?:farm|cluster|serve)[^|\n]*", text)]


def test_file_follows_the_schema_of_compose_files():
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.compose-spec", FILE]
    done = subprocess.run(command, capture_output=True, text=True)

    assert done.returncode == 0, done.stdout


def test_there_are_two_shards_with_a_standby_each_a_proxy_two_workers_and_the_page(compose):
    services = compose["services"]

    assert {*services} == {
        "shard1", "shard1-standby", "shard2", "shard2-standby", "proxy", "cluster", "worker", "web",
    }  # fmt: skip
    assert services["worker"]["deploy"]["replicas"] == 2
    assert {services[f"{shard}-standby"]["environment"]["PRIMARY"] for shard in ("shard1", "shard2")} <= {*services}
    assert {volume.split(":")[0] for service in services.values() for volume in service.get("volumes", ())} - {
        "${SONGRADAR_MUSIC"
    } == {*compose["volumes"]}


def test_secrets_have_no_default_and_the_page_is_reached_from_this_machine_only(compose):
    text = FILE.read_text("utf-8")

    assert set(re.findall(r"\$\{(?:SONGRADAR_DB_PASSWORD|SONGRADAR_MUSIC)(..)", text)) == {":?"}
    assert [service["ports"] for service in compose["services"].values() if "ports" in service] == [
        ["127.0.0.1:${SONGRADAR_PORT:-8000}:8000"]
    ]


@pytest.mark.skipif("cluster" not in COMMANDS, reason="needs songradar cluster")
def test_every_command_is_one_of_songradar(compose):
    found = commands(compose)
    for words in found:
        command, context = main, click.Context(main)
        while isinstance(command, click.Group):
            command = command.get_command(context, words.pop(0))
        command.make_context("songradar", [word for word in words if word != ">"], resilient_parsing=True)

    assert len(found) == 7


@pytest.fixture
def shard(compose, home) -> str:
    """The URL of a server on which the shard's script has run, as the image runs it."""
    url = embedded.start(home)
    folder = parse_qs(urlsplit(url).query)["host"][0]
    with psycopg.connect(url.replace("/songradar?", "/postgres?"), autocommit=True) as connection:
        connection.execute("DROP DATABASE songradar")
    told = {"POSTGRES_PASSWORD": PASSWORD, "PGHOST": folder, "PGDATA": str(home / "postgres")}
    run(script(compose, "shard"), **told)
    with psycopg.connect(url.replace("/songradar?", "/postgres?"), autocommit=True) as connection:
        hba = home / "postgres" / "pg_hba.conf"
        assert hba.read_text().endswith("\nhost replication replica all scram-sha-256\n")
        hba.write_text(f"local replication replica scram-sha-256\n{hba.read_text()}")  # this server has a socket alone
        connection.execute("SELECT pg_reload_conf()")
    return url


def run(content: str, *arguments: str, user: int | None = None, **told: str) -> None:
    path = f"{embedded.program('psql').parent}:/bin:/usr/bin"
    command = ["bash", "-c", content, "script", *arguments]
    done = subprocess.run(command, env={"PATH": path, **told}, capture_output=True, text=True, user=user, cwd="/")
    assert done.returncode == 0, done.stderr


def test_standby_copies_its_shard_follows_it_and_takes_over(compose, shard, home, monkeypatch):
    folder = Path(tempfile.mkdtemp(prefix="songradar-standby-"))
    user, _ = owner(home / "postgres")
    os.chown(folder, user, -1)
    host = parse_qs(urlsplit(shard).query)["host"][0]
    told = {"PRIMARY": host, "PGPASSWORD": PASSWORD, "PGDATA": str(folder / "postgres")}
    for _ in range(2):  # as at the first start, and at a later one
        run(script(compose, "standby"), "true", user=user, **told)
    monkeypatch.setenv("PGPASSWORD", PASSWORD)  # which the container tells the server
    url = embedded.start(folder)
    monkeypatch.delenv("PGPASSWORD")
    with psycopg.connect(shard, autocommit=True) as connection:
        connection.execute("CREATE TABLE public.mark (x int)")
        (slots,) = connection.execute("SELECT array_agg(slot_name::text) FROM pg_replication_slots").fetchone()
    with psycopg.connect(url, autocommit=True) as connection:
        until = time.monotonic() + 30
        while connection.execute("SELECT to_regclass('public.mark')").fetchone() == (None,):
            assert time.monotonic() < until
            time.sleep(0.05)
        before = connection.execute("SELECT pg_is_in_recovery()").fetchone()
        connection.execute("SELECT pg_promote()")
        after = connection.execute("SELECT pg_is_in_recovery()").fetchone()
    control(embedded._server(folder / "postgres"), "stop", "-m", "immediate")
    shutil.rmtree(folder)

    assert slots == ["standby"]
    assert (before, after) == ((True,), (False,))
