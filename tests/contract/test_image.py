"""Dockerfile, as far as a machine without Docker can tell: its steps are run here, and what they install is served."""

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
import time
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
import yaml
from packaging.specifiers import SpecifierSet

from tests import synth
from tests.db.servers import free_port, over_tcp

ROOT = Path(__file__).parents[2]
UID = 10_001
CONFINED = """
    mount --bind "$HOME" "$HOME"
    mount --bind "$PYTHON" /mnt
    mount -t tmpfs -o mode=755 none /root
    mkdir -p "$PYTHON"
    mount --bind /mnt "$PYTHON"
    mount -t tmpfs none /tmp
    mount -o remount,bind,ro /
    cd "$HOME"
    exec setpriv --reuid=$OWNER --regid=$OWNER --clear-groups --bounding-set=-all --inh-caps=-all --no-new-privs "$@"
"""
"""What read_only, tmpfs, USER, cap_drop and no-new-privileges do. A Python in /root is brought where all may run it."""

pytestmark = pytest.mark.skipif(
    not (ROOT / "Dockerfile").is_file(), reason="the tests run beside an installed wheel: there is no Dockerfile"
)


def stages() -> list[list[tuple[str, str]]]:
    """The instructions of each stage of the Dockerfile, and what they are given."""
    text = re.sub(r"^#.*\n", "", (ROOT / "Dockerfile").read_text("utf-8"), flags=re.MULTILINE).replace("\\\n", "")
    found: list[list[tuple[str, str]]] = []
    for line in filter(str.strip, text.splitlines()):
        name, _, rest = line.partition(" ")
        if name == "FROM":
            found.append([])
        found[-1].append((name, " ".join(rest.split())))
    return found


def given(stage: list[tuple[str, str]], wanted: str) -> list[str]:
    return [rest for name, rest in stage if name == wanted]


def copied() -> list[tuple[list[str], str]]:
    """Paths of the checkout that the first stage is given, and where they go."""
    return [(words[:-1], words[-1]) for words in map(str.split, given(stages()[0], "COPY"))]


def web() -> dict:
    return yaml.safe_load((ROOT / "docker-compose.yml").read_text("utf-8"))["services"]["web"]


def test_image_is_made_of_all_that_the_wheel_is():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    needed = {*project["tool"]["hatch"]["build"]["targets"]["wheel"]["only-include"], "pyproject.toml"}
    needed |= {project["project"]["readme"], *project["project"]["license-files"]}
    sources = [source for group, _ in copied() for source in group]
    kept = [line[1:] for line in (ROOT / ".dockerignore").read_text("utf-8").splitlines() if line.startswith("!")]

    assert set(sources) == needed == set(kept)
    assert all((ROOT / source).exists() for source in sources)


def test_python_of_the_image_is_one_that_songradar_supports():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    versions = {re.match(r"python:(3\.\d+)-slim\b", given(stage, "FROM")[0])[1] for stage in stages()}

    assert len(versions) == 1  # a virtual environment works only where there is the Python that made it
    assert SpecifierSet(project["requires-python"]).contains(f"{versions.pop()}.1")


def test_image_runs_as_a_user_whose_home_is_kept():
    last = stages()[-1]
    [made], [user], [home] = given(last, "RUN"), given(last, "USER"), given(last, "WORKDIR")

    assert made.split()[0] == "useradd"
    assert user == str(UID)
    assert f"--home-dir {home}" in made
    assert f"--uid {UID} " in made
    assert given(last, "VOLUME") == [home]
    assert [volume for volume in web()["volumes"] if volume.endswith(f":{home}")]


def test_service_is_confined_and_reachable_from_this_machine_only():
    service = web()

    assert service["read_only"] is True
    assert [folder.split(":")[0] for folder in service["tmpfs"]] == ["/tmp"]
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert all(port.startswith("127.0.0.1:") for port in service["ports"])
    assert service["depends_on"] == {"db": {"condition": "service_healthy"}}
    assert service["environment"]["PGPASSWORD"].startswith("${SONGRADAR_DB_PASSWORD:?")


def test_service_serves_as_the_image_does():
    [command] = given(stages()[-1], "CMD")

    assert web()["command"][-1].splitlines()[-1] == f"exec {shlex.join(json.loads(command))}"


