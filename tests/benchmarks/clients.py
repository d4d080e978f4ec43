"""Those who ask a server all at once: listeners, who send sound as it is heard, and those who upload recordings."""

import asyncio
import json
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import httpx
import numpy as np
from websockets.asyncio.client import connect
from websockets.exceptions import WebSocketException

from songradar.ml.audio import Wave

RATE_HZ = 16_000
BLOCK = 4096
MARK_S = 3.0
"""A listener is to have its answer soon after so many seconds of sound."""

APART_S = 1.0
"""Listeners begin within so many seconds."""


@dataclass(frozen=True)
class Recording:
    """What is sent: (T,) float32 at RATE_HZ, the same as a WAV file, and the source of the song that it is of."""

    wave: Wave
    file: bytes
    source: str


@dataclass
class Told:
    """What one kind of client was told: seconds that each answer took, whether it was right; how many got none."""

    seconds: list[float] = field(default_factory=list)
    right: list[bool] = field(default_factory=list)
    n_errors: int = 0


@dataclass
class Heard:
    """One listener: when each block had been sent, by the seconds of sound so far, and what came when."""

    sent: dict[float, float] = field(default_factory=dict)
    events: list[tuple[float, dict[str, Any]]] = field(default_factory=list)


async def listen_all(url: str, recordings: Sequence[Recording], n: int, minutes: float) -> tuple[Told, Told]:
    """`n` at once, each with one recording after the other until the time is over.

    Gives how long each answer took from the sound that it is to, and how long the first one took that named the song
    or had heard MARK_S, from MARK_S on: 0 where the song was named before.
    """
    answers, marks = Told(), Told()
    until = time.monotonic() + 60 * minutes

    async def one(number: int) -> None:
        await asyncio.sleep(APART_S * number / n)
        while True:
            recording = recordings[number % len(recordings)]
            count(await hear(url, recording), recording, answers, marks)
            number += n
            if time.monotonic() >= until:
                return

    await asyncio.gather(*map(one, range(n)))
    return answers, marks


async def hear(url: str, recording: Recording) -> Heard:
    """Send a recording as fast as it is heard."""
    heard = Heard()
    samples = np.round(32767 * np.clip(recording.wave, -1, 1)).astype("<i2")
    with suppress(OSError, WebSocketException):  # one that is turned away counts as an error
        async with connect(f"{url.replace('http', 'ws', 1)}api/v1/live?limit=1") as socket:

            async def note() -> None:
                async for message in socket:
                    heard.events.append((time.monotonic(), json.loads(message)))

            noting = asyncio.create_task(note())
            began = time.monotonic()
            try:
                for end in range(BLOCK, len(samples) + 1, BLOCK):
                    await asyncio.sleep(began + end / RATE_HZ - time.monotonic())
                    heard.sent[round(end / RATE_HZ, 3)] = time.monotonic()
                    await socket.send(samples[end - BLOCK : end].tobytes())
                await asyncio.sleep(1)
            finally:
                noting.cancel()
    return heard


def count(heard: Heard, recording: Recording, answers: Told, marks: Told) -> None:
    """Add one listener to what all were told."""
    found = [(at, event) for at, event in heard.events if event["type"] == "answer"]
    answers.seconds += [at - heard.sent[event["heard_s"]] for at, event in found]
    answers.n_errors += sum(event["type"] == "error" for _, event in heard.events)
    enough = [(at, event) for at, event in found if event["matched"] or event["heard_s"] >= MARK_S]
    if not enough:
        marks.n_errors += 1
        return
    mark = next(at for heard_s, at in heard.sent.items() if heard_s >= MARK_S)
    marks.seconds.append(max(0.0, enough[0][0] - mark))
    marks.right.append(is_right(found[-1][1], recording))


async def upload_all(url: str, recordings: Sequence[Recording], per_minute: float, minutes: float) -> Told:
    """So many uploads a minute, evenly, whether those before are answered or not; at least one."""
    told = Told()
    began = time.monotonic()

    async def one(client: httpx.AsyncClient, number: int) -> None:
        due = began + 60 * number / per_minute
        await asyncio.sleep(due - time.monotonic())
        recording = recordings[number % len(recordings)]
        try:
            answer = await client.post("/api/v1/identify", params={"limit": 1}, content=recording.file)
            found = answer.raise_for_status().json()
        except httpx.HTTPError:
            told.n_errors += 1
            return
        told.seconds.append(time.monotonic() - due)
        told.right.append(is_right(found, recording))

    async with httpx.AsyncClient(base_url=url, timeout=60, limits=httpx.Limits(max_connections=256)) as client:
        await asyncio.gather(*(one(client, number) for number in range(max(1, round(per_minute * minutes)))))
    return told


def is_right(answer: dict[str, Any], recording: Recording) -> bool:
    return bool(answer["matched"] and answer["matches"][0]["source"] == recording.source)
