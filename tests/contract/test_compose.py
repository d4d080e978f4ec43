"""docker-compose.yml, as far as a machine without Docker can tell."""

import shutil
import subprocess
import sys
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import psycopg
import pytest
import yaml

from songradar.db import embedded

FILE = Path(__file__).parents[2] / "docker-compose.yml"


@pytest.fixture(scope="module")
def service() -> dict:
    return yaml.safe_load(FILE.read_text("utf-8"))["services"]["db"]


def client_has_compose() -> bool:
    if shutil.which("docker") is None:
        return False
    return subprocess.run(["docker", "compose", "version"], capture_output=True).returncode == 0


@pytest.mark.skipif(not client_has_compose(), reason="no docker compose here")
def test_docker_accepts_the_file():
    command = ["docker", "compose", "-f", FILE, "config", "--quiet"]
    done = subprocess.run(command, capture_output=True, text=True, env={"SONGRADAR_DB_PASSWORD": "x"})

    assert done.returncode == 0, done.stderr


def test_file_follows_the_schema_of_compose_files():
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.compose-spec", FILE]
    done = subprocess.run(command, capture_output=True, text=True)

    assert done.returncode == 0, done.stdout


def test_server_is_pgvectors_postgresql_18_with_a_lasting_volume(service):
    assert service["image"] == "pgvector/pgvector:pg18"
    assert "catalogue:/var/lib/postgresql" in service["volumes"]
    assert "catalogue" in yaml.safe_load(FILE.read_text("utf-8"))["volumes"]


def test_password_comes_from_the_environment_and_has_no_default(service):
    assert service["environment"]["POSTGRES_PASSWORD"].startswith("${SONGRADAR_DB_PASSWORD:?")


def test_health_is_checked_for_the_role_and_database_that_are_made_once_the_script_has_run(service):
    """The image runs the script on a server that listens on no address, and would seem ready by its socket."""
    assert " ".join(service["healthcheck"]["test"][1:]) == "pg_isready -h 127.0.0.1 -U songradar -d songradar"


def test_script_makes_an_owner_that_is_no_superuser_and_can_do_all_the_work(service, home, run, monkeypatch):
    """Run as the image runs it, on a server of its own."""
    url = embedded.start(home)
    folder = parse_qs(urlsplit(url).query)["host"][0]
    with psycopg.connect(url.replace("/songradar?", "/postgres?"), autocommit=True) as connection:
        connection.execute("DROP DATABASE songradar")
    [config] = service["configs"]
    assert config["target"].startswith("/docker-entrypoint-initdb.d/")
    script = yaml.safe_load(FILE.read_text("utf-8"))["configs"][config["source"]]["content"].replace("$$", "$")
    environment = {
        "POSTGRES_PASSWORD": "it's",
        "PGHOST": folder,
        "PATH": f"{embedded.program('psql').parent}:/bin:/usr/bin",
    }
    subprocess.run(["bash", "-c", script], env=environment, check=True, capture_output=True)
    hba = home / "postgres" / "pg_hba.conf"
    hba.write_text(f"local all songradar scram-sha-256\n{hba.read_text()}")
    with psycopg.connect(url.replace("/songradar?", "/postgres?"), autocommit=True) as connection:
        connection.execute("SELECT pg_reload_conf()")
    monkeypatch.setenv("DATABASE_URL", url.replace("postgres@", "songradar:it%27s@"))
    upgraded, status = run("db", "upgrade"), run("status")

    assert (upgraded.exit_code, status.exit_code) == (0, 0)
    with psycopg.connect(url.replace("/songradar?", "/postgres?")) as connection:
        roles = "SELECT rolname, rolsuper FROM pg_roles WHERE rolname !~ '^pg_' ORDER BY 1"
        assert connection.execute(roles).fetchall() == [("postgres", True), ("songradar", False)]


def test_server_is_reachable_from_this_machine_only(service):
    assert all(port.startswith("127.0.0.1:") for port in service["ports"])


def test_postgresql_knows_every_setting(service, database):
    settings = [word.split("=")[0] for word in service["command"] if "=" in word]
    with psycopg.connect(database) as connection:
        known = {row[0] for row in connection.execute("SELECT name FROM pg_settings").fetchall()}

    assert len(settings) >= 5
    assert set(settings) <= known