@pytest.fixture(scope="module")
def image() -> Iterator[Path]:
    """A folder with what the Dockerfile's steps install, at `opt/songradar` in it."""
    folder = Path(tempfile.mkdtemp(prefix="songradar-image-", dir="/var/tmp"))  # the confined have a /tmp of their own
    folder.chmod(0o755)
    try:
        for sources, target in copied():
            place = folder / target.lstrip("/")
            place.mkdir(parents=True, exist_ok=True)
            for source in sources:
                copy(ROOT / source, place)
        environment = os.environ | {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
        for step in given(stages()[0], "RUN"):
            there = re.sub(r"(?<![\w.])/(source|wheel|opt)\b", rf"{folder}/\1", step)
            done = subprocess.run(["sh", "-c", there], capture_output=True, text=True, env=environment)
            assert done.returncode == 0, done.stdout + done.stderr
        yield folder
    finally:
        shutil.rmtree(folder)


def copy(source: Path, place: Path) -> None:
    """As COPY has it, which copies what is in a folder, and leaves out what is ignored."""
    if source.is_dir():
        shutil.copytree(source, place, dirs_exist_ok=True, ignore=shutil.ignore_patterns("__pycache__"))
    else:
        shutil.copy(source, place)


@dataclass(frozen=True)
class Service:
    """The running service: its process, what it has said, and a client without a token."""

    pid: int
    log: Path
    client: httpx.Client

    def tokens(self) -> list[str]:
        return re.findall(r"^[\w-]{43}$", self.log.read_text(), flags=re.MULTILINE)


@contextmanager
def started(image: Path, home: Path, url: str) -> Iterator[Service]:
    """The service `web`, run by its own command on what the image holds, until its health check is content."""
    port, password = free_port(), re.search(r":([^:/]+)@", url)[1]
    [kept] = given(stages()[-1], "ENV")
    environment = {
        **dict(word.split("=") for word in kept.split()),
        "DATABASE_URL": url.replace(f":{password}@", "@"),
        "PGPASSWORD": password,
        "PATH": f"{image}/opt/songradar/bin:/usr/bin:/bin:/usr/sbin:/sbin",
        "HOME": str(home),
        "PYTHON": sys.base_prefix,
        "OWNER": str(UID),
    }
    command = [word.replace("--host 0.0.0.0", f"--host 0.0.0.0 --port {port}") for word in web()["command"]]
    [check] = given(stages()[-1], "HEALTHCHECK")
    check = json.loads(check.partition("CMD ")[2].replace(":8000", f":{port}"))
    log = home / "log"
    with log.open("w") as file:
        confined = ["unshare", "--mount", "sh", "-ec", CONFINED, "sh", *command]
        process = subprocess.Popen(confined, env=environment, stdout=file, stderr=file)
    try:
        until = time.monotonic() + 60
        while subprocess.run(check, env=environment, capture_output=True).returncode:
            assert process.poll() is None, log.read_text()
            assert time.monotonic() < until, log.read_text()
            time.sleep(0.2)
        with httpx.Client(base_url=f"http://127.0.0.1:{port}/api/v1", timeout=60) as client:
            yield Service(process.pid, log, client)
    finally:
        process.terminate()
        process.wait(timeout=30)


def may_confine() -> bool:
    """Whether this machine lets us mount what a container would see."""
    return (
        shutil.which("setpriv") is not None
        and not subprocess.run(["unshare", "--mount", "true"], capture_output=True).returncode
    )


@pytest.mark.skipif(not may_confine(), reason="needs root, and Linux")
def test_image_serves_confined_and_keeps_tokens_and_songs(image, rng):
    home = image / "home"
    home.mkdir()
    os.chown(home, UID, UID)
    song = synth.write_wav(image / "The Trees - Amber.wav", synth.melody(rng, 12.0))
    with over_tcp("songradar", "it is", "songradar") as url:
        with started(image, home, url) as service:
            status = dict(re.findall(r"^(\w+):\s+(\S+)", Path(f"/proc/{service.pid}/status").read_text(), re.MULTILINE))
            [token] = service.tokens()
            asked = {"Authorization": f"Bearer {token}"}
            with song.open("rb") as file:
                added = service.client.post("/ingest", files={"file": file}, headers=asked)
            stranger = service.client.get("/songs")
        with started(image, home, url) as again:
            [kept] = again.client.get("/songs", headers=asked).json()["songs"]
            heard = again.client.get(f"/songs/{kept['song_id']}/audio", headers=asked)
            tokens = again.tokens()

    assert (status["Uid"], int(status["CapEff"], 16), status["NoNewPrivs"]) == (str(UID), 0, "1")
    assert (added.status_code, stranger.status_code) == (200, 401)
    assert (kept["title"], heard.content) == ("Amber", song.read_bytes())
    assert tokens == []
