"""Whether the studio says truly that it can work, and to whom."""

import asyncio
import contextlib
import sqlite3
import threading
import time
from pathlib import Path

import httpx
import pytest

import aside
from backend import Studio
from settings import Settings
from song.errors import Cancelled
from song.progress import Progress, silent


def test_what_is_in_the_way_is_said_in_a_word_and_taken_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("backend.LOCKED", 0.2)
    settings = Settings(home=tmp_path, lane="inline", min_free_disk=0)
    studio = Studio(settings)
    assert studio.trouble() == "worker", "nothing was started yet"
    studio.start()
    try:
        assert studio.trouble() == ""
        studio.settings = settings.model_copy(update={"min_free_disk": 2**60})
        assert studio.trouble() == "disk"
        studio.settings = settings
        with contextlib.closing(sqlite3.connect(settings.database, isolation_level=None)) as other:
            other.execute("BEGIN EXCLUSIVE")
            assert studio.trouble() == "library"
            other.execute("ROLLBACK")
        assert studio.trouble() == ""
    finally:
        studio.close()
    assert studio.trouble() == "worker"


def test_readiness_is_open_to_those_without_a_token_and_tells_nothing_else(serve, tmp_path: Path) -> None:
    token = "a-long-and-secret-token"
    with serve(tmp_path / "home", token=token) as url, httpx.Client(base_url=url, timeout=10) as client:
        answer = client.get("/readyz")
        assert (answer.status_code, answer.json()) == (200, {"ready": True})
        assert answer.headers["cache-control"] == "no-store" and answer.headers["x-content-type-options"] == "nosniff"
        assert client.get("/readyz", headers={"host": "evil.example"}).status_code == 421
        for path in ("/readyz/", "/readyz/x", "/jobs/x", "/"):
            assert client.get(path, follow_redirects=False).status_code in (307, 401)
        known = {"authorization": f"Bearer {token}"}
        lost = client.get("/jobs/nothing", headers=known)
        assert lost.status_code == 404 and lost.json() == {"detail": "There is no job nothing."}
        asked = {"prompt": "lofi", "duration": 5}
        event = client.post("/gradio_api/call/v2/submit", json=asked, headers=known).json()["event_id"]
        told = client.get(f"/gradio_api/call/submit/{event}", headers=known).text
        id = told.partition('"id": "')[2].partition('"')[0]
        job = client.get(f"/jobs/{id}", headers=known).json()
        assert job["request"]["prompt"] == "lofi" and job["state"] in ("queued", "running", "done")


def test_one_body_serves_a_thread_at_once_and_a_loop_that_cancels_it() -> None:
    heard: list[int] = []

    def work(progress: Progress) -> str:
        for step in range(200):
            progress(step / 200, "working")
            heard.append(threading.get_ident())
            time.sleep(0.01)
        return "done"

    async def body(name: str) -> str:
        return f"{await aside.quickly(str.upper, name)} {await aside.heavily(work, silent)}"

    async def cancelled() -> int:
        going = asyncio.create_task(body("loop"))
        while not heard:
            await asyncio.sleep(0.01)
        assert threading.get_ident() not in heard, "the loop does nothing heavy itself"
        going.cancel()
        with pytest.raises(asyncio.CancelledError):
            await going
        await asyncio.sleep(0.1)
        return len(heard)

    steps = asyncio.run(cancelled())
    time.sleep(0.1)
    assert len(heard) == steps < 200, "what was cancelled has stopped"
    heard.clear()
    assert aside.at_once(body("thread")) == "THREAD done" and set(heard) == {threading.get_ident()}

    def never(fraction: float, stage: str) -> None:
        raise Cancelled

    with pytest.raises(Cancelled):
        aside.at_once(aside.heavily(work, never))
