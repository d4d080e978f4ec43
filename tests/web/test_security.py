"""Who may do what, from where, and how often."""

import stat
import threading
import time

import httpx
import pytest

from songradar.web.options import WebOptions
from songradar.web.serving import Address, NotSafe, check_safe
from songradar.web.tokens import TokenFileError, Tokens, add_token
from tests.web.document import check


@pytest.fixture
def tokens(tmp_path):
    """A file with a token to read and one to write; and both."""
    path = tmp_path / "tokens"
    return path, add_token(path, "read"), add_token(path, "write")


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def test_file_of_tokens_holds_only_hashes_and_is_its_owners(tokens):
    path, reading, writing = tokens

    assert reading not in path.read_text()
    assert writing not in path.read_text()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [Tokens(path).scope_of(token) for token in (reading, writing, "guessed")] == ["read", "write", None]


@pytest.mark.parametrize("content", ["", "# nothing\n", "admin 00\n", "read abc\n", b"\xff\xfe"])
def test_file_without_tokens_is_refused(tmp_path, content):
    path = tmp_path / "tokens"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())

    with pytest.raises(TokenFileError, match=str(path)):
        Tokens(path)


def test_other_machines_need_a_token(tokens):
    for host in ("0.0.0.0", "::", "192.0.2.1"):
        with pytest.raises(NotSafe, match="a token is needed"):
            check_safe(Address(host), WebOptions())
        check_safe(Address(host), WebOptions(Tokens(tokens[0])))
    check_safe(Address("127.0.0.1"), WebOptions())


def test_token_says_who_may_read_and_who_may_write(serve, tokens):
    path, reading, writing = tokens
    with serve(tokens=Tokens(path)) as served:

        def status(method: str, path: str, token: str | None, **options: object) -> int:
            headers = bearer(token) if token else {}
            return served.client.request(method, f"/api/v1{path}", headers=headers, **options).status_code

        asked = ("GET", "/songs"), ("PATCH", "/songs/1"), ("POST", "/ingest"), ("DELETE", "/songs/1")
        found = {
            token: [status(*one, token, json={}) for one in asked] for token in (None, "guessed", reading, writing)
        }
        refused = check(served.get("/songs"), "/songs")

        assert found[None] == found["guessed"] == [401] * 4
        assert found[reading] == [200, 403, 403, 403]
        assert found[writing] == [200, 200, 422, 204]
        assert refused["detail"] == "this server asks for a token"
        assert served.get("/health").status_code == 200


def test_file_of_tokens_is_read_again_when_it_changes(serve, tokens, caplog):
    path, reading, writing = tokens
    lines = path.read_text().splitlines(keepends=True)
    with serve(tokens=Tokens(path)) as served:

        def statuses() -> list[int]:
            return [served.get("/songs", headers=bearer(token)).status_code for token in (reading, writing)]

        found = [statuses()]
        for content in (lines[1], "rubbish\n", "", lines[0]):
            path.write_text(content)
            found.append(statuses())
        path.unlink()
        found.append(statuses())

    assert found == [[200, 200], [401, 200], [401, 200], [401, 401], [200, 401], [200, 401]]
    assert (
        "line 1: is not read or write and a SHA-256 in hex; the tokens that were known before count on" in caplog.text
    )
    assert "cannot be read (No such file or directory)" in caplog.text


def test_token_is_added_behind_a_line_without_an_end(tmp_path):
    path = tmp_path / "tokens"
    first = add_token(path, "read")
    path.write_text(path.read_text().rstrip())
    second = add_token(path, "write")

    assert [Tokens(path).scope_of(token) for token in (first, second)] == ["read", "write"]


def test_cookie_counts_as_the_token(serve, tokens):
    path, reading, _ = tokens
    with serve(tokens=Tokens(path)) as served:
        begun = served.post("/session", headers=bearer(reading))
        cookie = begun.headers["set-cookie"]
        within = served.get("/songs")
        served.client.delete("/api/v1/session")
        after = served.get("/songs")

    assert begun.json() == {"scope": "read"}
    assert "HttpOnly" in cookie
    assert "samesite=strict" in cookie.lower()
    assert (within.status_code, after.status_code) == (200, 401)


