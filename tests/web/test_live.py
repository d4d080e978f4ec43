"""Live sound, over a real socket."""

import json
from contextlib import suppress

import numpy as np
import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import connect

from songradar.ml.audio import read_audio
from songradar.web.tokens import Tokens, add_token
from tests import synth

RATE_HZ = 16_000
BLOCK = 4096


def socket_of(served, query: str = "", **options):
    return connect(f"{served.url.replace('http', 'ws')}/api/v1/live{query}", **options)


def told(socket, wave: np.ndarray, as_float: bool = False) -> list[dict]:
    """What is told while `wave` is sent as fast as it goes, until the server has nothing more to say."""
    with suppress(ConnectionClosed):
        for start in range(0, len(wave) - BLOCK, BLOCK):
            block = wave[start : start + BLOCK]
            socket.send(block.astype("<f4").tobytes() if as_float else np.round(32767 * block).astype("<i2").tobytes())
    return [json.loads(message) for message in socket]


@pytest.fixture
def birch(music):
    """Birch from its third second on, then silence."""
    song = read_audio(music["Birch"], RATE_HZ)[3 * RATE_HZ :]
    return np.concatenate([song, np.zeros(9 * RATE_HZ, np.float32)])


@pytest.mark.parametrize("as_float", [False, True])
def test_song_is_named_followed_and_lost(served, birch, as_float):
    with socket_of(served, "?limit=1&format=float32" if as_float else "?limit=1") as socket:
        answer, *others = told(socket, birch, as_float)

    assert (answer["type"], answer["matched"], answer["final"]) == ("answer", True, True)
    assert answer["heard_s"] == pytest.approx(2, abs=0.3)
    assert answer["matches"][0]["title"] == "Birch"
    assert answer["matches"][0]["offset_s"] == pytest.approx(3, abs=0.2)
    assert [event["type"] for event in others] == ["now"] * (len(others) - 1) + ["lost"]
    assert len(others) > 5
    for event in others[:-1]:
        assert event["song_s"] == pytest.approx(3 + event["heard_s"], abs=0.2)
    assert others[0]["speed"] == 1.0
    assert served.get("/searches").json()["searches"][0]["query"] == "live"


def test_what_is_unknown_is_asked_for_five_times(served, rng):
    with socket_of(served, "?keep=false") as socket:
        events = told(socket, synth.melody(rng, 14.0, RATE_HZ))

    assert [round(event["heard_s"]) for event in events] == [2, 3, 5, 8, 12]
    assert [event["final"] for event in events] == [False] * 4 + [True]
    assert not any(event["matched"] for event in events)
    assert served.get("/searches").json()["total"] == 0


def test_silence_is_no_match_with_a_reason(served):
    with socket_of(served) as socket:
        events = told(socket, np.zeros(13 * RATE_HZ, np.float32))

    assert {event["reason"] for event in events} == {"is silent"}


@pytest.mark.parametrize("message", ["hello", b"", b"\x00", b"\xff" * 4001])
def test_socket_survives_what_is_no_sound(served, birch, message):
    with socket_of(served) as socket:
        socket.send(message)
        if isinstance(message, str):
            assert json.loads(socket.recv())["type"] == "error"
    with socket_of(served) as socket:
        assert told(socket, birch)[0]["matched"]


@pytest.mark.parametrize("query", ["?format=mp3", "?rate_hz=1", "?limit=0", "?limit=x"])
def test_socket_with_parameters_that_make_no_sense_is_refused(served, query):
    with pytest.raises(InvalidStatus) as refused:
        socket_of(served, query)

    assert refused.value.response.status_code == 422


def test_page_of_another_site_may_not_listen(served):
    with pytest.raises(InvalidStatus) as refused:
        socket_of(served, origin="https://evil.example")

    assert refused.value.response.status_code == 403


def test_listener_needs_a_token_where_the_server_asks_for_one(serve, tmp_path, birch):
    token = add_token(tmp_path / "tokens", "read")
    with serve(tokens=Tokens(tmp_path / "tokens")) as served:
        with pytest.raises(InvalidStatus) as refused:
            socket_of(served)
        with socket_of(served, additional_headers={"Cookie": f"songradar_token={token}"}) as socket:
            answer = told(socket, birch)[0]

    assert refused.value.response.status_code == 401
    assert answer["matches"][0]["source"] == "02 The Trees - Birch.wav"


def test_listener_is_let_go_when_its_token_is_revoked(serve, tmp_path, birch):
    path = tmp_path / "tokens"
    token = add_token(path, "read")
    with (
        serve(tokens=Tokens(path)) as served,
        socket_of(served, additional_headers={"Authorization": f"Bearer {token}"}) as socket,
    ):
        path.write_text("")
        events = told(socket, birch)

    assert [event["type"] for event in events] == ["error"]


def test_no_more_listen_than_there_is_room_for(serve):
    with serve(n_listeners=1) as served, socket_of(served):
        with pytest.raises(InvalidStatus) as refused:
            socket_of(served)

        assert refused.value.response.status_code == 503
