"""Those who wait for a job: a hundred of them hold no thread and hear how it ends; one who goes takes nothing along."""

import asyncio
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest

from jobs import Lane
from library import Library
from settings import Settings
from song.errors import NotFound
from song.request import Generate
from watch import WORDS, Watch
from worker import InThread


@pytest.fixture
def watch(tmp_path: Path) -> Iterator[Watch]:
    """Over a lane that does not work: jobs end as the test says."""
    library = Library(Settings(home=tmp_path, lane="inline"))
    yield Watch(library, Lane(library, InThread({})))
    library.close()


def test_a_hundred_wait_without_a_thread_and_all_hear_the_end(watch: Watch) -> None:
    async def wait(job_id: str, heard: list[str]) -> str:
        async for job in watch.follow(job_id, beat=0.2):
            heard.append(job.stage)
        return job.state

    async def all_wait() -> list[str]:
        ids = [watch.library.enqueue(Generate(prompt="lofi", seed=number)).id for number in range(130)]
        heard: dict[str, list[str]] = {id: [] for id in ids}
        before = threading.active_count()
        going = [asyncio.create_task(wait(id, heard[id])) for id in ids]
        while len(watch) < len(ids):
            await asyncio.sleep(0.02)
        assert threading.active_count() - before <= 3, "one that looks, and two that ask"
        assert heard[ids[0]][0] == "waiting" and heard[ids[129]][0] == "waiting: 129 songs before yours"
        words = sum(map(len, heard.values()))
        await asyncio.sleep(1.0)
        assert sum(map(len, heard.values())) - words <= 2 * WORDS, "the more wait, the less each is told"
        for id in ids:
            watch.library.cancel(id)
        return await asyncio.gather(*going)

    assert asyncio.run(all_wait()) == ["cancelled"] * 130
    deadline = time.monotonic() + 2
    while watch._thread is not None and time.monotonic() < deadline:
        time.sleep(0.02)
    assert watch._thread is None and len(watch) == 0, "nobody waits, so nobody looks"


def test_a_place_in_the_queue_and_a_beat_are_told_and_a_job_of_elsewhere_is_not_known(watch: Watch) -> None:
    async def wait() -> list[str]:
        first, second = (watch.library.enqueue(Generate(prompt="lofi", seed=seed)) for seed in (1, 2))
        told = []
        async for job in watch.follow(second.id, beat=0.1):
            told.append(job.stage)
            if len(told) == 3:
                watch.library.cancel(first.id)
            if job.stage == "waiting":
                break
        with pytest.raises(NotFound):
            await anext(watch.follow("nothing", 1.0))
        return told

    told = asyncio.run(wait())
    assert told[:3] == ["waiting: 1 song before yours"] * 3 and told[-1] == "waiting"


def test_a_call_that_is_closed_cancels_its_song_and_no_other(server: str) -> None:
    said = {"prompt": "slow ambient", "duration": 300, "variations": 8}
    with httpx.Client(base_url=server, timeout=30) as client:
        mine, theirs = (client.post("/gradio_api/call/v2/generate", json=said).json()["event_id"] for _ in "12")
        with client.stream("GET", f"/gradio_api/call/generate/{mine}") as stream:
            job_id = _first_job(stream.iter_lines())
        with client.stream("GET", f"/gradio_api/call/generate/{theirs}") as other:
            lines = other.iter_lines()  # held on to: a connection whose lines nobody wants is closed
            kept = _first_job(lines)
            deadline = time.monotonic() + 15
            while _state(client, job_id) != "cancelled" and time.monotonic() < deadline:
                time.sleep(0.2)
            assert _state(client, job_id) == "cancelled" and _state(client, kept) in ("queued", "running")


def _first_job(lines: Iterator[str]) -> str:
    for line in lines:
        if line.startswith("data: [null, "):
            return line.partition('"id": "')[2].partition('"')[0]
    raise AssertionError("the stream ended without a word of the job")


def _state(client: httpx.Client, job_id: str) -> str:
    event = client.post("/gradio_api/call/job", json={"data": [job_id]}).json()["event_id"]
    told = client.get(f"/gradio_api/call/job/{event}").text
    return told.partition('"state": "')[2].partition('"')[0]


def test_exports_behind_a_song_hold_no_thread_and_end_with_their_connection(server: str) -> None:
    with httpx.Client(base_url=server, timeout=30) as client:
        take = client.get(f"/gradio_api/call/generate/{_begin(client, duration=5)}").text
        take = take.rpartition('"id": "')[2].partition('"')[0]
        with client.stream("GET", f"/gradio_api/call/generate/{_begin(client, duration=600, variations=8)}") as stream:
            lines = stream.iter_lines()
            job_id = _first_job(lines)
            while _state(client, job_id) == "queued":
                time.sleep(0.1)
            with ThreadPoolExecutor(60) as crowd:
                going = [crowd.submit(_cut, f"{server}/files/{take}/stems", 3.0) for _ in range(60)]
                time.sleep(1.5)
                began = time.monotonic()
                assert client.get(f"/files/{take}/wav", headers={"range": "bytes=0-99"}).status_code == 206
                assert client.get("/gradio_api/info?page=").is_success and time.monotonic() - began < 2
                assert client.get(f"/files/{take}/stems/progress").json()["stage"] == "waiting"
                assert {one.result() for one in going} == {"cut"}
            deadline = time.monotonic() + 5
            while client.get(f"/files/{take}/stems/progress").json()["stage"] and time.monotonic() < deadline:
                time.sleep(0.1)
            assert client.get(f"/files/{take}/stems/progress").json()["stage"] == "", "nobody asks any more"


def _begin(client: httpx.Client, **said: object) -> str:
    asked = client.post("/gradio_api/call/v2/generate", json={"prompt": "slow ambient", **said})
    return str(asked.json()["event_id"])


def _cut(url: str, seconds: float) -> str:
    try:
        return str(httpx.get(url, timeout=seconds).status_code)
    except httpx.ReadTimeout:
        return "cut"