def test_only_who_may_write_is_told_paths(serve, tokens, music, clip):
    path, reading, writing = tokens
    with serve(tokens=Tokens(path)) as served:

        def sources(token: str) -> set[str]:
            listed = served.get("/songs", headers=bearer(token)).json()["songs"]
            file = {"file": ("clip.wav", clip.read_bytes())}
            found = served.post("/identify", headers=bearer(token), files=file).json()["matches"]
            return {song["source"].rpartition("/")[0] for song in (*listed, *found)}

        told = {"database" in served.get("/status", headers=bearer(token)).json() for token in (reading, writing)}

        assert sources(reading) == {""}
        assert sources(writing) == {str(music["Amber"].parent)}
        assert told == {False, True}


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example:80", "", "localhost.evil.example"])
def test_other_names_of_the_server_are_refused(served, host):
    """A page of evil.example may let this name point to 127.0.0.1, and then ask as if it came from here."""
    assert served.get("/songs", headers={"Host": host}).status_code == 421


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1:1", "[::1]:8000", "192.0.2.1", "radio.example:8000"])
def test_own_names_and_addresses_are_taken(serve, host):
    with serve(hosts=("radio.example",)) as served:
        assert served.get("/health", headers={"Host": host}).status_code == 200


def test_pages_of_other_sites_cannot_write_or_upload(served, clip):
    file = {"file": ("clip.wav", clip.read_bytes())}
    foreign = [served.post("/ingest", files=file, headers={"Origin": o}) for o in ("https://evil.example", "null")]
    own = served.post("/identify", files=file, headers={"Origin": served.url})

    assert [answer.status_code for answer in foreign] == [403, 403]
    assert own.status_code == 200
    assert "access-control-allow-origin" not in served.get("/songs", headers={"Origin": "https://x.example"}).headers


def test_sites_that_are_named_may_call(serve, clip):
    origin = "https://player.example"
    with serve(origins=(origin,)) as served:
        asked = {"Origin": origin, "Access-Control-Request-Method": "POST"}
        before = served.client.options("/api/v1/identify", headers=asked)
        found = served.post("/identify", content=clip.read_bytes(), headers={"Origin": origin})
        other = served.post("/identify", content=clip.read_bytes(), headers={"Origin": "https://evil.example"})

    assert before.headers["access-control-allow-origin"] == origin
    assert found.headers["access-control-allow-origin"] == origin
    assert (found.status_code, other.status_code) == (200, 403)


def test_answers_keep_browsers_from_harm(served):
    for path in ("/", "/api/v1/health", "/api/v1/songs/999"):
        headers = served.client.get(path).headers
        assert "default-src 'none'" in headers["content-security-policy"]
        assert "unsafe" not in headers["content-security-policy"]
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["cross-origin-resource-policy"] == "same-origin"
        assert "server" not in headers


def test_page_uses_nothing_from_elsewhere(served):
    page = served.client.get("/").text

    assert "://" not in page.replace("http://www.w3.org/", "")


def test_body_that_is_too_long_is_refused_at_once_and_in_the_middle(serve):
    with serve(max_bytes=100_000) as served:
        announced = served.post("/identify", content=b"x" * 200_000)
        chunked = served.post("/identify", content=(b"x" * 1000 for _ in range(200)))

    assert check(announced, "/identify")["detail"] == "a body may have 100000 bytes at most"
    assert chunked.status_code == 413


def test_body_that_does_not_come_is_not_waited_for(serve):
    def slowly():
        yield b"RIFF"
        time.sleep(2)
        yield b"more"

    with serve(body_s=0.5) as served:
        try:
            status = served.post("/identify", content=slowly()).status_code
        except httpx.TransportError:  # the server has answered, and closed, before all was sent
            status = 408

        assert status == 408
        assert served.get("/health").status_code == 200


def test_who_asks_too_often_has_to_wait(serve):
    with serve(rate=60) as served:
        answers = [served.get("/health") for _ in range(15)]
        late = [answer for answer in answers if answer.status_code == 429]

    assert [answer.status_code for answer in answers[:10]] == [200] * 10
    assert late
    assert int(late[0].headers["retry-after"]) >= 1


def test_too_many_searches_at_once_are_told_to_come_again(serve, clip):
    statuses: list[httpx.Response] = []
    with serve(n_searches=1, n_waiting=0) as served:

        def ask() -> None:
            statuses.append(served.post("/identify", content=clip.read_bytes()))

        threads = [threading.Thread(target=ask) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    refused = [answer for answer in statuses if answer.status_code == 503]
    assert {answer.status_code for answer in statuses} == {200, 503}
    assert int(refused[0].headers["retry-after"]) >= 1


def test_statement_that_takes_too_long_is_broken_off(served):
    with served.catalogue.connection() as connection:
        assert connection.execute("SHOW statement_timeout").fetchone() == ("30s",)


def test_fault_of_ours_is_not_told(served):
    with served.catalogue.connection() as connection:
        connection.execute("ALTER VIEW songradar.plays_v1 RENAME TO gone")
    answer = served.get("/plays")

    assert answer.status_code == 500
    assert check(answer, "/plays")["detail"] == "the server has a fault, which is in its log"
