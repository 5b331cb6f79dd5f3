"""A studio in a process of its own, and a real browser in front of it."""

import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

import tasks
import tiny
import tiny_acestep
import tiny_chat
from bench.faults import free_port, surroundings
from settings import settings

ROOT = Path(__file__).resolve().parent.parent
CHROMIUM = ("chromium", "chromium-browser", "google-chrome", "chrome")
SWITCHES = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--autoplay-policy=no-user-gesture-required",
]
Serve = Callable[..., Any]


@contextmanager
def running(home: Path, **said: object) -> Iterator[str]:
    """`python app.py`, ready; its address. Stopped with SIGTERM afterwards, which must be a clean end."""
    port = free_port()
    log = home.with_suffix(".log")
    with log.open("w") as out:
        process = subprocess.Popen(
            [sys.executable, "app.py"], cwd=ROOT, env=surroundings(home, port=port, **said), stdout=out, stderr=out
        )
        try:
            url = f"http://127.0.0.1:{port}"
            _wait(url, process, log)
            yield url
        finally:
            process.send_signal(signal.SIGTERM)
            code = process.wait(30)
    assert code == 0, log.read_text()[-3000:]
    assert "Traceback" not in log.read_text(), log.read_text()[-3000:]


def _wait(url: str, process: "subprocess.Popen[bytes]", log: Path) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and process.poll() is None:
        try:
            if httpx.get(f"{url}/healthz", timeout=1).is_success and "ready" in log.read_text():
                return
        except httpx.HTTPError:
            pass
        time.sleep(0.1)
    pytest.fail(f"The studio did not start:\n{log.read_text()[-3000:]}")


@pytest.fixture(scope="session")
def serve() -> Serve:
    """`running`, for tests that need a studio of their own kind."""
    return running


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a studio with an empty library."""
    with running(tmp_path_factory.mktemp("studio") / "home") as url:
        yield url


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    """A real browser. Per module: Playwright's event loop would stand in the way of other tests' loops."""
    from playwright.sync_api import sync_playwright

    place = next(filter(None, map(shutil.which, CHROMIUM)), None)
    if place is None:
        pytest.fail("No Chromium found; install it (Debian, Ubuntu: apt install chromium, or `make browser`).")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=place, args=SWITCHES)
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def pipelines(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a tiny ACE-Step checkpoint of every kind, by the kind's name, in the layout of diffusers."""
    folder = tmp_path_factory.mktemp("pipelines")
    for kind in tiny_acestep.KINDS:
        tiny_acestep.checkpoint(folder / kind, kind)
    return folder


@pytest.fixture(scope="session")
def checkpoints(tmp_path_factory: pytest.TempPathFactory, pipelines: Path) -> Path:
    """A folder with a tiny checkpoint of every kind, MusicGen's, ACE-Step's and chat models, by the kind's name."""
    folder = tmp_path_factory.mktemp("checkpoints")
    for kind in tiny.KINDS:
        tiny.checkpoint(folder / kind, kind)
    for kind in tiny_acestep.KINDS:
        (folder / kind).symlink_to(pipelines / kind)
    for name, kind in tiny_chat.KINDS.items():
        tiny_chat.checkpoint(folder / name, kind)
    return folder


@pytest.fixture(scope="module")
def neural(checkpoints: Path) -> Iterator[Path]:
    """The tiny checkpoints are those of this process, and torch keeps to one core: tiny work is faster so."""
    import torch

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("STUDIO_CHECKPOINTS", str(checkpoints))
        settings.cache_clear()
        threads = torch.get_num_threads()
        torch.set_num_threads(1)
        yield checkpoints
        torch.set_num_threads(threads)
    settings.cache_clear()
    tasks.rest()
