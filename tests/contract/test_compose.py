"""docker-compose.yml, as far as a machine without Docker can tell."""

import shutil
import subprocess
import sys
from pathlib import Path

import psycopg
import pytest
import yaml

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


def test_health_is_checked_for_the_user_and_database_that_are_made(service):
    check = service["healthcheck"]["test"][1]

    assert f"-U {service['environment']['POSTGRES_USER']}" in check
    assert f"-d {service['environment']['POSTGRES_DB']}" in check


def test_server_is_reachable_from_this_machine_only(service):
    assert all(port.startswith("127.0.0.1:") for port in service["ports"])


def test_postgresql_knows_every_setting(service, database):
    settings = [word.split("=")[0] for word in service["command"] if "=" in word]
    with psycopg.connect(database) as connection:
        known = {row[0] for row in connection.execute("SELECT name FROM pg_settings").fetchall()}

    assert len(settings) >= 5
    assert set(settings) <= known
